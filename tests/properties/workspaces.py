"""Small valid workspaces of every kind of object, drawn so that their numbers and times meet exactly.

What depends on what is drawn in layers, so that no workspace has a cycle: signals, then base segments, scores
and lifecycles, then segments over those, and last segments over an account's facts (which nothing else uses).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import strategies as st

from sevenfold.workspace.models import Workspace

Draw = Callable[[st.SearchStrategy[Any]], Any]
EVENTS = ["A", "B", "C", "Ab", "Signed Up"]
PAGES = ["Home", "Pricing"]
TEXTS = ["red", "green", "blue"]
NUMBERS: list[Any] = [0, 0, 0, 1, 1, 2, 3, 0.5, -1, 2.25, 1_000_000]
WINDOWS = ["30m", "1h", "1d", "2d", "7d", "35d", "36d", "60d"]
SPANS = ["30m", "1h", "1d", "2d", "7d", "10d", "40d"]
ORDERS = ["<", "<=", ">", ">="]
TRAITS = {
    "plan": {},
    "size": {"type": "number"},
    "vip": {"type": "boolean"},
    "renewal": {"type": "date"},
    "city": {"path": "address.city"},
    "tier": {"of": "account"},
    "seats": {"of": "account", "type": "number"},
}


TEXT_SHAPES = [
    "{} == '{}'",
    "{} != '{}'",
    "{} in ('{}', 'other')",
    "{} contains '{}'",
    "not {} starts_with '{}'",
    "{} matches '?{}*'",
]


@dataclass
class Fact:
    """A name that conditions may use, and how it may be compared."""

    name: str
    kind: str
    values: list[Any] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------ conditions


def number_atom(draw: Draw, fact: Fact, others: list[Fact]) -> str:
    op = draw(st.sampled_from([*ORDERS, "==", "!="]))
    limit = draw(st.sampled_from(fact.values))
    other = draw(st.sampled_from(others))
    shapes = [
        f"{fact.name} + 2 * {other.name} {op} {limit}",
        f"{fact.name} {op} {other.name}",
        f"{limit} {op} {fact.name}",
        f"{limit} <= {fact.name} < {draw(st.sampled_from(fact.values))}",
        f"{fact.name} in ({limit}, 7)",
    ]
    return f"{fact.name} {op} {limit}" if draw(st.booleans()) else str(draw(st.sampled_from(shapes)))


def atom(draw: Draw, facts: list[Fact]) -> str:
    fact = draw(st.sampled_from(facts))
    if draw(st.integers(0, 11)) == 0:
        return f"{draw(st.sampled_from(['exists', 'missing']))} {fact.name}"
    if fact.kind in ("count", "number"):
        return number_atom(draw, fact, [f for f in facts if f.kind in ("count", "number")])
    if fact.kind in ("clock", "span"):
        return f"{fact.name} {draw(st.sampled_from(ORDERS))} {draw(st.sampled_from(fact.values or SPANS))}"
    if fact.kind == "text":
        shape = draw(st.sampled_from(TEXT_SHAPES))
        return str(shape).format(fact.name, draw(st.sampled_from(fact.values)))
    if fact.kind == "date":
        return f"{fact.name} {draw(st.sampled_from(ORDERS))} '2024-10-05'"
    shapes = [fact.name, f"not {fact.name}", f"{fact.name} == true", f"{fact.name} != true"]
    return str(draw(st.sampled_from(shapes)))


def condition(draw: Draw, facts: list[Fact]) -> Any:
    first, second = atom(draw, facts), atom(draw, facts)
    shapes: list[Any] = [
        first,
        first,
        f"{first} and {second}",
        f"{first} or {second}",
        f"not ({first} and {second})",
    ]
    shapes += [{"all": [first, {"not": second}]}, {"any": [first, second]}]
    return draw(st.sampled_from(shapes))


def where(draw: Draw) -> Any:
    tests = [
        "property.n > 0.5",
        "property.n <= 1",
        "property.p == 'red'",
        "property.p != 'red'",
        "property.p in ('red', 'green')",
        "not property.p == 'blue'",
        "property.f",
        "exists property.p and property.n >= 1",
        "missing property.n or property.p starts_with 'r'",
    ]
    return draw(st.sampled_from(tests))


# --------------------------------------------------------------------------------------------------- signals


def stream(draw: Draw, of: str, extra: list[str]) -> dict[str, Any]:
    names = st.sampled_from([*EVENTS, *PAGES, "A*", "*", *extra])
    made: dict[str, Any] = {
        "of": of,
        "event": draw(names | st.lists(names, min_size=2, max_size=2, unique=True)),
    }
    if draw(st.integers(0, 2)) == 0:
        made["where"] = where(draw)
    return made


def maybe_window(draw: Draw) -> dict[str, Any]:
    return {"window": draw(st.sampled_from(WINDOWS))} if draw(st.integers(0, 3)) else {}


COUNT_LIMITS: list[Any] = [0, 1, 2, 3]
NUMBER_LIMITS: list[Any] = [0, 0.5, 1, 1.5, 2, 0.333333, 4.5]


def signal(draw: Draw, name: str, of: str) -> tuple[dict[str, Any], list[Fact]]:
    """A signal over streams, and the facts it gives."""
    kind = draw(st.sampled_from([*SHAPES]))
    return SHAPES[kind](draw, name, {"kind": kind, **stream(draw, of, [])})


def _count(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    return made | maybe_window(draw), [Fact(name, "count", COUNT_LIMITS)]


def _number(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    return made | {"property": "n"} | maybe_window(draw), [Fact(name, "number", NUMBER_LIMITS)]


def _edge(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    prop, type_, fact = draw(
        st.sampled_from(
            [
                ("p", "string", "text"),
                ("n", "number", "number"),
                ("f", "boolean", "bool"),
                ("d", "date", "date"),
            ]
        )
    )
    values = TEXTS if fact == "text" else NUMBER_LIMITS
    return made | {"property": prop, "type": type_}, [Fact(name, fact, values)]


def _since(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    return made | {"edge": draw(st.sampled_from(["last", "first"]))}, [Fact(name, "clock")]


def _distinct(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    return made | {"property": "p"} | maybe_window(draw), [Fact(name, "count", COUNT_LIMITS)]


def _sessions(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    facts = [Fact(name, "count", COUNT_LIMITS), Fact(f"{name}.events", "count", COUNT_LIMITS)]
    facts += [Fact(f"{name}.{part}", "span") for part in ("current", "previous", "average")]
    return made | {"gap": draw(st.sampled_from(["30m", "1h", "1d"]))} | maybe_window(draw), facts


def _trend(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    return made | {"window": draw(st.sampled_from(["2d", "3d", "7d"]))}, [
        Fact(name, "number", [0, 0.5, -0.5])
    ]


def _baseline(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    lengths = {
        "window": draw(st.sampled_from(["1h", "1d", "7d", "36d"])),
        "baseline": draw(st.sampled_from(WINDOWS)),
    }
    return made | lengths | {"minimum": draw(st.integers(1, 3))}, [Fact(name, "number", NUMBER_LIMITS)]


def _milestones(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    steps = []
    for step in ("one", "two", "three")[: draw(st.integers(1, 3))]:
        steps.append({"name": step, "event": draw(st.sampled_from(EVENTS))})
        if draw(st.booleans()):
            steps[-1]["within"] = draw(st.sampled_from(SPANS))
        if draw(st.integers(0, 3)) == 0:
            steps[-1]["where"] = where(draw)
    facts = [Fact(name, "count", COUNT_LIMITS), Fact(f"{name}.stalled", "bool")]
    facts += [Fact(f"{name}.one", "bool"), Fact(f"{name}.next", "text", ["one", "two"])]
    return {"kind": "milestones", "of": made["of"], "start": "Signed Up", "steps": steps}, facts


def _sequence(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    event = st.sampled_from([*EVENTS, *PAGES])
    told = {"kind": "sequence", "of": made["of"], "first": draw(event), "then": draw(event)}
    told["within"] = draw(st.sampled_from(SPANS))
    told["outcome"] = draw(st.sampled_from(["followed", "not_followed"]))
    for side in ("first_where", "then_where"):
        if draw(st.integers(0, 3)) == 0:
            told[side] = where(draw)
    return told | maybe_window(draw), [Fact(name, "count", COUNT_LIMITS)]


def _values(draw: Draw, name: str, made: dict[str, Any]) -> tuple[dict[str, Any], list[Fact]]:
    more = {"property": "p", "quiet": draw(st.sampled_from(SPANS)), "minimum": draw(st.integers(1, 2))}
    facts = [Fact(f"{name}{part}", "count", COUNT_LIMITS) for part in ("", ".abandoned", ".unused")]
    facts += [Fact(f"{name}{part}", "text", TEXTS) for part in (".top", ".recent")]
    return made | more | {"catalogue": "colours"}, facts


Shape = Callable[[Draw, str, dict[str, Any]], tuple[dict[str, Any], list[Fact]]]
SHAPES: dict[str, Shape] = {
    "count": _count,
    "sum": _number,
    "min": _number,
    "max": _number,
    "average": _number,
    "first": _edge,
    "last": _edge,
    "since": _since,
    "distinct": _distinct,
    "active_days": _count,
    "sessions": _sessions,
    "trend": _trend,
    "baseline": _baseline,
    "milestones": _milestones,
    "sequence": _sequence,
    "values": _values,
}
"""Kinds of signals over streams. The kinds over other facts are drawn where those facts are."""


def derived_number(
    draw: Draw, name: str, of: str, facts: list[Fact]
) -> tuple[dict[str, Any], list[Fact]] | None:
    """A ratio or a formula over numbers drawn before."""
    numbers = [f.name for f in facts if f.kind in ("count", "number")]
    if not numbers:
        return None
    a, b = draw(st.sampled_from(numbers)), draw(st.sampled_from(numbers))
    told: dict[str, Any] = {"kind": "ratio", "of": of, "numerator": a, "denominator": b}
    if draw(st.booleans()):
        told = {"kind": "formula", "of": of, "formula": f"{a} - 0.5 * {b} + 1"}
        if draw(st.booleans()):
            told["at_least"] = 0
    return told, [Fact(name, "number", NUMBER_LIMITS)]


def trait_facts(of: str) -> list[Fact]:
    if of == "account":
        return [Fact("trait.tier", "text", ["gold", "iron"]), Fact("trait.seats", "number", NUMBER_LIMITS)]
    if of != "person":
        return []
    return [
        Fact("trait.plan", "text", ["free", "pro"]),
        Fact("trait.city", "text", ["Bonn"]),
        Fact("trait.size", "number", NUMBER_LIMITS),
        Fact("trait.vip", "bool"),
        Fact("trait.renewal", "date"),
    ]


ACQUISITION = [
    {"channel": "friend", "intent": 80, "when": "property.p == 'blue'", "survey": True},
    {"channel": "ads", "intent": 30.5, "when": "campaign.source == 'ads'"},
    {"channel": "vip", "intent": 90, "when": "trait.plan == 'pro' and page.path matches '*pricing'"},
    {"channel": "review", "intent": 70, "when": "page.referrer contains 'g2.com'"},
    {"channel": "shop", "intent": 60, "when": "property.p == 'red' or property.n > 1"},
]


def build(objects: dict[str, Any]) -> Workspace:
    return msgspec.convert({"name": "drawn", **objects}, Workspace)
