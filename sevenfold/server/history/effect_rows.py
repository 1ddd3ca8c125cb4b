"""Effects become rows: one function a kind, which adds to what is written together."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is bound

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec

from ...effects import MERGED, UNMERGED, Effect
from .models import STATUS_CODES
from .schema import STRETCH_BITS, key

HOUR_MS: Final = 3_600_000
_ENCODE: Final = msgspec.json.Encoder().encode
Row = tuple[Any, ...]
CountKey = tuple[int, str, str, str]

INSERT_EFFECTS: Final = "INSERT INTO effects VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_SUBJECTS: Final = "INSERT OR IGNORE INTO subjects VALUES (?, ?, ?)"
INSERT_MESSAGES: Final = "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_RUNS: Final = """INSERT OR IGNORE INTO runs
    (run, id, number, of, subject, about, journey, version, trigger, entity, ghost, started)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_TASKS: Final = """INSERT OR IGNORE INTO tasks
    (task, id, number, of, subject, about, kind, reason, title, owner, due, opened, level, overdue)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)"""
UPSERT_COUNTS: Final = """INSERT INTO counts VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""
_STATUS: Final = """UPDATE messages SET status_time = CASE WHEN ?1 > status THEN ?2 ELSE status_time END,
    status = max(status, ?1) WHERE effect = ?3"""
_STEP: Final = "UPDATE runs SET step = ?, since = ?, until = ? WHERE run = ?"
_ENDED: Final = "UPDATE runs SET step = ?, until = NULL, ended = ?, reason = ? WHERE run = ?"
_MERGED: Final = "INSERT OR REPLACE INTO merges VALUES (?, ?, ?)"
_UNMERGED: Final = "DELETE FROM merges WHERE loser = ?"


class Gathered:
    """Rows of many effects, in order, by the statement that stores them."""

    def __init__(self) -> None:
        self.effects: list[Row] = []
        self.subjects: list[Row] = []
        self.messages: list[Row] = []
        self.runs: list[Row] = []
        self.tasks: list[Row] = []
        self.statuses: dict[int, tuple[int, int]] = {}
        """The furthest status of each message, and since when."""
        self.steps: dict[int, tuple[str | None, int, int | None]] = {}
        """Where runs came to last."""
        self.ended: list[Row] = []
        self.changes: list[tuple[str, Row]] = []
        """Everything rare, as statements."""
        self.counts: Counter[CountKey] = Counter()

    def add(self, number: int, effect: Effect) -> None:
        """One effect with its number."""
        kind, data = effect.kind, effect.data
        self.effects.append(
            (number, effect.time, kind, effect.of, effect.subject, effect.name, _ENCODE(data))
        )
        if effect.subject:
            self.subjects.append((number >> STRETCH_BITS, key(effect.subject), number))
        make = _KINDS.get(kind)
        if make is not None:
            make(self, number, effect, data)
        elif kind.startswith("task_"):
            _task_changed(self, number, effect, data)
        else:
            self.counts[effect.time // HOUR_MS, kind, "", ""] += 1

    def statements(self) -> list[tuple[str, list[Row]]]:
        """What is to be done, in order."""
        changes = [(statement, [row]) for statement, row in self.changes]
        statuses = [(code, since, effect) for effect, (code, since) in self.statuses.items()]
        return [
            (INSERT_EFFECTS, self.effects),
            (INSERT_SUBJECTS, self.subjects),
            (INSERT_MESSAGES, self.messages),
            (INSERT_RUNS, self.runs),
            (INSERT_TASKS, self.tasks),
            (_STATUS, statuses),
            (_STEP, [(*where, run) for run, where in self.steps.items()]),
            (_ENDED, self.ended),
            *changes,
            (UPSERT_COUNTS, [(*of, count) for of, count in sorted(self.counts.items())]),
        ]

    def count(self, effect: Effect, name: Any, what: Any) -> None:
        self.counts[effect.time // HOUR_MS, effect.kind, str(name or ""), str(what or "")] += 1


def _decision(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    ident, kind = data.get("effect"), effect.kind
    person = data.get("recipient") or (effect.subject if effect.of == "person" else None)
    if person and person != effect.subject:
        to.subjects.append((number >> STRETCH_BITS, key(person), number))
    run, channel, reason = data.get("run"), data.get("channel"), data.get("reason")
    to.messages.append(
        (
            number, key(ident) if ident and kind in ("message", "webhook") else None, kind, effect.time,
            key(person) if person else None, effect.name, key(run) if run else None,
            data.get("template"), channel, reason, STATUS_CODES.get(kind, 0), effect.time,
        )
    )  # fmt: skip
    to.count(effect, channel, reason)


def _outcome(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    outcome = str(data.get("outcome", ""))
    machine = data.get("machine") is True
    to.count(effect, data.get("channel"), f"{outcome} by machine" if machine else outcome)
    if not machine and not data.get("stranger"):
        _status(to, effect, data, outcome)


def _taken_back(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    to.count(effect, data.get("channel"), "")
    _status(to, effect, data, effect.kind)


def _status(to: Gathered, effect: Effect, data: dict[str, Any], status: str) -> None:
    ident, code = data.get("effect"), STATUS_CODES.get(status)
    if ident and code is not None:
        message = key(ident)
        known = to.statuses.get(message)
        if known is None or code > known[0]:
            to.statuses[message] = (code, effect.time)


def _run(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    ident = str(data.get("run", ""))
    to.runs.append(
        (
            key(ident), ident, number, effect.of, effect.subject, key(effect.subject), effect.name,
            data.get("version"), data.get("trigger"), data.get("key"), data.get("ghost"), effect.time,
        )
    )  # fmt: skip
    to.count(effect, effect.name, data.get("ghost") and "ghost")


def _step(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    to.count(effect, effect.name, "")
    if data.get("run"):
        to.steps[key(data["run"])] = (data.get("step"), effect.time, data.get("until"))


def _ended(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    to.count(effect, effect.name, data.get("reason"))
    if data.get("run"):
        to.ended.append((data.get("step"), effect.time, data.get("reason"), key(data["run"])))


def _task(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    ident = str(data.get("task", ""))
    to.tasks.append(
        (
            key(ident), ident, number, effect.of, effect.subject, key(effect.subject), effect.name,
            data.get("reason"), data.get("title"), data.get("owner"), data.get("due"), effect.time,
        )
    )  # fmt: skip
    to.count(effect, effect.name, "")


_TASK_CHANGES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "task_assigned": ("owner = ?, due = ?", ("to", "due")),
    "task_snoozed": ("snoozed = ?, due = ?", ("until", "due")),
    "task_escalated": ("level = ?", ("level",)),
    "task_overdue": ("overdue = 1", ()),
    "task_closed": ("outcome = ?", ("outcome",)),
}


def _task_changed(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    to.count(effect, effect.name, data.get("outcome"))
    change = _TASK_CHANGES.get(effect.kind)
    if change is None or not data.get("task"):
        return
    assignments, fields = change
    if effect.kind == "task_closed":
        assignments += f", closed = {int(effect.time)}"
    values = tuple(data.get(field) for field in fields)
    to.changes.append((f"UPDATE tasks SET {assignments} WHERE task = ?", (*values, key(data["task"]))))


def _stage(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    to.count(effect, effect.name, data.get("to"))


def _merged(to: Gathered, number: int, effect: Effect, data: dict[str, Any]) -> None:
    to.count(effect, "", "")
    loser = str(data.get("loser", ""))
    if effect.kind == MERGED:
        to.changes.append((_MERGED, (loser, effect.subject, number)))
        to.subjects.append((number >> STRETCH_BITS, key(loser), number))
    else:
        to.changes.append((_UNMERGED, (loser,)))


_KINDS: Final[dict[str, Callable[[Gathered, int, Effect, dict[str, Any]], None]]] = {
    **dict.fromkeys(("message", "webhook", "held", "deferred", "would_send", "would_call"), _decision),
    "outcome": _outcome, "revoked": _taken_back, "cancelled": _taken_back,
    "run": _run, "step": _step, "wait": _step, "ended": _ended,
    "task": _task, "stage": _stage, MERGED: _merged, UNMERGED: _merged,
}  # fmt: skip
