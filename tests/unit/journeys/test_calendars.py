"""Weekly windows, quiet hours and business hours."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from sevenfold.journeys.calendars import BusinessCalendar
from sevenfold.journeys.inference import country_zones
from sevenfold.journeys.times import NEVER, JourneyTimeError
from sevenfold.journeys.windows import (
    Quiet,
    Window,
    Windows,
    closes_at,
    next_open,
    open_at,
    parse_window,
    quiet_unknown,
    quiet_until,
    quiet_until_any,
    quiet_until_everywhere,
)
from sevenfold.journeys.zones import DAY, HOUR, MINUTE, UTC_ZONE, zone
from sevenfold.limits import QUIET_SEARCH_MS_MAX, WINDOWS_ITEMS_MAX

BERLIN, NEW_YORK = zone("Europe/Berlin"), zone("America/New_York")
LORD_HOWE, SAO_PAULO, APIA = zone("Australia/Lord_Howe"), zone("America/Sao_Paulo"), zone("Pacific/Apia")


def ms(text: str) -> int:
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1_000)


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


OFFICE = Windows([parse_window(["weekday"], "09:00", "17:00")])
NIGHT = Windows([parse_window([], "22:00", "06:00")])
ALWAYS = Windows([parse_window([], "00:00", "24:00")])


def test_a_window_holds_its_start_and_not_its_end() -> None:
    start, end = ms("2026-11-23T09:00+01:00"), ms("2026-11-23T17:00+01:00")
    assert [open_at(at, OFFICE, BERLIN) for at in (start - 1, start, end - 1, end)] == [
        False,
        True,
        True,
        False,
    ]
    assert next_open(start - 1, OFFICE, BERLIN) == start
    assert next_open(start, OFFICE, BERLIN) == start
    assert next_open(end, OFFICE, BERLIN) == ms("2026-11-24T09:00+01:00")
    assert closes_at(start, OFFICE, BERLIN) == end
    assert closes_at(end, OFFICE, BERLIN) == end


def test_friday_evening_waits_for_monday() -> None:
    assert next_open(ms("2026-11-27T17:00+01:00"), OFFICE, BERLIN) == ms("2026-11-30T09:00+01:00")


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday = Windows([parse_window(["fri"], "22:00", "06:00")])
    assert next_open(ms("2026-11-23"), friday, BERLIN) == ms("2026-11-27T22:00+01:00")
    assert closes_at(ms("2026-11-28T05:59+01:00"), friday, BERLIN) == ms("2026-11-28T06:00+01:00")
    assert not open_at(ms("2026-11-27T05:00+01:00"), friday, BERLIN)
    sunday = Windows([parse_window(["sun"], "22:00", "06:00")])
    assert open_at(ms("2026-11-23T05:59+01:00"), sunday, BERLIN)
    assert closes_at(ms("2026-11-22T23:00+01:00"), sunday, BERLIN) == ms("2026-11-23T06:00+01:00")


def test_windows_that_touch_or_overlap_are_one() -> None:
    both = Windows([parse_window(["mon"], "09:00", "12:00"), parse_window(["mon"], "11:00", "24:00")])
    both_and_next = Windows(
        [*[parse_window(["mon"], "09:00", "24:00")], parse_window(["tue"], "00:00", "01:00")]
    )
    monday = ms("2026-11-23T10:00")
    assert closes_at(monday, both, UTC_ZONE) == ms("2026-11-24")
    assert closes_at(monday, both_and_next, UTC_ZONE) == ms("2026-11-24T01:00")
    assert both.week_ms == 15 * HOUR


def test_windows_follow_the_wall_clock_when_it_is_put_forward() -> None:
    skipped = Windows([parse_window(["sun"], "02:00", "03:00")])
    # The hour does not exist on 29 March: the window is not open that week.
    assert next_open(ms("2026-03-28"), skipped, BERLIN) == ms("2026-04-05T02:00+02:00")
    half = Windows([parse_window(["sun"], "02:15", "02:45")])
    assert next_open(ms("2026-10-03"), half, LORD_HOWE) == ms("2026-10-04T02:30+11:00")
    assert closes_at(ms("2026-10-04T02:30+11:00"), half, LORD_HOWE) == ms("2026-10-04T02:45+11:00")
    assert closes_at(ms("2026-03-08T01:00-05:00"), NIGHT, NEW_YORK) == ms("2026-03-08T06:00-04:00")


def test_windows_follow_the_wall_clock_when_it_is_put_back() -> None:
    twice = Windows([parse_window(["sun"], "02:00", "02:30")])
    first, second = ms("2026-10-25T02:00+02:00"), ms("2026-10-25T02:00+01:00")
    assert next_open(ms("2026-10-24"), twice, BERLIN) == first
    assert closes_at(first, twice, BERLIN) == first + 30 * MINUTE
    assert next_open(first + 30 * MINUTE, twice, BERLIN) == second
    # 00:00 back to 23:00 on Saturday: an hour more of Saturday.
    saturday = Windows([parse_window(["sat"], "20:00", "24:00")])
    assert closes_at(ms("2018-02-17T20:00-02:00"), saturday, SAO_PAULO) == ms("2018-02-18T00:00-03:00")


def test_a_day_left_out_has_no_windows() -> None:
    friday = Windows([parse_window(["fri"], "09:00", "17:00")])
    assert next_open(ms("2011-12-30T09:00-10:00") - 1, friday, APIA) == ms("2012-01-06T09:00+14:00")


@pytest.mark.parametrize(
    "windows",
    [
        [],
        [Window(frozenset({0}), 9 * HOUR, 9 * HOUR)],
        [Window(frozenset({0}), DAY, HOUR)],
        [Window(frozenset({0}), -1, HOUR)],
        [Window(frozenset({0}), 0, DAY + 1)],
        [Window(frozenset({7}), 0, HOUR)],
        [Window(frozenset(), 0, HOUR)],
        [Window(frozenset({0}), 0, HOUR)] * (WINDOWS_ITEMS_MAX + 1),
    ],
)
def test_windows_that_say_nothing_are_refused(windows: list[Window]) -> None:
    with pytest.raises(JourneyTimeError):
        Windows(windows)


def test_a_week_that_is_open_throughout_never_closes() -> None:
    assert ALWAYS.always
    assert closes_at(ms("2026-11-23"), ALWAYS, BERLIN) == NEVER
    assert next_open(ms("2026-11-23"), ALWAYS, BERLIN) == ms("2026-11-23")
    assert quiet_until(ms("2026-11-23"), ALWAYS, BERLIN) == NEVER


# --- quiet hours --------------------------------------------------------------------------------------------


def test_quiet_hours_say_until_when() -> None:
    assert quiet_until(ms("2026-11-23T21:59+01:00"), NIGHT, BERLIN) is None
    assert quiet_until(ms("2026-11-23T22:00+01:00"), NIGHT, BERLIN) == ms("2026-11-24T06:00+01:00")
    assert quiet_until(ms("2026-11-24T06:00+01:00"), NIGHT, BERLIN) is None


def test_with_several_zones_it_is_quiet_while_it_is_in_any() -> None:
    spain = country_zones("ES")
    # 06:00 in Madrid is 05:00 on the Canaries, still quiet; 22:00 comes to Madrid first.
    assert quiet_until_any(ms("2026-11-24T06:00+01:00"), NIGHT, spain) == ms("2026-11-24T06:00+00:00")
    assert quiet_until_any(ms("2026-11-24T22:00+01:00"), NIGHT, spain) == ms("2026-11-25T06:00+00:00")
    assert quiet_until_any(ms("2026-11-24T12:00+01:00"), NIGHT, spain) == ms("2026-11-24T12:00+01:00")


def test_no_hour_is_free_of_a_nightly_quiet_time_in_the_whole_world() -> None:
    for hour in range(24):
        assert quiet_until_everywhere(ms("2026-11-24") + hour * HOUR, NIGHT) is None
    everywhere = [zone(f"UTC{offset:+}") for offset in range(-12, 15)]
    assert quiet_until_any(ms("2026-11-24"), NIGHT, everywhere) is None


def test_a_quiet_weekend_ends_everywhere_at_some_time() -> None:
    weekend = Windows([parse_window(["weekend"], "00:00", "24:00")])
    everywhere = [zone(f"UTC{offset:+}") for offset in range(-12, 15)]
    monday = ms("2026-11-23T12:00")
    # Monday has begun at UTC-12, and Saturday not yet at UTC+14.
    assert quiet_until_everywhere(monday, weekend) == quiet_until_any(monday, weekend, everywhere) == monday
    for at in (monday - 1, monday - 40 * HOUR):
        assert quiet_until_everywhere(at, weekend) == quiet_until_any(at, weekend, everywhere) == monday
    friday = ms("2026-11-27T10:00")
    assert quiet_until_everywhere(friday - 1, weekend) == friday - 1
    assert quiet_until_everywhere(friday, weekend) is None
    assert ms("2026-11-30T12:00") - friday > QUIET_SEARCH_MS_MAX


def test_an_unknown_zone_is_never_without_quiet_hours() -> None:
    night = ms("2026-11-24T23:00+01:00")
    # Nobody knows where: no hour is free everywhere, so the workspace's nights are kept.
    assert quiet_unknown(night, NIGHT, (), BERLIN) == Quiet(ms("2026-11-25T06:00+01:00"), "workspace")
    assert quiet_unknown(ms("2026-11-24T12:00"), NIGHT, (), BERLIN) == Quiet(None, "workspace")
    # In the United States, but not where: from 06:00 in Hawaii to 22:00 in New York.
    states = country_zones("US")
    morning = ms("2026-11-24T09:00-05:00")
    assert quiet_unknown(morning, NIGHT, states, BERLIN) == Quiet(ms("2026-11-24T06:00-10:00"), "candidates")
    assert quiet_unknown(ms("2026-11-24T21:59-05:00"), NIGHT, states, BERLIN) == Quiet(None, "candidates")


# --- business hours -----------------------------------------------------------------------------------------

CALENDAR = BusinessCalendar(OFFICE, BERLIN, [day("2026-12-25"), day("2027-01-01")])


def test_48_business_hours_are_six_working_days() -> None:
    assert CALENDAR.add(ms("2026-11-23T09:00+01:00"), 48 * HOUR) == ms("2026-11-30T17:00+01:00")
    assert CALENDAR.add(ms("2026-11-23T16:00+01:00"), 48 * HOUR) == ms("2026-12-01T16:00+01:00")


def test_the_clock_starts_when_the_office_opens() -> None:
    assert CALENDAR.add(ms("2026-11-21T12:00+01:00"), HOUR) == ms("2026-11-23T10:00+01:00")
    assert CALENDAR.add(ms("2026-11-21T12:00+01:00"), 0) == ms("2026-11-21T12:00+01:00")


def test_the_last_minute_may_be_the_last_of_a_day() -> None:
    assert CALENDAR.add(ms("2026-11-27T09:00+01:00"), 8 * HOUR) == ms("2026-11-27T17:00+01:00")


def test_holidays_do_not_count() -> None:
    thursday, monday = ms("2026-12-24T16:00+01:00"), ms("2026-12-28T10:00+01:00")
    assert CALENDAR.add(thursday, 2 * HOUR) == monday
    assert CALENDAR.between(thursday, monday) == 2 * HOUR
    assert not CALENDAR.open_at(ms("2026-12-25T12:00+01:00"))
    assert CALENDAR.closes_at(thursday) == ms("2026-12-24T17:00+01:00")


def test_between_counts_what_lies_inside_and_is_negative_backwards() -> None:
    start, end = ms("2026-11-20T16:30+01:00"), ms("2026-11-23T09:15+01:00")
    assert CALENDAR.between(start, end) == 45 * MINUTE
    assert CALENDAR.between(end, start) == -45 * MINUTE
    assert CALENDAR.between(start, start) == 0


def test_an_hour_that_happens_twice_is_two_hours_of_work() -> None:
    nights = BusinessCalendar(Windows([parse_window([], "00:00", "06:00")]), BERLIN)
    assert nights.between(ms("2026-10-25T00:00+02:00"), ms("2026-10-25T12:00+01:00")) == 7 * HOUR
    assert nights.between(ms("2026-03-29T00:00+01:00"), ms("2026-03-29T12:00+02:00")) == 5 * HOUR


def test_a_calendar_open_day_and_night_stops_on_holidays_only() -> None:
    calendar = BusinessCalendar(ALWAYS, BERLIN, [day("2026-12-25")])
    assert calendar.add(ms("2026-12-24T12:00+01:00"), 24 * HOUR) == ms("2026-12-26T12:00+01:00")
    assert calendar.closes_at(ms("2027-01-01")) == NEVER
    assert calendar.add(ms("2027-01-01"), 24 * HOUR) == ms("2027-01-02")


def test_a_calendar_that_is_hardly_open_is_refused() -> None:
    with pytest.raises(JourneyTimeError):
        BusinessCalendar(Windows([parse_window(["mon"], "09:00", "09:59")]), BERLIN)
    with pytest.raises(JourneyTimeError):
        BusinessCalendar(OFFICE, BERLIN, range(10_001))
