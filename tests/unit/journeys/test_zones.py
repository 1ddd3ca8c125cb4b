"""Time zones: what the wall clock shows, and whose zone it is."""

from __future__ import annotations

import pickle
import zoneinfo
from datetime import UTC, datetime
from importlib import resources

import pytest

from sevenfold.journeys.inference import (
    country_code,
    country_zones,
    locale_country,
    phone_country,
    resolve_zone,
    zone_near,
)
from sevenfold.journeys.zones import DAY, HOUR, UTC_ZONE, ZoneError, tz_version, zone, zone_names

AMERICA = ("New_York", "Chicago", "Denver", "Phoenix", "Los_Angeles", "Anchorage", "Adak")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def pinned(name: str) -> zoneinfo.ZoneInfo:
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return zoneinfo.ZoneInfo.from_file(file, key=name)


def test_the_release_of_the_data_is_known() -> None:
    assert tz_version()[:4].isdigit()
    assert tz_version()[4:].isalpha()


@pytest.mark.parametrize(
    "name",
    [
        *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Beirut"),
        *(
            "Africa/Cairo",
            "Africa/Casablanca",
            "Pacific/Apia",
            "Europe/Dublin",
            "America/St_Johns",
            "Etc/GMT+2",
        ),
    ],
)
def test_offsets_are_those_of_the_data_around_every_change(name: str) -> None:
    info, ours = pinned(name), zone(name)

    def offset(at: int) -> int:
        moment = datetime.fromtimestamp(at // 1_000, info).utcoffset()
        assert moment is not None
        return round(moment.total_seconds() * 1_000)

    at, end = ms("1900-01-01"), ms("2100-01-01")
    while at < end:
        start, until, constant = ours.span(at)
        assert start <= at < until
        assert {offset(start), offset(until - 1_000), offset((start + until) // 2)} == {constant}
        at = until
    # An odd step, so that no change could hide between spans.
    for at in range(ms("1960-01-01"), ms("2040-01-01"), 37 * HOUR + 11_000):
        assert ours.offset(at) == offset(at)


def test_no_zone_has_two_changes_that_cancel_out_within_a_day() -> None:
    # What lets spans be found by looking once a day.
    for name in sorted(zone_names())[::7]:
        info = pinned(name)
        ours = zone(name)
        for at in range(ms("2015-01-01"), ms("2030-01-01"), 5 * DAY + 7 * HOUR):
            moment = datetime.fromtimestamp(at // 1_000, info).utcoffset()
            assert moment is not None
            assert ours.offset(at) == round(moment.total_seconds() * 1_000)


def test_a_zone_goes_on_beyond_the_calendar_of_the_interpreter() -> None:
    berlin = zone("Europe/Berlin")
    for at in (-(10**15), 10**15):
        assert berlin.instant(berlin.wall(at)) == at


@pytest.mark.parametrize(
    ("name", "offset_ms"),
    [
        ("UTC+2", 2 * HOUR),
        ("utc-3:30", -3 * HOUR - HOUR // 2),
        ("GMT+14", 14 * HOUR),
        ("+02:00", 2 * HOUR),
        ("-0930", -9 * HOUR - HOUR // 2),
        ("\u22125", -5 * HOUR),
        ("UTC-12:00", -12 * HOUR),
        ("Z", 0),
        ("utc", 0),
        ("UTC+0", 0),
        ("Etc/GMT+2", -2 * HOUR),
    ],
)
def test_fixed_offsets_are_zones(name: str, offset_ms: int) -> None:
    assert zone(name).offset(0) == offset_ms


def test_case_does_not_matter_and_a_zone_is_one_object() -> None:
    assert zone("europe/berlin") is zone("Europe/Berlin")
    assert zone("europe/berlin").name == "Europe/Berlin"
    assert zone("+2") is zone("UTC+02:00")
    assert zone("UTC") is UTC_ZONE
    assert pickle.loads(pickle.dumps(zone("Europe/Berlin"))) is zone("Europe/Berlin")


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "UTC+15", "-13:00", "../etc/passwd", "Europe", "Factory", "+2:75"]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ZoneError):
        zone(name)


def test_every_name_of_the_data_is_a_zone() -> None:
    assert len(zone_names()) > 400
    assert all(zone(name).name == name for name in zone_names())


# --- the chain ----------------------------------------------------------------------------------------------


def test_the_person_comes_before_the_account_before_the_country_before_the_workspace() -> None:
    chain = ("Asia/Tokyo", "Europe/Paris", "DE", "America/New_York")
    found = [resolve_zone(*(None,) * n, *chain[n:]) for n in range(4)]  # type: ignore[arg-type]
    assert [(choice.zone.name, choice.source) for choice in found] == [
        ("Asia/Tokyo", "person"),
        ("Europe/Paris", "account"),
        ("Europe/Berlin", "country"),
        ("America/New_York", "workspace"),
    ]


def test_a_name_that_is_no_zone_falls_through_and_is_recorded() -> None:
    choice = resolve_zone("Mars/Olympus", "nowhere", "Atlantis", "UTC")
    assert (choice.zone, choice.source) == (UTC_ZONE, "workspace")
    assert choice.refused == ("person: Mars/Olympus", "account: nowhere", "country: Atlantis")


def test_a_workspace_without_a_zone_is_an_error() -> None:
    with pytest.raises(ZoneError):
        resolve_zone(None, None, None, "nowhere")


def test_a_country_with_several_zones_leaves_the_zone_open_and_names_the_candidates() -> None:
    choice = resolve_zone(None, None, "United States", "UTC", phone="+4930123456")
    assert choice.source == "workspace"
    assert [zone.name for zone in choice.candidates] == [
        *(f"America/{place}" for place in AMERICA),
        "Pacific/Honolulu",
    ]


def test_zones_with_the_same_clock_are_one() -> None:
    assert [zone.name for zone in country_zones("DE")] == ["Europe/Berlin"]
    assert [zone.name for zone in country_zones("AR")] == ["America/Argentina/Buenos_Aires"]
    assert [zone.name for zone in country_zones("ES")] == ["Europe/Madrid", "Atlantic/Canary"]
    assert country_zones("XX") == ()


def test_phone_and_locale_tell_the_country() -> None:
    assert resolve_zone(None, None, None, "UTC", phone="+81312345678").zone.name == "Asia/Tokyo"
    assert resolve_zone(None, None, None, "UTC", phone="+81312345678").source == "phone"
    assert resolve_zone(None, None, None, "UTC", locale="sv_SE").zone.name == "Europe/Stockholm"
    assert resolve_zone(None, None, None, "UTC", locale="en").source == "workspace"
    assert [
        phone_country(number) for number in ("+442071234567", "+77011234567", "+14165551234", "12", "")
    ] == [
        *("GB", "KZ", "CA"),
        None,
        None,
    ]
    assert [locale_country(text) for text in ("zh-Hant-TW", "de_AT.UTF-8", "en", "xx-XX", "")] == [
        *("TW", "AT"),
        *(None,) * 3,
    ]


def test_countries_are_known_by_code_and_name() -> None:
    assert [
        country_code(text) for text in ("de", "Germany", "UK", "usa", "Côte d’Ivoire", "Nowhere", "")
    ] == [
        *("DE", "DE", "GB", "US", "CI"),
        None,
        None,
    ]


def test_coordinates_name_the_nearest_main_place_within_the_country_if_that_is_known() -> None:
    anaheim, mumbai = (33_812_100, -117_919_000), (19_076_000, 72_877_700)
    choice = resolve_zone(None, None, None, "UTC", coordinates=anaheim)
    assert (choice.zone.name, choice.source) == ("America/Los_Angeles", "coordinates")
    assert resolve_zone(None, None, "IN", "UTC", coordinates=mumbai).zone.name == "Asia/Kolkata"
    assert zone_near(0, 180_000_001) is None
    assert resolve_zone(None, None, None, "UTC", coordinates=(91_000_000, 0)).refused
