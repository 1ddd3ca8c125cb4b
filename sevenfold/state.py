"""Snapshots: the fold's whole state as bytes, and back. Pure; writing them to disk is `sevenfold.snapshots`.

The format is columns by their label, small objects, dictionaries, identifiers, accounts and the wheel's
entries, with the workspace they belong to. Row layout and generated code are no part of it. Where another
workspace is asked for, a snapshot is refused: such a state is made by folding the log.

A snapshot is a sequence of sections, each compressed and checked by itself, so that neither writing nor
reading one takes more memory than its largest section: eight bytes of length, four of CRC-32, a zstd frame
holding a msgpack list whose first member names the section. The first is `head`, the last `end`.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import zstandard

from .engine import predictions as foretold
from .errors import SevenfoldError
from .journeys.runtime import unpacked_versions
from .profiles.columns import Dictionary
from .profiles.wheel import ValuedWheel, Wheel
from .workspace import models as m

if TYPE_CHECKING:
    from .engine import Fold

FORMAT = 7
MAGIC = b"7fold\x00\x00\x07"
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder().decode
_DECOMPRESSOR = zstandard.ZstdDecompressor()
_LENGTH, _CHECKSUM = 8, 4
PREFIX_BYTES = len(MAGIC) + _LENGTH + _CHECKSUM
_RAW = ("column", "arena")
"""Sections that are followed by another, which holds integers as they lie in memory."""
_SECTION_BUCKETS = 512
"""Buckets of the wheel in one section."""


class SnapshotError(SevenfoldError):
    """A snapshot cannot be used: damaged, or taken by another version or under another workspace."""

    code = "snapshot_unusable"


def workspace_digest(workspace: m.Workspace) -> str:
    """16 hexadecimal digits that change with any object of the workspace."""
    return blake2b(_ENCODE(msgspec.to_builtins(workspace)), digest_size=8).hexdigest()


def dump(fold: Fold) -> bytes:
    """The whole state of a fold. Effects that were not yet taken are not part of it."""
    return b"".join(sections(fold))


def sections(fold: Fold) -> Iterator[bytes]:
    """The same in pieces, to be written one after another. The fold must not move in between."""
    compressor = zstandard.ZstdCompressor(level=1)
    yield MAGIC
    for section in _sections(fold):
        # Numbers go in a section of their own, from which they can be read into their place.
        pieces = [_ENCODE(section[:-1]), section[-1]] if section[0] in _RAW else [_ENCODE(section)]
        for piece in pieces:
            packed = compressor.compress(piece)
            yield len(packed).to_bytes(_LENGTH, "little") + zlib.crc32(packed).to_bytes(_CHECKSUM, "little")
            yield packed


def _sections(fold: Fold) -> Iterator[tuple[Any, ...]]:
    yield (
        "head",
        {
            "format": FORMAT,
            "digest": workspace_digest(fold.workspace),
            "workspace": msgspec.json.encode(fold.workspace),
            "emitted": fold.emitted,
            "tz": fold.tz,
            "t": fold.t,
            "seq": fold.seq,
            "next_close": fold._next_close,
            "tick_due": fold._tick_due,
            "units": {unit.kind: _head_of(unit) for unit in fold.compiled},
            "versions": fold.journeys.packed_versions() if fold.journeys is not None else [],
        },
    )
    for unit in fold.compiled:
        table = unit.table
        # Where in memory a subject's words lie is nobody's business; they are written in row order.
        addresses = {arena.at.label for arena in table.arenas.values()}
        for column in table.columns.values():
            if column.label not in addresses:
                values = np.ascontiguousarray(column.data[: table.rows])
                yield "column", unit.kind, column.label, column.dtype, values.data.cast("B")
        for label, arena in table.arenas.items():
            yield "arena", unit.kind, label, arena.dump(slice(0, table.rows)).data.cast("B")
        for label, (_, held) in unit.table.bags.items():
            yield "bag", unit.kind, label, [None if one is None else _packed(one) for one in held]
    texts, columns = fold.identity.table.dump()
    yield "identity", texts, columns, fold.identity.attached_at, sorted(fold.identity.apart)
    yield "accounts", fold.account_ids, [None if one is None else _packed(one) for one in fold.members]
    yield (
        "rest",
        {
            "children": list(fold.children.items()),
            "further": list(fold.further.items()),
            "entities": fold.entity_ids,
            "forward": list(fold.forward.items()),
            "retired": fold.retirement.dump(),
            "dirty": [(account, _big(mask)) for account, mask in fold._dirty_accounts.items()],
            "moved": [(account, _big(mask)) for account, mask in fold._moved_rollups.items()],
            "predictions": foretold.dump(fold),
        },
    )
    if fold.journeys is not None:
        yield "journeys", fold.journeys.dump()
    yield from _wheel_sections("wheel", fold.wheel)
    yield from _wheel_sections("valued", fold.valued)
    yield ("end",)


def load(workspace: m.Workspace | None, data: bytes | memoryview, fold_class: type[Fold]) -> Fold:
    """A fold in the dumped state, under the workspace it was taken under. Raises SnapshotError, also when
    that is another than the one given.
    """
    try:
        return _load(workspace, data, fold_class)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # A version that kept something else wrote it. What it lacks may be personal: only the kind is told.
        raise _damaged(f"it is of another making ({type(error).__name__})") from error


def _load(workspace: m.Workspace | None, data: bytes | memoryview, fold_class: type[Fold]) -> Fold:
    found = _read(memoryview(data))
    name, head = next(found)
    known = name == "head" and head.get("format") == FORMAT
    if not known or (workspace is not None and head["digest"] != workspace_digest(workspace)):
        raise SnapshotError(
            "the snapshot was taken under another workspace or version",
            fix="delete it; the state is folded from the log",
        )
    if workspace is None:
        workspace = msgspec.json.decode(head["workspace"], type=m.Workspace)
    units = head["units"]
    seeds = {
        kind: {label: seeded(texts) for label, texts in unit["dictionaries"].items()}
        for kind, unit in units.items()
    }
    pending = {kind: frozenset(unit["pending"]) for kind, unit in units.items()}
    fold = fold_class(workspace, seeds=seeds, pending=pending, versions=unpacked_versions(head["versions"]))
    for unit in fold.compiled:
        _load_head(unit, head["units"][unit.kind])
    for name, *parts in found:
        _LOADERS[name](fold, *parts)
    fold.t, fold.seq, fold.emitted = head["t"], head["seq"], head["emitted"]
    fold._next_close, fold._tick_due = head["next_close"], head["tick_due"]
    fold.tz = head.get("tz", "")
    for unit in fold.compiled:
        if unit.subjects is not None:
            unit.subjects.learn()
    return fold


def head(data: bytes) -> dict[str, Any]:
    """What a snapshot says of itself (`format`, `t`, `seq`, `emitted`, ...), from its first `head_bytes`.
    Raises SnapshotError.
    """
    name, found = next(_read(memoryview(data)))
    if name != "head":
        raise _damaged("it has no head")
    shown: dict[str, Any] = found
    return shown


def head_bytes(beginning: bytes) -> int:
    """How many bytes of a snapshot hold its head, from the first PREFIX_BYTES."""
    return PREFIX_BYTES + int.from_bytes(beginning[len(MAGIC) : len(MAGIC) + _LENGTH], "little")


def _read(data: memoryview) -> Iterator[Any]:
    """The sections, the last one left out. Raises SnapshotError when any is not as it was written."""
    if data[: len(MAGIC)] != MAGIC:
        raise _damaged("it does not begin as a snapshot of this version does")
    frames = _frames(data)
    for packed in frames:
        try:
            section = _DECODE(_DECOMPRESSOR.decompress(packed))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise _damaged(str(error)) from error
        if section[0] == "end":
            return
        if section[0] in _RAW:
            section.append(next(frames))
        yield section


def _frames(data: memoryview) -> Iterator[memoryview]:
    """The zstd frames of a snapshot, checked."""
    at = len(MAGIC)
    while True:
        length = int.from_bytes(data[at : at + _LENGTH], "little")
        checksum = int.from_bytes(data[at + _LENGTH : at + _LENGTH + _CHECKSUM], "little")
        at += _LENGTH + _CHECKSUM
        packed = data[at : at + length]
        if not length or len(packed) != length:
            raise _damaged("it ends too early")
        if zlib.crc32(packed) != checksum:
            raise _damaged("a checksum does not match")
        at += length
        yield packed


def _read_into(packed: memoryview, target: memoryview) -> None:
    """Decompresses a frame into its place. Raises SnapshotError when the size is another."""
    at = 0
    try:
        with _DECOMPRESSOR.stream_reader(packed) as reader:
            while at < len(target) and (count := reader.readinto(target[at:])):
                at += count
            more = reader.read(1)
    except zstandard.ZstdError as error:
        raise _damaged(str(error)) from error
    if at < len(target) or more:
        raise _damaged("a column has another length than its table")


def _damaged(why: str) -> SnapshotError:
    return SnapshotError(f"the snapshot is damaged: {why}", fix="delete it; the state is folded from the log")


def _big(mask: int) -> str:
    # Masks of nodes may have more than 64 bits, which msgpack's integers have not.
    return f"{mask:x}"


def _packed(value: Any) -> Any:
    """Small objects of a bag: None, int, bytes as they are; arrays and dicts tagged."""
    if isinstance(value, array):
        return [value.typecode, value.tobytes()]
    return ["d", list(value.items())] if isinstance(value, dict) else value


def _unpacked(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return dict(value[1]) if value[0] == "d" else array(*value)


def _head_of(unit: Any) -> dict[str, Any]:
    return {
        "rows": unit.table.rows,
        "dtypes": {one.label: one.dtype for one in unit.table.columns.values() if one.widens},
        "pending": sorted(unit.pending),
        "dictionaries": {label: one.texts for label, one in unit.dictionaries.items()},
        "weights": {label: msgspec.to_builtins(score.model.weights) for label, score in unit.scores.items()},
    }


def _load_head(unit: Any, head: dict[str, Any]) -> None:
    rows = head["rows"]
    unit.table.reserve(rows, max(1_024, rows + rows // 8), head["dtypes"])
    for label, weights in head["weights"].items():
        score = unit.scores[label]
        wanted = msgspec.convert(weights, list[m.Weights])
        if wanted != list(score.model.weights):
            score.replace_weights(msgspec.structs.replace(score.model, weights=wanted))


def _load_column(fold: Fold, kind: str, label: str, dtype: str, packed: memoryview) -> None:
    table = fold.units[kind].table
    column = table.columns[label]
    if dtype != column.dtype:
        table.widen(column, dtype)
    target: Any = column.data[: table.rows]
    if target.flags.c_contiguous:
        _read_into(packed, memoryview(target).cast("B"))
        return
    values: Any = np.empty(target.shape, target.dtype)
    _read_into(packed, memoryview(values).cast("B"))
    target[:] = values


def _load_arena(fold: Fold, kind: str, label: str, packed: memoryview) -> None:
    table = fold.units[kind].table
    arena = table.arenas[label]
    words: Any = np.empty(int(arena.counts.data[: table.rows].sum(dtype=np.int64)) * arena.width, np.int64)
    if len(words):
        _read_into(packed, memoryview(words).cast("B"))
    arena.load(table.rows, words)


def _load_bag(fold: Fold, kind: str, label: str, values: list[Any]) -> None:
    held = fold.units[kind].table.bags[label][1]
    held[:] = [_unpacked(one) if one.__class__ is list else one for one in values]


def _load_identity(
    fold: Fold, texts: list[bytes], columns: list[bytes], attached_at: dict[str, int], apart: list[Any]
) -> None:
    fold.identity.table.load(texts, columns)
    fold.identity.attached_at = attached_at
    fold.identity.apart = {(a, b) for a, b in apart}


def _load_accounts(fold: Fold, ids: list[str], members: list[Any]) -> None:
    fold.account_ids = ids
    fold.account_rows = {name: row for row, name in enumerate(ids) if row}
    fold.members = [None if one is None else _unpacked(one) for one in members]


def _load_rest(fold: Fold, rest: dict[str, Any]) -> None:
    fold.children = {account: list(rows) for account, rows in rest["children"]}
    fold.further = {row: [(a, r, j) for a, r, j in held] for row, held in rest["further"]}
    fold.entity_ids = {kind: [(k, p) for k, p in ids] for kind, ids in rest["entities"].items()}
    fold.entity_rows = {
        kind: {k: row for row, (k, _) in enumerate(ids) if row} for kind, ids in fold.entity_ids.items()
    }
    fold.forward = dict(rest["forward"])
    fold.retirement.load(rest.get("retired", ((), 0)))
    foretold.load(fold, rest.get("predictions", {}))
    fold._dirty_accounts = {account: int(mask, 16) for account, mask in rest["dirty"]}
    fold._moved_rollups = {account: int(mask, 16) for account, mask in rest["moved"]}


def _wheel_sections(name: str, wheel: Wheel) -> Iterator[tuple[Any, ...]]:
    valued = isinstance(wheel, ValuedWheel)
    buckets = list(wheel.buckets.items())
    for at in range(0, len(buckets), _SECTION_BUCKETS):
        some = buckets[at : at + _SECTION_BUCKETS]
        yield (
            name,
            [
                (bucket, entries[0].tobytes(), entries[1].tobytes())
                if valued
                else (bucket, entries.tobytes(), b"")
                for bucket, entries in some
            ],
        )
    yield f"{name} at hand", wheel.at_hand()


def _load_buckets(wheel: Wheel, buckets: list[Any]) -> None:
    for bucket, keys, values in buckets:
        packed = array("q", keys)
        wheel.buckets[bucket] = (packed, array("q", values)) if isinstance(wheel, ValuedWheel) else packed


def _load_at_hand(wheel: Wheel, pending: list[Any]) -> None:
    """Entries of the bucket that was under way; they come after the wheel's buckets."""
    wheel.restore(wheel.buckets)
    for due, low, value in pending:
        if isinstance(wheel, ValuedWheel):
            wheel.push_value(due, low, value)
        else:
            wheel.push(due, low)


def _load_journeys(fold: Fold, held: dict[str, Any]) -> None:
    assert fold.journeys is not None, "the workspace is the same"
    fold.journeys.load(held)


_LOADERS: dict[str, Any] = {
    "journeys": _load_journeys,
    "column": _load_column,
    "arena": _load_arena,
    "bag": _load_bag,
    "identity": _load_identity,
    "accounts": _load_accounts,
    "rest": _load_rest,
    "wheel": lambda fold, buckets: _load_buckets(fold.wheel, buckets),
    "valued": lambda fold, buckets: _load_buckets(fold.valued, buckets),
    "wheel at hand": lambda fold, pending: _load_at_hand(fold.wheel, pending),
    "valued at hand": lambda fold, pending: _load_at_hand(fold.valued, pending),
}


def seeded(texts: Iterable[str | None]) -> Dictionary:
    """A dictionary that gives each text the code it had."""
    made = Dictionary()
    made.texts = list(texts)
    made.codes = {text: code for code, text in enumerate(made.texts) if text is not None}
    return made
