"""Scores of days that closed in a running service: a small file a day, from the fold's process to the
warehouse.

The fold's process writes the rows that differ from the close before, and goes on; the warehouse's process
stores them and deletes the file. Nothing here is needed to make a warehouse again: folding the log closes the
same days.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from sevenfold.effects import subject_id
from sevenfold.engine import Fold
from sevenfold.lifecycle.compile import CompiledUnit
from sevenfold.lifecycle.history import ScoreHistory
from sevenfold.lifecycle.measures import MILLI
from sevenfold.limits import WAREHOUSE_CLOSES_FILES_MAX
from sevenfold.profiles.columns import UNKNOWN32
from sevenfold.warehouse.base import Batch, Warehouse
from sevenfold.warehouse.projector import SCHEMAS
from sevenfold.workspace.models import PERSON

FOLDER: Final = "closes"
_SUFFIX: Final = ".day"


class Part(Struct, array_like=True):
    """Rows of one score that differ: the log positions their subjects were born at, values in 1/1000 point,
    codes of bands and velocities; `number` is that of the effect that comes next. `whole`: all rows that are
    known, since the close before is not remembered.
    """

    number: int
    of: str
    score: str
    whole: bool
    born: bytes
    values: bytes
    bands: bytes
    velocities: bytes
    band_names: list[str]
    velocity_names: list[str]


class Day(Struct, array_like=True):
    """A day that closed at `t` (ms UTC)."""

    t: int
    parts: list[Part]


class ClosesWriter:
    """Notes what differs as days close, and writes it down. Hang `closed` into a fold with `attach`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._before: dict[tuple[str, str], npt.NDArray[np.int32]] = {}
        self._days: dict[int, Day] = {}
        self._fold: Fold | None = None

    def attach(self, fold: Fold) -> None:
        """Hears of days that this fold closes; a changed workspace closes them anew."""
        self._fold = fold
        if self.closed not in fold.closer.listeners:
            fold.closer.listeners.append(self.closed)

    def closed(self, t: int, unit: CompiledUnit, history: ScoreHistory) -> None:
        """A day closed for a kind of subject and a score."""
        fold, node, rows = self._fold, history.node, unit.table.rows
        assert fold is not None
        now = node.values.data[:rows].astype(np.int32)
        now[0] = UNKNOWN32
        if unit.kind == PERSON and fold.forward:
            now[list(fold.forward)] = UNKNOWN32
        held = self._before.get((unit.kind, node.label))
        before = np.full(rows, UNKNOWN32, dtype=np.int32)
        if held is not None:
            before[: len(held)] = held[:rows]
        self._before[unit.kind, node.label] = now
        changed = np.flatnonzero(now != before)
        velocity = node.velocity.data[changed] if node.velocity is not None else np.zeros(len(changed))
        part = Part(
            fold.emitted + len(fold.effects), unit.kind, node.label, held is None,
            unit.born.data[changed].astype("<i8").tobytes(),
            now[changed].astype("<i4").tobytes(), node.bands.data[changed].astype("i1").tobytes(),
            velocity.astype("i1").tobytes(), _names(node.band_slot.codes),
            _names(node.velocity_slot.codes) if node.velocity is not None else [],
        )  # fmt: skip
        self._days.setdefault(t, Day(t, [])).parts.append(part)

    def store(self) -> None:
        """Writes the days that closed since; too many that nobody took make room for new ones."""
        for t, day in self._days.items():
            draft = self._folder / f"{t}.draft"
            draft.write_bytes(msgspec.msgpack.encode(day))
            draft.replace(self._folder / f"{t:015d}{_SUFFIX}")
            for old in files(self._folder)[:-WAREHOUSE_CLOSES_FILES_MAX]:
                old.unlink(missing_ok=True)
        self._days.clear()


def _names(codes: dict[str, int] | None) -> list[str]:
    """Texts in order of their codes, which count from 1."""
    return sorted(codes or {}, key=(codes or {}).__getitem__)


def files(folder: Path) -> list[Path]:
    """Files of days, the oldest first."""
    return sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []


def take_closes(warehouse: Warehouse, folder: Path) -> int:
    """Stores the days that the fold's process wrote, in order, and deletes their files; gives how many days.
    Raises WarehouseError.
    """
    waiting = files(folder / FOLDER)
    if not waiting:
        return 0
    known = warehouse.query("SELECT COALESCE(MAX(time), -1) AS t FROM stored_scores")["t"][0].as_py()
    for path in waiting:
        day = msgspec.msgpack.decode(path.read_bytes(), type=Day)
        if day.t > known:
            table = pa.concat_tables([_table(day, part, warehouse) for part in day.parts])
            if table.num_rows:
                warehouse.append(Batch({"scores": table}, warehouse.through()))
        path.unlink(missing_ok=True)
    return len(waiting)


def _table(day: Day, part: Part, warehouse: Warehouse) -> pa.Table:
    born = np.frombuffer(part.born, dtype="<i8")
    raw = np.frombuffer(part.values, dtype="<i4")
    ids = np.array([int(subject_id(part.of, seq), 16) for seq in born.tolist()], dtype=np.uint64)
    unknown = raw == UNKNOWN32
    n = len(ids)
    columns = {
        "number": np.full(n, part.number), "time": np.full(n, day.t),
        "of": pa.array([part.of] * n, pa.string()), "subject": ids,
        "score": pa.array([part.score] * n, pa.string()),
        "value": pa.array(raw / MILLI, mask=unknown),
        "band": _texts(part.bands, part.band_names), "velocity": _texts(part.velocities, part.velocity_names),
    }  # fmt: skip
    table = pa.table(columns).cast(SCHEMAS["scores"])
    return table.filter(pa.array(_differs(table, part, warehouse))) if part.whole else table


def _texts(codes: bytes, names: Sequence[str]) -> pa.Array:
    places = np.frombuffer(codes, dtype="i1")
    known = (places > 0) & (places <= len(names))
    chosen = pa.array(np.where(known, places - 1, 0), pa.int32(), mask=~known)
    return pa.DictionaryArray.from_arrays(chosen, pa.array(list(names) or [""], pa.string())).cast(
        pa.string()
    )


def _differs(table: pa.Table, part: Part, warehouse: Warehouse) -> list[bool]:
    """Which of all known values are other than those stored last."""
    held = warehouse.query(
        "SELECT subject, MAX_BY(COALESCE(value, -1), time) AS value FROM stored_scores"
        " WHERE of = $of AND score = $score GROUP BY subject",
        {"of": part.of, "score": part.score},
    )
    last = dict(zip(held["subject"].to_pylist(), held["value"].to_pylist(), strict=True))
    values = zip(table["subject"].to_pylist(), table["value"].to_pylist(), strict=True)
    return [last.get(subject, -1.0) != (-1.0 if value is None else value) for subject, value in values]
