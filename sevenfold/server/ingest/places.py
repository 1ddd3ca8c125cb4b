"""Where a request comes from: the peer's address behind proxies, and what a local MaxMind database says of
it.

The database is a file in the MaxMind format (GeoLite2-City, GeoIP2-City, DB-IP), named by the setting
`geo_database`. It is opened anew when the file changes. Nothing is asked of any network.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import maxminddb
import msgspec
from msgspec import Raw

from ...clock import Clock
from ...errors import SettingsError
from ...limits import ADDRESSES_CACHED_ENTRIES_MAX, GEO_RECHECK_MS
from .envelope import Fields

Network = IPv4Network | IPv6Network
_encode = msgspec.json.Encoder().encode
_NOTHING: Final[Fields] = {}


def networks(text: str) -> tuple[Network, ...]:
    """The networks of the setting `trusted_proxies`: addresses or networks with commas between.

    Raises SettingsError.
    """
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        fix = "name addresses or networks, such as 10.0.0.0/8, with commas between"
        raise SettingsError(str(error), where="trusted_proxies", fix=fix) from error


def peer_address(client: Any, headers: Mapping[bytes, bytes], trusted: tuple[Network, ...]) -> str | None:
    """The address that the request comes from: the connection's, or the last in X-Forwarded-For that no proxy
    of ours has. `client` is the scope's (host, port).
    """
    address = _address(client[0]) if client else None
    if address is None or not _within(address, trusted):
        return address
    for named in reversed(headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")):
        found = _address(named)
        if found is None:
            break
        address = found
        if not _within(found, trusted):
            break
    return address


def behind_proxy(client: Any, trusted: tuple[Network, ...]) -> bool:
    """Whether the connection is one of our proxies'."""
    address = _address(client[0]) if client else None
    return address is not None and _within(address, trusted)


@lru_cache(maxsize=ADDRESSES_CACHED_ENTRIES_MAX)
def _address(text: str) -> str | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


def _within(address: str, nets: tuple[Network, ...]) -> bool:
    if not nets:
        return False
    parsed = ip_address(address)
    return any(parsed in network for network in nets)


class Places:
    """Looks addresses up; without a database nothing is known of any."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        """Raises SettingsError when there is no such database, or it is none."""
        self._path = path
        self._clock = clock
        self._reader: maxminddb.Reader | None = None
        self._changed = 0
        self._looked = clock.now()
        if path is not None:
            self._open(path)

    def fields(self, address: str) -> Fields:
        """`location` {country, region, city} and `timezone`, as far as they are known."""
        self._recheck()
        if self._reader is None:
            return _NOTHING
        try:
            found: Any = self._reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return _NOTHING
        return _fields(found) if isinstance(found, dict) else _NOTHING

    def _recheck(self) -> None:
        now = self._clock.now()
        if self._path is None or now - self._looked < GEO_RECHECK_MS:
            return
        self._looked = now
        try:
            if self._path.stat().st_mtime_ns != self._changed:
                self._open(self._path)
        except (OSError, SettingsError):
            # While it is being replaced, what is open goes on being used.
            return

    def _open(self, path: Path) -> None:
        try:
            changed = path.stat().st_mtime_ns
            reader = maxminddb.open_database(path, maxminddb.MODE_AUTO)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            fix = "name a file in the MaxMind format, such as GeoLite2-City.mmdb"
            raise SettingsError(
                "the geographic database cannot be read", where="geo_database", fix=fix
            ) from error
        self.close()
        self._reader, self._changed = reader, changed

    def close(self) -> None:
        """Lets go of the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _fields(found: dict[str, Any]) -> Fields:
    location = {
        "country": _text(found, "country", "iso_code"),
        "region": _text(_first(found.get("subdivisions")), "names", "en"),
        "city": _text(found, "city", "names", "en"),
    }
    told = {name: value for name, value in location.items() if value}
    zone = _text(found, "location", "time_zone")
    fields: Fields = {}
    if told:
        fields["location"] = Raw(_encode(told))
    if zone:
        fields["timezone"] = Raw(_encode(zone))
    return fields


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _text(value: Any, *path: str) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None
