"""Whose time zone it is: the chain of person, account, what can be inferred, and the workspace.

Countries and their zones come from the tables of the pinned time zone data. A country has one zone when its
clocks all show the same from 2025 to 2030: Germany (with Busingen) and Argentina do, Spain (with the
Canaries) does not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import Literal, NamedTuple

import phonenumbers

from .civil import day_number
from .zones import DAY, Zone, ZoneError, data, zone

Source = Literal["person", "account", "coordinates", "country", "phone", "locale", "workspace"]

_SAME_FROM_MS = day_number(2025, 1, 1) * DAY
_SAME_UNTIL_MS = day_number(2030, 1, 1) * DAY
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?[-_]([A-Za-z]{2})(?:[-_.@].*)?", re.ASCII)
_POSITION = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?([+-])(\d{3})(\d\d)(\d\d)?", re.ASCII)
_MICRODEGREES = 1_000_000
# Usual names that the table of countries spells differently.
_COUNTRY_NAMES = {
    "usa": "US",
    "united states of america": "US",
    "uk": "GB",
    "united kingdom": "GB",
    "great britain": "GB",
    "czechia": "CZ",
    "south korea": "KR",
    "türkiye": "TR",
    "uae": "AE",
}


class ZoneChoice(NamedTuple):
    """The zone that applies, and how it was found."""

    zone: Zone
    source: Source
    candidates: tuple[Zone, ...]
    """The zones somebody may be in: the one known, those of their country, or none when nothing is known."""
    refused: tuple[str, ...]
    """What was given and names no zone or country, as `person: Mars/Olympus`."""


def resolve_zone(
    person: str | None,
    account: str | None,
    country: str | None,
    workspace: str,
    *,
    phone: str | None = None,
    locale: str | None = None,
    coordinates: tuple[int, int] | None = None,
) -> ZoneChoice:
    """The first that answers: the person's zone, the account's, then one inferred, then the workspace's.

    Inferred from, in this order: `coordinates` (latitude and longitude in 1e-6 degrees); `country` (code or
    English name), the country of `phone` (E.164) and that of `locale` (`pt-BR`), each when the country has
    one zone. What names no zone falls through and is listed in `refused`. Source `workspace` means that the
    zone is not known. Raises `ZoneError` when `workspace` names none.
    """
    refused: list[str] = []
    given: tuple[tuple[Source, str | None], ...] = (("person", person), ("account", account))
    for source, name in given:
        if name:
            try:
                known = zone(name)
            except ZoneError:
                refused.append(f"{source}: {name[:64]}")
            else:
                return ZoneChoice(known, source, (known,), tuple(refused))
    code = country_code(country) if country else None
    if country and code is None:
        refused.append(f"country: {country[:64]}")
    if coordinates is not None:
        near = zone_near(*coordinates, country=code)
        if near is not None:
            return ZoneChoice(near, "coordinates", (near,), tuple(refused))
        refused.append(f"coordinates: {coordinates[0]}, {coordinates[1]}")
    candidates: tuple[Zone, ...] = ()
    hints: tuple[tuple[Source, str | None], ...] = (
        ("country", code),
        ("phone", phone_country(phone) if phone else None),
        ("locale", locale_country(locale) if locale else None),
    )
    for source, hint in hints:
        # A weaker hint does not overrule a country that is known and has several zones.
        if hint and not candidates:
            candidates = country_zones(hint)
            if len(candidates) == 1:
                return ZoneChoice(candidates[0], source, candidates, tuple(refused))
    return ZoneChoice(zone(workspace), "workspace", candidates, tuple(refused))


@cache
def country_zones(code: str) -> tuple[Zone, ...]:
    """The zones of a country (ISO 3166 alpha-2), one for each different clock, the largest part first.

    Empty when there is no such country.
    """
    clocks: dict[tuple[int, ...], Zone] = {}
    for name, _, _ in _places().get(code, ()):
        clocks.setdefault(_clock(zone(name)), zone(name))
    return tuple(clocks.values())


def country_code(text: str) -> str | None:
    """ISO 3166 alpha-2 of a code or an English name, None when it is neither."""
    plain = text.strip()
    if plain.upper() in _places():
        return plain.upper()
    return _COUNTRY_NAMES.get(plain.casefold()) or _countries().get(plain.casefold())


def phone_country(number: str) -> str | None:
    """The country of an E.164 number, None where its prefix belongs to several and the rest does not tell."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    regions = phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    region = regions[0] if len(regions) == 1 else phonenumbers.region_code_for_number(parsed)
    return str(region) if region in _places() else None


def locale_country(locale: str) -> str | None:
    """The region of `pt-BR`, `zh_Hant_TW`, `de_AT.UTF-8`; None without one, as in `en`."""
    match = _LOCALE.fullmatch(locale.strip())
    code = match[1].upper() if match else ""
    return code if code in _places() else None


@cache
def _countries() -> dict[str, str]:
    rows = (line.split("\t") for line in data("iso3166.tab").splitlines() if line and line[0] != "#")
    return {name.casefold(): code for code, name in rows}


@cache
def _places() -> dict[str, list[tuple[str, int, int]]]:
    """(zone name, latitude, longitude in 1e-6 degrees) of the main places of each country."""
    places: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for line in data("zone.tab").splitlines():
        if line and line[0] != "#":
            code, position, name, *_ = line.split("\t")
            match = _POSITION.fullmatch(position)
            assert match is not None, position
            latitude, longitude = (_degrees(*match.group(*part)) for part in ((1, 2, 3, 4), (5, 6, 7, 8)))
            places[code].append((name, latitude, longitude))
    return dict(places)


def _degrees(sign: str, degrees: str, minutes: str, seconds: str | None) -> int:
    whole = (int(degrees) * 3_600 + int(minutes) * 60 + int(seconds or 0)) * _MICRODEGREES // 3_600
    return whole if sign == "+" else -whole


def _clock(place: Zone) -> tuple[int, ...]:
    """What tells two clocks apart: the instants of their changes, and the offsets."""
    changes: list[int] = []
    at, last = _SAME_FROM_MS, None
    while at < _SAME_UNTIL_MS:
        _, end, offset = place.span(at)
        if offset != last:
            changes += (at, offset)
        at, last = end, offset
    return tuple(changes)


def zone_near(latitude: int, longitude: int, *, country: str | None = None) -> Zone | None:
    """The zone whose main place is nearest, of `country` if it is known; 1e-6 degrees.

    A guess: near a border between zones it can be an hour or so off. None when there is no such place.
    """
    if abs(latitude) > 90 * _MICRODEGREES or abs(longitude) > 180 * _MICRODEGREES:
        return None
    rows = _places().get(country or "") or [row for rows in _places().values() for row in rows]
    # The first in the table where two are as near, so the order of a dictionary does not matter.
    return zone(min(rows, key=lambda row: _apart(latitude, longitude, row[1], row[2]))[0])


def _apart(latitude: int, longitude: int, other_latitude: int, other_longitude: int) -> int:
    """A measure of distance that sorts like it, in integers, so that all machines agree."""
    across = abs(longitude - other_longitude)
    across = min(across, 360 * _MICRODEGREES - across)
    middle = (latitude + other_latitude) // (2 * _MICRODEGREES)
    # Bhaskara's cosine in degrees: within 0.0017 of the cosine.
    across = across * (32_400 - 4 * middle * middle) // (32_400 + middle * middle)
    return (latitude - other_latitude) ** 2 + across * across
