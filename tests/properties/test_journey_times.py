"""Laws of journey times, over generated instants, zones, windows and calendars.

The judge is the clock on the wall, read minute by minute, and what it shows just before an answer.
"""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sevenfold.journeys.calendars import BusinessCalendar
from sevenfold.journeys.dates import date_due, next_anniversary
from sevenfold.journeys.times import (
    Duration,
    add_duration,
    add_then_at,
    at_local,
    jitter,
    local,
    next_at,
    next_weekday_at,
)
from sevenfold.journeys.windows import (
    Window,
    Windows,
    closes_at,
    next_open,
    open_at,
    quiet_until,
    quiet_until_any,
    quiet_until_everywhere,
)
from sevenfold.journeys.zones import DAY, HOUR, MINUTE, Zone, zone
from sevenfold.limits import QUIET_SEARCH_MS_MAX

NAMES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Beirut"),
    *(
        "Africa/Cairo",
        "Africa/Casablanca",
        "Pacific/Apia",
        "America/St_Johns",
        "Asia/Kathmandu",
        "UTC",
        "UTC+14",
    ),
)
ZONES = [zone(name) for name in NAMES]


def changes(place: Zone) -> list[int]:
    """Instants at which its clock changed in our time."""
    at = round(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * 1_000
    end = round(datetime(2035, 1, 1, tzinfo=UTC).timestamp()) * 1_000
    found = []
    while at < end:
        _, until, offset = place.span(at)
        if place.offset(until) != offset:
            found.append(until)
        at = until
    return found


CHANGES = {place.name: changes(place) or [0] for place in ZONES}


@st.composite
def moments(draw: st.DrawFn) -> tuple[Zone, int]:
    """A zone and an instant, mostly within two days of a change of its clock, often at the very minute."""
    place = draw(st.sampled_from(ZONES))
    near = draw(st.sampled_from(CHANGES[place.name]))
    distance = draw(st.one_of(st.sampled_from([0, -1, 1]), st.integers(-2 * DAY, 2 * DAY)))
    return place, near + distance


TIMES = st.one_of(st.integers(0, 24 * 60 - 1).map(lambda minute: minute * MINUTE), st.integers(0, DAY - 1))
MINUTES = st.integers(0, 24 * 60 - 1)
WEEKDAYS = st.sets(st.integers(0, 6), min_size=1).map(frozenset)


@st.composite
def windows(draw: st.DrawFn) -> Windows:
    def one() -> Window:
        start = draw(MINUTES)
        end = draw(st.integers(0, 24 * 60).filter(lambda minute: minute != start))
        return Window(draw(WEEKDAYS), start * MINUTE, end * MINUTE)

    return Windows([one() for _ in range(draw(st.integers(1, 3)))])


def wall_is_in(given: list[Window], place: Zone, at: int) -> bool:
    day, of_day = local(at, place)
    return any(
        (day + 3) % 7 in window.days and window.start_ms <= of_day < window.end_ms
        if window.start_ms < window.end_ms
        else ((day + 3) % 7 in window.days and of_day >= window.start_ms)
        or ((day + 2) % 7 in window.days and of_day < window.end_ms)
        for window in given
    )


@given(moments(), TIMES)
def test_a_local_time_is_the_first_instant_that_shows_it_or_later(
    moment: tuple[Zone, int], of_day: int
) -> None:
    place, ms = moment
    day = local(ms, place).day
    at = at_local(day, of_day, place)
    assert place.wall(at) >= day * DAY + of_day
    assert all(
        place.wall(at - back) < day * DAY + of_day for back in (1, MINUTE, HOUR, 3 * HOUR, DAY, 2 * DAY)
    )
    # It is shown exactly, unless a change of the clock skipped it, and then the change is now.
    assert place.wall(at) == day * DAY + of_day or place.offset(at - 1) < place.offset(at)


@given(moments(), st.integers(0, 24 * 60 - 1))
def test_next_at_is_the_first(moment: tuple[Zone, int], minute: int) -> None:
    place, ms = moment
    of_day = minute * MINUTE
    at = next_at(ms, of_day, place)
    assert at >= ms
    # No minute in between shows that time, but for one that has happened before.
    begin = -(-ms // MINUTE) * MINUTE
    for between in range(begin, at, MINUTE):
        shown = local(between, place)
        assert shown.ms != of_day or place.instant(place.wall(between)) < ms
    assert next_at(at, of_day, place) == at
    later = next_at(at, of_day, place, inclusive=False)
    assert later > at
    assert next_at(at + 1, of_day, place) == later


@given(moments(), moments(), TIMES, WEEKDAYS)
def test_next_at_never_goes_back_in_time(
    moment: tuple[Zone, int], other: tuple[Zone, int], of_day: int, days: frozenset[int]
) -> None:
    place, first = moment
    second = max(first, other[1])
    assert next_at(first, of_day, place) <= next_at(second, of_day, place)
    at = next_weekday_at(first, days, of_day, place)
    assert first <= at <= next_weekday_at(second, days, of_day, place)
    assert at <= first + 16 * DAY


@given(moments(), st.integers(0, 60 * DAY), st.integers(1, 24), TIMES)
def test_lengths_of_time_lead_forward_to_the_same_time_of_day(
    moment: tuple[Zone, int], length: int, months: int, of_day: int
) -> None:
    place, ms = moment
    assert add_duration(ms, Duration(length), place) == ms + length
    later = add_duration(ms, Duration(0, months=months), place)
    assert ms + 27 * DAY * months < later < ms + 32 * DAY * months
    assert later == at_local(local(later, place).day, local(ms, place).ms, place) or (
        place.offset(later - 1) < place.offset(later)
    )
    days = Duration(2 * DAY, days=2)
    # Two calendar days later at a local time lies within three days, and after today.
    at = add_then_at(ms, days, of_day, place)
    assert ms < at < ms + 3 * DAY + 25 * HOUR


@given(moments(), st.data())
def test_windows_are_open_when_the_wall_clock_says_so(moment: tuple[Zone, int], data: st.DataObject) -> None:
    place, ms = moment
    given_windows = [
        Window(data.draw(WEEKDAYS), start * MINUTE, end * MINUTE)
        for start, end in data.draw(
            st.lists(
                st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=3
            )
        )
    ]
    weekly = Windows(given_windows)
    for at in range(ms, ms + 2 * DAY, 17 * MINUTE + 1):
        assert open_at(at, weekly, place) == wall_is_in(given_windows, place, at)
    opens = next_open(ms, weekly, place)
    for at in range(ms, min(opens, ms + 3 * DAY), 11 * MINUTE):
        assert not wall_is_in(given_windows, place, at)
    assert wall_is_in(given_windows, place, opens)
    assert opens == ms or not wall_is_in(given_windows, place, opens - 1)


@given(moments(), windows())
def test_windows_are_half_open_and_answers_settle(moment: tuple[Zone, int], weekly: Windows) -> None:
    place, ms = moment
    opens = next_open(ms, weekly, place)
    assert opens >= ms
    assert next_open(opens, weekly, place) == opens
    assert open_at(opens, weekly, place)
    if weekly.always:
        return
    closes = closes_at(opens, weekly, place)
    assert closes > opens
    assert open_at(closes - 1, weekly, place)
    assert not open_at(closes, weekly, place)
    until = quiet_until(ms, weekly, place)
    assert (until is None) == (not open_at(ms, weekly, place))
    assert until is None or closes_at(until, weekly, place) == until


@given(moments(), windows(), st.sets(st.integers(0, len(ZONES) - 1), min_size=1, max_size=4))
def test_quiet_in_any_zone_ends_when_it_is_quiet_in_none(
    moment: tuple[Zone, int], weekly: Windows, chosen: set[int]
) -> None:
    places = [ZONES[number] for number in chosen]
    _, ms = moment
    at = quiet_until_any(ms, weekly, places)
    if at is not None:
        assert not any(open_at(at, weekly, place) for place in places)
        assert ms <= at <= ms + QUIET_SEARCH_MS_MAX
    # Nothing earlier would have done.
    for earlier in range(ms, at if at is not None else ms + QUIET_SEARCH_MS_MAX, 13 * MINUTE):
        assert any(open_at(earlier, weekly, place) for place in places)


@given(st.integers(0, 2_000 * DAY), windows())
def test_quiet_everywhere_is_quiet_in_any_of_all_offsets(ms: int, weekly: Windows) -> None:
    at = quiet_until_everywhere(ms, weekly)
    every = [
        zone(f"UTC{'+' if n >= 0 else '-'}{abs(n) // 4:02}:{abs(n) % 4 * 15:02}") for n in range(-48, 57)
    ]
    if at is None:
        return
    assert not any(open_at(at, weekly, place) for place in every)
    assert quiet_until_any(ms, weekly, every) in range(ms, at + 1)


@given(moments(), windows().filter(lambda weekly: weekly.week_ms >= HOUR), st.data())
def test_adding_work_and_counting_it_are_inverse(
    moment: tuple[Zone, int], weekly: Windows, data: st.DataObject
) -> None:
    place, ms = moment
    today = local(ms, place).day
    holidays = data.draw(st.sets(st.integers(today - 3, today + 10), max_size=4))
    calendar = BusinessCalendar(weekly, place, holidays)
    work, more = data.draw(st.integers(0, 60 * HOUR)), data.draw(st.integers(0, 9 * HOUR))
    due = calendar.add(ms, work)
    assert due >= ms
    assert calendar.between(ms, due) == work
    # The first such instant, and in one step or two.
    assert work == 0 or calendar.between(ms, due - 1) == work - 1
    assert calendar.add(due, more) == calendar.add(ms, work + more)
    end = ms + data.draw(st.integers(0, 20 * DAY))
    middle = ms + (end - ms) // 3
    assert calendar.between(ms, end) == calendar.between(ms, middle) + calendar.between(middle, end)
    assert calendar.add(ms, calendar.between(ms, end)) <= end


@given(moments(), st.integers(-40, 40), TIMES, st.integers(0, 30_000))
def test_anniversaries_come_in_order_and_not_before_they_are_asked_for(
    moment: tuple[Zone, int], days: int, of_day: int, later: int
) -> None:
    place, date_ms = moment
    offset = Duration(days * DAY, days=days)
    asked = date_ms + later * DAY
    due = next_anniversary(date_ms, asked, place, offset=offset, at=of_day)
    assert due.at >= asked
    assert due.years >= 1
    after = next_anniversary(date_ms, due.at + 1, place, offset=offset, at=of_day)
    assert after.years == due.years + 1
    # None lies between: the one before is too early, or it is the first.
    assert (
        due.years == 1
        or next_anniversary(date_ms, due.at - 400 * DAY, place, offset=offset, at=of_day).at < asked
    )


@given(moments(), st.integers(-400, 400), TIMES)
def test_a_date_due_at_a_local_time_is_that_many_calendar_days_away(
    moment: tuple[Zone, int], days: int, of_day: int
) -> None:
    place, date_ms = moment
    due = date_due(date_ms, Duration(days * DAY, days=days), of_day, place)
    day = local(date_ms, place).day if date_ms % DAY else date_ms // DAY
    assert due == at_local(day + days, of_day, place)


@given(st.integers(0, 1 << 41), st.integers(1, 10 * DAY), st.lists(st.one_of(st.text(), st.integers())))
def test_jitter_stays_below_its_width(ms: int, width: int, key: list[str | int]) -> None:
    assert ms <= jitter(ms, width, *key) < ms + width
    assert jitter(ms, width, *key) - ms == jitter(0, width, *key)
