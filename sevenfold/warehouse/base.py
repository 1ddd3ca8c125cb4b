"""The warehouse's protocol: ten verbs. Every implementation passes tests/edges/warehouse/conformance.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
from msgspec import Struct

from sevenfold.errors import SevenfoldError


class WarehouseError(SevenfoldError):
    """The warehouse cannot be read or written, or a query cannot be answered."""

    code = "warehouse_refused"


class WarehouseBusyError(WarehouseError):
    """A query took longer, or more memory, than it may."""

    code = "warehouse_bounds"


class Progress(Struct, frozen=True):
    """How far a warehouse is: the next log position and effect it wants, and the engine time it has."""

    position: int = 0
    number: int = 0
    time: int = 0


class Batch(Struct):
    """Rows to append together, by table, each a pyarrow table with the schema's columns, and the progress
    after them. What lies before the progress that a warehouse already has is left out.
    """

    tables: Mapping[str, pa.Table]
    progress: Progress
    forwards: Mapping[int, int] | None = None
    """Who is part of whom now, when that has changed: id -> person."""


class Warehouse(Protocol):
    """Ten verbs. Not safe to append to from several threads; `query` may be called from any."""

    dialect: str
    """The SQL it speaks, as sqlglot calls it."""

    def append(self, batch: Batch) -> int:
        """Stores a batch, all of it or nothing; gives how many rows were new. Raises WarehouseError, also
        when something before the batch is missing.
        """
        ...

    def through(self) -> Progress:
        """How far it is."""
        ...

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, seconds: float | None = None
    ) -> pa.Table:
        """Answers one SELECT, written in DuckDB's SQL with `$name` for parameters, in bounded time and
        memory. Analyses use this. Raises WarehouseError, WarehouseBusyError.
        """
        ...

    def select(self, sql: str, *, rows: int, seconds: float | None = None) -> pa.Table:
        """Answers one SELECT that a person wrote, in the engine's own SQL: read only, without files and
        network, at most `rows` rows. Raises WarehouseError, WarehouseBusyError.
        """
        ...

    def forwards(self) -> dict[int, int]:
        """Who is part of whom: id -> person."""
        ...

    def as_of(self, time: int) -> Warehouse:
        """The same warehouse for readers, with people merged as they were at ms UTC."""
        ...

    def erase(self, people: Sequence[int]) -> int:
        """Removes every row about these people; gives how many."""
        ...

    def clear(self) -> None:
        """Empties it, to be filled again from the log."""
        ...

    def export(self, table: str, path: Path, form: Literal["parquet", "csv"]) -> int:
        """Writes a table or view to a file; gives the number of rows. Raises WarehouseError."""
        ...

    def close(self) -> None:
        """Lets go of files and connections."""
        ...
