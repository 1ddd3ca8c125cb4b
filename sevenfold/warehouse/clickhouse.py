"""The warehouse on ClickHouse, a server or cluster by its URL, or embedded (`chdb://FOLDER`, or `chdb://` in
memory).

Needs the extra `sevenfold[clickhouse]`: clickhouse-connect, and chdb for the embedded engine. ClickHouse has
no transactions over tables: the progress is written last, and rows beyond it, of a batch that was cut short,
are removed when the warehouse is opened.
"""

# ruff: noqa: S608 - statements are put together from the schema; ids are numbers

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import clickhouse_connect
import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver.exceptions import ClickHouseError

from sevenfold.limits import WAREHOUSE_MEMORY_BYTES_MAX, WAREHOUSE_QUERY_S_MAX, WAREHOUSE_SQL_S_MAX
from sevenfold.warehouse.base import Batch, Progress, WarehouseBusyError, WarehouseError
from sevenfold.warehouse.dialects import check_clickhouse, to_clickhouse
from sevenfold.warehouse.export import write
from sevenfold.warehouse.projector import SCHEMAS, forwards_of, merges_of
from sevenfold.warehouse.schema import BY_NAME, FORWARDS, TABLES, VIEWS, Column, Table, stored_name
from sevenfold.warehouse.views import view_of

FORMAT: Final = 1
TYPES: Final = {
    "id": "UInt64", "time": "Int64", "integer": "Int64", "money": "Int64", "number": "Float64",
    "boolean": "Bool", "text": "String", "json": "String",
}  # fmt: skip
KNOWN: Final = frozenset((*BY_NAME, *(view.name for view in VIEWS), FORWARDS))
_VIEWS: Final = {view.name: view.sql for view in VIEWS}
_SETTINGS: Final = {
    "join_use_nulls": 1,
    "prefer_column_name_to_alias": 1,
    "output_format_arrow_string_as_string": 1,
}
_BOUNDS: Final = ("TIMEOUT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED", "Timeout exceeded", "emory limit")


class ClickHouseWarehouse:
    """The warehouse in a ClickHouse database; see `base.Warehouse`."""

    dialect = "clickhouse"

    def __init__(self, url: str, *, memory_bytes: int = WAREHOUSE_MEMORY_BYTES_MAX) -> None:
        self._url = url
        self._memory = memory_bytes
        self._resolved_by: str | None = None
        with self._explained():
            self._client: Any = clickhouse_connect.get_client(dsn=url)
            self._found()
        self._progress, self._scored = self._read_progress()
        self._repair()
        self._resolving = bool(self.forwards())

    # ------------------------------------------------------------------------------------------- making

    def _found(self) -> None:
        """Makes tables and views where there are none."""
        self._run(
            "CREATE TABLE IF NOT EXISTS meta (n UInt64, format Int64, position Int64, number Int64,"
            " time Int64, scored Int64) ENGINE = MergeTree ORDER BY n"
        )
        self._run(
            f"CREATE TABLE IF NOT EXISTS {FORWARDS} (id UInt64, person UInt64) ENGINE = MergeTree ORDER BY id"
        )
        for table in TABLES:
            columns = ", ".join(f"`{column.name}` {_type_of(column)}" for column in table.columns)
            self._run(
                f"CREATE TABLE IF NOT EXISTS {stored_name(table)} ({columns}) ENGINE = MergeTree"
                f" ORDER BY {table.key}"
            )
        self._make_views(bool(self.forwards()))

    def _make_views(self, resolving: bool) -> None:
        for table in TABLES:
            self._run(f"CREATE OR REPLACE VIEW {table.name} AS {to_clickhouse(view_of(table, resolving))}")
        for view in VIEWS:
            self._run(f"CREATE OR REPLACE VIEW {view.name} AS {to_clickhouse(view.sql)}")

    def _run(self, sql: str, **settings: Any) -> None:
        self._client.command(sql, settings={**_SETTINGS, **settings})

    def _read_progress(self) -> tuple[Progress, int]:
        with self._explained():
            rows = self._client.query(
                "SELECT format, position, number, time, scored FROM meta ORDER BY n DESC LIMIT 1"
            ).result_rows
        if not rows:
            return Progress(), -1
        found, position, number, time, scored = rows[0]
        if found != FORMAT:
            fix = "empty the database; it is made again from the log"
            raise WarehouseError(f"The warehouse has format {found}, this version reads {FORMAT}", fix=fix)
        return Progress(position, number, time), scored

    def _repair(self) -> None:
        """Removes rows of a batch that was cut short."""
        with self._explained():
            for table in TABLES:
                beyond = f"{table.key} >= {self._known(table)}"
                rows = self._client.query(f"SELECT 1 FROM {stored_name(table)} WHERE {beyond} LIMIT 1")
                if rows.result_rows:
                    self._run(f"ALTER TABLE {stored_name(table)} DELETE WHERE {beyond}", mutations_sync=2)

    def _known(self, table: Table) -> int:
        known = {
            "position": self._progress.position, "number": self._progress.number, "time": self._scored + 1,
        }  # fmt: skip
        return known[table.key]

    # ------------------------------------------------------------------------------------------ writing

    def append(self, batch: Batch) -> int:
        before, after = self._progress, batch.progress
        if after.position < before.position or after.number < before.number:
            return 0
        new, scored = 0, self._scored
        with self._explained():
            for name, given in batch.tables.items():
                table = BY_NAME[name]
                if given.schema != SCHEMAS[name]:
                    raise WarehouseError(f"these are not the columns of `{name}`")
                rows = given.filter(pc.greater_equal(given[table.key], self._known(table)))
                if rows.num_rows:
                    self._client.insert_arrow(stored_name(table), rows)
                    new += rows.num_rows
                if name == "scores" and rows.num_rows:
                    scored = max(scored, pc.max(rows["time"]).as_py())
            if batch.forwards is not None:
                self._store_forwards(batch.forwards)
            self._say_progress(after, scored)
        return new

    def _say_progress(self, progress: Progress, scored: int) -> None:
        held = self._client.query("SELECT MAX(n) FROM meta").result_rows[0][0] or 0
        row = [held + 1, FORMAT, progress.position, progress.number, progress.time, scored]
        self._client.insert(
            "meta", [row], column_names=["n", "format", "position", "number", "time", "scored"]
        )
        self._run(f"ALTER TABLE meta DELETE WHERE n <= {held}")
        self._progress, self._scored = progress, scored

    def _store_forwards(self, forwards: Mapping[int, int]) -> None:
        self._fill(FORWARDS, forwards)
        if bool(forwards) != self._resolving:
            self._make_views(bool(forwards))
            self._resolving = bool(forwards)

    def _fill(self, name: str, forwards: Mapping[int, int]) -> None:
        self._run(f"TRUNCATE TABLE {name}")
        if forwards:
            table = pa.table(
                {
                    "id": pa.array(list(forwards), pa.uint64()),
                    "person": pa.array(list(forwards.values()), pa.uint64()),
                }
            )
            self._client.insert_arrow(name, table)

    def erase(self, people: Sequence[int]) -> int:
        ids = ", ".join(str(int(one)) for one in people)
        gone = 0
        with self._explained():
            for table in TABLES:
                columns = [name for name in dict.fromkeys((*table.persons, "subject")) if _has(table, name)]
                if not columns or not ids:
                    continue
                about = " OR ".join(f"`{name}` IN ({ids})" for name in columns)
                count = self._client.query(f"SELECT COUNT(*) FROM {stored_name(table)} WHERE {about}")
                if count.result_rows[0][0]:
                    gone += int(count.result_rows[0][0])
                    self._run(f"ALTER TABLE {stored_name(table)} DELETE WHERE {about}", mutations_sync=2)
        return gone

    def clear(self) -> None:
        with self._explained():
            held = self._client.query(
                "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
            ).result_rows
            for (name,) in held:
                self._run(f"TRUNCATE TABLE {name}")
            if self._resolving:
                self._make_views(False)
        self._progress, self._scored, self._resolving = Progress(), -1, False

    # ------------------------------------------------------------------------------------------ reading

    def through(self) -> Progress:
        return self._progress

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, seconds: float | None = None
    ) -> pa.Table:
        expand = None if self._resolved_by is None else self._as_it_was
        return self._answer(to_clickhouse(sql, parameters, expand), seconds or WAREHOUSE_QUERY_S_MAX)

    def select(self, sql: str, *, rows: int, seconds: float | None = None) -> pa.Table:
        inner = check_clickhouse(sql, KNOWN)
        bounded = f"SELECT * FROM ({inner}) AS asked LIMIT {int(rows)}"
        return self._answer(bounded, seconds or WAREHOUSE_SQL_S_MAX)

    def _answer(self, sql: str, seconds: float) -> pa.Table:
        settings = {**_SETTINGS, "max_execution_time": seconds, "max_memory_usage": self._memory}
        with self._explained():
            found = self._client.query_arrow(sql, settings=settings)
            return found if found.num_columns else self._nothing(sql)

    def _nothing(self, sql: str) -> pa.Table:
        """An answer without rows, which ClickHouse sends without its columns."""
        described = self._client.query(f"DESCRIBE TABLE ({sql})", settings=_SETTINGS).result_rows
        return pa.schema([(row[0], _arrow_of(row[1])) for row in described]).empty_table()

    def _as_it_was(self, name: str) -> str | None:
        if name in BY_NAME:
            return view_of(BY_NAME[name], True, str(self._resolved_by))
        if name in _VIEWS:
            return _VIEWS[name]
        return f"SELECT id, person FROM {self._resolved_by}" if name == FORWARDS else None

    def forwards(self) -> dict[int, int]:
        table = self._answer(f"SELECT id, person FROM {FORWARDS}", WAREHOUSE_QUERY_S_MAX)
        return dict(zip(table["id"].to_pylist(), table["person"].to_pylist(), strict=True))

    def as_of(self, time: int) -> ClickHouseWarehouse:
        name = f"{FORWARDS}_{int(time)}"
        with self._explained():
            self._run(
                f"CREATE TABLE IF NOT EXISTS {name} (id UInt64, person UInt64) ENGINE = MergeTree ORDER BY id"
            )
            self._fill(name, forwards_of(merges_of(self, time)))
        found = object.__new__(ClickHouseWarehouse)
        found.__dict__.update(self.__dict__)
        found._resolved_by = name
        return found

    def export(self, table: str, path: Path, form: Literal["parquet", "csv"]) -> int:
        if table not in KNOWN:
            raise WarehouseError(f"there is no table `{table}`", fix=f"one of {', '.join(sorted(KNOWN))}")
        sql = f"SELECT * FROM {table}"
        with self._explained(), self._client.query_arrow_stream(sql, settings=_SETTINGS) as batches:
            first = next(iter(batches), None)
            schema = self._nothing(sql).schema if first is None else first.schema
            every = () if first is None else (batch for part in ((first,), batches) for batch in part)
            return write(pa.RecordBatchReader.from_batches(schema, every), path, form)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what ClickHouse says into errors with a way out."""
        try:
            yield
        except ClickHouseError as error:
            text = str(error)
            if any(word in text for word in _BOUNDS):
                fix = "ask about less time or fewer people"
                raise WarehouseBusyError(
                    "the answer takes longer or needs more than it may", fix=fix
                ) from error
            raise WarehouseError(text.partition("\n")[0][:500]) from error


def _type_of(column: Column) -> str:
    kind = TYPES[column.type]
    return f"Nullable({kind})" if " if " in f" {column.meaning} " or "if " in column.meaning else kind


def _arrow_of(kind: str) -> Any:
    """The type of a column, by ClickHouse's name for it."""
    plain = kind.removeprefix("Nullable(").removesuffix(")")
    if plain.startswith(("UInt", "Int")):
        return getattr(pa, plain.lower())()
    return {"Float64": pa.float64(), "Float32": pa.float32(), "Bool": pa.bool_()}.get(plain, pa.string())


def _has(table: Table, name: str) -> bool:
    return any(column.name == name for column in table.columns)
