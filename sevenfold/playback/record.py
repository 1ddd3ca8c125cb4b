"""From effects to rows: each effect goes to its table once, and to the statistics."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sevenfold import effects as e
from sevenfold.engine import Fold
from sevenfold.lifecycle.compile import CompiledUnit
from sevenfold.lifecycle.history import ScoreHistory
from sevenfold.playback.delivery import has_journeys
from sevenfold.playback.journey_tables import JOURNEY_TABLES, row_of, table_of
from sevenfold.playback.statistics import Statistics
from sevenfold.playback.tables import EFFECT_TABLES, SCORES, Columns, Table, day_before
from sevenfold.workspace.models import PERSON, Workspace

Floats = npt.NDArray[np.float64]
_SCORE_CHANGES: Final = frozenset({e.BAND, e.JUMP, e.VELOCITY})
_OF_SUBJECTS: Final = frozenset({e.CREATED, e.MERGED, e.UNMERGED, e.OVERFLOW})


def effect_tables(workspace: Workspace) -> dict[str, Columns]:
    """The tables that together hold every effect of a replay."""
    return {**EFFECT_TABLES, **(JOURNEY_TABLES if has_journeys(workspace) else {})}


class Recorder:
    """Writes the effects and closed days of one fold to the tables in `folder`."""

    def __init__(self, fold: Fold, folder: Path, statistics: Statistics) -> None:
        self._fold = fold
        self._statistics = statistics
        self._stack = ExitStack()
        self.tables = {
            name: self._stack.enter_context(Table(folder, name, columns))
            for name, columns in effect_tables(fold.workspace).items()
        }
        self.tables["scores"] = self._stack.enter_context(Table(folder, "scores", SCORES))
        self._count = 0
        self._closed: dict[tuple[str, str], Floats] = {}
        self._ids: dict[str, list[str]] = {}
        fold.closer.listeners.append(self._day_closed)

    def take(self, effects: Iterable[e.Effect]) -> None:
        """Files effects, in order."""
        transitions, segments = self.tables["transitions"], self.tables["segments"]
        bands, identity = self.tables["bands"], self.tables["identity"]
        journeys = "runs" in self.tables
        n = self._count
        for effect in effects:
            n += 1
            kind, data = effect.kind, effect.data
            head = (n, effect.time, effect.of, effect.subject, effect.name)
            if kind in (e.ENTERED, e.LEFT):
                segments.add((*head, kind))
                continue
            self._statistics.take(effect)
            if kind == e.STAGE:
                why = data.get("why") or {}
                cause = why.get("cause") or {}
                row = (
                    data["from"],
                    data["to"],
                    why.get("rule"),
                    cause.get("kind"),
                    cause.get("name"),
                    cause.get("seq"),
                )
                transitions.add((*head, *row, why.get("atoms")))
            elif kind in _SCORE_CHANGES:
                values = (data.get("value"), data.get("before"), data.get("after"), data.get("weights"))
                bands.add((*head, kind, data.get("from"), data.get("to"), *values))
            elif journeys and kind not in _OF_SUBJECTS:
                table = table_of(kind)
                self.tables[table].add(row_of(n, effect, table))
            else:
                identity.add((*head[:4], kind, effect.name, data or None))
        self._count = n

    @property
    def effects(self) -> int:
        """How many effects there were."""
        return self._count

    def _day_closed(self, t: int, unit: CompiledUnit, history: ScoreHistory) -> None:
        """Rows for the subjects whose score closed elsewhere than the day before, and the day's spread."""
        rows = unit.table.rows
        now: Floats = history.daily_values(0, slice(0, rows)).astype(np.float64)
        now[0] = np.nan
        if unit.kind == PERSON and self._fold.forward:
            now[list(self._fold.forward)] = np.nan
        label = history.node.label
        known = ~np.isnan(now)
        bands = np.bincount(history.node.bands.data[:rows][known], minlength=len(history.node.bounds) + 1)
        self._statistics.closed(label, t, now[known], bands)
        before = self._closed.get((unit.kind, label))
        if before is None or len(before) < rows:
            grown = np.full(rows, np.nan)
            if before is not None:
                grown[: len(before)] = before
            before = grown
        differs = (now != before) & ~(np.isnan(now) & np.isnan(before))
        self._closed[unit.kind, label] = now
        # The day that closes at t is the one before it, in the zone in which it was midnight.
        day = day_before(t, self._fold.closer.zone)
        ids, node = self._subjects(unit), history.node
        self.tables["scores"].extend(
            (
                day, unit.kind, ids[row], label, value if value == value else None,
                unit.show(node.band_slot, row), unit.show(node.velocity_slot, row),
            )
            for row, value in zip(np.flatnonzero(differs).tolist(), now[differs].tolist(), strict=True)
        )  # fmt: skip

    def _subjects(self, unit: CompiledUnit) -> list[str]:
        """Subject ids by row, made once each."""
        ids = self._ids.setdefault(unit.kind, [""])
        for row in range(len(ids), unit.table.rows):
            ids.append(self._fold.id_of(unit, row))
        return ids

    def close(self) -> dict[str, int]:
        """Writes what is left; the rows of each table."""
        self._stack.close()
        return {name: table.rows_written for name, table in self.tables.items()}

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: Any) -> None:
        self._stack.close()
