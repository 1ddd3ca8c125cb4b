"""Takes things out of the history: a person who asked for it, and what is older than it is kept.

The statements run inside the writer's transaction. Deleted bytes are overwritten (`secure_delete`), and the
writer empties the write-ahead log afterwards.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from .schema import STRETCH_BITS, key

_PIECE: Final = 500
_ERASED: Final = b'{"erased":true}'
_ABOUT: Final = (("runs", "about"), ("tasks", "about"))
Shelved = Callable[[Sequence[int], Sequence[str]], dict[str, int]]
"""Removes from the shelf what waits for people and the links of messages."""


def erase(
    connection: sqlite3.Connection,
    subjects: Sequence[str],
    digests: Sequence[int],
    names: Sequence[str],
    before: int,
    shelved: Shelved,
) -> dict[str, int]:
    """Removes everything about these subjects (ids), the index of events with these digests, and what control
    records say that name one of these names; of the log only what lies before position `before`, for whoever
    comes back is somebody new. Gives how many rows of each table went.
    """
    keys = [key(one) for one in subjects]
    counts: dict[str, int] = {}

    def delete(table: str, column: str, values: Iterable[Any]) -> None:
        for some, marks in _pieces(values):
            done = connection.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", some).rowcount
            counts[table] = counts.get(table, 0) + done

    effects = _effects_about(connection, keys)
    told = [row[0] for row in _select(connection, "effect", "messages", "person", keys) if row[0] is not None]
    named = [
        str(msgspec.json.decode(row[0]).get("effect"))
        for row in _select(connection, "data", "effects", "number", effects)
    ]
    for number, about in _select(connection, "number, subject", "effects", "number", effects):
        place = (number >> STRETCH_BITS, key(about), number)
        connection.execute("DELETE FROM subjects WHERE stretch = ? AND subject = ? AND number = ?", place)
    for table, column in _ABOUT:
        delete(table, column, keys)
    # Before the messages, which say what is to be removed there.
    counts |= shelved(keys, named)
    delete("outcomes", "effect", told)
    delete("messages", "person", keys)
    delete("effects", "number", effects)
    delete("merges", "loser", subjects)
    delete("merges", "winner", subjects)
    for stretch in _stretches(connection, "subjects"):
        for some, marks in _pieces(keys):
            statement = f"DELETE FROM subjects WHERE stretch = ? AND subject IN ({marks})"
            connection.execute(statement, (stretch, *some))
    counts["identifiers"] = 0
    for stretch in _stretches(connection, "identifiers"):
        for some, marks in _pieces(digests):
            statement = (
                f"DELETE FROM identifiers WHERE stretch = ? AND identifier IN ({marks}) AND position < ?"
            )
            counts["identifiers"] += connection.execute(statement, (stretch, *some, before)).rowcount
    counts["controls"] = _erase_controls(connection, names, before)
    return counts


def _effects_about(connection: sqlite3.Connection, keys: Sequence[int]) -> list[int]:
    found: set[int] = set()
    for stretch in _stretches(connection, "subjects"):
        for some, marks in _pieces(keys):
            statement = f"SELECT number FROM subjects WHERE stretch = ? AND subject IN ({marks})"
            found.update(row[0] for row in connection.execute(statement, (stretch, *some)))
    return sorted(found)


def _erase_controls(connection: sqlite3.Connection, names: Sequence[str], before: int) -> int:
    """Control records that name the person keep their place, time and kind, and nothing of what they said."""
    wanted = [msgspec.json.encode(name) for name in names]
    if not wanted:
        return 0
    rows = connection.execute("SELECT position, data FROM controls WHERE position < ?", (before,))
    found = [(_ERASED, position) for position, data in rows if any(one in data for one in wanted)]
    connection.executemany("UPDATE controls SET data = ? WHERE position = ?", found)
    return len(found)


def forget(connection: sqlite3.Connection, before: int, rows_max: int) -> int:
    """Removes at most about `rows_max` rows that are older than `before`, ms UTC; gives how many. What is
    still going on stays: active runs, open tasks, messages that wait to be shown.
    """
    removed = 0

    def delete(statement: str, *values: int) -> None:
        nonlocal removed
        removed += connection.execute(statement, values).rowcount

    old = _first_since(connection, "effects", "number", before)
    end = min(old, _after(connection, "effects", "number", rows_max))
    stretch = end >> STRETCH_BITS
    sent = "(SELECT effect FROM messages WHERE number < ? AND effect IS NOT NULL)"
    delete(f"DELETE FROM outcomes WHERE effect IN {sent}", end)
    for table in ("messages", "effects"):
        delete(f"DELETE FROM {table} WHERE number < ?", end)
    if end == old:
        delete("DELETE FROM runs WHERE number < ? AND ended < ?", end, before)
        delete("DELETE FROM tasks WHERE number < ? AND closed < ?", end, before)
    delete("DELETE FROM subjects WHERE stretch < ?", stretch)
    delete("DELETE FROM subjects WHERE stretch = ? AND number < ?", stretch, end)
    controls = _first_since(connection, "controls", "position", before)
    last = min(controls, _after(connection, "controls", "position", rows_max))
    delete("DELETE FROM controls WHERE position < ?", last)
    return removed


def _first_since(connection: sqlite3.Connection, table: str, column: str, time: int) -> int:
    """The first number (or position) at or after a time, which grows with it."""
    low, high = connection.execute(
        f"SELECT (SELECT min({column}) FROM {table}), (SELECT max({column}) FROM {table})"
    ).fetchone()
    if low is None:
        return 0
    high += 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            f"SELECT time FROM {table} WHERE {column} >= ? ORDER BY {column} LIMIT 1", (middle,)
        ).fetchone()
        if row is None or row[0] >= time:
            high = middle
        else:
            low = middle + 1
    return int(low)


def _after(connection: sqlite3.Connection, table: str, column: str, rows: int) -> int:
    """The number (or position) after the oldest `rows` rows."""
    statement = f"SELECT {column} FROM {table} ORDER BY {column} LIMIT 1 OFFSET ?"
    row = connection.execute(statement, (rows,)).fetchone()
    return int(row[0]) if row else 1 << 62


def _stretches(connection: sqlite3.Connection, table: str) -> list[int]:
    low, high = connection.execute(
        f"SELECT (SELECT min(stretch) FROM {table}), (SELECT max(stretch) FROM {table})"
    ).fetchone()
    return [] if low is None else list(range(low, high + 1))


def _select(
    connection: sqlite3.Connection, columns: str, table: str, column: str, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for some, marks in _pieces(values):
        statement = f"SELECT {columns} FROM {table} WHERE {column} IN ({marks})"
        found += connection.execute(statement, some).fetchall()
    return found


def _pieces(values: Iterable[Any]) -> Iterator[tuple[list[Any], str]]:
    """Values a statement can take, with their marks."""
    rest = iter(values)
    while some := list(islice(rest, _PIECE)):
        yield some, ", ".join("?" * len(some))
