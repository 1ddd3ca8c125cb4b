"""The library: a workspace and a table of events in, tables of what happened out.

import sevenfold as sf

result = sf.replay(sf.load("seven-stage"), events)
result.transitions
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from sevenfold import frames
from sevenfold.errors import InputError
from sevenfold.importers.mapping import Mapping as EventMapping
from sevenfold.importers.mapping import load_mapping, parse_mapping
from sevenfold.playback import Explanation, Outcome, explain, open_log
from sevenfold.playback import replay as run_replay
from sevenfold.playback.summary import Summary
from sevenfold.workspace.exporting import to_yaml
from sevenfold.workspace.loading import load as load_folder
from sevenfold.workspace.models import Workspace
from sevenfold.workspace.packs import pack_names, pack_path
from sevenfold.workspace.problems import likely

if TYPE_CHECKING:
    from sevenfold.measures.answer import Answer

FrameKind = Literal["arrow", "pandas", "polars"]


def workspace_folder(name: str | Path) -> Path:
    """The folder of a workspace: a path, or the name of a pack. Raises InputError for neither."""
    folder = Path(name)
    if folder.is_dir():
        return folder
    names = pack_names()
    if str(name) in names:
        return pack_path(str(name))
    fix = likely(str(name), names) or f"name a folder with a workspace.yaml, or one of {', '.join(names)}"
    raise InputError(f"There is no workspace `{name}`", fix=fix)


def load(workspace: str | Path) -> Workspace:
    """The workspace in a folder, or a pack by its name. Raises WorkspaceError with everything that is
    wrong.
    """
    return load_folder(workspace_folder(workspace))


def replay(
    workspace: Workspace | str | Path,
    data: Any,
    *,
    mapping: EventMapping | Mapping[str, Any] | str | Path | None = None,
    until: Any = None,
    out: str | Path | None = None,
    warehouse: bool = False,
) -> Result:
    """Runs events through a workspace in virtual time.

    `data` is a pandas, polars or pyarrow table, an iterable of dicts, a path or several, or the folder of a
    log. Rows have the columns `timestamp`, `event`, `user_id` or `anonymous_id`, perhaps `type`,
    `account_id`, `message_id`; all others are properties (traits, where `type` is identify or group). Dicts
    may also be Segment events. With a `mapping` (a file, or the same as a dict) any table will do. `until`
    is where time stops: a datetime or ISO text.

    Everything is written to `out`, or to a temporary folder that lives as long as the result; with
    `warehouse` also everything that analyses ask (`Result.ask`, `sevenfold ask`). Raises SevenfoldError.
    """
    model = workspace if isinstance(workspace, Workspace) else load(workspace)
    explained = mapping_of(mapping)
    scratch = _Scratch() if out is None else None
    folder = scratch.folder if scratch is not None else Path(str(out))
    stop = frames.ms_of(until) if until is not None else None
    if until is not None and stop is None:
        raise InputError(
            f"`{until}` is no time", where="until", fix="pass a datetime or 2024-03-01T12:30:00Z"
        )
    kind: FrameKind = "arrow"
    if isinstance(data, str | Path):
        outcome = run_replay(model, [Path(data)], folder, mapping=explained, until=stop, warehouse=warehouse)
    elif isinstance(data, list | tuple) and data and all(isinstance(one, str | Path) for one in data):
        paths = [Path(one) for one in data]
        outcome = run_replay(model, paths, folder, mapping=explained, until=stop, warehouse=warehouse)
    elif (table := frames.to_arrow(data)) is not None:
        kind = frames.kind_of(data)
        if explained is None:
            outcome = run_replay(
                model, frames.table_items(table), folder, until=stop, names=["a table"], warehouse=warehouse
            )
        else:
            outcome = _with_mapping(model, table, folder, explained, stop, warehouse)
    elif isinstance(data, Iterable):
        if explained is not None:
            raise InputError(
                "Dicts need no mapping", where="mapping", fix="make a table of them, or leave it out"
            )
        outcome = run_replay(
            model, frames.dict_items(data), folder, until=stop, names=["events"], warehouse=warehouse
        )
    else:
        fix = "pass a pandas, polars or pyarrow table, an iterable of dicts, or a path"
        raise InputError(f"Events cannot be read from a {type(data).__name__}", where="data", fix=fix)
    return Result(model, outcome, kind, scratch)


def mapping_of(given: EventMapping | Mapping[str, Any] | str | Path | None) -> EventMapping | None:
    """A mapping of a file, or the same as a dict."""
    if given is None or isinstance(given, EventMapping):
        return given
    if isinstance(given, str | Path):
        return load_mapping(Path(given))
    return parse_mapping(to_yaml({"source": "table", **given}))


def _with_mapping(
    model: Workspace, table: pa.Table, folder: Path, mapping: EventMapping, until: int | None, warehouse: bool
) -> Outcome:
    with mapped_table(table, mapping) as path:
        return run_replay(
            model, [path], folder, mapping=mapping, until=until, names=["a table"], warehouse=warehouse
        )


@contextmanager
def mapped_table(table: pa.Table, mapping: EventMapping) -> Iterator[Path]:
    """A table under a mapping goes by way of a file, so that both are read by the same rules."""
    if len(mapping.files) != 1:
        fix = "for several tables write files and pass their paths"
        raise InputError("A table needs a mapping with one entry under `files`", where="mapping", fix=fix)
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as scratch:
        path = Path(scratch) / "table.parquet"
        pq.write_table(table, path)
        mapping.files[0].match, mapping.files[0].format = path.name, "parquet"
        yield path


class _Scratch:
    """A temporary folder that goes when the last result that reads from it does."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sevenfold-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


class Result:
    """What a replay found. Tables come as the kind of frame that went in; `arrow`, `to_pandas` and
    `to_polars` give the same result with another kind. Cells of nested data (`atoms`, `traits`,
    `contributions`) are JSON texts.
    """

    def __init__(
        self, workspace: Workspace, outcome: Outcome, kind: FrameKind,
        scratch: _Scratch | None = None,
    ) -> None:  # fmt: skip
        self.workspace = workspace
        self._outcome = outcome
        self._kind = kind
        # Kept only so that the folder lives as long as this.
        self._scratch = scratch

    def __repr__(self) -> str:
        tables = ", ".join(f"{name} {rows:,}" for name, rows in self.summary.tables.items())
        return f"<Result of {self.summary.events:,} events through {self.summary.workspace}: {tables}>"

    @property
    def folder(self) -> Path:
        """Where the tables lie, as Parquet and NDJSON, with the log."""
        return self._outcome.folder

    @property
    def summary(self) -> Summary:
        """All figures: stages, moves, stays, scores, what was dropped."""
        return self._outcome.summary

    @property
    def arrow(self) -> Result:
        """The same with pyarrow tables."""
        return Result(self.workspace, self._outcome, "arrow", self._scratch)

    def to_pandas(self) -> Result:
        """The same with pandas frames."""
        return Result(self.workspace, self._outcome, "pandas", self._scratch)

    def to_polars(self) -> Result:
        """The same with polars frames."""
        return Result(self.workspace, self._outcome, "polars", self._scratch)

    def ask(self, analysis: str, **fields: Any) -> Answer:
        """Answers an analysis (`sevenfold ask`) from the replay's warehouse. Raises QuestionError, and
        InputError where the replay made none.
        """
        from .measures import ask, question_from
        from .warehouse.duck import open_warehouse

        warehouse = open_warehouse(self.folder)
        try:
            return ask(warehouse, question_from(analysis, fields))
        finally:
            warehouse.close()

    def table(self, name: str) -> Any:
        """One table by name, also `bands`, `identity` and those of entities. Raises InputError."""
        return frames.from_arrow(self._outcome.table(name), self._kind)

    @property
    def transitions(self) -> Any:
        """Every move between stages, with the rule, what set it off and the values it saw."""
        return self.table("transitions")

    @property
    def segments(self) -> Any:
        """Every entry to and exit from a segment."""
        return self.table("segments")

    @property
    def scores(self) -> Any:
        """Each day on which a score closed elsewhere than the day before."""
        return self.table("scores")

    @property
    def profiles(self) -> Any:
        """People as time stopped: identifiers, stages, scores, segments, traits, signals."""
        return self.table("people")

    @property
    def accounts(self) -> Any:
        """Accounts as time stopped."""
        return self.table("accounts")

    @property
    def effects(self) -> Any:
        """Everything the fold decided, in order."""
        return frames.from_arrow(self._outcome.effects(), self._kind)

    def explain(self, identifier: str, *, of: str | None = None, at: Any = None) -> Explanation:
        """One profile's story, as of `at` (a datetime or ISO text) or the end. Raises InputError for
        nobody.
        """
        moment = frames.ms_of(at) if at is not None else None
        if at is not None and moment is None:
            raise InputError(f"`{at}` is no time", where="at", fix="pass a datetime or 2024-03-01T12:30:00Z")
        log = open_log(self._outcome.log)
        try:
            return explain(self.workspace, log, identifier, of=of, at=moment, until=self.summary.until)
        finally:
            log.close()

    def next_best_action(self, identifier: str) -> dict[str, Any]:
        """What would be done for a person as time stopped, of the workspace's bank of actions: `action`,
        `reason`, `confidence`, and every action with its score, or why it may not be taken. Raises InputError
        for nobody.
        """
        from sevenfold.playback.standing_action import next_best_action

        log = open_log(self._outcome.log)
        try:
            return next_best_action(self.workspace, log, identifier, until=self.summary.until)
        finally:
            log.close()

    def report(self, path: str | Path | None = None) -> Path:
        """Writes the HTML report, by default beside the tables; where it is."""
        from sevenfold.report.html import render

        target = Path(path) if path is not None else self._outcome.report
        target.write_text(render(self.summary), encoding="utf-8")
        return target


__all__ = ["Result", "load", "replay", "workspace_folder"]
