"""What a human reads about a subject: values behind names, and texts with names in braces."""

from __future__ import annotations

from typing import Any

import pytest

from sevenfold.journeys.evidence import (
    Evidence,
    event_properties,
    iso,
    name_of,
    names_in,
    spoken,
    spoken_length,
)
from sevenfold.profiles.expressions import ExpressionError

from .office import DAY, HOUR, NINE, World, workspace

EVENT = {"order": {"total": 12.5}, "step": "import"}


def office() -> tuple[World, Evidence, Any, Any]:
    """Somebody with a plan and an order, in an account."""
    world = World(
        workspace(
            traits={
                "plan": {"type": "string"},
                "city": {"type": "string", "path": "address.city"},
                "renewal": {"type": "date"},
                "tier": {"type": "string", "of": "account"},
            },
            signals={
                "clicks": {"kind": "count", "event": "Clicked"},
                "spent": {"kind": "sum", "event": "Paid", "property": "amount"},
                "idle": {"kind": "since", "event": "Clicked"},
                "visits": {"kind": "sessions", "event": "Clicked"},
                "team": {"kind": "count", "event": "Clicked", "of": "account"},
                "items": {"kind": "count", "event": "Paid", "of": "order"},
            },
            segments={"busy": {"when": "clicks >= 2"}},
            entities={"order": {"key": "order_id"}},
        )
    )
    world.identify(NINE, "u", plan="pro", address={"city": "Ulm"}, renewal="2026-03-01", shoe=43)
    world._send(NINE, {"type": "group", "userId": "u", "groupId": "acme", "traits": {"tier": "gold"}})
    world.track(NINE, "u", "Clicked")
    world.track(NINE + 1, "u", "Clicked")
    world.track(NINE + 2, "u", "Paid", order_id="o1", amount=12.5)
    world.until(NINE + 50 * HOUR + 1)
    return world, Evidence(world.fold), world.fold.person, world.fold.units["order"]


def test_values_are_in_natural_units_and_what_is_unknown_is_none() -> None:
    _, evidence, person, _ = office()
    names = [
        "clicks",
        "spent",
        "idle",
        "segment.busy",
        "trait.plan",
        "trait.city",
        "trait.renewal",
        "trait.shoe",
    ]
    names += ["account.trait.tier", "account.team", "event.order.total", "event.none", "trait.none", "none"]
    assert list(evidence.values(person, 1, names, EVENT).values()) == [
        *(2, 12.5, 50 * HOUR, True, "pro", "Ulm", "2026-03-01", 43),
        *("gold", 2, 12.5, None, None, None),
    ]


def test_an_entity_reads_its_person() -> None:
    _, evidence, _, order = office()
    assert evidence.values(order, 1, ["items", "person.clicks", "person.trait.plan"], {}) == {
        "items": 1,
        "person.clicks": 2,
        "person.trait.plan": "pro",
    }


def test_a_text_reads_like_a_sentence() -> None:
    _, evidence, person, _ = office()
    text = "{ clicks } clicks, idle for {idle}, busy: {segment.busy}, at {event.step}; {reason}; {trait.none}"
    assert evidence.render(person, 1, text, EVENT, {"reason": "why not"}) == (
        "2 clicks, idle for 2 days, busy: yes, at import; why not; unknown"
    )


def test_names_are_those_of_conditions() -> None:
    assert name_of("trait.plan") == ("trait", "plan")
    assert names_in("{a.b} and { c }") == ["a.b", "c"]
    assert event_properties(["event.a.b", "event.c", "d.e"]) == {"a", "c"}
    for wrong in ("a >= 1", "1", "not a"):
        with pytest.raises(ExpressionError):
            name_of(wrong)


def test_values_and_lengths_are_spoken() -> None:
    assert [spoken(one) for one in (None, True, 2.0, 2.5, ["a", 1], [], "x")] == [
        *("unknown", "yes", "2", "2.5", "a, 1", "none", "x"),
    ]
    assert [spoken_length(ms) for ms in (0, 59_999, 60_000, 90 * 60_000, DAY, -2 * DAY)] == [
        *("0 minutes", "0 minutes", "1 minute", "1 hour", "1 day", "-2 days"),
    ]
    assert (iso(NINE), iso(NINE - 8 * HOUR)) == ("2026-01-05T08:00:00Z", "2026-01-05")
