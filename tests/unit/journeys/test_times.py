"""Local times, lengths of time, dates and jitter, above all on the days when clocks change."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sevenfold.events.times import parse_ms
from sevenfold.journeys.civil import add_months, civil, day_number
from sevenfold.journeys.dates import Anniversary, calendar_day, date_due, next_anniversary
from sevenfold.journeys.inference import resolve_zone
from sevenfold.journeys.times import (
    MONTHS_MAX,
    Duration,
    JourneyTimeError,
    LocalTime,
    add_duration,
    add_then_at,
    at_local,
    jitter,
    local,
    next_at,
    next_weekday_at,
    parse_duration,
    parse_time_of_day,
    parse_weekdays,
)
from sevenfold.journeys.windows import Windows, next_open, parse_window
from sevenfold.journeys.zones import DAY, HOUR, MINUTE, UTC_ZONE, Zone, zone
from sevenfold.limits import WINDOW_MS_MAX

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "cases"
BERLIN, NEW_YORK, LORD_HOWE = zone("Europe/Berlin"), zone("America/New_York"), zone("Australia/Lord_Howe")
SAO_PAULO, BEIRUT, CAIRO, APIA = (
    zone(name) for name in ("America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "Pacific/Apia")
)


def ms(text: str) -> int:
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1_000)


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def shown(at: int, where: Zone) -> str:
    """What the wall shows, as text."""
    return datetime.fromtimestamp(where.wall(at) / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


def clock(text: str) -> int:
    return parse_time_of_day(text)


# (zone, day of the change, time asked for, what the wall shows then, the same instant with its offset)
CHANGES = [
    # Forward: what is skipped moves to the first valid instant after it.
    (BERLIN, "2026-03-29", "02:30", "2026-03-29 03:00", "2026-03-29T03:00+02:00"),
    (BERLIN, "2026-03-29", "02:00", "2026-03-29 03:00", "2026-03-29T03:00+02:00"),
    (BERLIN, "2026-03-29", "01:59", "2026-03-29 01:59", "2026-03-29T01:59+01:00"),
    (BERLIN, "2026-03-29", "09:00", "2026-03-29 09:00", "2026-03-29T09:00+02:00"),
    (NEW_YORK, "2026-03-08", "02:15", "2026-03-08 03:00", "2026-03-08T03:00-04:00"),
    (LORD_HOWE, "2026-10-04", "02:10", "2026-10-04 02:30", "2026-10-04T02:30+11:00"),
    (SAO_PAULO, "2018-11-04", "00:00", "2018-11-04 01:00", "2018-11-04T01:00-02:00"),
    (BEIRUT, "2026-03-29", "00:00", "2026-03-29 01:00", "2026-03-29T01:00+03:00"),
    (CAIRO, "2026-04-24", "00:30", "2026-04-24 01:00", "2026-04-24T01:00+03:00"),
    # Back: what happens twice is the first.
    (BERLIN, "2026-10-25", "02:30", "2026-10-25 02:30", "2026-10-25T02:30+02:00"),
    (BERLIN, "2026-10-25", "03:00", "2026-10-25 03:00", "2026-10-25T03:00+01:00"),
    (NEW_YORK, "2026-11-01", "01:30", "2026-11-01 01:30", "2026-11-01T01:30-04:00"),
    (NEW_YORK, "2026-11-01", "09:00", "2026-11-01 09:00", "2026-11-01T09:00-05:00"),
    (LORD_HOWE, "2026-04-05", "01:45", "2026-04-05 01:45", "2026-04-05T01:45+11:00"),
    (SAO_PAULO, "2018-02-17", "23:30", "2018-02-17 23:30", "2018-02-17T23:30-02:00"),
    (SAO_PAULO, "2018-02-18", "00:00", "2018-02-18 00:00", "2018-02-18T00:00-03:00"),
    (CAIRO, "2026-10-29", "23:30", "2026-10-29 23:30", "2026-10-29T23:30+03:00"),
    (CAIRO, "2026-10-30", "00:00", "2026-10-30 00:00", "2026-10-30T00:00+02:00"),
    # A day left out.
    (APIA, "2011-12-30", "09:00", "2011-12-31 00:00", "2011-12-31T00:00+14:00"),
]


@pytest.mark.parametrize(("where", "on", "asked", "wall", "instant"), CHANGES)
def test_a_local_time_on_a_day_with_a_clock_change(
    where: Zone, on: str, asked: str, wall: str, instant: str
) -> None:
    at = at_local(day(on), clock(asked), where)
    assert shown(at, where) == wall
    assert at == ms(instant)


@pytest.mark.parametrize(("where", "on", "asked", "wall", "instant"), CHANGES[:-1])
def test_the_next_local_time_is_reached_from_the_day_before(
    where: Zone, on: str, asked: str, wall: str, instant: str
) -> None:
    before = at_local(day(on) - 1, clock(asked) + 1, where)
    assert next_at(before, clock(asked), where) == ms(instant)
    assert next_at(ms(instant), clock(asked), where) == ms(instant)
    assert next_at(ms(instant), clock(asked), where, inclusive=False) > ms(instant)


def test_a_time_that_happens_twice_comes_once() -> None:
    first = ms("2026-10-25T02:30+02:00")
    assert next_at(first + 1, clock("02:30"), BERLIN) == ms("2026-10-26T02:30+01:00")


def test_a_day_that_was_left_out_has_no_times_of_day() -> None:
    assert next_at(ms("2011-12-29T09:01-10:00"), clock("09:00"), APIA) == ms("2011-12-31T09:00+14:00")
    friday = parse_weekdays(["fri"])
    assert shown(next_weekday_at(ms("2011-12-26"), friday, clock("09:00"), APIA), APIA) == "2012-01-06 09:00"


def test_a_time_skipped_at_midnight_still_belongs_to_its_day() -> None:
    # 00:00 of that Sunday is shown as 01:00; a Sunday it is all the same.
    sunday = parse_weekdays(["sunday"])
    at = next_weekday_at(ms("2018-11-01"), sunday, 0, SAO_PAULO)
    assert shown(at, SAO_PAULO) == "2018-11-04 01:00"
    assert next_weekday_at(at, sunday, 0, SAO_PAULO) == at


def test_weekdays_are_those_of_the_zone() -> None:
    # 20:00 UTC on Wednesday is 05:00 on Thursday in Tokyo.
    at = next_weekday_at(ms("2023-12-19T23:00:12"), frozenset({3}), 5 * HOUR, zone("Asia/Tokyo"))
    assert at == ms("2023-12-20T20:00")


def test_local_gives_day_time_and_weekday() -> None:
    assert local(ms("2026-11-22T23:30"), BERLIN) == LocalTime(day("2026-11-23"), 30 * MINUTE)
    assert local(ms("2026-11-22T23:30"), BERLIN).weekday == 0
    assert local(-1, UTC_ZONE) == LocalTime(-1, DAY - 1)


# --- lengths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", Duration(90_000)),
        ("1.5h", Duration(90 * MINUTE)),
        ("36h", Duration(36 * HOUR)),
        ("3d", Duration(3 * DAY, days=3)),
        ("2w", Duration(14 * DAY, days=14)),
        ("1.5d", Duration(36 * HOUR)),
        ("0d", Duration(0)),
        ("1mo", Duration(0, months=1)),
    ],
)
def test_lengths_are_read(text: str, length: Duration) -> None:
    assert parse_duration(text) == length
    assert parse_duration(f"-{text}", signed=True) == Duration(*(-part for part in length))
    assert parse_duration(f"+{text}", signed=True) == length


@pytest.mark.parametrize(
    "text",
    ["", "invalid", "10x", "d", "-1d", "+1d", "1 day", "1.0001s", "2000d", "61mo", "1.5mo", "1d12h", "--1d"],
)
def test_what_is_no_length_or_too_long_is_refused_not_shortened(text: str) -> None:
    with pytest.raises(JourneyTimeError):
        parse_duration(text)


def test_signs_are_read_only_where_they_are_meant() -> None:
    for text in ("--1d", "-", "+", "", "-x"):
        with pytest.raises(JourneyTimeError):
            parse_duration(text, signed=True)


def test_a_day_is_24_hours_and_a_calendar_day_when_a_local_time_follows() -> None:
    before = ms("2026-03-28T09:00+01:00")
    exact = add_duration(before, parse_duration("1d"), BERLIN)
    assert shown(exact, BERLIN) == "2026-03-29 10:00"
    assert (
        shown(add_then_at(before, parse_duration("1d"), clock("09:00"), BERLIN), BERLIN) == "2026-03-29 09:00"
    )
    # Late in the evening, the next day's 09:00 is the next day's, although less than 24 hours away.
    late = ms("2026-03-27T23:50+01:00")
    assert (
        shown(add_then_at(late, parse_duration("1d"), clock("09:00"), BERLIN), BERLIN) == "2026-03-28 09:00"
    )
    assert (
        shown(add_then_at(late, parse_duration("24h"), clock("09:00"), BERLIN), BERLIN) == "2026-03-29 09:00"
    )
    assert shown(add_then_at(late, Duration(0), clock("23:50"), BERLIN), BERLIN) == "2026-03-27 23:50"


def test_months_are_those_of_the_calendar_and_end_with_it() -> None:
    month = parse_duration("1mo")
    for start, end in [
        ("2026-01-31", "2026-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2026-12-15", "2027-01-15"),
    ]:
        assert (
            shown(add_duration(at_local(day(start), clock("08:30"), BERLIN), month, BERLIN), BERLIN)
            == f"{end} 08:30"
        )
    back = parse_duration("-1mo", signed=True)
    assert shown(add_duration(ms("2026-03-31T12:00+02:00"), back, BERLIN), BERLIN) == "2026-02-28 12:00"
    assert (
        shown(add_then_at(ms("2026-01-31T12:00+01:00"), month, clock("07:00"), BERLIN), BERLIN)
        == "2026-02-28 07:00"
    )
    assert MONTHS_MAX * 31 * DAY > WINDOW_MS_MAX > MONTHS_MAX * 28 * DAY


def test_the_calendar_is_that_of_the_interpreter() -> None:
    for ordinal in range(1, date.max.toordinal(), 61):
        known = date.fromordinal(ordinal)
        number = ordinal - date(1970, 1, 1).toordinal()
        assert civil(number) == (known.year, known.month, known.day)
        assert day_number(*civil(number)) == number
    assert civil(add_months(day("2024-02-29"), -12)) == (2023, 2, 28)


@pytest.mark.parametrize("text", ["", "9", "24:01", "12:60", "12:00:60", "-1:00", "12:0", "noon"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(JourneyTimeError):
        parse_time_of_day(text)


def test_weekdays_are_read_by_name() -> None:
    assert parse_weekdays(["Mon", "sunday"]) == {0, 6}
    assert (
        parse_weekdays(["weekday"]) | parse_weekdays(["weekend"]) == parse_weekdays(["any"]) == set(range(7))
    )
    with pytest.raises(JourneyTimeError):
        parse_weekdays(["su"])


# --- jitter -------------------------------------------------------------------------------------------------


def test_jitter_is_the_same_for_the_same_key_and_spread_over_the_width() -> None:
    draws = [jitter(1_000, 600, "run", number, "step") - 1_000 for number in range(3_000)]
    assert draws == [jitter(1_000, 600, "run", number, "step") - 1_000 for number in range(3_000)]
    assert 0 <= min(draws) < 5
    assert 595 <= max(draws) < 600
    assert 285 < sum(draws) / len(draws) < 315
    assert jitter(1_000, 0, "run") == 1_000


def test_jitter_tells_apart_keys_that_join_to_the_same_text() -> None:
    assert jitter(0, 1 << 60, "ab", "c") != jitter(0, 1 << 60, "a", "bc")
    assert jitter(0, 1 << 60, 1) != jitter(0, 1 << 60, "1")
    # Written down, so that another release cannot move people who wait.
    assert jitter(0, 1_000_000, "run", "step", 1) == 824_750


# --- dates --------------------------------------------------------------------------------------------------


def test_seven_days_before_a_renewal_date_at_nine_in_the_zone() -> None:
    offset = parse_duration("-7d", signed=True)
    due = date_due(ms("2026-04-02"), offset, clock("09:00"), NEW_YORK)
    assert due == ms("2026-03-26T09:00-04:00")
    # A date alone is that day everywhere; an instant is on the day the wall shows.
    assert calendar_day(ms("2026-04-02"), NEW_YORK) == day("2026-04-02")
    assert calendar_day(ms("2026-04-02T01:00"), NEW_YORK) == day("2026-04-01")


def test_dates_without_a_local_time_are_exact() -> None:
    week = parse_duration("-7d", signed=True)
    assert date_due(ms("2026-04-02T10:00"), week, None, BERLIN) == ms("2026-03-26T10:00")


def test_an_exact_offset_counts_from_the_start_of_the_day() -> None:
    offset = parse_duration("-36h", signed=True)
    assert date_due(ms("2026-04-02"), offset, clock("09:00"), BERLIN) == ms("2026-04-01T09:00+02:00")
    assert date_due(ms("2026-05-31"), parse_duration("1mo"), clock("09:00"), BERLIN) == ms(
        "2026-06-30T09:00+02:00"
    )


def test_an_anniversary_of_29_february_is_on_the_28th_in_common_years() -> None:
    leap = ms("2024-02-29")
    found, at = [], ms("2024-02-29")
    for _ in range(4):
        due = next_anniversary(leap, at, BERLIN, at=clock("09:00"))
        found.append((shown(due.at, BERLIN), due.years))
        at = due.at + 1
    assert found == [
        ("2025-02-28 09:00", 1),
        ("2026-02-28 09:00", 2),
        ("2027-02-28 09:00", 3),
        ("2028-02-29 09:00", 4),
    ]


def test_anniversaries_with_offsets_and_long_ago() -> None:
    week = parse_duration("-7d", signed=True)
    birthday = ms("1957-03-05")
    assert next_anniversary(
        birthday, ms("2026-02-26T08:00+00:00"), BERLIN, offset=week, at=clock("09:00")
    ) == (Anniversary(ms("2026-02-26T09:00+01:00"), 69))
    assert (
        next_anniversary(
            birthday, ms("2026-02-26T08:00:01+00:00"), BERLIN, offset=week, at=clock("09:00")
        ).years
        == 70
    )
    months = parse_duration("13mo")
    assert next_anniversary(birthday, ms("2026-01-01"), BERLIN, offset=months) == Anniversary(
        ms("2026-04-05"), 68
    )
    # The date itself is no anniversary.
    assert next_anniversary(birthday, birthday, BERLIN) == Anniversary(ms("1958-03-05"), 1)
    exact = ms("2020-07-01T10:00+02:00")
    assert next_anniversary(exact, ms("2026-01-01"), BERLIN).at == ms("2026-07-01T10:00+02:00")


# --- other products' cases ----------------------------------------------------------------------------------


def cases(file: str, *functions: str) -> list[Any]:
    path = SHARED / file
    if not path.is_file():
        return [pytest.param("", {}, {}, None, marks=pytest.mark.skip(reason="needs ../shared"))]
    return [
        pytest.param(
            step["function"], step["args"], step["expected"], case.get("upstream_defect"), id=case["id"]
        )
        for case in json.loads(path.read_text("utf-8"))["cases"]
        if case["portability"] == "portable"
        for step in case["steps"]
        if step.get("function") in functions
    ]


@pytest.mark.parametrize(
    ("function", "args", "expected", "defect"),
    cases("posthog_time.json", "fixed_delay", "delay_until", "time_window"),
)
def test_waits_as_others_test_them(function: str, args: dict[str, Any], expected: Any, defect: Any) -> None:
    now = parse_ms(args["now"])
    assert now is not None
    if function == "fixed_delay":
        if "error" in expected and args["step_started"]:
            with pytest.raises(JourneyTimeError):
                parse_duration(args["duration"])
            return
        started = parse_ms(args["step_started"]) or None
        if started is None:
            pytest.skip("a wait without a start cannot be written here")
        wake = add_duration(started, parse_duration(args["duration"]), UTC_ZONE)
        if "recheck_cap_seconds" in args:
            wake = min(wake, now + args["recheck_cap_seconds"] * 1_000)
    elif function == "delay_until":
        moment = parse_ms(args.get("value"))
        if moment is None:
            pytest.skip("what cannot be read is the caller's to answer")
        offset = parse_duration(args.get("offset", "0s"), signed=True)
        wake = date_due(moment, offset, None, UTC_ZONE)
        if "max_delay" in args:
            wake = min(wake, now + parse_duration(args["max_delay"]).ms)
    else:
        config = args["config"]
        if config["time"] == "any":
            # Theirs waits for the next day even when any time on any day will do; so does asking for 00:00.
            wake = next_at(now, 0, zone(config["timezone"]), inclusive=False)
        else:
            fallback = config.get("fallback_timezone", config["timezone"])
            person = args["person_timezone"] if config.get("use_person_timezone") else None
            days = config["day"] if isinstance(config["day"], list) else [config["day"]]
            windows = Windows([parse_window(days, *config["time"])])
            wake = next_open(now, windows, resolve_zone(person, None, None, fallback).zone)
    assert (wake if wake > now else None) == parse_ms(expected["wake_at"])


@pytest.mark.parametrize(
    ("function", "args", "expected", "defect"), cases("dittofeed.json", "next_local_time")
)
def test_local_times_as_others_test_them(
    function: str, args: dict[str, Any], expected: Any, defect: Any
) -> None:
    now = parse_ms(args["now"])
    assert now is not None
    point = None
    if "lat_lon" in args:
        latitude, longitude = (round(float(part) * 1e6) for part in args["lat_lon"].split(","))
        point = (latitude, longitude)
    choice = resolve_zone(
        args.get("user_timezone"), None, None, args.get("default_timezone", "UTC"), coordinates=point
    )
    # Their week begins with Sunday.
    days = frozenset((number - 1) % 7 for number in args.get("allowed_weekdays", range(7)))
    of_day = args["hour"] * HOUR + args.get("minute", 0) * MINUTE
    at = next_weekday_at(now, days, of_day, choice.zone)
    if defect:
        assert (at - now) // HOUR == 20, "theirs takes the weekday of the instant in UTC"
    elif "whole_hours_from_now" in expected:
        assert (at - now) // HOUR == expected["whole_hours_from_now"]
    elif "utc_minute" in expected:
        assert at // MINUTE % 60 == expected["utc_minute"]
    else:
        assert at == parse_ms(expected["instant"])
