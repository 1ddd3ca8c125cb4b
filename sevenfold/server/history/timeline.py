"""Pages of effects: about subjects, stretch after stretch, or of kinds."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is bound

from __future__ import annotations

import sqlite3
from typing import Any, Final

import msgspec

from .lists import Span, paged
from .models import Numbered, Page
from .schema import STRETCH_BITS

_DECODE: Final = msgspec.json.Decoder().decode
_COLUMNS: Final = "e.number, e.time, e.kind, e.of, e.subject, e.name, e.data"


def effects_of_kinds(connection: sqlite3.Connection, kinds: list[str] | None, span: Span) -> Page[Numbered]:
    """Effects of these kinds, or all."""
    where, values = span.where("e.number")
    if kinds is not None:
        where += f" AND e.kind IN ({', '.join('?' * len(kinds))})"
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM effects e WHERE {where} ORDER BY e.number {span.order} LIMIT ?",
        (*values, *(kinds or ()), span.limit + 1),
    ).fetchall()
    return paged([numbered(row) for row in rows], span)


def effects_of_subjects(
    connection: sqlite3.Connection, subjects: list[int], kinds: list[str] | None, span: Span
) -> Page[Numbered]:
    """Effects about any of these subjects."""
    where, values = span.where("number")
    where += f" AND subject IN ({', '.join('?' * len(subjects))})"
    of_kinds = "" if kinds is None else f"WHERE e.kind IN ({', '.join('?' * len(kinds))})"
    found: list[Numbered] = []
    for stretch in _stretches(connection, span):
        rows = connection.execute(
            # A merge is about both, who are the same person now.
            f"SELECT {_COLUMNS} FROM (SELECT DISTINCT number FROM subjects WHERE stretch = ? AND {where}) s"
            f" CROSS JOIN effects e ON e.number = s.number {of_kinds} ORDER BY e.number {span.order} LIMIT ?",
            (stretch, *values, *subjects, *(kinds or ()), span.limit + 1 - len(found)),
        ).fetchall()
        found += [numbered(row) for row in rows]
        if len(found) > span.limit:
            break
    return paged(found, span)


def _stretches(connection: sqlite3.Connection, span: Span) -> list[int]:
    """The stretches a page may lie in, in its order."""
    low, high = connection.execute(
        "SELECT (SELECT min(number) FROM effects), (SELECT max(number) FROM effects)"
    ).fetchone()
    if low is None:
        return []
    first = low if span.after is None else max(low, span.after + 1)
    last = high if span.before is None else min(high, span.before - 1)
    found = list(range(first >> STRETCH_BITS, (last >> STRETCH_BITS) + 1))
    return found if span.forward else found[::-1]


def numbered(row: tuple[Any, ...]) -> Numbered:
    """An effect from its row."""
    number, time, kind, of, subject, name, data = row
    return Numbered(number, time, kind, of, subject, name, _DECODE(data))
