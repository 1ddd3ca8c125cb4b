"""Final profiles as tables: people, accounts, and each kind of entity; columns are named as conditions name
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sevenfold.engine import Fold
from sevenfold.playback.tables import ColumnType, Table
from sevenfold.workspace import models as m
from sevenfold.workspace.names import Names
from sevenfold.workspace.value_types import VALUE_TYPES, ValueType

_COLUMN_OF: dict[ValueType, ColumnType] = {
    "count": "integer", "number": "number", "clock": "integer", "duration": "integer", "text": "text",
    "boolean": "boolean", "score": "number", "date": "time", "json": "json", "any": "json",
}  # fmt: skip
"""Clocks and durations are whole ms."""


def table_name(of: str) -> str:
    """`people`, `accounts`, or the entity's own name."""
    return {m.PERSON: "people", m.ACCOUNT: "accounts"}.get(of, of)


class ProfileColumns:
    """The columns of one kind of subject, and how a profile fills them."""

    def __init__(self, workspace: m.Workspace, of: str) -> None:
        self.of = of
        self.columns: dict[str, ColumnType] = {"subject": "text"}
        self._sources: list[tuple[str, ...]] = []
        identifiers = self._identifiers(workspace)
        for kind in identifiers:
            self._add(kind, "text", "identifiers", kind)
        if of == m.PERSON:
            self._add("identifiers", "json", "identifiers")
        for label, lifecycle in workspace.lifecycles.items():
            if lifecycle.of == of:
                self._add(f"stage.{label}", "text", "stages", label)
        for label, score in workspace.scores.items():
            if score.of == of:
                self._add(f"score.{label}", "number", "scores", label, "value")
                self._add(f"band.{label}", "text", "scores", label, "band")
                self._add(f"coverage.{label}", "number", "scores", label, "coverage")
                if score.history:
                    self._add(f"velocity.{label}", "text", "scores", label, "velocity")
                self._add(f"contributions.{label}", "json", "scores", label, "contributions")
        for label, prediction in workspace.predictions.items():
            if prediction.of == of:
                dated: ColumnType = "time" if prediction.kind == "time_to" else "number"
                self._add(f"prediction.{label}", dated, "predictions", label, "value")
                self._add(f"prediction_as_of.{label}", "time", "predictions", label, "as_of")
        self._add("segments", "list", "segments")
        names = Names(workspace)
        for label, trait in workspace.traits.items():
            if trait.of == of:
                kind = _COLUMN_OF[VALUE_TYPES[trait.type]]
                self._add(f"trait.{label}", "text" if kind == "time" else kind, "traits", trait.path or label)
        if of in (m.PERSON, m.ACCOUNT):
            self._add("traits", "json", "traits")
        for label, signal in workspace.signals.items():
            if signal.of == of:
                for part, kind in names.parts(label).items():
                    name = label if part is None else f"{label}.{part}"
                    self._add(name, _COLUMN_OF[kind], "signals", name)

    def _identifiers(self, workspace: m.Workspace) -> list[str]:
        if self.of == m.PERSON:
            return list(dict.fromkeys([*workspace.identity.order, *workspace.identity.types]))
        return ["account_id"] if self.of == m.ACCOUNT else [self.of, "person"]

    def _add(self, name: str, kind: ColumnType, *source: str) -> None:
        # A signal may bear the name of an identifier; the identifier keeps it.
        if name not in self.columns:
            self.columns[name] = kind
            self._sources.append((kind, *source))

    def row(self, subject: str, profile: dict[str, Any]) -> tuple[Any, ...]:
        """The cells of one profile as `Fold.read` gives it."""
        cells = [subject]
        for kind, *source in self._sources:
            value: Any = profile
            for key in source:
                value = value.get(key) if isinstance(value, dict) else None
            if source[0] == "identifiers" and len(source) == 2 and value:
                value = value[0]
            cells.append(fitting(kind, value))
        return tuple(cells)


def fitting(kind: str, value: Any) -> Any:
    """The value if a column of this kind can hold it, or None; traits come as clients wrote them."""
    if value is None:
        return None
    if kind == "text":
        return value if isinstance(value, str) else str(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "number":
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind in ("integer", "time"):
        return int(value) if isinstance(value, int | float) else None
    return value


def write_profiles(fold: Fold, folder: Path, on_row: Callable[[int], None] | None = None) -> dict[str, int]:
    """Writes every living subject; the rows of each table."""
    written = {}
    for of in (m.PERSON, m.ACCOUNT, *fold.workspace.entities):
        columns = ProfileColumns(fold.workspace, of)
        with Table(folder, table_name(of), columns.columns) as table:
            for done, (subject, profile) in enumerate(living(fold, of), start=1):
                table.add(columns.row(subject, profile))
                if on_row is not None and done % 100 == 0:
                    on_row(100)
        written[table.name] = table.rows_written
    return written


def living(fold: Fold, of: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(subject id, profile) of each subject that has not gone into another, one at a time."""
    unit = fold.units[of]
    gone = fold.forward if of == m.PERSON else {}
    for row in range(1, unit.table.rows):
        if row not in gone:
            yield fold.id_of(unit, row), fold.read(of, row)
