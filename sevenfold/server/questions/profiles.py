"""Who somebody is: found by id or identifier, shown as the fold reads them, and why they stand where they
stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from ...effects import subject_id
from ...engine.controls import find
from ...limits import QUESTION_ROWS_MAX, QUESTION_TEXT_BYTES_MAX
from ...profiles import expressions as x
from ...profiles.columns import Array
from ...profiles.why import Reasons
from ...workspace.base import ACCOUNT, PERSON
from ...workspace.problems import likely
from . import QuestionError, question

if TYPE_CHECKING:
    from ...engine import Fold
    from ...lifecycle.compile import CompiledUnit

_TEXT_BYTES = 1 << 20
_END = 0xFF
"""Of the memory that identifiers lie in; see profiles/identifiers.py."""
Known = tuple[Array, Array, int]
"""The ids of rows from 1 on, the records that created those people, and up to which row both are there."""
_ids: WeakKeyDictionary[Fold, dict[str, Known]] = WeakKeyDictionary()
_reasons: WeakKeyDictionary[CompiledUnit, dict[str, Reasons]] = WeakKeyDictionary()

# ---------------------------------------------------------------------------------------------------- finding


def unit_of(fold: Fold, of: str) -> CompiledUnit:
    """A kind of subject. Raises QuestionError."""
    if of not in fold.units:
        known = ", ".join(fold.units)
        raise QuestionError(f"there is no kind of subject `{of}`", where="of", fix=f"one of {known}")
    return fold._unit(of)


def row_with_id(fold: Fold, of: str, ident: str) -> int:
    """The row of a subject's id, whoever they are now. -1: ids of further rows have to be worked out
    first, ask again. Raises QuestionError.
    """
    unit = unit_of(fold, of)
    fresh: Known = np.zeros(1_024, np.uint64), np.zeros(1_024, np.int64), 1
    held, since, known = _ids.setdefault(fold, {}).get(of, fresh)
    rows = unit.table.rows
    born = np.asarray(fold.env.scope[unit.born.name])
    # Rows of visitors who were retired are somebody else's by now.
    others = (np.flatnonzero(born[1:known] != since[1:known]) + 1).tolist()
    if known < rows or others:
        if len(held) < rows:
            more = rows + rows // 4 - len(held)
            held = np.concatenate((held, np.zeros(more, np.uint64)))
            since = np.concatenate((since, np.zeros(more, np.int64)))
        until = min(rows, known + QUESTION_ROWS_MAX)
        for row in (*others, *range(known, until)):
            since[row] = born[row]
            held[row] = int(subject_id(of, int(born[row])), 16)
        known = until
        _ids[fold][of] = held, since, known
    try:
        wanted = int(ident, 16) if len(ident) == 16 else -1
    except ValueError:
        wanted = -1
    found: list[int] = np.flatnonzero(held[1:known] == wanted).tolist() if wanted >= 0 else []
    if found:
        row = fold.forward.get(found[0] + 1, found[0] + 1) if of == PERSON else found[0] + 1
        if row:
            return row
        # Whoever was erased is nobody, and nobody else gets their id.
        known = rows
    if known < rows:
        return -1
    raise QuestionError(f"there is no {of} with the id `{ident[:64]}`", where="id")


@question("lookup")
def lookup(fold: Fold, of: str = PERSON, value: str = "", kind: str | None = None) -> dict[str, Any]:
    """`{id}` of whoever has an identifier: of one `kind`, or of whichever fits first; the key of others."""
    unit = unit_of(fold, of)
    if of == PERSON:
        if kind is not None and kind not in fold.identity.prefix:
            fix = likely(kind, fold.identity.prefix) or f"one of {', '.join(fold.identity.order)}"
            raise QuestionError(f"there is no kind of identifier `{kind}`", where="kind", fix=fix)
        kinds = fold.identity.order if kind is None else [kind]
        row = next((row for one in kinds if (row := find(fold, {one: value}))), 0)
    else:
        row = (fold.account_rows if of == ACCOUNT else fold.entity_rows[of]).get(value, 0)
    if not row:
        raise QuestionError(f"no {of} has that identifier", where="value")
    return {"id": fold.id_of(unit, row)}


# ---------------------------------------------------------------------------------------------------- showing


def name_of(unit: CompiledUnit, row: int) -> str | None:
    """What a subject is called, by the usual traits."""
    held = unit.traits.held(row)
    for one in ("name", "full_name", "fullName", "company"):
        value = held.get(one, (None,))[0]
        if isinstance(value, str) and value:
            return value
    parts = [held.get(one, (None,))[0] for one in ("first_name", "firstName", "last_name", "lastName")]
    return " ".join(one for one in parts if isinstance(one, str) and one) or None


def summary(fold: Fold, unit: CompiledUnit, row: int) -> dict[str, Any]:
    """A subject in a list."""
    return {
        "id": fold.id_of(unit, row),
        "of": unit.kind,
        "name": name_of(unit, row),
        "identifiers": fold._identifiers(unit.kind, row),
        "stages": {name: unit.show(node.slot, row) for name, node in unit.lifecycles.items()},
        "bands": {name: unit.show(node.band_slot, row) for name, node in unit.scores.items()},
    }


@question("profile")
def profile(fold: Fold, of: str, id: str) -> dict[str, Any] | None:  # noqa: A002 - as in the API
    """A subject as `Fold.read` shows it, with accounts, and what is open. None: ask again."""
    unit, row = unit_of(fold, of), row_with_id(fold, of, id)
    if row < 0:
        return None
    shown = {"id": fold.id_of(unit, row), "of": of, "time": fold.t, **fold.read(of, row)}
    if of == PERSON:
        shown["accounts"] = [
            {"id": fold.id_of(fold.account, account), "key": fold.account_ids[account], "role": role or None}
            for account, role, _ in fold.accounts_of(row)
        ]
    elif of == ACCOUNT:
        shown["members"] = len(list(fold.member_rows(row)))
    shown["pending"] = sorted(unit.pending)
    return shown


@question("why")
def why(
    fold: Fold,
    of: str,
    id: str,  # noqa: A002
    segment: str | None = None,
    lifecycle: str | None = None,
    score: str | None = None,
    prediction: str | None = None,
) -> dict[str, Any] | None:
    """Why somebody is (not) in a segment, stands in their stage, has their score or their prediction: each
    condition with the values it sees now. None: ask again.
    """
    unit, row = unit_of(fold, of), row_with_id(fold, of, id)
    if row < 0:
        return None
    if segment is not None:
        node = _named(unit.segments, segment, "segment")
        member = bool(unit.show(node.slot, row))
        atoms = (
            []
            if node.condition is None
            else _reasons_of(unit, f"segment {segment}", node.condition).atoms(row)
        )
        return {"segment": segment, "member": member, "manual": node.condition is None, "atoms": atoms}
    if lifecycle is not None:
        stages = _named(unit.lifecycles, lifecycle, "lifecycle")
        rules = []
        for what, tree in stages.trees().items():
            reasons = _reasons_of(unit, f"stage {lifecycle} {what}", tree)
            rules.append({"rule": what, "holds": reasons.holds(row), "atoms": reasons.atoms(row)})
        return {"lifecycle": lifecycle, "stage": unit.show(stages.slot, row), "rules": rules}
    if score is not None:
        found = _named(unit.scores, score, "score")
        return {"score": score, "band": unit.show(found.band_slot, row), **found.read(row)}
    if prediction is not None:
        node = _named(unit.predictions, prediction, "prediction")
        population = node.model.population
        atoms = (
            _reasons_of(unit, f"population {prediction}", unit.tree(population)).atoms(row)
            if population is not None
            else []
        )
        told = fold.read(of, row)["predictions"][prediction]
        return {"prediction": prediction, "asked": node.is_asked(row), "atoms": atoms, **told}
    raise QuestionError("ask about a segment, a lifecycle, a score or a prediction")


def _named(known: Any, name: str, what: str) -> Any:
    if name not in known:
        fix = likely(name, known) or f"there are {', '.join(known) or 'none'}"
        raise QuestionError(f"there is no {what} `{name[:100]}`", where=what, fix=fix)
    return known[name]


def _reasons_of(unit: CompiledUnit, name: str, tree: x.Node) -> Reasons:
    """Compiled once for each condition somebody asks about."""
    made = _reasons.setdefault(unit, {})
    if name not in made:
        made[name] = Reasons(unit, tree)
    return made[name]


# -------------------------------------------------------------------------------------------------- searching


@question("search")
def search(fold: Fold, of: str, prefix: str, limit: int = 50, after: int = 0) -> dict[str, Any]:
    """Subjects with an identifier that begins so: `{items, next}`. `next` is where to go on, None at the
    end; there may be fewer items than asked for, even none, and more to come.
    """
    unit = unit_of(fold, of)
    if of == PERSON:
        rows, following = _people_beginning(fold, prefix, limit, after)
    else:
        rows, following = _keys_beginning(fold, of, prefix, limit, after)
    return {"items": [summary(fold, unit, row) for row in rows], "next": following}


def _people_beginning(fold: Fold, prefix: str, limit: int, after: int) -> tuple[list[int], int | None]:
    """Looks through the texts of identifiers; `after` counts bytes of them over all pieces of memory."""
    table = fold.identity.table
    rows: dict[int, None] = {}
    text = prefix.strip()
    wanted = {letter + one for letter in fold.identity.kind_of for one in {text, text.lower()}}
    end = table._end
    until = min(end, after + QUESTION_TEXT_BYTES_MAX)
    at = after
    while at < until:
        piece = table._texts[at // _TEXT_BYTES]
        base, stop = at // _TEXT_BYTES * _TEXT_BYTES, min(_TEXT_BYTES, end - at // _TEXT_BYTES * _TEXT_BYTES)
        hits = sorted(hit for one in wanted for hit in _hits(piece, one.encode(), at - base, stop))
        for hit in hits:
            key = bytes(piece[hit : piece.index(_END, hit)]).decode()
            row = table.row_of(key)
            if row:
                rows[row] = None
            if len(rows) >= limit:
                return list(rows), base + hit + 4
        at = base + _TEXT_BYTES
    return list(rows), at if at < end else None


def _hits(piece: bytearray, wanted: bytes, start: int, stop: int) -> list[int]:
    """Where texts begin with `wanted`: texts begin at multiples of four, after the end of another."""
    found, at = [], piece.find(wanted, start, stop)
    while at >= 0:
        if at % 4 == 0 and (at == 0 or piece[at - 1] in (_END, 0)):
            found.append(at)
        at = piece.find(wanted, at + 1, stop)
    return found


def _keys_beginning(fold: Fold, of: str, prefix: str, limit: int, after: int) -> tuple[list[int], int | None]:
    texts = fold.account_ids if of == ACCOUNT else [key for key, _ in fold.entity_ids[of]]
    found, row = [], max(1, after)
    last = min(len(texts), row + QUESTION_ROWS_MAX)
    while row < last:
        if texts[row].startswith(prefix):
            found.append(row)
        row += 1
        if len(found) >= limit:
            break
    return found, row if row < len(texts) else None
