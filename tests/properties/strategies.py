"""Hypothesis strategies: a workspace, and a stream of events and ticks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from sevenfold.workspace.models import Workspace

from . import workspaces as w
from .workspaces import Draw, Fact

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 20_000 * DAY + 13 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# ------------------------------------------------------------------------------------------------ workspaces


@dataclass
class Drawn:
    """A workspace in the making: its objects, and the facts of each kind of subject that anything may use."""

    objects: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    late: dict[str, list[Fact]] = field(default_factory=dict)
    """Facts that depend on stages or scores."""

    def part(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.objects.setdefault(name, {})
        return found


@st.composite
def workspaces(draw: Draw, foretold: bool = False) -> Workspace:
    """A valid workspace of a few objects of every kind; `foretold`: with predictions anything may use."""
    made = Drawn(
        {"traits": w.TRAITS, "acquisition": w.ACQUISITION, "entities": {"order": {"key": "order_id"}}}
    )
    made.objects["catalogues"] = {"colours": {"key": "name", "rows": [{"name": "red"}, {"name": "pink"}]}}
    made.objects["timezone"] = draw(st.sampled_from(["UTC", "UTC", "America/New_York", "Asia/Kolkata"]))
    if draw(st.booleans()):
        made.objects["identity"] = {"types": {"anonymous_id": {"limit": 2}}, "blocked": ["x9"]}
    if draw(st.booleans()):
        made.objects["entities"]["order"]["person"] = False
    for of, most in (("person", 5), ("order", 2), ("account", 2)):
        _signals(draw, made, of, most)
    if foretold:
        _predictions(draw, made)
    _rollups(draw, made)
    for of in ("person", "account", "order"):
        if made.facts[of]:
            _base_segments(draw, made, of)
            _scores_and_lifecycles(draw, made, of)
            _late_segments(draw, made, of)
    _account_segments(draw, made)
    if draw(st.booleans()):
        # Whatever the order in which things are written, dependencies decide.
        names = draw(st.permutations(list(made.part("segments"))))
        made.objects["segments"] = {name: made.part("segments")[name] for name in names}
    return w.build(made.objects)


def _signals(draw: Draw, made: Drawn, of: str, most: int) -> None:
    facts = made.facts[of] = w.trait_facts(of)
    for i in range(draw(st.integers(1 if of == "person" else 0, most))):
        name = f"{of[0]}{i}"
        made.part("signals")[name], found = w.signal(draw, name, of)
        facts += found
    number = w.derived_number(draw, f"{of[0]}x", of, facts) if draw(st.integers(0, 2)) == 0 else None
    if number is not None:
        made.part("signals")[f"{of[0]}x"] = number[0]
        facts += number[1]
    if of == "person":
        _person_signals(draw, made)


def _person_signals(draw: Draw, made: Drawn) -> None:
    """Signals over traits and the channel, which need what only people have."""
    choices = {
        "channel": (
            {"kind": "channel"},
            [Fact("channel", "text", ["ads", "friend"]), Fact("channel.intent", "number", [50])],
        ),
        "changed": ({"kind": "since_change", "trait": "plan"}, [Fact("changed", "clock")]),
        "until": ({"kind": "until_date", "date": "renewal"}, [Fact("until", "clock")]),
        "after": ({"kind": "since_date", "date": "renewal"}, [Fact("after", "clock")]),
    }
    dated = [f.name for f in made.facts["person"] if f.kind == "date" and not f.name.startswith("trait")]
    if dated:
        choices["again"] = ({"kind": "since_date", "date": dated[0]}, [Fact("again", "clock")])
    for name in draw(st.lists(st.sampled_from(sorted(choices)), max_size=2, unique=True)):
        made.part("signals")[name], found = choices[name]
        made.facts["person"] += found


def _predictions(draw: Draw, made: Drawn) -> None:
    """One of each kind, some with a population, and a clock over the date."""
    for of in ("person", "account"):
        for kind, short in (("probability", "p"), ("amount", "a"), ("time_to", "d")):
            name = f"{of[0]}{short}"
            target = {"event": "C"} | ({"property": "n"} if kind == "amount" else {})
            told: dict[str, Any] = {"of": of, "kind": kind, "target": target, "horizon": "7d"}
            if draw(st.booleans()):
                told["population"] = w.condition(draw, [*w.trait_facts(of), *made.facts[of]])
            made.part("predictions")[name] = told
            if kind == "time_to":
                clock = {"kind": "until_date", "of": of, "date": f"prediction.{name}"}
                made.part("signals")[f"{name}until"] = clock
                made.facts[of].append(Fact(f"{name}until", "clock"))
            else:
                made.facts[of].append(Fact(f"prediction.{name}", "number", [0.3, 0.7]))


def _rollups(draw: Draw, made: Drawn) -> None:
    numbers = [
        f.name
        for f in made.facts["person"]
        if f.kind in ("count", "number") and not f.name.startswith("trait")
    ]
    for i in range(draw(st.integers(0, 2))):
        name = f"t{i}"
        told: dict[str, Any] = {"kind": "rollup", "of": "account"}
        if numbers and draw(st.booleans()):
            told["aggregate"] = draw(st.sampled_from(["sum", "average", "min", "max"]))
            told["signal"] = draw(st.sampled_from(numbers))
        else:
            told |= {"aggregate": "count", "when": w.condition(draw, made.facts["person"])}
        made.part("signals")[name] = told
        made.facts["account"].append(Fact(name, "count", w.COUNT_LIMITS))


def _base_segments(draw: Draw, made: Drawn, of: str) -> None:
    for i in range(draw(st.integers(0, 2))):
        name = f"{of[0]}b{i}"
        made.part("segments")[name] = {"of": of, "when": w.condition(draw, made.facts[of])}
        made.facts[of].append(Fact(f"segment.{name}", "bool"))


def _scores_and_lifecycles(draw: Draw, made: Drawn, of: str) -> None:
    facts, late = made.facts[of], made.late.setdefault(of, [])
    life = f"{of[0]}life" if draw(st.booleans()) else None
    stages = [f"g{i}" for i in range(draw(st.integers(2, 4)))]
    if draw(st.booleans()):
        name = f"{of[0]}score"
        made.part("scores")[name] = _score(draw, made, of, life, stages)
        late.append(Fact(f"score.{name}", "number", [20, 50, 80]))
        late.append(Fact(f"band.{name}", "text", ["red", "green"]))
        if draw(st.booleans()):
            history = {
                "kind": "score_history",
                "of": of,
                "score": name,
                "days": draw(st.sampled_from([28, 182])),
            }
            history["measure"] = draw(st.sampled_from(["slope", "min", "change"]))
            made.part("signals")[f"{of[0]}history"] = history
            late.append(Fact(f"{of[0]}history", "number", [0, 20, -1]))
            late.append(Fact(f"velocity.{name}", "text", ["flat", "up", "down"]))
    if life is not None:
        if draw(st.booleans()):
            made.part("signals")[f"{of[0]}time"] = {"kind": "stage_time", "of": of, "lifecycle": life}
            late.append(Fact(f"{of[0]}time", "clock", ["1d", "2d", "40d"]))
        made.part("lifecycles")[life] = _lifecycle(draw, of, stages, [*facts, *late])
        late.append(Fact(f"stage.{life}", "text", stages))
    if life is not None and draw(st.booleans()):
        told = {"kind": "count", "of": of, "event": f"$stage {life}/{stages[1]}"} | w.maybe_window(draw)
        made.part("signals")[f"{of[0]}moves"] = told
        late.append(Fact(f"{of[0]}moves", "count", w.COUNT_LIMITS))


def _lifecycle(draw: Draw, of: str, stages: list[str], facts: list[Fact]) -> dict[str, Any]:
    ranks = draw(st.none() | st.permutations(range(len(stages))))
    told = []
    for place, name in enumerate(stages):
        stage: dict[str, Any] = {"name": name}
        if place:
            stage["enter"] = w.condition(draw, facts)
        if draw(st.booleans()):
            stage["exit"] = w.condition(draw, facts)
            if draw(st.booleans()):
                stage["exit_to"] = draw(st.sampled_from(stages))
        if place and draw(st.integers(0, 3)) == 0:
            stage["from"] = draw(st.lists(st.sampled_from(stages), min_size=1, max_size=2, unique=True))
        if ranks is not None:
            stage["rank"] = ranks[place]
        told.append(stage)
    applies = {"applies": w.condition(draw, facts)} if draw(st.integers(0, 3)) == 0 else {}
    return {"of": of, "stages": told, **applies}


def _measure(draw: Draw, facts: list[Fact]) -> dict[str, Any]:
    fact = draw(st.sampled_from(facts))
    default = {"default": draw(st.sampled_from([0, 50]))} if draw(st.integers(0, 4)) == 0 else {}
    ys = draw(st.lists(st.sampled_from([0, 10, 33.3, 50, 75, 100]), min_size=3, max_size=3))
    if fact.kind in ("count", "number"):
        xs = draw(st.sampled_from([[0, 2, 3], [-1, 1.5, 4] if fact.kind == "number" else [0, 1, 7]]))
        return {"signal": fact.name, "points": list(zip(xs, ys, strict=True))} | default
    if fact.kind == "clock":
        xs = draw(st.sampled_from([["1h", "1d", "7d"], ["30m", "2d", "40d"]]))
        return {"signal": fact.name, "points": list(zip(xs, ys, strict=True))} | default
    if fact.kind == "text":
        return {"signal": fact.name, "values": dict(zip(fact.values, ys, strict=False))} | default
    return {"when": w.condition(draw, facts)} | default


def _score(draw: Draw, made: Drawn, of: str, life: str | None, stages: list[str]) -> dict[str, Any]:
    facts = [f for f in made.facts[of] if f.kind not in ("span", "date")] or made.facts[of]
    measures = {f"m{i}": _measure(draw, facts) for i in range(draw(st.integers(1, 3)))}
    weight = st.sampled_from([0, 1, 2, 0.5, 3.333])
    shapes: list[dict[str, Any]] = [{}]
    if life is not None:
        shapes += [
            {"stage": stage} for stage in draw(st.lists(st.sampled_from(stages), max_size=2, unique=True))
        ]
    bases = [f.name.removeprefix("segment.") for f in made.facts[of] if f.name.startswith("segment.")]
    if bases and draw(st.booleans()):
        shapes.append({"segment": draw(st.sampled_from(bases)), **draw(st.sampled_from(shapes))})
    tier = {"person": "plan", "account": "tier"}.get(of)
    if tier is not None and draw(st.booleans()):
        shapes.append({"tier": draw(st.sampled_from(["pro", "gold"])), **draw(st.sampled_from(shapes))})
    told: dict[str, Any] = {
        "of": of,
        "measures": measures,
        "weights": [{"weights": {m: draw(weight) for m in measures}, **shape} for shape in shapes],
        "bands": [
            {"name": n, "from": x}
            for n, x in (("red", 0), ("amber", 40), ("green", draw(st.sampled_from([50, 60]))))
        ],
        "hysteresis": draw(st.sampled_from([0, 3, 10.5])),
        "coverage_floor": draw(st.sampled_from([0, 0.5, 0.8])),
        "velocity_noise": draw(st.sampled_from([0, 0.15, 2])),
    }
    numbers = [f.name for f in facts if f.kind in ("count", "number") and "score" not in f.name]
    if numbers and draw(st.integers(0, 3)) == 0:
        told["per"] = draw(st.sampled_from(numbers))
    if life is not None:
        told["lifecycle"] = life
    if tier is not None:
        told["tier"] = tier
    if draw(st.booleans()):
        told["overrides"] = [
            {"when": w.condition(draw, facts), "cap": cap, "reason": "why"} for cap in (30, 55)
        ]
    if of == "account" and "pscore" in made.part("scores") and draw(st.booleans()):
        told["members"] = {"score": "pscore", "weight": 1.5, "roles": {"admin": 3}}
    return told


def _late_segments(draw: Draw, made: Drawn, of: str) -> None:
    segments, facts = made.part("segments"), [*made.facts[of], *made.late[of]]
    for i in range(draw(st.integers(0, 2))):
        name = f"{of[0]}l{i}"
        segments[name] = {"of": of, "when": w.condition(draw, facts)}
        facts.append(Fact(f"segment.{name}", "bool"))
    watched = [n for n, s in segments.items() if s["of"] == of]
    if watched and draw(st.booleans()):
        kind = draw(st.sampled_from(["$segment", "$left"]))
        told = {
            "kind": "count",
            "of": of,
            "event": f"{kind} {draw(st.sampled_from(watched))}",
        } | w.maybe_window(draw)
        made.part("signals")[f"{of[0]}turns"] = told
        segments[f"{of[0]}turned"] = {"of": of, "when": f"{of[0]}turns >= {draw(st.integers(1, 2))}"}


def _account_segments(draw: Draw, made: Drawn) -> None:
    """People's segments over what their account is; nothing else depends on them, so nothing feeds back."""
    facts = [*made.facts["account"], *made.late.get("account", [])]
    facts = [Fact(f"account.{f.name}", f.kind, f.values) for f in facts]
    if facts:
        for i in range(draw(st.integers(0, 2))):
            made.part("segments")[f"via{i}"] = {"when": w.condition(draw, [*facts, *made.facts["person"]])}


# --------------------------------------------------------------------------------------------------- streams


@dataclass(frozen=True)
class Step:
    """One event at engine time ``t`` (its own time is ``te``), or a tick when there is no event."""

    t: int
    te: int
    event: dict[str, Any] | None

    def raw(self) -> bytes:
        """The event as a client sends it."""
        assert self.event is not None
        at = EPOCH + timedelta(milliseconds=self.te)
        return msgspec.json.encode({**self.event, "timestamp": at.isoformat(timespec="milliseconds")})

    def plain(self) -> dict[str, Any]:
        """The event as the reference fold reads it."""
        assert self.event is not None
        return {**self.event, "time": self.te}


GAPS = [0, 0, 0, 1, 500, 1_000, 10 * MINUTE, 30 * MINUTE, HOUR, HOUR, 11 * HOUR, DAY]
LONG_GAPS = [DAY, 2 * DAY, 7 * DAY, 36 * DAY]
LATE = [0, 0, 0, 0, 0, 1, 30 * MINUTE, HOUR, DAY, 2 * DAY, 7 * DAY, 40 * DAY]


def _who(draw: Draw) -> dict[str, Any]:
    user = draw(st.sampled_from(["u1", "u1", "u2", None]))
    anonymous = draw(st.sampled_from(["x1", "x2", "x9", None, None] if user else ["x1", "x2", "x3"]))
    return {key: value for key, value in (("userId", user), ("anonymousId", anonymous)) if value is not None}


def _properties(draw: Draw) -> dict[str, Any]:
    options: dict[str, list[Any]] = {
        "p": [*w.TEXTS, None, 3],
        "n": [*w.NUMBERS, "1", True],
        "f": [True, False, "yes"],
        "d": ["2024-10-04", "2024-10-05T13:00:00.500Z", 1_728_133_200, "soon", True],
        "order_id": ["o1", "o2", 7, None],
    }
    chosen = draw(st.lists(st.sampled_from(sorted(options)), max_size=3, unique=True))
    return {name: draw(st.sampled_from(options[name])) for name in chosen}


def _track(draw: Draw) -> dict[str, Any]:
    name = draw(st.sampled_from([*w.EVENTS, *w.EVENTS, "Account Removed User"]))
    return {"type": "track", "event": name, **_who(draw), "properties": _properties(draw), **_context(draw)}


def _page(draw: Draw) -> dict[str, Any]:
    return {
        "type": "page",
        "name": draw(st.sampled_from(w.PAGES)),
        **_who(draw),
        "properties": _properties(draw),
    } | (_context(draw))


def _context(draw: Draw) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if draw(st.integers(0, 3)) == 0:
        context["groupId"] = draw(st.sampled_from(["c1", "c2"]))
    if draw(st.integers(0, 3)) == 0:
        context["campaign"] = {"source": draw(st.sampled_from(["ads", "mail"]))}
    if draw(st.integers(0, 3)) == 0:
        referrers = st.sampled_from(["https://g2.com/x", ""])
        context["page"] = {"referrer": draw(referrers), "path": draw(st.sampled_from(["/", "/pricing"]))}
    return {"context": context} if context else {}


def _identify(draw: Draw) -> dict[str, Any]:
    traits: dict[str, Any] = {}
    for name, values in (
        ("plan", ["free", "pro", "", None, 3]),
        ("size", [0, 1, 2.5, "big"]),
        ("vip", [True, False]),
        ("email", ["ann@example.com", " Ann@Example.com", "bob@example.com"]),
        ("address", [{"city": "Bonn"}, {"city": "Rome"}, {}]),
        ("renewal", ["2024-10-10", "2024-10-05T13:00:00Z", "soon"]),
    ):
        if draw(st.integers(0, 2)) == 0:
            traits[name] = draw(st.sampled_from(values))
    return {"type": "identify", **_who(draw), "traits": traits}


def _group(draw: Draw) -> dict[str, Any]:
    traits: dict[str, Any] = {}
    for name, values in (("tier", ["gold", "iron"]), ("seats", [1, 3]), ("role", ["admin", "user"])):
        if draw(st.booleans()):
            traits[name] = draw(st.sampled_from(values))
    return {"type": "group", "groupId": draw(st.sampled_from(["c1", "c2"])), **_who(draw), "traits": traits}


def _alias(draw: Draw) -> dict[str, Any]:
    ids = st.sampled_from(["u1", "u2", "x1", "x2"])
    return {"type": "alias", "userId": draw(st.sampled_from(["u1", "u2"])), "previousId": draw(ids)}


KINDS = [_track] * 12 + [_page] * 3 + [_identify] * 3 + [_group] * 3 + [_alias]


@st.composite
def streams(draw: Draw, most: int = 40) -> list[Step]:
    """Events of few people and accounts: equal instants, late ones, repetitions, big gaps, and ticks."""
    t = START
    steps = []
    for _ in range(draw(st.integers(1, most))):
        t += draw(st.sampled_from(LONG_GAPS if draw(st.integers(0, 11)) == 0 else GAPS))
        if draw(st.integers(0, 9)) == 0:
            steps.append(Step(t, t, None))
            continue
        steps.append(Step(t, t - draw(st.sampled_from(LATE)), draw(st.sampled_from(KINDS))(draw)))
    return steps
