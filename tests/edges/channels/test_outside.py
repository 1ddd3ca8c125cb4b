"""Requests go to checked addresses only, whatever names, resolvers, redirects and environments say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network

import httpx
import pytest

from sevenfold.channels import outside
from sevenfold.channels.base import ChannelError
from sevenfold.channels.outside import Outside, RefusedAddressError, guarded_client, permit

LOOPBACK = (ip_network("127.0.0.0/8"),)
REFUSED = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "64:ff9b:1::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::10.0.0.1", "::127.0.0.1"),
    *("2002:7f00:1::1", "2002:808:808::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = outside.in_force()
    yield
    outside.permit(str(one) for one in before.allowed)


@asynccontextmanager
async def serving(answer: bytes, seen: list[bytes] | None = None) -> AsyncIterator[int]:
    """A server that answers everything with the same bytes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(asked)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def always(*addresses: str) -> outside.Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not Outside().permits(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted_however_they_are_written(address: str) -> None:
    assert Outside().permits(ip_address(address))


def test_an_allowed_network_is_permitted_also_when_wrapped_and_no_other() -> None:
    some = Outside((ip_network("10.1.0.0/16"),))
    assert some.permits(ip_address("10.1.2.3"))
    assert some.permits(ip_address("::ffff:10.1.2.3"))
    assert not some.permits(ip_address("10.2.0.1"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "[::ffff:7f00:1]"]
)
def test_no_spelling_of_this_machine_is_reached(host: str) -> None:
    async def ask() -> None:
        async with serving(OK) as port, guarded_client() as client:
            with pytest.raises((RefusedAddressError, httpx.ConnectError)) as caught:
                await client.get(f"http://{host}:{port}/")
            # A resolver may not know the odd spellings; what it knows is refused.
            if host in ("127.0.0.1", "localhost"):
                assert isinstance(caught.value, RefusedAddressError)

    asyncio.run(ask())


def test_an_allowed_network_is_reached() -> None:
    async def ask() -> None:
        async with serving(OK) as port, guarded_client(Outside(LOOPBACK)) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "ok"

    asyncio.run(ask())


def test_a_name_that_changes_its_address_is_connected_where_it_was_checked() -> None:
    # The trick of DNS rebinding: public when looked at, private when connected to.
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async def ask() -> None:
        async with serving(OK) as port, guarded_client(Outside(LOOPBACK, resolve)) as client:
            # Nobody listens at the second address.
            assert (await client.get(f"http://rebind.example:{port}/")).text == "ok"

    asyncio.run(ask())
    assert asked == ["rebind.example"]


def test_each_new_connection_is_checked_again() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async def ask() -> None:
        async with serving(OK) as port, guarded_client(Outside(LOOPBACK, resolve)) as client:
            await client.get(f"http://rebind.example:{port}/")
            with pytest.raises(RefusedAddressError):
                await client.get(f"http://rebind.example:{port}/")

    asyncio.run(ask())


def test_a_name_with_one_private_address_is_refused_as_a_whole() -> None:
    async def ask() -> None:
        async with guarded_client(Outside((), always("8.8.8.8", "10.0.0.1"))) as client:
            with pytest.raises(RefusedAddressError):
                await client.get("http://both.example/")

    asyncio.run(ask())


def test_the_next_address_is_taken_where_the_first_does_not_answer() -> None:
    async def ask() -> None:
        # Nobody listens at the second loopback address.
        policy = Outside(LOOPBACK, always("127.0.0.9", "127.0.0.1"))
        async with serving(OK) as port, guarded_client(policy) as client:
            assert (await client.get(f"http://two.example:{port}/")).text == "ok"

    asyncio.run(ask())


def test_the_host_header_keeps_the_name() -> None:
    seen: list[bytes] = []

    async def ask() -> None:
        policy = Outside(LOOPBACK, always("127.0.0.1"))
        async with serving(OK, seen) as port, guarded_client(policy) as client:
            await client.get(f"http://named.example:{port}/")
            assert f"Host: named.example:{port}".encode() in seen[0]

    asyncio.run(ask())


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    to = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"

    async def ask() -> None:
        async with serving(to) as port, guarded_client(Outside(LOOPBACK)) as client:
            assert (await client.post(f"http://127.0.0.1:{port}/", content=b"{}")).status_code == 302

    asyncio.run(ask())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")

    async def ask() -> None:
        async with serving(OK) as port, guarded_client(Outside(LOOPBACK)) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "ok"

    asyncio.run(ask())


def test_cookies_are_not_kept() -> None:
    seen: list[bytes] = []
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    async def ask() -> None:
        async with serving(answer, seen) as port, guarded_client(Outside(LOOPBACK)) as client:
            await client.get(f"http://127.0.0.1:{port}/")
            await client.get(f"http://127.0.0.1:{port}/")
        assert b"ookie" not in seen[1]

    asyncio.run(ask())


def test_a_resolver_that_hangs_is_given_up() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    async def ask() -> None:
        async with guarded_client(Outside((), resolve), timeout_s=0.05) as client:
            with pytest.raises(httpx.ConnectTimeout):
                await client.get("http://slow.example/")

    asyncio.run(ask())


def test_what_is_permitted_is_a_list_of_networks_and_said_where_it_is_not() -> None:
    assert permit("127.0.0.0/8, fd00::/8").permits(ip_address("fd00::1"))
    assert outside.in_force().permits(ip_address("127.0.0.1"))
    with pytest.raises(ChannelError, match="outgoing_networks"):
        permit("here")
