"""Repeated schedules: which instants an RRULE means, and which rules are refused."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.journeys.recurrence import Recurrence, RecurrenceError
from sevenfold.journeys.zones import DAY, HOUR, UTC_ZONE, Zone, zone

BERLIN, NEW_YORK, LORD_HOWE = zone("Europe/Berlin"), zone("America/New_York"), zone("Australia/Lord_Howe")


def ms(text: str) -> int:
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1_000)


def shown(at: int | None, where: Zone) -> str:
    assert at is not None
    return datetime.fromtimestamp(where.wall(at) / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


def dates(recurrence: Recurrence, at: int, n: int) -> list[str]:
    found = []
    for _ in range(n):
        later = recurrence.after(at)
        if later is None:
            break
        found.append(shown(later, recurrence.zone))
        at = later
    return found


def test_every_monday_at_nine_by_the_wall_clock() -> None:
    mondays = Recurrence("RRULE:FREQ=WEEKLY;BYDAY=MO", ms("2026-03-16T09:00"), BERLIN)
    assert dates(mondays, ms("2026-03-01"), 3) == ["2026-03-16 09:00", "2026-03-23 09:00", "2026-03-30 09:00"]
    # Exclusive: from 09:00 on it is the next one.
    assert mondays.after(ms("2026-03-16T09:00+01:00") - 1) == ms("2026-03-16T09:00+01:00")
    assert mondays.after(ms("2026-03-16T09:00+01:00")) == ms("2026-03-23T09:00+01:00")
    assert mondays.after(ms("2026-03-23T09:00+01:00")) == ms("2026-03-30T09:00+02:00")


def test_a_time_skipped_by_a_clock_change_is_the_first_instant_after_it() -> None:
    nightly = Recurrence("FREQ=DAILY", ms("2026-03-28T02:30"), BERLIN)
    assert dates(nightly, 0, 3) == ["2026-03-28 02:30", "2026-03-29 03:00", "2026-03-30 02:30"]
    half = Recurrence("FREQ=DAILY", ms("2026-10-03T02:10"), LORD_HOWE)
    assert dates(half, 0, 3) == ["2026-10-03 02:10", "2026-10-04 02:30", "2026-10-05 02:10"]


def test_a_time_that_happens_twice_comes_once() -> None:
    nightly = Recurrence("FREQ=DAILY", ms("2026-10-24T02:30"), BERLIN)
    assert nightly.after(ms("2026-10-25T00:00+02:00")) == ms("2026-10-25T02:30+02:00")
    assert nightly.after(ms("2026-10-25T02:30+02:00")) == ms("2026-10-26T02:30+01:00")


def test_hours_follow_the_wall_clock_too() -> None:
    hourly = Recurrence("FREQ=HOURLY", ms("2026-10-25T00:00"), BERLIN)
    assert dates(hourly, ms("2026-10-25T00:00+02:00"), 3) == [f"2026-10-25 0{hour}:00" for hour in (1, 2, 3)]
    # In spring the hour that is skipped falls together with the next: one instant, one date.
    spring = Recurrence("FREQ=HOURLY", ms("2026-03-29T00:00"), BERLIN)
    assert dates(spring, ms("2026-03-29T00:00+01:00"), 3) == [f"2026-03-29 0{hour}:00" for hour in (1, 3, 4)]


def test_the_last_friday_of_each_month_and_the_31st() -> None:
    fridays = Recurrence("FREQ=MONTHLY;BYDAY=-1FR", ms("2026-01-01T17:00"), NEW_YORK)
    assert dates(fridays, 0, 3) == ["2026-01-30 17:00", "2026-02-27 17:00", "2026-03-27 17:00"]
    ends = Recurrence("FREQ=MONTHLY;BYMONTHDAY=31", ms("2026-01-31T08:00"), NEW_YORK)
    assert dates(ends, 0, 3) == ["2026-01-31 08:00", "2026-03-31 08:00", "2026-05-31 08:00"]


def test_intervals_count_from_the_start_however_late_it_is_asked() -> None:
    fortnights = Recurrence("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", ms("2000-01-06T10:00"), UTC_ZONE)
    by_hand = rrulestr("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", dtstart=datetime(2000, 1, 6, 10))  # noqa: DTZ001
    expected = by_hand.after(datetime(2026, 11, 22))  # noqa: DTZ001
    assert shown(fortnights.after(ms("2026-11-22")), UTC_ZONE) == expected.strftime("%Y-%m-%d %H:%M")


def test_count_ends_it() -> None:
    three = Recurrence("FREQ=DAILY;COUNT=3", ms("2026-05-01T09:00"), BERLIN)
    assert dates(three, 0, 9) == ["2026-05-01 09:00", "2026-05-02 09:00", "2026-05-03 09:00"]
    assert three.after(ms("2030-01-01")) is None
    assert len(dates(Recurrence("FREQ=YEARLY;COUNT=100", ms("2026-05-01T09:00"), BERLIN), 0, 200)) == 100


@pytest.mark.parametrize(
    "until",
    ["20260503", "20260503T090000", "20260503T070000Z"],
    ids=["the whole local day", "a local time, inclusive", "an instant"],
)
def test_until_ends_it_and_counts_itself(until: str) -> None:
    recurrence = Recurrence(f"FREQ=DAILY;UNTIL={until}", ms("2026-05-01T09:00"), BERLIN)
    assert dates(recurrence, 0, 9) == ["2026-05-01 09:00", "2026-05-02 09:00", "2026-05-03 09:00"]
    assert recurrence.after(ms("2030-01-01")) is None


def test_excluded_dates_are_left_out_and_still_counted() -> None:
    text = "RRULE:FREQ=DAILY;COUNT=4\nEXDATE:20260502T090000,20260503T070000Z"
    assert dates(Recurrence(text, ms("2026-05-01T09:00"), BERLIN), 0, 9) == [
        "2026-05-01 09:00",
        "2026-05-04 09:00",
    ]
    days = "FREQ=DAILY\nEXDATE;VALUE=DATE:20260502"
    assert dates(Recurrence(days, ms("2026-05-01T09:00"), BERLIN), 0, 2) == [
        "2026-05-01 09:00",
        "2026-05-03 09:00",
    ]


def test_the_start_counts_only_where_it_fits_the_rule() -> None:
    mondays = Recurrence("FREQ=WEEKLY;BYDAY=MO", ms("2026-11-25T09:00"), BERLIN)
    assert dates(mondays, 0, 1) == ["2026-11-30 09:00"]


def test_29_february_comes_every_four_years_and_eight_around_2100() -> None:
    leap = Recurrence("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ms("2026-01-01T09:00"), UTC_ZONE)
    assert dates(leap, ms("2095-01-01"), 2) == ["2096-02-29 09:00", "2104-02-29 09:00"]
    assert dates(
        Recurrence("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=9", ms("2026-01-01"), UTC_ZONE), 0, 2
    ) == [
        "2028-02-29 09:00",
        "2032-02-29 09:00",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FREQ=MINUTELY", "too often"),
        ("FREQ=SECONDLY;INTERVAL=86400", "too often"),
        ("FREQ=HOURLY;BYMINUTE=0,30", "too often"),
        ("FREQ=DAILY;BYSECOND=0,1", "too often"),
        ("", "0 rules"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;FOO=1", "no part"),
        ("FREQ=DAILY;BYDAY=XX", "no RRULE"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=10001", "COUNT"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "exclude"),
        ("FREQ=DAILY;UNTIL=tomorrow", "no date"),
        ("FREQ=DAILY;UNTIL=20260230", "no date"),
        ("FREQ=DAILY;UNTIL=20200101", "never"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never"),
        ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "never"),
        ("FREQ=DAILY;BYYEARDAY=1;BYMONTH=3", "never"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "never"),
        ("FREQ=HOURLY;BYSETPOS=2", "BYSETPOS"),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=3", "no RRULE"),
        ("FREQ=DAILY\nRDATE:20270101", "not understood"),
        ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY", "not understood"),
        ("FREQ=DAILY\nEXDATE;TZID=Europe/Berlin:20270101T090000", "not understood"),
        ("FREQ=DAILY" + ";" * 2_000, "too long"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(RecurrenceError, match=says):
        Recurrence(text, ms("2026-01-01T09:00"), BERLIN)


PARTS = st.fixed_dictionaries(
    {"FREQ": st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"])},
    optional={
        "INTERVAL": st.integers(1, 5),
        "BYDAY": st.sampled_from(["MO", "TU,SA", "WE,TH,FR"]),
        "BYMONTH": st.sampled_from(["1", "3,10", "2"]),
        "BYMONTHDAY": st.sampled_from(["1", "-1", "13,29"]),
        "BYHOUR": st.sampled_from(["9", "0,2", "23"]),
        "BYSETPOS": st.sampled_from(["1", "-1"]),
        "WKST": st.sampled_from(["MO", "SU"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    parts=PARTS,
    start=st.integers(ms("2024-01-01") // 60_000, ms("2026-12-31") // 60_000),
    asked=st.lists(st.integers(0, 500 * DAY), min_size=1, max_size=6),
)
def test_it_gives_the_dates_of_a_plain_expansion(
    parts: dict[str, object], start: int, asked: list[int]
) -> None:
    text = ";".join(f"{key}={value}" for key, value in parts.items())
    begin = start * 60_000
    try:
        recurrence = Recurrence(text, begin, UTC_ZONE)
    except RecurrenceError:
        return
    naive = datetime(1970, 1, 1) + timedelta(milliseconds=begin)  # noqa: DTZ001
    last = naive + timedelta(days=900)
    plain = [
        round((at - datetime(1970, 1, 1)).total_seconds() * 1_000)  # noqa: DTZ001
        for at in rrulestr(text, dtstart=naive).replace(until=last)
    ]
    # In any order, as an answer must not depend on what was asked before.
    for distance in asked:
        expected = next((at for at in plain if at > begin + distance), None)
        if expected is not None:
            assert recurrence.after(begin + distance) == expected


@settings(max_examples=200, deadline=None)
@given(st.text("FREQ=DAILYMONTHWK;BYSETPO,-+0123456789:\n TZUX", max_size=60))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    for whole in (text, f"FREQ=MONTHLY;{text}", f"FREQ=WEEKLY\n{text}"):
        with suppress(RecurrenceError):
            Recurrence(whole, ms("2026-01-01T09:00"), BERLIN)


def test_asking_hour_by_hour_for_years_stays_cheap() -> None:
    hourly = Recurrence("FREQ=HOURLY", ms("2000-01-01T00:00"), BERLIN)
    began = time.process_time()
    at = ms("2026-01-01")
    for _ in range(2_000):
        later = hourly.after(at)
        assert later is not None
        at = later
    assert time.process_time() - began < 1.0
    assert at < ms("2026-01-01") + 2_001 * HOUR
