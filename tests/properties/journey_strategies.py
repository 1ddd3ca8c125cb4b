"""Hypothesis strategies for journeys: a fixed small world, drawn journeys in it, and streams of records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from sevenfold.workspace.models import Workspace

from .workspaces import Draw

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_774_526_400_000
"""2026-03-26 12:00 UTC, days before clocks change in Europe."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WORLD: dict[str, Any] = {
    "name": "world",
    "timezone": "Europe/Berlin",
    "entities": {"order": {"key": "order_id"}},
    "traits": {
        "timezone": {"type": "string"},
        "country": {"type": "string"},
        "plan": {"type": "string"},
        "renewal": {"type": "date"},
        "points": {"type": "number"},
    },
    "signals": {
        "as": {"kind": "count", "event": "A"},
        "lately": {"kind": "count", "event": "A", "window": "1d"},
        "quiet": {"kind": "since", "event": "B"},
        "paid": {"kind": "sum", "event": "B", "property": "n", "window": "7d"},
    },
    "segments": {
        "active": {"when": "lately >= 2"},
        "idle": {"when": "quiet > 2d"},
        "rich": {"when": "trait.points >= 3 or paid > 4"},
    },
    "lifecycles": {
        "life": {
            "stages": [
                {"name": "new"},
                {"name": "used", "enter": "lately >= 1", "exit": "lately == 0"},
                {"name": "pro", "enter": "trait.plan == 'pro'", "exit": "trait.plan == 'free'"},
            ]
        }
    },
    "scores": {
        "health": {
            "lifecycle": "life",
            "measures": {
                "lately": {"signal": "lately", "points": [[0, 0], [4, 100]]},
                "as": {"signal": "as", "points": [[0, 0], [2, 60], [5, 10]]},
            },
            "weights": [{"weights": {"lately": 1}}, {"stage": "used", "weights": {"lately": 1, "as": 3}}],
            "bands": [{"name": "low", "from": 0}, {"name": "high", "from": 60}],
        }
    },
    "predictions": {
        "churn": {"target": {"event": "D"}, "horizon": "7d", "population": "as >= 1"},
    },
    "channels": {"in_app": {"type": "in_app"}},
    "templates": {"tip": {"channel": "in_app", "body": "x"}, "top": {"channel": "in_app", "body": "y"}},
}
EVENTS = ["A", "B", "C", "D"]
CONDITIONS = [
    "as >= 1",
    "as >= 3",
    "lately >= 2",
    "lately == 0",
    "quiet > 1h",
    "quiet < 1d",
    "segment.active",
    "segment.idle",
    "not segment.rich",
    "stage.life == 'used'",
    "stage.life == 'pro'",
    "trait.plan == 'pro'",
    "trait.points > 2",
    "score.health >= 50",
    "missing trait.plan",
    "prediction.churn >= 0.5",
]
OF_EVENTS = ["event.p == 'x'", "event.n >= 2", "missing event.n", "event.n > 1 and trait.plan == 'pro'"]
WHERES = ["property.p == 'x'", "property.n >= 2", "exists property.order_id"]
LEARNING = [
    {"reward": {"within": "30m"}, "refresh": "1h", "minimum": 0, "explore": 5},
    {"reward": {"within": "2h"}, "refresh": "1s", "minimum": 1, "explore": 1, "keep": 50},
    {"reward": {"within": "1d", "goal": "g0"}, "refresh": "1d", "minimum": 0, "explore": 0},
]
AUTONOMY = [
    {"level": "act", "moved_per_day": 100},
    {"level": "act", "moved_per_day": 15},
    {"level": "off"},
    {},
]
LENGTHS = ["30m", "1h", "1d", "2d", "36h", "1mo"]
WINDOWS = [
    [{"from": "09:00", "to": "17:00"}],
    [{"days": ["mon", "thu"], "from": "22:00", "to": "06:00"}],
    [{"days": ["sun"]}],
]


def _maybe(draw: Draw, one_in: int) -> bool:
    return bool(draw(st.integers(1, one_in)) == 1)


def _condition(draw: Draw, *, event: bool = True) -> str:
    return str(draw(st.sampled_from([*CONDITIONS, *(OF_EVENTS if event else [])])))


def _event(draw: Draw) -> dict[str, Any]:
    names = draw(st.sampled_from([*EVENTS, ["A", "C"], "*"]))
    return {"event": names} | ({"where": draw(st.sampled_from(WHERES))} if _maybe(draw, 4) else {})


def _rule(draw: Draw) -> dict[str, Any]:
    return _event(draw) if draw(st.booleans()) else {"when": _condition(draw)}


def _trigger(draw: Draw) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(
            ["event"] * 6 + ["segment", "stage", "condition", "score", "score", "prediction", "trait"]
        )
    )
    if kind == "event":
        return {"kind": kind, **_event(draw)}
    if kind == "segment":
        change = draw(st.sampled_from(["entered", "left"]))
        return {"kind": kind, "segment": draw(st.sampled_from(["active", "idle", "rich"])), "change": change}
    if kind == "stage":
        change, stage = (
            draw(st.sampled_from(["entered", "left"])),
            draw(st.sampled_from(["new", "used", "pro"])),
        )
        return {"kind": kind, "lifecycle": "life", "stage": stage, "change": change}
    if kind == "condition":
        return {"kind": kind, "when": _condition(draw, event=False)}
    if kind == "score":
        return {"kind": kind, "score": "health", **draw(st.sampled_from([{"below": 30}, {"above": 50}]))}
    if kind == "prediction":
        return {
            "kind": kind,
            "prediction": "churn",
            **draw(st.sampled_from([{"below": 0.3}, {"above": 0.7}])),
        }
    return {"kind": kind, "trait": "plan", **draw(st.sampled_from([{}, {"to": "pro"}]))}


def _re_entry(draw: Draw, keyed: bool) -> Any:
    found = ["once", "after_exit", "after_exit", {"after": "2d"}, {"unlimited": 1}, {"unlimited": 3}]
    return draw(st.sampled_from([*found, *([{"per_entity": True}] * 3 if keyed else [])]))


def _wait(draw: Draw, names: list[str]) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(["for", "for", "paths", "paths", "paths", "at", "session", "date", "forever"])
    )
    told: dict[str, Any] = {"kind": "wait"}
    if kind == "for":
        told["for"] = draw(st.sampled_from(LENGTHS))
        if _maybe(draw, 4):
            told["at"] = draw(st.sampled_from(["02:30", "09:00"]))
    elif kind == "at":
        told["at"] = draw(st.sampled_from(["02:30", "09:00", "23:59:59"]))
        if _maybe(draw, 3):
            told["days"] = draw(st.sampled_from([["sun"], ["mon", "fri"]]))
    elif kind == "session":
        told["session"] = True
    elif kind == "forever":
        return told | {"forever": True}
    elif kind == "date":
        date = draw(st.sampled_from(["trait.renewal", "trait.renewal", "event.d"]))
        told["date"] = {"date": date, "offset": draw(st.sampled_from(["0d", "-1d", "-36h", "2h"]))}
        if _maybe(draw, 3):
            told["date"]["at"] = "09:00"
        told["date"]["past"] = draw(st.sampled_from(["skip", "exit", *names]))
    if kind == "paths":
        told["paths"] = [_path(draw, names) for _ in range(draw(st.integers(1, 3)))]
    if kind in ("paths", "session") and not _maybe(draw, 3):
        told["timeout"] = draw(st.sampled_from(LENGTHS))
        if _maybe(draw, 2):
            told["on_timeout"] = draw(st.sampled_from([*names, "exit"]))
        if kind == "paths" and _maybe(draw, 3):
            told["decide"] = "at_end"
        if kind == "paths" and _maybe(draw, 2):
            told["reset"] = {**_event(draw), "max": draw(st.integers(1, 2))}
    if _maybe(draw, 5):
        told["windows"] = draw(st.sampled_from(WINDOWS))
    if kind != "date" and _maybe(draw, 5):
        told["jitter"] = "20m"
    if _maybe(draw, 5):
        told["zone"] = draw(st.sampled_from(["workspace", "America/New_York"]))
    return told


def _path(draw: Draw, names: list[str]) -> dict[str, Any]:
    told = _rule(draw)
    if "when" in told and draw(st.booleans()):
        told["require_new"] = True
    if draw(st.booleans()):
        told["go"] = draw(st.sampled_from([*names, "exit"]))
    return told


def _step(draw: Draw, names: list[str], journeys: list[str]) -> dict[str, Any]:
    kinds = ["wait"] * 5 + ["branch"] * 2 + ["split", "update_trait", "goal", "exit", "message", "message"]
    kind = draw(st.sampled_from([*kinds, *(["start_journey"] if journeys else [])]))
    somewhere = st.sampled_from([*names, "exit"])
    if kind == "wait":
        return _wait(draw, names)
    if kind == "branch":
        paths = [{"when": _condition(draw), "go": draw(somewhere)} for _ in range(draw(st.integers(1, 3)))]
        for path in paths:
            path |= {"unknown": True} if _maybe(draw, 4) else {}
        return {"kind": kind, "paths": paths} | ({"else": draw(somewhere)} if _maybe(draw, 2) else {})
    if kind == "split":
        shares = draw(st.sampled_from([[50, 50], [20.5, 79.5], [10, 30, 60]]))
        ways: dict[str, dict[str, Any]] = {n: {"share": x} for n, x in zip("abc", shares, strict=False)}
        ways["b"]["go"] = draw(somewhere)
        if _maybe(draw, 2):
            return {"kind": kind, "paths": ways, "by": "bandit", "learn": draw(st.sampled_from(LEARNING))}
        return {"kind": kind, "paths": ways, "again": draw(st.sampled_from(["sticky", "redraw"]))}
    if kind == "update_trait":
        choices: list[dict[str, Any]] = [{"plan": "pro"}, {"plan": "free"}, {"points": {"add": 1}}]
        choices += [{"plan": {"from": "event.p"}}, {"plan": "pro", "points": 7}]
        return {"kind": kind, "set": draw(st.sampled_from(choices))}
    if kind == "goal":
        goal, value = draw(st.sampled_from(["g0", "won"])), draw(st.sampled_from([2, "n"]))
        return {"kind": kind, "goal": goal, "value": value}
    if kind == "exit":
        return {"kind": kind, "reason": draw(st.sampled_from(["completed", "done"]))}
    if kind == "message":
        fields = [{}, {"ttl": "2h"}, {"on_cap": "defer", "ttl": "3d"}, {"revoke": False}]
        return {
            "kind": kind,
            "template": draw(st.sampled_from(["tip", "top"])),
            **draw(st.sampled_from(fields)),
        }
    return {"kind": kind, "journey": draw(st.sampled_from(journeys))}


def _goals(draw: Draw) -> dict[str, Any]:
    goals = {}
    for i in range(draw(st.integers(0, 2))):
        goal = _rule(draw) | {"exit": draw(st.booleans())}
        goal |= {"within": "1d"} if _maybe(draw, 3) else {}
        goals[f"g{i}"] = goal | ({"value": draw(st.sampled_from([1.5, "n"]))} if _maybe(draw, 2) else {})
    return goals


def _journey(draw: Draw, called: bool, others: list[str]) -> dict[str, Any]:
    names = [f"s{i}" for i in range(draw(st.integers(1, 5)))]
    keyed = _maybe(draw, 3)
    triggers = [_trigger(draw) for _ in range(draw(st.integers(1, 2)))]
    told: dict[str, Any] = {
        "triggers": [*triggers, *([{"kind": "api"}] if called else [])],
        "re_entry": _re_entry(draw, keyed),
        "exits": [
            _rule(draw) | {"reason": draw(st.sampled_from(["", "left"]))}
            for _ in range(draw(st.sampled_from([0, 0, 1, 2])))
        ],
        "goals": _goals(draw),
        "steps": {name: _step(draw, names, others) for name in names},
        "priority": draw(st.sampled_from([50, 50, 80])),
        "visits_max": draw(st.sampled_from([2, 10])),
    }
    if any(step.get("by") == "bandit" for step in told["steps"].values()):
        told["autonomy"] = draw(st.sampled_from(AUTONOMY))
    if keyed:
        told["key"] = "order_id"
    if _maybe(draw, 3):
        told["audience"] = _condition(draw)
    if _maybe(draw, 4):
        told["late_after"] = draw(st.sampled_from(["0s", "1d"]))
    if _maybe(draw, 3):
        told["holdout"] = draw(st.sampled_from([50, 50, 0]))
    if _maybe(draw, 5):
        limits = [{"entries": "2 per 2d"}, {"runs": 1}, {"entries": "1 per 30d", "runs": 2}]
        told["limits"] = draw(st.sampled_from(limits))
    if _maybe(draw, 6):
        told["suppressed_by"] = _condition(draw)
    return told


@st.composite
def journey_workspaces(draw: Draw) -> Workspace:
    """The world with one to three journeys in it."""
    names = ["j0", "j1", "j2"][: draw(st.integers(1, 3))]
    journeys = {}
    for place, name in enumerate(names):
        last = place == len(names) - 1
        journeys[name] = _journey(draw, last and place > 0, [] if last else names[-1:])
    policy: dict[str, Any] = {}
    if _maybe(draw, 3):
        over = draw(st.sampled_from(["drop", "defer"]))
        policy["caps"] = {"all": {"limit": draw(st.integers(1, 2)), "per": "1d", "over": over}}
    if _maybe(draw, 6):
        policy["holdout"] = {"share": 50}
    if _maybe(draw, 6):
        policy["journey_holdout"] = {"share": 50, "except": ["j1"]}
    if _maybe(draw, 6):
        policy["concurrent_journeys"] = draw(st.integers(1, 2))
    return msgspec.convert({**WORLD, "journeys": journeys, "messaging": policy}, Workspace)


# --------------------------------------------------------------------------------------------------- streams


@dataclass(frozen=True)
class Record:
    """An event at engine time ``t`` (its own time is ``te``), a control record, or a tick."""

    t: int
    te: int = 0
    event: dict[str, Any] | None = None
    control: dict[str, Any] | None = None

    def raw(self) -> bytes:
        assert self.event is not None
        at = EPOCH + timedelta(milliseconds=self.te)
        return msgspec.json.encode({**self.event, "timestamp": at.isoformat(timespec="milliseconds")})


GAPS = [0, 0, 0, 1, 1_000, 29 * MINUTE, 30 * MINUTE, HOUR, HOUR, 7 * HOUR, DAY - 1, DAY]
LONG_GAPS = [2 * DAY, 3 * DAY, 7 * DAY, 36 * DAY]
AFTER = 40 * DAY
"""How long time passes after the last record."""
LATE = [0] * 7 + [1, 30 * MINUTE, HOUR, DAY, DAY + 1, 3 * DAY]


def _who(draw: Draw) -> dict[str, Any]:
    user = draw(st.sampled_from(["u1", "u1", "u2", None]))
    anonymous = draw(st.sampled_from(["x1", "x2", None, None, None] if user else ["x1", "x2", "x3"]))
    return {key: value for key, value in (("userId", user), ("anonymousId", anonymous)) if value is not None}


def _properties(draw: Draw) -> dict[str, Any]:
    options: dict[str, list[Any]] = {
        "p": ["x", "y", "pro"],
        "n": [1, 2, 5.5, "2", True],
        "d": ["2026-03-28", "2026-03-29T13:00:00Z", "soon"],
        "order_id": ["o1", "o1", "o2", 7, None, "", 1.5],
    }
    chosen = draw(st.lists(st.sampled_from(sorted(options)), max_size=3, unique=True))
    return {name: draw(st.sampled_from(options[name])) for name in chosen}


def _record_event(draw: Draw) -> dict[str, Any]:
    kind = draw(st.sampled_from(["track"] * 8 + ["page", "identify", "identify"]))
    if kind == "track":
        return {
            "type": kind,
            "event": draw(st.sampled_from(EVENTS)),
            **_who(draw),
            "properties": _properties(draw),
        }
    if kind == "page":
        return {"type": kind, "name": draw(st.sampled_from(["Home", "A"])), **_who(draw), "properties": {}}
    traits: dict[str, list[Any]] = {
        "plan": ["free", "pro", "pro", 3],
        "points": [1, 3, 4],
        "renewal": ["2026-03-27", "2026-03-30", "2026-04-04T10:00:00Z", "soon"],
        "timezone": ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Mars/Base"],
        "country": ["IN", "US"],
    }
    chosen = draw(st.lists(st.sampled_from(sorted(traits)), max_size=2, unique=True))
    return {"type": kind, **_who(draw), "traits": {n: draw(st.sampled_from(traits[n])) for n in chosen}}


def _pause(draw: Draw, op: str) -> dict[str, Any]:
    if op != "pause":
        return {}
    clock, entries = draw(st.sampled_from(["freeze", "run"])), draw(st.sampled_from(["queue", "drop"]))
    return {"clock": clock, "entries": entries, "finish": _maybe(draw, 4)}


@st.composite
def records(draw: Draw, most: int = 25, controlled: str = "") -> list[Record]:
    """Events of few people, equal instants, late ones, long gaps, merges, ticks; with `controlled` that
    journey is paused and goes on, and may be archived.
    """
    t, found, state = START, [], "open"
    for _ in range(draw(st.integers(1, most))):
        t += draw(st.sampled_from(LONG_GAPS if _maybe(draw, 10) else GAPS))
        if _maybe(draw, 12):
            found.append(Record(t))
            continue
        if controlled and state != "archived" and _maybe(draw, 6):
            op = draw(st.sampled_from(["pause"] * 5 + ["archive"])) if state == "open" else "resume"
            state = {"pause": "paused", "archive": "archived", "resume": "open"}[op]
            found.append(Record(t, control={"op": op, "journey": controlled} | _pause(draw, op)))
            continue
        found.append(Record(t, t - draw(st.sampled_from(LATE)), _record_event(draw)))
    return found
