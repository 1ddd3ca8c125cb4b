"""Tables as files: Parquet or CSV, written batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pyarrow.csv as pc
import pyarrow.parquet as pq

from sevenfold.errors import InputError


def write(reader: Any, path: Path, form: Literal["parquet", "csv"]) -> int:
    """Writes the batches of a pyarrow reader to a file; gives the number of rows. Raises InputError."""
    rows = 0
    try:
        writer = (
            pq.ParquetWriter(path, reader.schema, compression="zstd")
            if form == "parquet"
            else pc.CSVWriter(path, reader.schema)
        )
        with writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    except OSError as error:
        raise InputError(error.strerror or str(error), where=str(path), fix="name a writable file") from error
    return rows
