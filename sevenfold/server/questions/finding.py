"""Finding somebody by what one remembers of them: the beginning of an identifier or of any word in it, or of
a word of their name.

Texts of identifiers lie together in memory, and so do the traits of each subject; both are looked through as
bytes. That is quick enough without an index that would have to be kept: 200,000 people are some 25 MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...limits import QUESTION_TEXT_BYTES_MAX, SEARCH_ROWS_MAX
from ...workspace.base import ACCOUNT, PERSON
from . import question
from .profiles import _END, _TEXT_BYTES, name_of, summary, unit_of

if TYPE_CHECKING:
    from ...engine import Fold
    from ...lifecycle.compile import CompiledUnit


_HITS_MAX: Final = 2_000
"""Places in one piece of memory that are looked at; a text that is found more often says too little."""


@question("find_identifiers")
def find_identifiers(fold: Fold, of: str, text: str, limit: int = 10, after: int = 0) -> dict[str, Any]:
    """Subjects with an identifier in which a word begins so, those whose identifier itself does first:
    `{items, next}`. `next` is where to go on, None at the end.
    """
    unit = unit_of(fold, of)
    if of != PERSON:
        return _keys(fold, unit, text, limit, after)
    table = fold.identity.table
    wanted = {one.encode() for one in {text, text.lower()}}
    rows: dict[int, bool] = {}
    end = table._end
    at, until = after, min(table._end, after + QUESTION_TEXT_BYTES_MAX)
    while at < until and len(rows) < 4 * limit:
        piece = table._texts[at // _TEXT_BYTES]
        stop = min(_TEXT_BYTES, end - at // _TEXT_BYTES * _TEXT_BYTES)
        for one in wanted:
            _in_piece(table, piece, one, stop, rows)
        at = (at // _TEXT_BYTES + 1) * _TEXT_BYTES
    return _shown(fold, unit, rows, limit, at if at < end else None)


def _in_piece(table: Any, piece: bytearray, wanted: bytes, stop: int, rows: dict[int, bool]) -> None:
    place = piece.find(wanted, 0, stop)
    for _ in range(_HITS_MAX):
        if place < 0:
            return
        # An identifier begins with the letter of its kind, behind the end of another.
        start = max(piece.rfind(_END, 0, place), -1) + 1
        while start < place and piece[start] == 0:
            start += 1
        first = place == start + 1
        if place > start and (first or not chr(piece[place - 1]).isalnum()):
            row = table.row_of(bytes(piece[start : piece.index(_END, place)]).decode("utf-8", "replace"))
            if row:
                rows[row] = rows.get(row, False) or first
        place = piece.find(wanted, place + 1, stop)


def _keys(fold: Fold, unit: CompiledUnit, text: str, limit: int, after: int) -> dict[str, Any]:
    """Accounts and entities by their keys."""
    texts = fold.account_ids if unit.kind == ACCOUNT else [key for key, _ in fold.entity_ids[unit.kind]]
    rows: dict[int, bool] = {}
    low = text.lower()
    first = max(1, after)
    last = min(len(texts), first + SEARCH_ROWS_MAX)
    for row in range(first, last):
        key = texts[row]
        if key and low in key.lower() and _begins(low, key):
            rows[row] = key.lower().startswith(low)
            if len(rows) >= 4 * limit:
                last = row + 1
                break
    return _shown(fold, unit, rows, limit, last if last < len(texts) else None)


@question("find_names")
def find_names(fold: Fold, of: str, text: str, limit: int = 10, after: int = 0) -> dict[str, Any]:
    """Subjects in whose name a word begins so: `{items, next}`, those whose name itself does first."""
    unit = unit_of(fold, of)
    bag: Any = unit.env.scope[unit.traits.bag]
    first = max(1, after)
    last = min(unit.table.rows, first + SEARCH_ROWS_MAX)
    held = bag[first:last]
    found = sorted({at for one in _forms(text) for at, packed in enumerate(held) if packed and one in packed})
    gone = fold.forward if of == PERSON else {}
    rows: dict[int, bool] = {}
    for at in found:
        row = at + first
        name = name_of(unit, row)
        if name is not None and row not in gone and _begins(text, name):
            rows[row] = name.lower().startswith(text.lower())
            if len(rows) >= 4 * limit:
                last = row + 1
                break
    return _shown(fold, unit, rows, limit, last if last < unit.table.rows else None)


def _forms(text: str) -> set[bytes]:
    """What is looked for in packed traits. The first letter of a name is large or small, so it is left out
    where enough remains; a name in capitals is found by capitals.
    """
    if len(text) > 3:
        return {(text if text.isupper() else text.lower())[1:].encode()}
    return {text.encode(), text.lower().encode(), text.title().encode()}


def _begins(text: str, inside: str) -> bool:
    """Whether a word in a text begins so."""
    low, inside = text.lower(), inside.lower()
    at = inside.find(low)
    while at >= 0:
        if at == 0 or not inside[at - 1].isalnum():
            return True
        at = inside.find(low, at + 1)
    return False


def _shown(
    fold: Fold, unit: CompiledUnit, rows: dict[int, bool], limit: int, following: int | None
) -> dict[str, Any]:
    best = sorted(rows, key=lambda row: not rows[row])[:limit]
    return {
        "items": [{**summary(fold, unit, row), "first": rows[row]} for row in best],
        "next": following,
    }
