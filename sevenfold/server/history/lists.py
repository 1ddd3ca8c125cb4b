"""Pages of messages, runs, tasks and control records."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec
from msgspec import Struct

from .models import STATUS_CODES, STATUSES, Control, Message, Outcome, Page, Run, Task, Told
from .schema import HistoryError, key

_DECODE: Final = msgspec.json.Decoder().decode
RUN_COLUMNS: Final = (
    "id, number, of, subject, journey, version, trigger, entity, ghost, started, step, since, until, ended,"
    " reason"
)
TASK_COLUMNS: Final = (
    "id, number, of, subject, kind, reason, title, owner, due, opened, level, snoozed, overdue, closed,"
    " outcome"
)
_MESSAGE_COLUMNS: Final = (
    "m.number, m.decision, m.time, e.of, e.subject, m.journey, m.template, m.channel, m.reason, m.status,"
    " m.status_time, e.data"
)
_OUTCOME_COLUMNS: Final = (
    "position, outcome, time, at, reason, provider_id, channel, machine, permanent, data"
)


class Span(Struct, frozen=True):
    """Which page: after a cursor, oldest first; else before one (or the end), newest first."""

    after: int | None
    before: int | None
    limit: int

    @property
    def forward(self) -> bool:
        return self.after is not None

    @property
    def order(self) -> str:
        return "ASC" if self.forward else "DESC"

    def where(self, column: str) -> tuple[str, list[Any]]:
        """The condition of a statement, and its values."""
        parts = [f"{column} > ?"] if self.after is not None else []
        parts += [f"{column} < ?"] if self.before is not None else []
        values = [one for one in (self.after, self.before) if one is not None]
        return " AND ".join(parts) or "1", values


class _HasNumber(Protocol):
    number: int


Found = TypeVar("Found", bound=_HasNumber)


def paged(found: list[Found], span: Span) -> Page[Found]:
    """A page of what was found, which is one more than wanted when there are more."""
    shown = found[: span.limit]
    return Page(shown, shown[-1].number if len(found) > span.limit and shown else None)


def _select(
    connection: sqlite3.Connection,
    statement: str,
    column: str,
    wanted: Mapping[str, Any],
    more: Sequence[tuple[str, Sequence[Any]]],
    span: Span,
) -> list[tuple[Any, ...]]:
    """One row more than the page holds, of those where every column wanted has its value."""
    where, values = span.where(column)
    for name, value in wanted.items():
        if value is not None:
            where += f" AND {name} = ?"
            values.append(value)
    for condition, given in more:
        where += f" AND {condition}"
        values += given
    return connection.execute(
        f"{statement} WHERE {where} ORDER BY {column} {span.order} LIMIT ?", (*values, span.limit + 1)
    ).fetchall()


def _one_of(column: str, values: Sequence[int] | None) -> list[tuple[str, Sequence[Any]]]:
    return [] if values is None else [(f"{column} IN ({', '.join('?' * len(values))})", values)]


# ------------------------------------------------------------------------------------------------- messages


def messages(
    connection: sqlite3.Connection,
    wanted: Mapping[str, Any],
    people: Sequence[int] | None,
    status: str | None,
    span: Span,
) -> Page[Message]:
    """Decisions about messages."""
    if status is not None and status not in STATUS_CODES:
        raise HistoryError(f"no message has the status `{status}`", fix=f"one of {', '.join(STATUSES)}")
    more = _one_of("m.person", people)
    if status is not None:
        more.append(("m.status = ?", [STATUS_CODES[status]]))
    named = {f"m.{name}": value for name, value in wanted.items()}
    statement = f"SELECT {_MESSAGE_COLUMNS} FROM messages m JOIN effects e ON e.number = m.number"
    rows = _select(connection, statement, "m.number", named, more, span)
    return paged([_message_of(row) for row in rows], span)


def message(connection: sqlite3.Connection, effect: str) -> Message | None:
    """One message with its outcomes."""
    row = connection.execute(
        f"SELECT {_MESSAGE_COLUMNS} FROM messages m JOIN effects e ON e.number = m.number WHERE m.effect = ?",
        (key(effect),),
    ).fetchone()
    if row is None:
        return None
    found = _message_of(row)
    found.outcomes = outcomes(connection, effect)
    return found


def _message_of(row: tuple[Any, ...]) -> Message:
    number, decision, time, of, subject, journey, template, channel, reason, status, status_time, data = row
    told = _DECODE(data)
    sent = decision in ("message", "webhook")
    return Message(
        number=number, effect=str(told.get("effect", "")) if sent else "", decision=decision, time=time,
        of=of, subject=subject, person=told.get("recipient") or (subject if of == "person" else None),
        journey=journey, run=told.get("run"), template=template, channel=channel, reason=reason,
        status=STATUSES[status], status_time=status_time, data=told,
    )  # fmt: skip


def outcomes(connection: sqlite3.Connection, effect: str) -> list[Outcome]:
    """Everything told about a message."""
    rows = connection.execute(
        f"SELECT {_OUTCOME_COLUMNS} FROM outcomes WHERE effect = ? ORDER BY position, place", (key(effect),)
    )
    return [_outcome_of(row) for row in rows]


def _outcome_of(row: tuple[Any, ...]) -> Outcome:
    found = Outcome(*row)
    found.machine, found.permanent = bool(found.machine), bool(found.permanent)
    found.data = None if row[-1] is None else _DECODE(row[-1])
    return found


_TOLD: Final = ("sent", "delivered", "bounced", "failed", "complained")
_TOLD_OF: Final = (
    "m.channel, coalesce(o.channel, m.channel), m.journey, o.outcome, o.reason, o.permanent, o.machine"
)
_TOLD_FROM: Final = f"FROM outcomes o LEFT JOIN messages m ON m.effect = o.effect WHERE o.outcome IN {_TOLD}"


def told(connection: sqlite3.Connection, after: int, limit: int) -> list[Told]:
    """What was told after a position, in order: at most `limit`, or all of one position."""
    rows = connection.execute(
        f"SELECT o.position, o.time, {_TOLD_OF}, 1 {_TOLD_FROM} AND o.position > ?"
        " ORDER BY o.position, o.place LIMIT ?",
        (after, limit),
    ).fetchall()
    if len(rows) == limit and rows[0][0] != rows[-1][0]:
        # The last position may have more: it is read from its beginning the next time.
        rows = [row for row in rows if row[0] != rows[-1][0]]
    return [_told_of(row) for row in rows]


def told_by_minute(connection: sqlite3.Connection, after: int, through: int) -> list[Told]:
    """What was told after a position and until another, added up by minute."""
    rows = connection.execute(
        f"SELECT max(o.position), o.time / 60000 * 60000, {_TOLD_OF}, count(*) {_TOLD_FROM}"
        " AND o.position > ? AND o.position <= ? GROUP BY 2, 3, 4, 5, 6, 7, 8, 9",
        (after, through),
    )
    return [_told_of(row) for row in rows]


def _told_of(row: tuple[Any, ...]) -> Told:
    at, time, channel, via, journey, outcome, reason, forever, machine, many = row
    of = channel or "", via or "", journey or ""
    return Told(at, time, *of, outcome, reason, bool(forever), bool(machine), many)


def told_before(connection: sqlite3.Connection, time: int) -> int:
    """The last position whose record is older than a time, ms UTC; -1 when there is none."""
    last = connection.execute("SELECT max(position) FROM outcomes").fetchone()[0]
    low, high = -1, -1 if last is None else last
    while low < high:
        middle = (low + high + 1) // 2
        at = connection.execute(
            "SELECT time FROM outcomes WHERE position <= ? ORDER BY position DESC LIMIT 1", (middle,)
        ).fetchone()
        if at is None or at[0] < time:
            low = middle
        else:
            high = middle - 1
    return low


def effect_of(connection: sqlite3.Connection, channel: str, provider_id: str) -> str | None:
    """The message that a provider calls `provider_id`; the latest, should there be several."""
    rows = connection.execute(
        "SELECT o.channel, m.channel, e.data FROM outcomes o JOIN messages m ON m.effect = o.effect"
        " JOIN effects e ON e.number = m.number WHERE o.provider_id = ?"
        " ORDER BY o.position DESC, o.place DESC",
        (provider_id,),
    )
    for told, decided, data in rows:
        if channel in (told or decided, decided):
            return str(_DECODE(data).get("effect", ""))
    return None


# ------------------------------------------------------------------------------------- runs, tasks, controls


def runs(
    connection: sqlite3.Connection,
    wanted: Mapping[str, Any],
    about: Sequence[int] | None,
    ended: str | None,
    span: Span,
) -> Page[Run]:
    """Runs."""
    more = _one_of("about", about) + ([] if ended is None else [(ended, ())])
    rows = _select(connection, f"SELECT {RUN_COLUMNS} FROM runs", "number", wanted, more, span)
    return paged([Run(*row) for row in rows], span)


def tasks(
    connection: sqlite3.Connection,
    wanted: Mapping[str, Any],
    about: Sequence[int] | None,
    closed: str | None,
    span: Span,
) -> Page[Task]:
    """Tasks."""
    more = _one_of("about", about) + ([] if closed is None else [(closed, ())])
    rows = _select(connection, f"SELECT {TASK_COLUMNS} FROM tasks", "number", wanted, more, span)
    return paged([task_of(row) for row in rows], span)


def task_of(row: tuple[Any, ...]) -> Task:
    """A task from its row of `TASK_COLUMNS`."""
    found = Task(*row)
    found.overdue = bool(found.overdue)
    return found


def controls(connection: sqlite3.Connection, wanted: Mapping[str, Any], span: Span) -> Page[Control]:
    """Control records."""
    statement = "SELECT position, time, op, by, data FROM controls"
    rows = _select(connection, statement, "position", wanted, (), span)
    found = [Control(position, time, op, by, _DECODE(data)) for position, time, op, by, data in rows]
    shown = found[: span.limit]
    return Page(shown, shown[-1].position if len(found) > span.limit and shown else None)
