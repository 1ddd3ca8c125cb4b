"""The embedded warehouse: a DuckDB file. One process has it open; its readers are cursors of that process."""

# ruff: noqa: S608 - statements are put together from the schema; every value is bound

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import pyarrow as pa

from sevenfold.errors import InputError
from sevenfold.limits import (
    WAREHOUSE_MEMORY_BYTES_MAX,
    WAREHOUSE_QUERY_S_MAX,
    WAREHOUSE_SQL_CHARS_MAX,
    WAREHOUSE_SQL_S_MAX,
)
from sevenfold.warehouse import FILE
from sevenfold.warehouse.base import Batch, Progress, WarehouseBusyError, WarehouseError
from sevenfold.warehouse.export import write
from sevenfold.warehouse.projector import SCHEMAS, forwards_of, merges_of
from sevenfold.warehouse.schema import BY_NAME, FORWARDS, TABLES, VIEWS, Table, stored_name
from sevenfold.warehouse.views import view_of

FORMAT: Final = 1
TYPES: Final = {
    "id": "UBIGINT", "time": "BIGINT", "integer": "BIGINT", "money": "BIGINT", "number": "DOUBLE",
    "boolean": "BOOLEAN", "text": "VARCHAR", "json": "VARCHAR",
}  # fmt: skip
MEMORY: Final = ":memory:"


class DuckWarehouse:
    """The warehouse in a file, or in memory; see `base.Warehouse`. Safe to query from several threads."""

    dialect = "duckdb"

    def __init__(
        self, path: Path | str = MEMORY, *, threads: int = 0, memory_bytes: int = WAREHOUSE_MEMORY_BYTES_MAX
    ) -> None:
        self._path = str(path)
        self._lock = threading.RLock()
        config: dict[str, Any] = {"memory_limit": f"{memory_bytes // 1024**2}MB"}
        if threads:
            config["threads"] = threads
        with self._explained():
            self._connection = duckdb.connect(self._path, config=config)
            self._found()
            # What a person asks must reach no file and no network, and cannot allow itself to.
            self._connection.execute("SET enable_external_access = false")
            self._connection.execute("SET lock_configuration = true")
        self._progress = self._read_progress()
        self._scored = int(self._value("SELECT COALESCE(MAX(time), -1) FROM stored_scores"))
        self._resolving = bool(self.forwards())

    # ------------------------------------------------------------------------------------------- making

    def _found(self) -> None:
        """Makes tables and views where there are none."""
        run = self._connection.execute
        names = {row[0] for row in run("SELECT table_name FROM information_schema.tables").fetchall()}
        if "meta" not in names:
            run("BEGIN")
            run("CREATE TABLE meta (format INTEGER, position BIGINT, number BIGINT, time BIGINT)")
            run("INSERT INTO meta VALUES (?, 0, 0, 0)", [FORMAT])
            run(f"CREATE TABLE {FORWARDS} (id UBIGINT, person UBIGINT)")
            for table in TABLES:
                columns = ", ".join(f'"{column.name}" {TYPES[column.type]}' for column in table.columns)
                run(f"CREATE TABLE {stored_name(table)} ({columns})")
            self._make_views(self._connection, resolving=False)
            run("COMMIT")
            return
        found = self._value("SELECT format FROM meta")
        if found != FORMAT:
            fix = "delete it while nobody uses it; it is made again from the log"
            raise WarehouseError(
                f"The warehouse has format {found}, this version reads {FORMAT}", where=self._path, fix=fix
            )

    def _make_views(self, cursor: Any, *, resolving: bool, kind: str = "") -> None:
        for table in TABLES:
            cursor.execute(f"CREATE OR REPLACE {kind} VIEW {table.name} AS {view_of(table, resolving)}")
        for view in VIEWS:
            cursor.execute(f"CREATE OR REPLACE {kind} VIEW {view.name} AS {view.sql}")

    def _value(self, sql: str) -> Any:
        row = self._connection.cursor().execute(sql).fetchone()
        return row[0] if row else None

    def _read_progress(self) -> Progress:
        row = self._connection.execute("SELECT position, number, time FROM meta").fetchone()
        assert row is not None
        return Progress(*row)

    # ------------------------------------------------------------------------------------------ writing

    def append(self, batch: Batch) -> int:
        before, after = self._progress, batch.progress
        if after.position < before.position or after.number < before.number:
            return 0
        new, cursor = 0, self._connection
        with self._lock, self._explained():
            cursor.execute("BEGIN")
            try:
                for name, rows in batch.tables.items():
                    new += self._insert(BY_NAME[name], rows)
                if batch.forwards is not None:
                    self._store_forwards(batch.forwards)
                cursor.execute(
                    "UPDATE meta SET position = ?, number = ?, time = ?",
                    [after.position, after.number, after.time],
                )
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            self._progress = after
            if "scores" in batch.tables:
                self._scored = int(self._value("SELECT COALESCE(MAX(time), -1) FROM stored_scores"))
            if batch.forwards is not None:
                self._resolving = bool(batch.forwards)
        return new

    def _insert(self, table: Table, rows: pa.Table) -> int:
        if rows.schema != SCHEMAS[table.name]:
            raise WarehouseError(f"these are not the columns of `{table.name}`", where=self._path)
        known = {
            "position": self._progress.position, "number": self._progress.number, "time": self._scored + 1,
        }[table.key]  # fmt: skip
        into = f"INSERT INTO {stored_name(table)} SELECT * FROM given WHERE {table.key} >= {known}"
        with _given(self._connection, rows):
            done = self._connection.execute(into).fetchone()
        return int(done[0]) if done else 0

    def _store_forwards(self, forwards: Mapping[int, int]) -> None:
        run = self._connection.execute
        run(f"DELETE FROM {FORWARDS}")
        with _given(self._connection, forwards_table(forwards)):
            run(f"INSERT INTO {FORWARDS} SELECT * FROM given")
        if bool(forwards) != self._resolving:
            self._make_views(self._connection, resolving=bool(forwards))

    def erase(self, people: Sequence[int]) -> int:
        given = pa.table({"id": pa.array(people, type=pa.uint64())})
        gone = 0
        with self._lock, self._explained(), _given(self._connection, given):
            run = self._connection.execute
            run("BEGIN")
            for table in TABLES:
                for column in dict.fromkeys((*table.persons, "subject")):
                    if column in {one.name for one in table.columns}:
                        done = run(
                            f"DELETE FROM {stored_name(table)} WHERE {column} IN (SELECT id FROM given)"
                        ).fetchone()
                        gone += int(done[0]) if done else 0
            run("COMMIT")
            # What was deleted still stands in the file until it is written anew.
            run("CHECKPOINT")
        return gone

    def clear(self) -> None:
        with self._lock, self._explained():
            self._connection.execute("BEGIN")
            for name in (*map(stored_name, TABLES), FORWARDS):
                self._connection.execute(f"DELETE FROM {name}")
            self._connection.execute("UPDATE meta SET position = 0, number = 0, time = 0")
            if self._resolving:
                self._make_views(self._connection, resolving=False)
            self._connection.execute("COMMIT")
            self._progress, self._scored, self._resolving = Progress(), -1, False

    # ------------------------------------------------------------------------------------------ reading

    def through(self) -> Progress:
        return self._progress

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, seconds: float | None = None
    ) -> pa.Table:
        return self._answer(self._connection.cursor(), sql, parameters, seconds or WAREHOUSE_QUERY_S_MAX)

    def select(self, sql: str, *, rows: int, seconds: float | None = None) -> pa.Table:
        check_select(sql)
        bounded = f"SELECT * FROM ({sql.strip().rstrip(';')}\n) AS asked LIMIT {int(rows)}"
        return self._answer(self._connection.cursor(), bounded, None, seconds or WAREHOUSE_SQL_S_MAX)

    def _answer(
        self, cursor: Any, sql: str, parameters: Mapping[str, Any] | None, seconds: float
    ) -> pa.Table:
        late = threading.Event()

        def stop() -> None:
            late.set()
            cursor.interrupt()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            with self._explained():
                found = cursor.sql(sql, params=dict(parameters) if parameters else None)
                return found.to_arrow_table()
        except WarehouseError:
            if late.is_set():
                fix = "ask about less time or fewer people"
                raise WarehouseBusyError(f"the answer took longer than {seconds:g} s", fix=fix) from None
            raise
        finally:
            timer.cancel()

    def forwards(self) -> dict[int, int]:
        table = self.query(f"SELECT id, person FROM {FORWARDS}")
        return dict(zip(table["id"].to_pylist(), table["person"].to_pylist(), strict=True))

    def as_of(self, time: int) -> DuckWarehouse:
        return _AsOf(self, time)

    def export(self, table: str, path: Path, form: Literal["parquet", "csv"]) -> int:
        if table not in BY_NAME and table not in {view.name for view in VIEWS}:
            known = ", ".join([*BY_NAME, *(view.name for view in VIEWS)])
            raise WarehouseError(f"there is no table `{table}`", fix=f"one of {known}")
        with self._explained():
            found = self._connection.cursor().sql(f"SELECT * FROM {table}")
            reader = found.to_arrow_reader(100_000)
            return write(reader, path, form)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what DuckDB says into errors with a way out."""
        try:
            yield
        except duckdb.InterruptException as error:
            raise WarehouseError("the query was stopped") from error
        except duckdb.OutOfMemoryException as error:
            fix = "ask about less time or fewer people"
            raise WarehouseBusyError("the answer needs more memory than it may have", fix=fix) from error
        except duckdb.IOException as error:
            fix = "another process may have it open: ask that one; or the disk is full or read-only"
            raise WarehouseError(str(error).partition("\n")[0], where=self._path, fix=fix) from error
        except duckdb.Error as error:
            raise WarehouseError(str(error).partition("\n\n")[0]) from error


class _AsOf(DuckWarehouse):
    """A reader of a warehouse with people merged as they were at a time."""

    def __init__(self, warehouse: DuckWarehouse, time: int) -> None:
        self._path, self._lock = warehouse._path, warehouse._lock
        self._progress, self._scored = warehouse._progress, warehouse._scored
        self._connection = warehouse._connection.cursor()
        given = forwards_table(forwards_of(merges_of(warehouse, time)))
        with self._explained(), _given(self._connection, given):
            self._connection.execute(f"CREATE TEMP TABLE {FORWARDS} AS SELECT * FROM given")
            self._make_views(self._connection, resolving=True, kind="TEMP")

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, seconds: float | None = None
    ) -> pa.Table:
        # Temporary views belong to one connection, so its queries take turns.
        with self._lock:
            return self._answer(self._connection, sql, parameters, seconds or WAREHOUSE_QUERY_S_MAX)


@contextmanager
def _given(connection: Any, table: pa.Table) -> Iterator[None]:
    """Makes a table known to statements under the name `given`."""
    connection.register("given", table)
    try:
        yield
    finally:
        connection.unregister("given")


def forwards_table(forwards: Mapping[int, int]) -> pa.Table:
    """Who is part of whom, as a table."""
    ids, people = list(forwards), list(forwards.values())
    return pa.table({"id": pa.array(ids, pa.uint64()), "person": pa.array(people, pa.uint64())})


def check_select(sql: str) -> None:
    """Refuses what is not one SELECT. Raises WarehouseError."""
    if len(sql) > WAREHOUSE_SQL_CHARS_MAX:
        raise WarehouseError(f"a query has at most {WAREHOUSE_SQL_CHARS_MAX} characters")
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise WarehouseError(str(error).partition("\n\n")[0]) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise WarehouseError("only one SELECT may be asked", fix="the warehouse is read only")


def open_warehouse(folder: Path) -> DuckWarehouse:
    """The warehouse in a replay's folder, or the file itself. Raises InputError when there is none."""
    path = folder / FILE if folder.is_dir() else folder
    if not path.is_file():
        fix = "name the folder of a replay, or a warehouse file"
        raise InputError("There is no warehouse", where=str(folder), fix=fix)
    return DuckWarehouse(path)
