"""Outgoing HTTP that cannot be talked into reaching our own network.

A name is resolved once for each connection, every address it has is checked, and the connection goes to a
checked address itself: nobody resolves it a second time in between. TLS and the Host header keep the name.
Proxies of the environment are not used, and no redirect is followed. What is refused: everything that the
IANA special-purpose registries (RFC 6890) do not call global, multicast, and the addresses of cloud metadata;
also when wrapped into IPv6 (mapped, NAT64, 6to4, Teredo).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import TracebackType
from typing import Any, Final

import httpcore
import httpx
from msgspec import Struct

from ..limits import OUTSIDE_ADDRESSES_ITEMS_MAX, OUTSIDE_CONNECT_S_MAX
from .base import ChannelError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(name, port) -> its addresses as texts. Raises OSError when there are none."""

KEPT_ALIVE_S: Final = 4.0
"""How long an idle connection is kept: shorter than the usual server keeps it (5 s), so that a message
is rarely written into a connection that is being closed."""

_REFUSED_V4: Final = tuple(
    IPv4Network(one)
    for one in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # Azure's platform services; the one such address that looks public
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_REFUSED_V6: Final = tuple(
    IPv6Network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")


class RefusedAddressError(ChannelError):
    """A name leads to an address that nothing may be sent to."""

    code = "address_refused"


class Outside(Struct, frozen=True):
    """Where requests may go. `allowed` are networks that are not public and may be reached all the same."""

    allowed: tuple[Network, ...] = ()
    resolve: Resolve | None = None
    """Who resolves names; None: the system."""

    def permits(self, address: Address) -> bool:
        """Whether a connection to the address may be made."""
        inner = unwrapped(address)
        for one in (address, inner):
            if any(one.version == network.version and one in network for network in self.allowed):
                return True
        return is_public(inner)

    async def addresses(self, host: str, port: int) -> list[str]:
        """The checked addresses of a name, in the resolver's order. Raises RefusedAddressError when any of
        them is refused (a name with one public and one private address is a trick or a mistake), OSError
        when there are none.
        """
        found = await (self.resolve or system_resolve)(host, port)
        checked: list[str] = []
        for text in list(dict.fromkeys(found))[:OUTSIDE_ADDRESSES_ITEMS_MAX]:
            if not self.permits(ip_address(text.partition("%")[0])):
                raise RefusedAddressError(
                    "the address is not a public one",
                    where=host[:255],
                    fix="allow its network in the setting `outgoing_networks` if it is meant",
                )
            checked.append(text)
        if not checked:
            raise OSError("the name has no address")
        return checked


_in_force = Outside()


def permit(networks: str | Iterable[str]) -> Outside:
    """Sets, for this process, which networks that are not public may be reached: CIDR texts, or one text with
    commas. Adapters made from now on keep to it. Raises ChannelError for what is no network.
    """
    global _in_force
    listed = networks.split(",") if isinstance(networks, str) else networks
    try:
        allowed = tuple(ip_network(one.strip()) for one in listed if one.strip())
    except ValueError as error:
        raise ChannelError(
            f"not a network: {error}", where="outgoing_networks", fix="such as 10.1.0.0/16"
        ) from error
    _in_force = Outside(allowed)
    return _in_force


def in_force() -> Outside:
    """What `permit` set last; at first nothing but public addresses."""
    return _in_force


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it is one of those; else the address itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet. 6to4 and Teredo addresses never are: what they wrap
    depends on relays that nobody needs any more.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """The system's resolver, off the loop."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


class _PinningBackend(httpcore.AsyncNetworkBackend):
    """Resolves, checks, and connects to what was checked."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._outside.addresses(host, port)
                return await self._connect(addresses, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise httpcore.ConnectError("the name has no address") from error

    async def _connect(
        self,
        addresses: Sequence[str],
        port: int,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.AsyncNetworkStream:
        last: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, None, local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        assert last is not None
        raise last

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise RefusedAddressError("sockets of this machine are not outside")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


_FAULTS: Final[tuple[tuple[type[Exception], type[httpx.TransportError]], ...]] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.NetworkError, httpx.NetworkError),
    (httpcore.TimeoutException, httpx.TimeoutException),
    (httpcore.ProtocolError, httpx.ProtocolError),
)


def _as_httpx(error: Exception) -> Exception:
    for kind, told in _FAULTS:
        if isinstance(error, kind):
            return told(str(error))
    return error


class _Body(httpx.AsyncByteStream):
    def __init__(self, parts: Any) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._parts:
                yield part
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise _as_httpx(error) from error

    async def aclose(self) -> None:
        await self._parts.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """What an `httpx.AsyncClient` goes through: connections to checked addresses only, and kept for a short
    time. `ca_file` names further certificate authorities.
    """

    def __init__(
        self,
        outside: Outside | None = None,
        *,
        http2: bool = False,
        ca_file: str | None = None,
        connections: int = 100,
        kept_alive_s: float = KEPT_ALIVE_S,
    ) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls(ca_file, http2),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=kept_alive_s,
            http1=True,
            http2=http2,
            network_backend=_PinningBackend(outside or in_force()),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            answer = await self._pool.handle_async_request(asked)
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
        ) as error:
            raise _as_httpx(error) from error
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()


@lru_cache(maxsize=16)
def tls(ca_file: str | None = None, http2: bool = False) -> ssl.SSLContext:
    """What servers' certificates are checked with, `ca_file` besides the usual authorities. Shared, since
    making one reads some hundred certificates; one for each protocol, which the pool writes into it.
    """
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1", "h2"] if http2 else ["http/1.1"])
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ChannelError(
                "the file of certificate authorities cannot be read",
                where=ca_file,
                fix="a PEM file that the service may read",
            ) from error
    return context


def guarded_client(
    outside: Outside | None = None,
    *,
    http2: bool = False,
    ca_file: str | None = None,
    connections: int = 100,
    kept_alive_s: float = KEPT_ALIVE_S,
    timeout_s: float = 15.0,
) -> httpx.AsyncClient:
    """An httpx client that goes only where it may (`outside`; by default what `permit` set), follows no
    redirect, knows no proxy and keeps no cookie of anybody. Whoever makes it closes it.
    """
    transport = GuardedTransport(
        outside, http2=http2, ca_file=ca_file, connections=connections, kept_alive_s=kept_alive_s
    )
    client = httpx.AsyncClient(
        transport=transport,
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, OUTSIDE_CONNECT_S_MAX)),
        headers={"user-agent": "Sevenfold", "accept-encoding": "identity"},
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client
