"""A query's rows: SQLite and DuckDB files opened for reading only, and PostgreSQL where its driver is
installed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ..limits import FETCH_ROWS_MAX, IMPORT_BATCH_ROWS_MAX
from .documents import Document
from .services import ConnectorError

_PARAMETER: Final = re.compile(r"(?<![:\w]):(since|until)\b")
_SELECT: Final = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(?:select|with|from)\b", re.IGNORECASE | re.DOTALL
)


def read_query(url: str, query: str, since: str, until: str) -> Iterator[Sequence[Document]]:
    """The rows of one SELECT in batches, by column name, as plain JSON. `:since` and `:until` in it are ISO
    8601, and bound as values. At most FETCH_ROWS_MAX rows. Raises ConnectorError, which names neither the
    query's values nor the address.
    """
    kind, _, place = url.partition(":")
    if _SELECT.match(query) is None:
        raise ConnectorError("the query is no SELECT", where="query", fix="data are read here, never written")
    values = {"since": since, "until": until}
    used = {name: values[name] for name in _PARAMETER.findall(query)}
    try:
        if kind == "sqlite":
            yield from _sqlite(place, query, used)
        elif kind == "duckdb":
            yield from _duckdb(place, query, used)
        elif kind in ("postgresql", "postgres"):
            yield from _postgres(url, query, used)
        else:
            fix = "sqlite:PATH, duckdb:PATH or postgresql://..."
            raise ConnectorError("no such kind of database", where="url", fix=fix)
    except ConnectorError:
        raise
    except ImportError:
        package = "psycopg" if kind.startswith("postgres") else kind
        raise ConnectorError(
            f"the driver for {kind} is not installed", where="url", fix=f"install {package}"
        ) from None
    except Exception as error:
        # What a driver says may hold values of rows; its kind is enough to know what to look at.
        raise ConnectorError(f"the database refused: {type(error).__name__}", where="query") from error


def _sqlite(place: str, query: str, used: dict[str, str]) -> Iterator[Sequence[Document]]:
    address = f"file:{quote(str(Path(place.removeprefix('//'))))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as connection:
        connection.execute("PRAGMA query_only = ON")
        yield from _rows(connection.execute(query, used))


def _duckdb(place: str, query: str, used: dict[str, str]) -> Iterator[Sequence[Document]]:
    duckdb: Any = import_module("duckdb")
    with closing(duckdb.connect(place.removeprefix("//"), read_only=True)) as connection:
        connection.execute("SET enable_external_access = false")
        yield from _rows(connection.execute(_PARAMETER.sub(r"$\1", query), used or None))


def _postgres(url: str, query: str, used: dict[str, str]) -> Iterator[Sequence[Document]]:
    psycopg: Any = import_module("psycopg")
    with psycopg.connect(url) as connection:
        connection.read_only = True
        # A cursor with a name stays at the server, and its rows come in batches.
        with connection.cursor(name="sevenfold") as cursor:
            cursor.execute(
                _PARAMETER.sub(r"%(\1)s", query.replace("%", "%%") if used else query), used or None
            )
            yield from _rows(cursor)


def _rows(cursor: Any) -> Iterator[Sequence[Document]]:
    names = [column[0] for column in cursor.description]
    count = 0
    while rows := cursor.fetchmany(min(IMPORT_BATCH_ROWS_MAX, 10_000)):
        count += len(rows)
        if count > FETCH_ROWS_MAX:
            raise ConnectorError(
                f"the query has more than {FETCH_ROWS_MAX} rows", where="query", fix="use `:since`"
            )
        yield [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in rows]


def plain(value: Any) -> Any:
    """A value of a database as JSON has it: times as ISO 8601 (without a zone when they have none)."""
    if value is None or isinstance(value, str | int | float | bool | list | dict):
        return value
    if isinstance(value, datetime):
        at = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo is not None else value
        return at.isoformat() + ("Z" if value.tzinfo is not None else "")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return None if isinstance(value, bytes | bytearray | memoryview) else str(value)
