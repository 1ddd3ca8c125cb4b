"""The folder that a replay writes: which files are in it, and reading them back."""

from __future__ import annotations

import os.path
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sevenfold.errors import InputError
from sevenfold.playback.feed import LOG_FOLDER, log_folder
from sevenfold.playback.journey_tables import JOURNEY_TABLES
from sevenfold.playback.summary import SUMMARY_FILE, Summary, load_summary
from sevenfold.playback.tables import EFFECT_TABLES

REPORT_FILE: Final = "report.html"


class Outcome:
    """What a replay left in `folder`. Tables are read from the disk when asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: Summary = load_summary(folder)

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / REPORT_FILE

    @property
    def log(self) -> Path:
        """The folder of the log that was folded. Raises InputError when it is gone."""
        return log_folder((self.folder / self.summary.log).resolve())

    def table(self, name: str) -> pa.Table:
        """One table: transitions, segments, bands, identity, scores, people, accounts, an entity's name, and
        where there are journeys runs, steps, messages, goals, tasks.

        Raises InputError for a name that is none of them.
        """
        path = self.folder / f"{name}.parquet"
        if name not in self.summary.tables:
            fix = f"there are {', '.join(self.summary.tables)}"
            raise InputError(f"There is no table `{name}`", where=str(self.folder), fix=fix)
        return pq.read_table(path)

    def effects(self) -> pa.Table:
        """Every effect in the order it happened: time, kind, of, subject, name, and the rest as JSON text."""
        names = [name for name in (*EFFECT_TABLES, *JOURNEY_TABLES) if name in self.summary.tables]
        return effects_of({name: self.table(name) for name in names})


_KIND_COLUMN: Final = {
    "segments": "change", "bands": "change", "identity": "change", **dict.fromkeys(JOURNEY_TABLES, "change"),
}  # fmt: skip
_NAME_COLUMN: Final = {
    "transitions": "lifecycle",
    "segments": "segment",
    "bands": "score",
    "identity": "name",
    **dict.fromkeys(JOURNEY_TABLES, "journey"),
    "tasks": "kind",
}


def effects_of(tables: dict[str, pa.Table]) -> pa.Table:
    """The tables of effects as one, in order."""
    parts = []
    for name, table in tables.items():
        kind = (
            table[_KIND_COLUMN[name]]
            if name in _KIND_COLUMN
            else pa.array(["stage"] * len(table), pa.string())
        )
        known = {"n", "time", "of", "subject", _NAME_COLUMN[name], _KIND_COLUMN.get(name, "")}
        rest = table.drop_columns([column for column in table.column_names if column in known])
        data = [
            msgspec.json.encode({key: value for key, value in row.items() if value is not None}).decode()
            for row in rest.to_pylist()
        ]
        columns = {
            "n": table["n"], "time": table["time"], "kind": kind, "of": table["of"],
            "subject": table["subject"], "name": table[_NAME_COLUMN[name]],
            "data": pa.array(data, pa.string()),
        }  # fmt: skip
        parts.append(pa.table(columns))
    return pa.concat_tables(parts).sort_by("n")


def prepare(folder: Path) -> None:
    """Makes `folder` ready for a new replay: new, empty, or holding an earlier one, which is taken away.

    Raises InputError for a folder with anything else in it, and for one that cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = {path.name for path in folder.iterdir()}
        if not present:
            return
        if SUMMARY_FILE not in present:
            fix = "name a new or empty folder; nothing was touched"
            raise InputError("The folder holds something else than a replay", where=str(folder), fix=fix)
        earlier = load_summary(folder)
        ours = {f"{name}{end}" for name in earlier.tables for end in (".parquet", ".ndjson")}
        for name in sorted(present & {*ours, SUMMARY_FILE, REPORT_FILE}):
            (folder / name).unlink()
        if earlier.log == LOG_FOLDER and (folder / LOG_FOLDER).is_dir():
            shutil.rmtree(folder / LOG_FOLDER)
    except OSError as error:
        fix = "choose a folder you may write to"
        raise InputError(
            f"Cannot write to the folder: {error.strerror}", where=str(folder), fix=fix
        ) from error


def relative_to_outcome(log: Path, folder: Path) -> str:
    """How the summary names a log: relative to its own folder, so that both can be moved together."""
    return Path(os.path.relpath(log.resolve(), folder.resolve())).as_posix()


def read_cells(value: Any) -> Any:
    """A cell of a `json` column as the value it stands for."""
    return None if value is None else msgspec.json.decode(value)
