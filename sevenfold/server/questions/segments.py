"""Who is where: members of segments, people in stages, in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...limits import QUESTION_ROWS_MAX
from ...profiles.columns import Array
from ...workspace.base import PERSON
from . import question
from .profiles import _named, summary, unit_of
from .traits import OWNERS, trait_of

if TYPE_CHECKING:
    from ...engine import Fold
    from ...lifecycle.compile import CompiledUnit

_CHUNK_ROWS = 32 * QUESTION_ROWS_MAX
"""Rows whose column one question looks at, all at once."""


@question("listing")
def listing(
    fold: Fold,
    of: str = PERSON,
    segment: str | None = None,
    lifecycle: str | None = None,
    stage: str | None = None,
    band: str | None = None,
    score: str | None = None,
    owner: str | None = None,
    limit: int = 50,
    after: int = 0,
) -> dict[str, Any]:
    """Subjects of a kind, in the order in which they came to be: `{items, next}`. In a segment, in a
    stage of a lifecycle, in a band of a score, looked after by somebody; several of these must all hold.
    There may be fewer items than asked for, and more to come.
    """
    unit = unit_of(fold, of)
    first = max(0, after) + 1
    last = min(unit.table.rows, first + _CHUNK_ROWS)
    chosen = np.ones(max(0, last - first), bool)
    if segment is not None:
        slot = _named(unit.segments, segment, "segment").slot
        chosen &= (_column(fold, slot.column, first, last) & slot.bit) != 0
    if lifecycle is not None:
        node = _named(unit.lifecycles, lifecycle, "lifecycle")
        code = 0 if stage is None else _code(node.slot.codes, stage, "stage")
        column = _column(fold, node.slot.column, first, last)
        chosen &= column != 0 if stage is None else column == code
    if score is not None:
        bands = _named(unit.scores, score, "score").band_slot
        chosen &= _column(fold, bands.column, first, last) == _code(bands.codes, band or "", "band")
    if owner is not None:
        held = trait_of(unit, OWNERS, "text")
        texts = None if held is None else held[1].dictionary
        if held is None or texts is None or owner not in texts.codes:
            return {"items": [], "next": None}
        chosen &= _column(fold, held[1].column, first, last) == texts.codes[owner]
    rows: list[int] = []
    gone = fold.forward if of == PERSON else {}
    for place in np.flatnonzero(chosen):
        row = int(place) + first
        if row not in gone:
            rows.append(row)
        if len(rows) >= limit:
            last = row + 1
            break
    following = last - 1 if last < unit.table.rows else None
    return {"items": [summary(fold, unit, row) for row in rows], "next": following}


def _code(codes: dict[str, int] | None, text: str, what: str) -> int:
    found: int = _named(codes or {}, text, what)
    return found


def _column(fold: Fold, name: str, first: int, last: int) -> Array:
    return np.asarray(fold.env.scope[name])[first:last]


def count(fold: Fold, unit: CompiledUnit, column: str) -> Array:
    """A whole column of those who are there; losers of merges hold empty values."""
    return _column(fold, column, 1, unit.table.rows)


@question("ids_of")
def ids_of(fold: Fold, pairs: list[list[str]]) -> list[str | None]:
    """The ids of people with these identifiers (`[kind, value]`), for an import that says who is known."""
    rows = [fold.identity.find(kind, value) if kind in fold.identity.prefix else 0 for kind, value in pairs]
    return [fold.id_of(fold.person, row) if row else None for row in rows]
