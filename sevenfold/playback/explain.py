"""Why somebody stands where they stand: their events folded again, with a reason beside every change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from sevenfold import effects as e
from sevenfold.engine import Fold
from sevenfold.engine.controls import ControlError
from sevenfold.errors import InputError
from sevenfold.learning.records import SCORES
from sevenfold.lifecycle.compile import CompiledUnit
from sevenfold.lifecycle.history import ScoreHistory
from sevenfold.log.base import Log
from sevenfold.playback.delivery import Delivering, DeliveringFold, has_journeys, recorded_outcomes
from sevenfold.playback.relations import Numbered, Relations, numbered
from sevenfold.playback.tables import day_before, iso
from sevenfold.profiles.unit import Emit, Unit
from sevenfold.profiles.why import Reasons
from sevenfold.workspace import models as m
from sevenfold.workspace.names import Names

_MEASURES_SHOWN: Final = 3


class Entry(Struct, gc=False):
    """One line of a timeline. `kind` is event, identity, created, merged, stage, segment, band, jump,
    velocity, prediction, or what a journey decided: run, step, wait, message, held, outcome, goal, ended and
    so on.
    """

    time: int
    kind: str
    name: str
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"time": iso(self.time), "kind": self.kind, "name": self.name, **self.data}


class Explanation(Struct):
    """A subject as of `time`: its profile as `Fold.read` gives it, how it came about, its scores' closed
    days.
    """

    of: str
    subject: str
    time: int
    events: int
    folded: int
    profile: dict[str, Any]
    account: dict[str, Any] | None
    timeline: list[Entry]
    days: dict[str, list[tuple[str, float]]]
    durations: list[str]
    """The signals whose values are ms."""
    dated: list[str] = []
    """The predictions that are dates, in ms UTC."""

    def to_json(self) -> dict[str, Any]:
        shape = msgspec.structs.asdict(self)
        return {**shape, "time": iso(self.time), "timeline": [entry.to_json() for entry in self.timeline]}


class ExplainedFold(DeliveringFold):
    """A fold that says why with every effect: conditions with the values they saw, and the cause."""

    def __init__(self, workspace: m.Workspace, **kept: Any) -> None:
        self._reasons: dict[tuple[str, str], Reasons] = {}
        self._measured: dict[tuple[str, int, str], dict[str, Any]] = {}
        self.holders: dict[str, str] = {}
        """The person of each entity about which a journey decided something, by subject ids."""
        super().__init__(workspace, **kept)

    def emit(self, unit: Unit, row: int, kind: str, name: str, data: dict[str, Any]) -> None:
        compiled = cast(CompiledUnit, unit)  # every unit of a fold is one
        if "run" in data and unit.kind in self.entity_ids:
            holder = self.entity_ids[unit.kind][row][1]
            if holder:
                person = self.id_of(self.person, self.forward.get(holder, holder))
                self.holders[self.id_of(unit, row)] = person
        if kind in (e.ENTERED, e.LEFT):
            data = {**data, "why": {"atoms": self._atoms(compiled, row, name), "cause": self.cause()}}
        elif kind in (e.BAND, e.JUMP):
            data = {**data, "measures": self._moved(compiled, row, name), "cause": self.cause()}
        elif kind == e.VELOCITY:
            data = {**data, "cause": self.cause()}
        super().emit(unit, row, kind, name, data)

    def emitter(self, unit: Unit, kind: str, name: str) -> Emit:
        return lambda row, data: self.emit(unit, row, kind, name, data)

    def _atoms(self, unit: CompiledUnit, row: int, name: str) -> list[dict[str, Any]]:
        condition = unit.segments[name].condition
        if condition is None:
            return []
        reasons = self._reasons.get((unit.kind, name))
        if reasons is None:
            reasons = self._reasons[unit.kind, name] = Reasons(unit, condition)
        return reasons.atoms(row)

    def _moved(self, unit: CompiledUnit, row: int, name: str) -> list[dict[str, Any]]:
        """The measures that moved most, by weight, since the score's band last changed."""
        now = unit.scores[name].read(row)["contributions"]
        before = self._measured.get((unit.kind, row, name), {})
        self._measured[unit.kind, row, name] = now
        moved = []
        for label, one in now.items():
            old = before.get(label, {}).get("value")
            if one["weight"] and old != one["value"]:
                step = abs((one["value"] or 0.0) - (old or 0.0)) * one["weight"]
                moved.append(
                    (step, {"measure": label, "from": old, "to": one["value"], "weight": one["weight"]})
                )
        moved.sort(key=lambda pair: -pair[0])
        return [shape for _, shape in moved[:_MEASURES_SHOWN]]


class Target(Struct):
    """Who is asked for: kind of subject, kind of identifier (or `subject`), its value, and the events to
    fold.
    """

    of: str
    kind: str
    value: str
    numbers: frozenset[int] | None


def explain(
    workspace: m.Workspace, log: Log, identifier: str, *, of: str | None = None, at: int | None = None,
    until: int | None = None, delivering: Delivering | None = None,
) -> Explanation:  # fmt: skip
    """Explains the subject with an identifier (user id, email, any other), an account or entity key, or a
    subject id.

    `of` says which kind is meant when several fit. `at` is the engine time to look from, `until` where the
    replay's time stopped (default for `at`). Raises InputError when nobody has the identifier by then.
    """
    end = at if at is not None else until
    live = has_journeys(workspace) and bool(recorded_outcomes(log))
    fold = ExplainedFold(workspace, delivering=None if live else delivering or Delivering())
    relations = Relations(workspace, fold, log, end)
    target = find_target(workspace, fold, relations, identifier, of)
    story = Story(fold, target)
    story.tell(numbered(log, end))
    if end is not None:
        story.pass_to(end)
    return story.explanation(identifier)


def find_target(
    workspace: m.Workspace, fold: Fold, relations: Relations, identifier: str, of: str | None
) -> Target:
    kinds = [m.PERSON, m.ACCOUNT, *workspace.entities]
    if of is not None and of not in kinds:
        raise InputError(f"There is no kind of subject `{of}`", fix=f"one of {', '.join(kinds)}")
    wanted = kinds if of is None else [of]
    if m.PERSON in wanted:
        for kind in fold.identity.order:
            key = fold.identity.key(kind, identifier)
            if key is not None and (found := relations.connected(key)) is not None:
                return Target(m.PERSON, kind, identifier, None if relations.whole else found)
    for each in wanted:
        key = f"account {identifier}" if each == m.ACCOUNT else f"entity {each} {identifier}"
        if each != m.PERSON and (found := relations.connected(key)) is not None:
            return Target(each, "key", identifier, None if relations.whole else found)
    for each in wanted:
        if number := relations.number_of(each, identifier):
            found = relations.of_event(number)
            return Target(each, "subject", identifier, None if relations.whole else found)
    fix = "give a user id, e-mail, anonymous id, account id, entity key or subject id, as in the events"
    raise InputError(f"Nobody is known as `{identifier}` at that time", fix=fix)


class Story:
    """Folds what concerns the target and keeps what happened to everybody in it, by subject id."""

    def __init__(self, fold: ExplainedFold, target: Target) -> None:
        self.fold = fold
        self.target = target
        self.entries: list[tuple[str, Entry]] = []
        self.became: dict[str, str] = {}
        self.folded = 0
        self.days: dict[str, list[tuple[str, float]]] = {}
        fold.identity.trace = []
        fold.closer.listeners.append(self._day_closed)

    def tell(self, items: Iterable[Numbered]) -> None:
        """Folds the items that matter, each under its own number."""
        fold, wanted = self.fold, self.target.numbers
        begun = False
        for item in items:
            if item.control is None and wanted is not None and item.number not in wanted:
                if begun and fold.journeys is not None:
                    # What falls due in between is numbered by the record before it, whoever's that is.
                    self.take(fold.advance(item.time))
                    fold.seq = item.number
                continue
            if not begun:
                # Days close from the first event on; which one is first must not depend on whom we ask about.
                fold.advance(item.time - 1)
                begun = True
            fold.seq = item.number - 1
            if item.control is not None:
                self._control(item, item.control)
                continue
            effects = fold.events([(item.time, item.raw)])
            if fold.seq == item.number:
                self.folded += 1
                self._event(item)
            self.take(effects)

    def _control(self, item: Numbered, record: dict[str, Any]) -> None:
        """Folds a control record; one about somebody who is not in this story changes nothing in it."""
        try:
            effects = self.fold.tell(item.time, record)
            if record.get("op") == SCORES:
                # What was foretold comes before what it moved.
                self._foretold(item, record)
            self.take(effects)
        except ControlError:
            if self.target.numbers is None:
                raise

    def _foretold(self, item: Numbered, record: dict[str, Any]) -> None:
        """Files the values that were taken of those who are in this story."""
        fold, name = self.fold, str(record.get("prediction"))
        unit = cast(CompiledUnit, fold.units[self.target.of])
        if name not in unit.predictions or unit.subjects is None:
            return
        subjects = [str(one) for one in record.get("subjects") or ()]
        for subject, row in zip(subjects, unit.subjects.rows(subjects).tolist(), strict=True):
            now = fold.forward.get(row, row) if self.target.of == m.PERSON else row
            shown = fold.read_prediction(unit, name, now) if now else {}
            if shown.get("as_of") == record.get("as_of"):
                data = {**shown, "dated": unit.predictions[name].slot.type == "date", "seq": item.number}
                self.entries.append((subject, Entry(item.time, "prediction", name, data)))

    def pass_to(self, end: int) -> None:
        """Lets time pass without events."""
        self.take(self.fold.advance(end))

    def _event(self, item: Numbered) -> None:
        """Files an event, and what identity made of it, with the subjects it is about."""
        data = msgspec.json.decode(item.raw)
        shown = {key: data[key] for key in ("type", "properties", "traits") if data.get(key)}
        shown["seq"] = item.number
        name = data.get("event") or data.get("name") or data.get("type")
        entry = Entry(item.time, "event", str(name), shown)
        trace, self.fold.identity.trace = self.fold.identity.trace or [], []
        for subject in self._subjects(data):
            for link in trace:
                if link.action not in ("created", "merged"):
                    about = {"action": link.action, "reason": link.reason}
                    self.entries.append((subject, Entry(item.time, "identity", link.identifier, about)))
            self.entries.append((subject, entry))

    def _subjects(self, data: dict[str, Any]) -> list[str]:
        fold, of = self.fold, self.target.of
        if of == m.PERSON:
            ids = (("user_id", data.get("userId")), ("anonymous_id", data.get("anonymousId")))
            row = next((row for kind, value in ids if (row := fold.identity.find(kind, str(value)))), 0)
            row = row or fold.person.table.rows - 1
            return [fold.id_of(fold.person, row)]
        row = self._row_of_key(_key_in(data, of, fold.workspace), of)
        return [fold.id_of(fold.compiled[_index(fold, of)], row)] if row else []

    def _row_of_key(self, key: str, of: str) -> int:
        if of == m.ACCOUNT:
            return self.fold.account_rows.get(key, 0)
        return self.fold.entity_rows[of].get(key, 0)

    def take(self, effects: Iterable[e.Effect]) -> None:
        for effect in effects:
            if effect.of != self.target.of and not self._told_to(effect):
                continue
            if effect.kind == e.MERGED:
                self.became[str(effect.data["loser"])] = effect.subject
            kind = "segment" if effect.kind in (e.ENTERED, e.LEFT) else effect.kind
            data = {"change": effect.kind, **effect.data} if kind == "segment" else effect.data
            about = effect.subject
            if effect.of != self.target.of:
                about = self.fold.holders.get(about) or str(effect.data["recipient"])
            self.entries.append((about, Entry(effect.time, kind, effect.name, data)))

    def _told_to(self, effect: e.Effect) -> bool:
        """Whether a journey over something else (an order, an account) concerns the person asked about."""
        if self.target.of != m.PERSON or "run" not in effect.data:
            return False
        return effect.subject in self.fold.holders or "recipient" in effect.data

    def _day_closed(self, t: int, unit: CompiledUnit, history: ScoreHistory) -> None:
        row = self.row() if unit.kind == self.target.of else 0
        if row:
            value = float(history.daily_values(0, slice(row, row + 1))[0])
            if value == value:
                day = day_before(t, self.fold.closer.zone).isoformat()
                self.days.setdefault(history.node.label, []).append((day, value))

    def row(self) -> int:
        """The target's row now, 0 while it is unknown."""
        fold, target = self.fold, self.target
        if target.kind == "subject":
            unit = fold.compiled[_index(fold, target.of)]
            row = next((r for r in range(1, unit.table.rows) if fold.id_of(unit, r) == target.value), 0)
        elif target.of == m.PERSON:
            row = fold.identity.find(target.kind, target.value)
        else:
            row = self._row_of_key(target.value, target.of)
        return fold.forward.get(row, row) if target.of == m.PERSON else row

    def explanation(self, identifier: str) -> Explanation:
        """The target as time stands now."""
        fold, of = self.fold, self.target.of
        row = self.row()
        if not row:
            raise InputError(f"Nobody is known as `{identifier}` at that time", fix="ask for a later time")
        subject = fold.id_of(fold.compiled[_index(fold, of)], row)
        own = self.own(subject)
        timeline = [entry for about, entry in self.entries if about in own]
        account = None
        if of == m.PERSON and (joined := fold.accounts_of(row)):
            account = fold.read(m.ACCOUNT, joined[0][0])
        count = sum(entry.kind == "event" for entry in timeline)
        return Explanation(
            of, subject, fold.t, count, self.folded, fold.read(of, row), account, timeline, self.days,
            in_milliseconds(fold.workspace),
            [name for name, one in fold.workspace.predictions.items() if one.kind == "time_to"],
        )  # fmt: skip

    def own(self, subject: str) -> set[str]:
        """A subject's id, and those of others that turned out to be the same."""
        return {subject} | {old for old in self.became if self._final(old) == subject}

    def _final(self, subject: str) -> str:
        while subject in self.became:
            subject = self.became[subject]
        return subject


def in_milliseconds(workspace: m.Workspace) -> list[str]:
    """The names of signals, and parts of signals, whose values are durations in ms."""
    names = Names(workspace)
    return [
        label if part is None else f"{label}.{part}"
        for label in workspace.signals
        for part, kind in names.parts(label).items()
        if kind in ("clock", "duration")
    ]


def _index(fold: Fold, of: str) -> int:
    return [unit.kind for unit in fold.compiled].index(of)


def _key_in(data: dict[str, Any], of: str, workspace: m.Workspace) -> str:
    """The key of the account or entity that an event is about, as the fold writes it; "" for none."""
    context = data.get("context") or {}
    if of == m.ACCOUNT:
        held = data.get("groupId") if data.get("type") == "group" else context.get("groupId")
    elif (path := workspace.entities[of].key).startswith("context."):
        held = context.get("groupId")
    else:
        held = (data.get("properties") or {}).get(path)
    if isinstance(held, float) and held.is_integer() and of == m.ACCOUNT:
        held = int(held)
    return str(held) if isinstance(held, str | int | float) and not isinstance(held, bool) else ""
