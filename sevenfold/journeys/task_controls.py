"""Control records of people's work: tasks, absences, playbooks, offers and broadcasts.

What cannot be meant raises `ControlError`. What came too late (a task that is closed already, a playbook that
is over) changes nothing and leaves an effect `TYPE_refused`: two people may do one thing at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.controls import ControlError, control, find
from ..events.times import parse_ms
from ..limits import OFFER_CODE_CHARS_MAX, OFFER_CODES_ENTRIES_MAX, TASK_TEXT_CHARS_MAX
from ..workspace.base import ACCOUNT, PERSON
from .broadcasts import Broadcasts
from .checklist import Checklist
from .offers import Offers
from .owners import FIRST_DAY, LAST_DAY
from .playbooks import Playbooks
from .task_table import Task
from .tasks import Tasks, Told
from .telling import stable_id
from .times import parse_duration
from .zones import DAY

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..lifecycle.compile import CompiledUnit

Record = dict[str, Any]


def _service(fold: Fold, name: str) -> Any:
    journeys = fold.journeys
    if journeys is None or name not in journeys.services:
        raise ControlError(f"the workspace has no {name}", fix="write some, or publish a journey first")
    return journeys.services[name]


def _told(record: Record) -> Told:
    """Who did it and why, as the effect carries it."""
    told = {key: str(record[key])[:TASK_TEXT_CHARS_MAX] for key in ("by", "note") if record.get(key)}
    return dict(told)


def _subject(fold: Fold, of: str, record: Record) -> tuple[CompiledUnit, int]:
    """The subject that a record names by `person`, `account` or the entity's kind."""
    unit = fold._unit(of)
    if of == PERSON:
        row = find(fold, record.get(PERSON))
    elif of == ACCOUNT:
        row = fold.account_rows.get(str(record.get(ACCOUNT)), 0)
    else:
        row = fold.entity_rows[of].get(str(record.get(of)), 0)
    if not row:
        raise ControlError(f"no {of} has that identifier", fix=f"name one by `{of}`")
    return unit, row


def _action(record: Record, known: dict[str, Any], what: str) -> Callable[..., None]:
    found = known.get(str(record.get("action")))
    if found is None:
        fix = f"one of {', '.join(known)}"
        raise ControlError(f"there is no action `{record.get('action')}` of a {what}", fix=fix)
    return found  # type: ignore[no-any-return]


def _text(record: Record, key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value:
        raise ControlError(f"`{key}` is missing", fix=f"give `{key}` as a text")
    return value


# ---------------------------------------------------------------------------------------------------- tasks


@control("task")
def _task(fold: Fold, record: Record) -> None:
    """`action` on the task with the id `task`: close (`outcome`), assign (`to`), snooze (`until` or `for`),
    note; or open one by hand (`kind`, its subject, `reason`). `by` and `note` go into the effect.
    """
    tasks: Tasks = _service(fold, "tasks")
    if record.get("action") == "open":
        _open(fold, tasks, record)
        return
    act = _action(record, _TASK_ACTIONS, "task")
    task = tasks.open_tasks.with_id(_text(record, "task"))
    if task is None:
        told = {"task": record["task"], "action": record["action"], "reason": "not_open"}
        fold.emit_about("task_refused", "", told | _told(record))
    else:
        act(tasks, task, record)


def _open(fold: Fold, tasks: Tasks, record: Record) -> None:
    kind = _text(record, "kind")
    if kind not in tasks.kinds:
        known = ", ".join(sorted(tasks.kinds)) or "none is written"
        raise ControlError(f"there is no kind of task `{kind}`", fix=f"one of {known}")
    unit, row = _subject(fold, tasks.kinds[kind].model.of, record)
    reason = str(record.get("reason") or "")
    ident = stable_id("task by hand", kind, fold.seq)
    tasks.open(kind, unit, row, reason, ident, {}, {"asked": True} | _told(record))


def _close(tasks: Tasks, task: Task, record: Record) -> None:
    outcome, known = _text(record, "outcome"), tasks.kinds[task.kind].model.outcomes
    if outcome not in known:
        raise ControlError(
            f"a task `{task.kind}` has no outcome `{outcome}`", fix=f"one of {', '.join(known)}"
        )
    tasks.close(task, outcome, _told(record))


def _assign(tasks: Tasks, task: Task, record: Record) -> None:
    to, known = _text(record, "to"), tasks.roster.directory.actors
    if known and to not in known:
        raise ControlError(f"`{to}` is not in the catalogue of people", fix=f"one of {', '.join(known)}")
    if to != task.owner:
        tasks.assign(task, to, "asked", _told(record))
        tasks.retry()


def _snooze(tasks: Tasks, task: Task, record: Record) -> None:
    if record.get("for") is not None:
        until = tasks.fold.t + parse_duration(str(record["for"])).ms
    else:
        found = parse_ms(record.get("until"))
        if found is None:
            raise ControlError("a task is put off `until` a time, or `for` so long", fix="such as `for: 2d`")
        until = found
    reason = tasks.snooze(task, until, _told(record))
    if reason:
        told = {"task": task.id, "action": "snooze", "reason": reason}
        tasks.fold.emit_about("task_refused", task.kind, told | _told(record))


def _note(tasks: Tasks, task: Task, record: Record) -> None:
    _text(record, "note")
    tasks.note(task, _told(record))


_TASK_ACTIONS = {"close": _close, "assign": _assign, "snooze": _snooze, "note": _note}


@control("absence")
def _absence(fold: Fold, record: Record) -> None:
    """`person` of the catalogue is away `from` a day `to` a day, both included; without both they are back.
    It stands above the catalogue's own dates.
    """
    tasks: Tasks = _service(fold, "tasks")
    person = _text(record, "person")
    if person not in tasks.roster.directory.actors:
        raise ControlError(f"`{person}` is not in the catalogue of people")
    days = [None if record.get(key) is None else parse_ms(record[key]) for key in ("from", "to")]
    if any(
        record.get(key) is not None and day is None for key, day in zip(("from", "to"), days, strict=True)
    ):
        raise ControlError("an absence is `from` a day `to` a day", fix="write 2026-03-01")
    first, last = (None if day is None else day // DAY for day in days)
    away = None
    if first is not None or last is not None:
        away = FIRST_DAY if first is None else first, LAST_DAY if last is None else last
    tasks.roster.absences[person] = away
    fold.emit_about("absence", person, {"from": record.get("from"), "to": record.get("to")})
    tasks.retry()


# ------------------------------------------------------------------------------------------------- playbooks


@control("playbook")
def _playbook(fold: Fold, record: Record) -> None:
    """`action` on the `playbook` of a subject: open (`reason`), done (`item`, `outcome`), close."""
    playbooks: Playbooks = _service(fold, "playbooks")
    name = _text(record, "playbook")
    unit, row = _subject(fold, playbooks.model(name).of, record)
    if record.get("action") == "open":
        playbooks.open(name, unit, row, str(record.get("reason") or ""), _told(record))
        return
    act = _action(record, {"done": _done, "close": _close_playbook}, "playbook")
    held = playbooks.held.get((name, unit.kind, row))
    if held is None or held.closed is not None:
        reason = {"action": record["action"], "reason": "not_open"}
        fold.emit(unit, row, "playbook_refused", name, reason | _told(record))
    else:
        act(playbooks, held, record)


def _done(playbooks: Playbooks, held: Checklist, record: Record) -> None:
    label = _text(record, "item")
    item = playbooks.models[held.playbook].items.get(label)
    if item is None:
        raise ControlError(f"playbook `{held.playbook}` has no item `{label}`")
    outcome = str(record.get("outcome") or "done")
    if item.task is not None or item.template is not None:
        raise ControlError(f"`{label}` is done by its task or message", fix="close the task instead")
    if item.decide and outcome not in item.decide:
        raise ControlError(f"`{label}` is no such decision", fix=f"one of {', '.join(item.decide)}")
    if label in held.open:
        playbooks.done(held, label, outcome, _told(record))
    else:
        unit = playbooks.fold._unit(held.of)
        data = {"action": "done", "item": label, "reason": "not_open"}
        playbooks.fold.emit(unit, held.row, "playbook_refused", held.playbook, data | _told(record))


def _close_playbook(playbooks: Playbooks, held: Checklist, record: Record) -> None:
    playbooks.close(held, _told(record))


# ------------------------------------------------------------------------------------ offers and broadcasts


@control("codes")
def _codes(fold: Fold, record: Record) -> None:
    """More `codes` for the pool `offer`."""
    offers: Offers = _service(fold, "offers")
    name, codes = _text(record, "offer"), record.get("codes")
    pool = offers.pools.get(name)
    if pool is None or pool.prefix is not None:
        raise ControlError(f"there is no pool of written codes `{name}`")
    if not isinstance(codes, list) or len(codes) + len(pool.codes) > OFFER_CODES_ENTRIES_MAX:
        fix = f"a list; a pool has at most {OFFER_CODES_ENTRIES_MAX}"
        raise ControlError("`codes` are missing or too many", fix=fix)
    if not all(isinstance(code, str) and 0 < len(code) <= OFFER_CODE_CHARS_MAX for code in codes):
        raise ControlError(f"a code is a text of at most {OFFER_CODE_CHARS_MAX} characters")
    offers.add(name, codes)


@control("broadcast")
def _broadcast(fold: Fold, record: Record) -> None:
    """The broadcast `name`: acknowledge its size (`acknowledged`), or `action` pause, resume, cancel, winner
    (`variant`).
    """
    broadcasts: Broadcasts = _service(fold, "broadcasts")
    name = _text(record, "name")
    one = broadcasts.all.get(name)
    if one is None:
        raise ControlError(f"there is no broadcast `{name}`", fix="write it in the workspace first")
    size = record.get("acknowledged")
    action = str(record.get("action") or ("acknowledge" if size is not None else ""))
    if action == "acknowledge":
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ControlError("`acknowledged` is the number of people the author was shown")
        reason = one.acknowledge(size, fold.t)
    elif action == "pause":
        reason = one.pause()
    elif action == "resume":
        reason = one.resume(fold.t)
    elif action == "cancel":
        reason = one.cancel()
    elif action == "winner":
        reason = one.promote(_text(record, "variant"), fold.t)
    else:
        raise ControlError(f"there is no action `{action}`", fix="pause, resume, cancel or winner")
    if reason and reason != "larger_than_acknowledged":
        fold.emit_about("broadcast_refused", name, {"action": action, "reason": reason})


__all__: list[str] = []
