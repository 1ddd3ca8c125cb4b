"""Caps by chance: no rolling window and no calendar period ever holds more than the cap allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.journeys.civil import civil
from sevenfold.journeys.times import NEVER, local
from sevenfold.journeys.zones import DAY, Zone, zone
from sevenfold.messages.caps import CompiledCap
from sevenfold.messages.ledger import NONE, Kind, Kinds, Ledger, released, reserved, united
from sevenfold.messages.policy import Cap

HOUR = 3_600_000
START = 1_774_560_000_000
"""2026-03-26 22:00 UTC, days before clocks change in Europe."""
KINDS = [
    Kind("j", "s", "t", channel, category, None, None, tags, transactional)
    for channel in ("email", "sms")
    for category in ("news", None)
    for tags in ((), ("soft",))
    for transactional in (False, True)
]
scopes = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["email", "sms"]),
        "category": st.just("news"),
        "tag": st.just("soft"),
        "transactional": st.booleans(),
    },
)
rolling = st.builds(
    lambda limit, hours, scope: {"limit": limit, "per": f"{hours}h", **scope},
    st.integers(0, 3),
    st.sampled_from([1, 5, 24, 72]),
    scopes,
)
calendar = st.builds(
    lambda limit, period, name, scope: {"limit": limit, "calendar": period, "zone": name, **scope},
    st.integers(0, 3),
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"]),
    scopes,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("propose"), st.integers(0, 1), st.integers(0, len(KINDS) - 1)),
        st.tuples(st.just("burst"), st.integers(0, 1), st.integers(0, len(KINDS) - 1)),
        st.tuples(st.just("fail"), st.integers(0, 1), st.integers(0, 30)),
        st.tuples(st.just("pass"), st.sampled_from([0, 1, HOUR, HOUR - 1, 11 * HOUR, 30 * HOUR]), st.just(0)),
    ),
    max_size=40,
)


@dataclass
class World:
    """Two people under the same caps; what each got and did not lose again."""

    caps: list[CompiledCap]
    kinds: Kinds
    ledgers: list[Ledger]
    got: list[list[tuple[int, int]]]

    def propose(self, person: int, code: int, t: int) -> bool:
        """Whether the caps have room; reserves if they have."""
        kind = self.kinds.all[code]
        for cap in () if kind.transactional else self.caps:
            if cap.covers(kind):
                held = [self.ledgers[person] or NONE]
                if cap.full_until(t, cap.model.limit, held, self.kinds.caps) is not None:
                    return False
        self.ledgers[person] = reserved(self.ledgers[person], t, code, 400 * DAY)
        self.got[person].append((t, code))
        return True

    def fail(self, person: int, place: int) -> None:
        """One of the messages failed: its place is free."""
        if self.got[person]:
            t, code = self.got[person].pop(place % len(self.got[person]))
            assert released(self.ledgers[person], t, code)


def world(caps: list[dict[str, Any]]) -> World:
    compiled = []
    for place, fields in enumerate(caps):
        model = msgspec.convert(fields, Cap)
        name = model.zone or "UTC"
        compiled.append(CompiledCap(str(place), model, place, zone(name), lambda _: None))
    kinds = Kinds(lambda kind: sum(cap.bit for cap in compiled if cap.covers(kind)))
    for kind in KINDS:
        kinds.code(kind)
    return World(compiled, kinds, [None, None], [[], []])


def period(cap: CompiledCap, t: int, where: Zone) -> Any:
    day = local(t, where).day
    if cap.model.calendar == "day":
        return day
    if cap.model.calendar == "week":
        return (day + 3) // 7
    return civil(day)[:2]


def counted(cap: CompiledCap, got: list[tuple[int, int]], kinds: Kinds) -> list[int]:
    """Times of the messages that the cap holds down; those that only count are left out."""
    chosen = [kinds.all[code] for _, code in got]
    return sorted(
        t for (t, _), kind in zip(got, chosen, strict=True) if cap.covers(kind) and not kind.transactional
    )


def in_rolling(cap: CompiledCap, times: list[int]) -> int:
    """The most messages in any window of the cap's length, by brute force."""
    return max((sum(1 for t in times if end - cap.per < t <= end) for end in times), default=0)


def in_calendar(cap: CompiledCap, times: list[int]) -> int:
    """The most messages in any period, by brute force."""
    found: dict[Any, int] = {}
    for t in times:
        key = period(cap, t, cap.zone)
        found[key] = found.get(key, 0) + 1
    return max(found.values(), default=0)


@given(st.lists(st.one_of(rolling, calendar), min_size=1, max_size=4), steps)
def test_no_window_ever_holds_more_than_the_cap(
    caps: list[dict[str, Any]], script: list[tuple[str, int, int]]
) -> None:
    made, t = world(caps), START
    for what, first, second in script:
        if what == "propose":
            made.propose(first, second, t)
        elif what == "burst":
            for _ in range(6):
                made.propose(first, second, t)
        elif what == "fail":
            made.fail(first, second)
        else:
            t += first
    for cap in made.caps:
        for got in made.got:
            times = counted(cap, got, made.kinds)
            most = in_rolling(cap, times) if cap.per else in_calendar(cap, times)
            assert most <= max(cap.model.limit, 0)


@given(st.one_of(rolling, calendar), steps)
def test_deferral_ends_when_there_is_room_and_not_before(
    fields: dict[str, Any], script: list[tuple[str, int, int]]
) -> None:
    made, t = world([fields]), START
    (cap,) = made.caps
    for what, first, second in script:
        if what == "pass":
            t += first
            continue
        if what == "fail":
            made.fail(0, second)
            continue
        if made.propose(0, second, t) or made.kinds.all[second].transactional:
            continue
        held = [made.ledgers[0] or NONE]
        until = cap.full_until(t, cap.model.limit, held, made.kinds.caps)
        assert until is not None
        if until < NEVER:
            assert until > t
            assert cap.full_until(until, cap.model.limit, held, made.kinds.caps) is None
            assert cap.full_until(until - 1, cap.model.limit, held, made.kinds.caps) is not None


@given(steps, steps, st.integers(1, 3))
def test_after_a_merge_both_histories_count(
    before: list[tuple[str, int, int]], after: list[tuple[str, int, int]], limit: int
) -> None:
    made, t = world([{"limit": limit, "per": "24h"}]), START
    for what, first, second in before:
        if what in ("propose", "burst"):
            made.propose(first, second, t)
        elif what == "pass":
            t += first
    merged = united(made.ledgers[0], made.ledgers[1])
    both = sorted(made.got[0] + made.got[1])
    assert list(merged or ()) == sorted([*(made.ledgers[0] or ()), *(made.ledgers[1] or ())])
    made.ledgers, made.got = [merged, None], [both, []]
    (cap,) = made.caps
    since = t
    for what, first, second in after:
        if what in ("propose", "burst"):
            made.propose(0, second, t)
        elif what == "fail":
            made.fail(0, second)
        else:
            t += first
        times = counted(cap, made.got[0], made.kinds)
        inside = [one for one in times if t - cap.per < one <= t]
        if any(one > since for one in inside):
            # What was sent to both before stays sent; nothing is added until there is room.
            new = [one for one in inside if one > since]
            assert len([one for one in times if new[-1] - cap.per < one <= new[-1]]) <= limit


@given(st.lists(st.tuples(st.integers(0, 5 * DAY), st.integers(0, 3)), max_size=30), st.integers(1, 3 * DAY))
def test_a_ledger_keeps_what_its_horizon_asks_for(sent: list[tuple[int, int]], horizon: int) -> None:
    ledger: Ledger = None
    sent = sorted(sent)
    for t, code in sent:
        ledger = reserved(ledger, START + t, code, horizon)
        kept = sorted((START + u, c) for u, c in sent[: sent.index((t, code)) + 1] if u > t - horizon)
        assert {(entry >> 18, entry & 0x3FFFF) for entry in ledger} >= set(kept)
        assert list(ledger) == sorted(ledger)
