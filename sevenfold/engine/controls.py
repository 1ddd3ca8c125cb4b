"""Control records: what people and programs tell the fold, each `op` a function in one registry.

A module that brings control records of its own registers them with `@control("op")` and is imported by
whoever makes folds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ControlError as ControlError
from ..lifecycle.compile import CompiledUnit
from ..profiles.segments import SegmentNode
from ..workspace import models as m

if TYPE_CHECKING:
    from .fold import Fold

Control = Callable[["Fold", dict[str, Any]], None]
"""Changes a fold by a record; time, number and cause are set already."""
CONTROLS: dict[str, Control] = {}
"""Control records by the name in their `op`."""


def control(op: str) -> Callable[[Control], Control]:
    """Registers a function as what a control record with this `op` does."""

    def register(function: Control) -> Control:
        assert op not in CONTROLS, op
        CONTROLS[op] = function
        return function

    return register


def perform(fold: Fold, record: dict[str, Any]) -> None:
    """Does what a control record asks for. Raises ControlError when nobody knows its `op`."""
    function = CONTROLS.get(str(record.get("op")))
    if function is None:
        known = ", ".join(sorted(CONTROLS))
        raise ControlError(f"unknown control `{record.get('op')}`", fix=f"one of {known}")
    function(fold, record)


@control("fold_version")
def _fold_version(fold: Fold, record: dict[str, Any]) -> None:
    """Which version of the program folds from here on, and by which release of the time zone data (`tz`)."""
    pin_zones(fold, record)


def pin_zones(fold: Fold, record: dict[str, Any]) -> None:
    """From here on a release of the time zone data decides. What falls due after it was decided by another is
    as it was.
    """
    release = record.get("tz")
    if not isinstance(release, str) or release == fold.tz:
        return
    if fold.tz:
        fold.emit_about("time_zones", release, {"before": fold.tz})
    fold.tz = release


@control("merge")
def _merge(fold: Fold, record: dict[str, Any]) -> None:
    rows = sorted({find(fold, one) for one in record.get("members", [])} - {0}, key=fold._age_of)
    for other in rows[1:]:
        fold.identity._absorb(rows[0], other)
        fold._merge(rows[0], other, "asked")


def find(fold: Fold, identifier: Any) -> int:
    """The person of an identifier: `{kind: value, ...}` or a bare user id, e-mail or anonymous id."""
    if isinstance(identifier, dict):
        return next((row for k, v in identifier.items() if (row := fold.identity.find(k, v))), 0)
    for kind in ("user_id", "email", "anonymous_id"):
        row = fold.identity.find(kind, identifier)
        if row:
            return row
    return 0


@control("list")
def _list(fold: Fold, record: dict[str, Any]) -> None:
    """Changes a list kept by hand; members nobody has heard of are created from their identifiers."""
    label = str(record.get("list"))
    unit = fold.account if label in fold.account.segments else fold.person
    node = unit.segments.get(label)
    if node is None or node.condition is not None:
        raise ControlError(f"`{label}` is no list kept by hand", fix="declare a segment with `manual: true`")
    action = record.get("action", "append")
    listed = _listed_account if unit is fold.account else listed_person
    rows = [row for one in record.get("members", []) if (row := listed(fold, one))]
    wanted = set(rows)
    bits = fold.env.scope[node.slot.column]
    if action in ("replace", "clear"):
        for row in range(1, unit.table.rows):
            if bits[row] & node.slot.bit and row not in wanted:
                _on_list(fold, unit, node, row, False)
    for row in rows:
        _on_list(fold, unit, node, row, action not in ("remove", "clear"))


def listed_person(fold: Fold, identifier: Any) -> int:
    """The person of an identifier (see `find`), created when nobody has heard of them; 0 without any usable
    one.
    """
    named = identifier if isinstance(identifier, dict) else {"user_id": identifier}
    if (taken := named.get("erased")) is not None:
        # Somebody who was erased from the list: whoever it created took a number.
        fold.seq += taken if taken == 1 else 0
        return 0
    keys = [key for k in fold.identity.order if k in named and (key := fold.identity.key(k, named[k]))]
    row = find(fold, identifier)
    if not keys or (row and all(fold.identity.row_of(key) == row for key in keys)):
        return row
    if not row:
        # Each person that one record creates takes a number of its own, for ids come from numbers.
        fold.seq += 1
    row = fold.identity.resolve(keys, fold.t)
    if fold._age_of(row) == fold.seq:
        fold.person.evaluate(row, fold.t, fold.person.everything)
    return row


def _listed_account(fold: Fold, identifier: Any) -> int:
    key = identifier.get("group_id") if isinstance(identifier, dict) else identifier
    if key.__class__ is not str or not key:
        return 0
    if key not in fold.account_rows:
        fold.seq += 1
    return fold._account(key)


def _on_list(fold: Fold, unit: CompiledUnit, node: SegmentNode, row: int, member: bool) -> None:
    mask = node.set(row, fold.t, member)
    if mask and unit is fold.account:
        fold._touch(row, mask)
    elif mask:
        unit.evaluate(row, fold.t, mask)


@control("weights")
def _weights(fold: Fold, record: dict[str, Any]) -> None:
    """New weights of a score: re-scores everybody at once, marked as a jump."""
    of, label = str(record.get("of", m.PERSON)), str(record.get("score"))
    unit = fold._unit(of)
    node = unit.scores.get(label)
    if node is None:
        raise ControlError(f"unknown score `{label}`")
    weights = msgspec.convert(record["weights"], list[m.Weights])
    fold.closer.reweigh(unit, node, weights)
