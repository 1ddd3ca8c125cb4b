"""Somebody's history as a scenario: what happened to them, and what was decided, as expectations that hold.

Events keep the numbers that they have in the log, because ids and draws (splits, holdouts) come from them.
The expectations are what the exported file itself gives when it is run; it is run once more before it is
handed out.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec
import yaml

from sevenfold.effects import STAGE, Effect
from sevenfold.engine import Fold
from sevenfold.engine.controls import ControlError
from sevenfold.errors import InputError
from sevenfold.limits import SCENARIO_EXPORT_CHECKS_ITEMS_MAX, SCENARIO_EXPORT_EVENTS_MAX
from sevenfold.log.base import Log
from sevenfold.playback.delivery import has_journeys, recorded_outcomes
from sevenfold.playback.explain import find_target
from sevenfold.playback.relations import Numbered, Relations, numbered
from sevenfold.playback.tables import iso
from sevenfold.profiles.wheel import NEVER
from sevenfold.scenarios.running import run
from sevenfold.scenarios.timeline import DAY_MS, EVENTS, event_of, parse_scenario, shown
from sevenfold.scenarios.world import UnknownSubjectError, World
from sevenfold.workspace import models as m
from sevenfold.workspace.exporting import to_yaml

_CHECKED: Final = frozenset({"message", "webhook", "held", "would_send", "ended", "run", "wait", STAGE})
Timed = tuple[int, dict[str, Any]]
"""An entry of a timeline with its time in ms UTC."""
_ENTRY_ORDER: Final = ("at", "number", "who", "device", "account")


def export(
    workspace: m.Workspace, log: Log, identifier: str, *, of: str | None = None, until: int | None = None,
    title: str = "",
) -> str:  # fmt: skip
    """The scenario of a subject of a log, as YAML. Time stops at `until` (ms UTC; default: the last event).

    Raises InputError when nobody has the identifier, or when too many others are connected with them.
    """
    fold = Fold(workspace)
    relations = Relations(workspace, fold, log, until)
    # What is shared over everybody (owners that go round, codes) falls as it would among these people alone.
    relations.whole = False
    target = find_target(workspace, fold, relations, identifier, of)
    wanted = target.numbers or frozenset()
    if len(wanted) > SCENARIO_EXPORT_EVENTS_MAX:
        said = f"`{identifier}` is connected with {len(wanted):,} events, through accounts or shared devices"
        fix = f"at most {SCENARIO_EXPORT_EVENTS_MAX:,} make a scenario; stop earlier, with --until"
        raise InputError(said, fix=fix)
    items = [item for item in numbered(log, until) if item.number in wanted or item.control is not None]
    items = _applicable(workspace, items)
    live = has_journeys(workspace) and bool(recorded_outcomes(log))
    start = items[0].time // DAY_MS * DAY_MS
    number = has_journeys(workspace)
    given: dict[str, Any] = {
        "title": title or f"What happened to {identifier} happens again, and is answered as it was.",
        "start": iso(start)[:10],
    }
    if live:
        given["delivery"] = "off"
    entries = [(item.time, _entry(item, start, number)) for item in items]
    end = until if until is not None else items[-1].time
    stops = _stops(workspace, given, entries, target.of, identifier, end)
    text = _text(given, _merged(entries, stops, start))
    report = run(parse_scenario(text.encode(), identifier), workspace)
    if report.failures:
        one = report.failures[0]
        said = (
            f"the exported scenario does not hold: {one.at}, {one.question}: {one.expected}; {one.happened}"
        )
        raise InputError(said, where=identifier, fix="please report it, with the history")
    return text


def _applicable(workspace: m.Workspace, items: list[Numbered]) -> list[Numbered]:
    """Without control records about people who are not among these."""
    if all(item.control is None for item in items):
        return items
    fold, kept = Fold(workspace), []
    for item in items:
        try:
            if item.control is not None:
                fold.control(item.time, item.control)
            else:
                fold.events([(item.time, item.raw)])
        except ControlError:
            continue
        kept.append(item)
    return kept


def _text(given: dict[str, Any], timeline: list[dict[str, Any]]) -> str:
    """The file: a line for each moment."""
    lines = [
        yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1_000_000)
        for entry in timeline
    ]
    return to_yaml(given) + "timeline:\n" + "".join(f"  - {line}" for line in lines)


# ------------------------------------------------------------------------------------------------ entries


def _entry(item: Numbered, start: int, with_number: bool) -> dict[str, Any]:
    """An event as people write it, where that says all of it; else the event itself."""
    at = shown(item.time, start)
    if item.control is not None:
        return {"at": at, "control": item.control}
    event = msgspec.json.decode(item.raw)
    number = {"number": item.number} if with_number else {}
    pretty = _pretty(event)
    if pretty is not None:
        kind = next(kind for kind in EVENTS if kind in pretty)
        again = msgspec.json.decode(event_of(pretty, kind, item.time, ""))
        if _bare(again) == _bare(event):
            found = {"at": at, **number, **pretty}
            order = [*_ENTRY_ORDER, kind, "with", "campaign"]
            return {key: found[key] for key in order if key in found}
    return {"at": at, **number, "event": {key: value for key, value in event.items() if value is not None}}


def _pretty(event: dict[str, Any]) -> dict[str, Any] | None:
    """An event in the words of a timeline."""
    kind = event.get("type")
    said = {
        "track": event.get("event"), "page": event.get("name"), "screen": event.get("name"),
        "identify": event.get("traits"), "group": event.get("groupId"), "alias": event.get("previousId"),
    }  # fmt: skip
    if kind not in said or said[kind] is None:
        return None
    found: dict[str, Any] = {kind: said[kind]}
    more = event.get("traits") if kind == "group" else event.get("properties")
    if more and kind != "identify":
        found["with"] = more
    context = event.get("context") or {}
    for name, value in (
        ("who", event.get("userId")), ("device", event.get("anonymousId")),
        ("account", context.get("groupId")), ("campaign", context.get("campaign")),
    ):  # fmt: skip
        if value:
            found[name] = value
    return found


def _bare(value: Any) -> Any:
    """An event without what is empty and without what a scenario makes anew."""
    if not isinstance(value, dict):
        return value
    made = {"messageId", "timestamp", "sentAt", "originalTimestamp", "receivedAt", "channel", "version"}
    bare = {key: _bare(each) for key, each in value.items() if key not in made and each is not None}
    return {key: each for key, each in bare.items() if each not in ({}, [])}


# ------------------------------------------------------------------------------------------- expectations


def _stops(
    workspace: m.Workspace, given: dict[str, Any], entries: list[Timed], of: str, who: str, end: int
) -> list[Timed]:
    """(time, expectation) wherever something was decided about the subject, and at the end."""
    text = to_yaml({**given, "timeline": [entry for _, entry in entries]}).encode()
    times = _times(World(workspace, parse_scenario(text, who)), of, who, end)
    scenario = parse_scenario(text, who)
    world = World(workspace, scenario)
    asking = _Asking(world, of, who)
    found: list[Timed] = []
    steps = list(scenario.steps)
    for place, time in enumerate([*times, end]):
        while steps and steps[0].time_ms <= time:
            world.live(steps.pop(0))
        world.pass_to(time)
        try:
            found.append((time, asking.now(final=place == len(times))))
        except UnknownSubjectError:
            # An unknown visitor still, who gives this identifier later.
            continue
    return [(time, expected) for time, expected in found if len(expected) > 1]


def _times(world: World, of: str, who: str, end: int) -> list[int]:
    """When something worth a question was decided about the subject."""
    for step in world.scenario.steps:
        world.live(step)
    world.pass_to(end)
    subject, _ = world.subject(of, who)
    worth: Counter[int] = Counter()
    for _, effect in world.about(of, subject):
        if effect.kind in _CHECKED and effect.time < end:
            worth[effect.time] += effect.kind not in ("wait", "run")
    kept = sorted(worth, key=lambda time: (-worth[time], time))[:SCENARIO_EXPORT_CHECKS_ITEMS_MAX]
    return sorted(kept)


class _Asking:
    """Makes expectations of what has happened since the one before."""

    def __init__(self, world: World, of: str, who: str) -> None:
        self.world, self.of, self.who = world, of, who
        self._before: dict[str, Any] = {}
        self._asked: dict[str, int] = {}

    def now(self, *, final: bool) -> dict[str, Any]:
        """What is to be expected now; at the end, everything."""
        world, start = self.world, self.world.scenario.start_ms
        row = world.row(self.of, self.who)
        subject, stands = world.subject(self.of, self.who)
        about = [effect for _, effect in world.about(self.of, subject)]
        expected: dict[str, Any] = {"expect": self.who}
        if self.of != m.PERSON:
            expected["of"] = self.of
        state: dict[str, Any] = {
            "stage": {name: stage for name, stage in stands["stages"].items() if stage is not None},
            "waits": _waits(world.runs(self.of, row), start),
            "exits": _reasons(about),
        }
        for name, value in state.items():
            if value and (final or value != self._before.get(name)):
                expected[name] = value
        self._before = state
        if world.fold.journeys is not None:
            expected |= self._said(subject, start, final)
        if final:
            expected["in"] = stands["segments"]
        return {key: value for key, value in expected.items() if value not in ({}, []) or key == "sent"}

    def _said(self, subject: str, start: int, final: bool) -> dict[str, Any]:
        """Messages since the question was asked last; asked where there are any, and at the end."""
        found: dict[str, Any] = {}
        for question, kinds in (("sent", ("message", "webhook")), ("held", ("held",)),
                                ("would_send", ("would_send", "would_call"))):  # fmt: skip
            before = self._asked.get(question, 0)
            new = [
                effect for place, effect in self.world.about(self.of, subject)
                if place >= before and effect.kind in kinds
            ]  # fmt: skip
            if new or (final and question == "sent"):
                found[question] = [_named(effect, question, start) for effect in new]
                self._asked[question] = len(self.world.effects)
        return found


def _named(effect: Effect, question: str, start: int) -> dict[str, Any]:
    template = str(effect.data.get("template") or effect.data.get("channel"))
    return {template: effect.data["reason"] if question == "held" else shown(effect.time, start)}


def _waits(runs: list[dict[str, Any]], start: int) -> dict[str, Any]:
    """Where runs wait; journeys with several runs of a subject are left out, for a question is about one."""
    often = Counter(run["journey"] for run in runs)
    return {
        run["journey"]: {
            "step": run["step"], **({} if run["due"] >= NEVER else {"until": shown(run["due"], start)})
        }
        for run in runs if often[run["journey"]] == 1
    }  # fmt: skip


def _reasons(about: list[Effect]) -> dict[str, Any]:
    ended: dict[str, list[str]] = {}
    for effect in about:
        if effect.kind == "ended":
            ended.setdefault(effect.name, []).append(str(effect.data["reason"]))
    return {name: reasons[0] if len(reasons) == 1 else reasons for name, reasons in ended.items()}


def _merged(entries: list[Timed], stops: list[Timed], start: int) -> list[dict[str, Any]]:
    """Events and expectations in order of time, expectations after what happened at the same moment."""
    timed = [(time, 0, place, entry) for place, (time, entry) in enumerate(entries)]
    timed += [(time, 1, place, {"at": shown(time, start), **one}) for place, (time, one) in enumerate(stops)]
    return [entry for *_, entry in sorted(timed, key=lambda one: one[:3])]


__all__ = ["export"]
