"""Calendar caps where clocks change, and the small rules of caps and ledgers."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from sevenfold.journeys.times import NEVER
from sevenfold.journeys.zones import zone
from sevenfold.messages.caps import CompiledCap
from sevenfold.messages.ledger import CODE_BITS, Kind, Kinds, latest, released, reserved, united
from sevenfold.messages.policy import Cap, QuietHours
from sevenfold.messages.quiet import CompiledQuiet, Whereabouts

HOUR, DAY = 3_600_000, 86_400_000
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "America/Santiago": ("2026-04-04", "2026-09-06"),
}
"""Days that are longer or shorter than others; in Santiago clocks change at midnight."""
DAYS = [(name, day) for name in ZONES for day in CHANGES[name]]


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def cap(**fields: Any) -> CompiledCap:
    model = msgspec.convert(fields, Cap)
    return CompiledCap("cap", model, 0, zone(model.zone or "UTC"), {"mail": "email"}.get)


def start_of(day: str, name: str, later: int = 0) -> int:
    """The first instant of a local day: midnight, or what comes first where there is none."""
    wanted = datetime.fromisoformat(day).date() + timedelta(days=later)
    at = datetime(wanted.year, wanted.month, wanted.day, tzinfo=UTC) - timedelta(hours=20)
    while at.astimezone(ZoneInfo(name)).date() < wanted:
        at += timedelta(minutes=30)
    return ms(at)


@pytest.mark.parametrize(("name", "day"), DAYS)
def test_a_day_of_a_cap_is_the_local_day_also_when_clocks_change(name: str, day: str) -> None:
    daily = cap(limit=1, calendar="day", zone=name)
    first, then = start_of(day, name), start_of(day, name, 1)
    assert then - first != DAY
    for t in (first, first + HOUR, then - 1):
        assert daily.since(t) == first
        assert daily.full_until(t, 1, [array("q", [first << CODE_BITS])], [1]) == then
    assert daily.since(first - 1) == start_of(day, name, -1)
    assert daily.full_until(then, 1, [array("q", [(then - 1) << CODE_BITS])], [1]) is None


@pytest.mark.parametrize(("name", "day"), DAYS)
def test_a_week_of_a_cap_begins_on_monday(name: str, day: str) -> None:
    weekly = cap(limit=1, calendar="week", zone=name)
    weekday = datetime.fromisoformat(day).weekday()
    monday, next_monday = start_of(day, name, -weekday), start_of(day, name, 7 - weekday)
    for t in (monday, start_of(day, name), next_monday - 1):
        assert weekly.since(t) == monday
        assert weekly.full_until(t, 1, [array("q", [monday << CODE_BITS])], [1]) == next_monday


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_of_a_cap_is_the_calendars(name: str, month: int) -> None:
    monthly = cap(limit=1, calendar="month", zone=name)
    first = start_of(f"2028-{month:02}-01", name)
    then = start_of(f"{2028 + month // 12}-{month % 12 + 1:02}-01", name)
    for t in (first, then - 1):
        assert monthly.since(t) == first
        assert monthly.full_until(t, 1, [array("q", [first << CODE_BITS])], [1]) == then
    assert then - first < monthly.longest


@pytest.mark.parametrize(("name", "day"), DAYS)
def test_quiet_hours_end_in_the_morning_also_when_clocks_change(name: str, day: str) -> None:
    windows = [{"from": "21:00", "to": "08:00"}]
    entry = CompiledQuiet(msgspec.convert({"windows": windows}, QuietHours), lambda _: None)
    here = Whereabouts(zone(name), "person")
    local = datetime.fromisoformat(day).replace(hour=8, tzinfo=ZoneInfo(name))
    morning, evening = ms(local), ms(local.replace(hour=21))
    found = entry.at(start_of(day, name), here, here.zone)
    assert found is not None and found.until == morning
    for t in (morning, evening - 1):
        assert entry.at(t, here, here.zone) is None
    assert entry.at(morning - 1, here, here.zone) is not None
    assert entry.at(evening, here, here.zone) is not None


@pytest.mark.parametrize(
    "fields", [{"limit": 1}, {"limit": 1, "per": "1d", "calendar": "day"}], ids=["neither", "both"]
)
def test_a_cap_has_either_a_window_or_a_calendar(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, Cap)


def test_a_cap_may_name_a_channel_by_its_kind() -> None:
    kind = Kind("j", "s", "t", "mail", None, None, None, (), False)
    assert cap(limit=1, per="1d", channel="email").covers(kind)
    assert cap(limit=1, per="1d", channel="mail").covers(kind)
    assert not cap(limit=1, per="1d", channel="sms").covers(kind)


def test_the_first_segment_that_holds_says_the_limit() -> None:
    made = cap(limit=2, per="1d", limits={"a": 5, "b": 1})
    made.limits = [(lambda row: row == 1, 5), (lambda row: row < 3, 1)]
    assert [made.limit(row) for row in (1, 2, 3)] == [5, 1, 2]
    assert made.least == 1


def test_nothing_and_never_are_told_apart() -> None:
    assert cap(limit=0, per="1d").full_until(5 * DAY, 0, [()], []) == NEVER
    assert cap(limit=1, per="1d").full_until(5 * DAY, 1, [()], []) is None


def test_ledgers_take_give_back_and_unite() -> None:
    ledger = None
    for t, code in ((5, 1), (3, 0), (5, 0)):
        ledger = reserved(ledger, t, code, 100)
    assert ledger is not None
    assert [(one >> CODE_BITS, one & 0xFF) for one in ledger] == [(3, 0), (5, 0), (5, 1)]
    assert released(ledger, 5, 0) and not released(ledger, 5, 0)
    assert not released(None, 5, 0)
    assert list(united(ledger, array("q", [4 << CODE_BITS])) or ()) == [
        *(3 << CODE_BITS, 4 << CODE_BITS, 5 << CODE_BITS | 1)
    ]
    assert united(None, None) is None and united(ledger, None) is ledger
    assert latest([ledger, array("q", [4 << CODE_BITS])], 0, lambda code: code == 0) == 4
    assert latest([ledger], 4, lambda code: code == 0) is None


def test_kinds_keep_their_codes_in_a_snapshot() -> None:
    kinds, again = Kinds(lambda kind: len(kind.tags)), Kinds(lambda kind: len(kind.tags))
    made = [Kind("j", "s", str(i), "mail", None, "t", None, ("a",) * i, False, ("c",)) for i in range(3)]
    assert [kinds.code(kind) for kind in (*made, *made)] == [0, 1, 2, 0, 1, 2]
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(kinds.dump())))
    assert again.all == made and again.caps == [0, 1, 2]
    assert again.code(made[1]) == 1
