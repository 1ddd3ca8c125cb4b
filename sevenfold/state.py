"""Snapshots: the fold's whole state as bytes, and back. Pure; writing them to disk is `sevenfold.snapshots`.

The format is columns by their label, small objects, dictionaries, identifiers, accounts and the wheel's
entries, with
the workspace's digest. Row layout and generated code are no part of it. A snapshot of another workspace is
refused:
such a state is made by folding the log.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import zstandard

from .errors import SevenfoldError
from .profiles.columns import Dictionary
from .profiles.wheel import BUCKET_BITS, LOW_BITS, LOW_MASK, ValuedWheel, Wheel
from .workspace import models as m

if TYPE_CHECKING:
    from .engine import Fold

FORMAT = 1
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder().decode


class SnapshotError(SevenfoldError):
    """A snapshot cannot be used: damaged, or taken by another version or under another workspace."""

    code = "snapshot_unusable"


def workspace_digest(workspace: m.Workspace) -> str:
    """16 hexadecimal digits that change with any object of the workspace."""
    return blake2b(_ENCODE(msgspec.to_builtins(workspace)), digest_size=8).hexdigest()


def dump(fold: Fold) -> bytes:
    """The whole state of a fold. Effects that were not yet taken are not part of it."""
    state = {
        "format": FORMAT,
        "workspace": workspace_digest(fold.workspace),
        "t": fold.t,
        "seq": fold.seq,
        "next_close": fold._next_close,
        "tick_due": fold._tick_due,
        "units": {unit.kind: _dump_unit(unit) for unit in fold.compiled},
        "held": fold.identity.held,
        "attached_at": fold.identity.attached_at,
        "apart": sorted(fold.identity.apart),
        "accounts": fold.account_ids,
        "members": [_packed(one) for one in fold.members],
        "children": list(fold.children.items()),
        "further": list(fold.further.items()),
        "entities": fold.entity_ids,
        "forward": list(fold.forward.items()),
        "dirty": [(account, _big(mask)) for account, mask in fold._dirty_accounts.items()],
        "moved": [(account, _big(mask)) for account, mask in fold._moved_rollups.items()],
        "wheel": _dump_wheel(fold.wheel),
        "valued": _dump_wheel(fold.valued),
    }
    return zstandard.ZstdCompressor(level=1).compress(_ENCODE(state))


def load(workspace: m.Workspace, data: bytes, fold_class: type[Fold]) -> Fold:
    """A fold in the dumped state. Raises SnapshotError."""
    try:
        state: dict[str, Any] = _DECODE(zstandard.ZstdDecompressor().decompress(data))
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise SnapshotError(
            f"the snapshot is damaged: {error}", fix="delete it; the state is folded from the log"
        ) from error
    if state.get("format") != FORMAT or state.get("workspace") != workspace_digest(workspace):
        raise SnapshotError(
            "the snapshot was taken under another workspace or version",
            fix="delete it; the state is folded from the log",
        )
    seeds = {kind: unit["dictionaries"] for kind, unit in state["units"].items()}
    rows = state["units"][m.PERSON]["rows"]
    fold = fold_class(workspace, capacity_rows=max(1_024, rows + rows // 8), seeds=seeds)
    for unit in fold.compiled:
        _load_unit(unit, state["units"][unit.kind])
    fold.t, fold.seq, fold._next_close, fold._tick_due = (
        state["t"],
        state["seq"],
        state["next_close"],
        state["tick_due"],
    )
    fold.identity.restore([_tupled(one) for one in state["held"]], state["attached_at"])
    fold.identity.apart = {(a, b) for a, b in state["apart"]}
    fold.account_ids = state["accounts"]
    fold.account_rows = {name: row for row, name in enumerate(fold.account_ids) if row}
    fold.members = [_unpacked(one) for one in state["members"]]
    fold.children = {account: list(rows) for account, rows in state["children"]}
    fold.further = {row: [(a, r) for a, r in held] for row, held in state["further"]}
    fold.entity_ids = {kind: [(k, p) for k, p in ids] for kind, ids in state["entities"].items()}
    fold.entity_rows = {
        kind: {k: row for row, (k, _) in enumerate(ids) if row} for kind, ids in fold.entity_ids.items()
    }
    fold.forward = dict(state["forward"])
    fold._dirty_accounts = {account: int(mask, 16) for account, mask in state["dirty"]}
    fold._moved_rollups = {account: int(mask, 16) for account, mask in state["moved"]}
    _load_wheel(fold.wheel, state["wheel"])
    _load_wheel(fold.valued, state["valued"])
    return fold


def _big(mask: int) -> str:
    # Masks of nodes may have more than 64 bits, which msgpack's integers have not.
    return f"{mask:x}"


def _tupled(held: Any) -> Any:
    return tuple(held) if isinstance(held, list) else held


def _packed(value: Any) -> Any:
    """Small objects of a bag: None, int, bytes as they are; arrays and dicts tagged."""
    if isinstance(value, array):
        return [value.typecode, value.tobytes()]
    return ["d", list(value.items())] if isinstance(value, dict) else value


def _unpacked(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if value[0] == "d":
        return dict(value[1])
    found: Any = array(value[0])
    found.frombytes(value[1])
    return found


def _dump_unit(unit: Any) -> dict[str, Any]:
    table = unit.table
    return {
        "rows": table.rows,
        "columns": {
            c.label: [c.dtype, c.width, np.ascontiguousarray(c.data[: table.rows]).tobytes()]
            for c in table.columns.values()
        },
        "bags": {label: [_packed(value) for value in values] for label, (_, values) in table.bags.items()},
        "dictionaries": {label: one.texts for label, one in unit.dictionaries.items()},
        "weights": {label: msgspec.to_builtins(score.model.weights) for label, score in unit.scores.items()},
    }


def _load_unit(unit: Any, state: dict[str, Any]) -> None:
    table = unit.table
    while table.capacity < state["rows"]:
        table._grow()
    table.rows = state["rows"]
    for label, (dtype, width, data) in state["columns"].items():
        values = np.frombuffer(data, dtype=dtype)
        table.columns[label].data[: table.rows] = values if width == 1 else values.reshape(-1, width)
    for label, values in state["bags"].items():
        table.bags[label][1][:] = [_unpacked(value) for value in values]
    for label, weights in state["weights"].items():
        score = unit.scores[label]
        wanted = msgspec.convert(weights, list[m.Weights])
        if wanted != list(score.model.weights):
            score.replace_weights(msgspec.structs.replace(score.model, weights=wanted))


def _dump_wheel(wheel: Wheel) -> dict[str, Any]:
    valued = isinstance(wheel, ValuedWheel)
    rest = wheel.active[wheel.at :]
    pending = [
        (e[0] >> LOW_BITS, e[0] & LOW_MASK, e[1]) if valued else (e >> LOW_BITS, e & LOW_MASK, 0)
        for e in rest
    ]
    buckets = [
        (bucket, entries[0].tobytes(), entries[1].tobytes()) if valued else (bucket, entries.tobytes(), b"")
        for bucket, entries in wheel.buckets.items()
    ]
    return {"pending": pending, "buckets": buckets}


def _load_wheel(wheel: Wheel, state: dict[str, Any]) -> None:
    for bucket, keys, values in state["buckets"]:
        packed = array("q")
        packed.frombytes(keys)
        if isinstance(wheel, ValuedWheel):
            carried = array("q")
            carried.frombytes(values)
            wheel.buckets[bucket] = (packed, carried)
        else:
            wheel.buckets[bucket] = packed
    wheel.heap = sorted(wheel.buckets)
    if wheel.heap:
        wheel.next_due = wheel.heap[0] << BUCKET_BITS
    for due, low, value in state["pending"]:
        if isinstance(wheel, ValuedWheel):
            wheel.push_value(due, low, value)
        else:
            wheel.push(due, low)


def seeded(texts: Iterable[str | None]) -> Dictionary:
    """A dictionary that gives each text the code it had."""
    made = Dictionary()
    made.texts = list(texts)
    made.codes = {text: code for code, text in enumerate(made.texts) if text is not None}
    return made
