"""Files -> batches of rows as lists by column. CSV, NDJSON (both also .gz) and Parquet.

A row is known by its number in the file, from 1 for the first row of data. Rows that cannot be read at all go
to `on_bad` and do not stop the rest.
"""

from __future__ import annotations

import codecs
import difflib
import gzip
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from msgspec import Struct

from sevenfold.errors import InputError
from sevenfold.importers import utf8
from sevenfold.limits import IMPORT_BATCH_ROWS_MAX, IMPORT_LINE_BYTES_MAX

_CSV_BLOCK_BYTES: Final = 4 * 1024 * 1024


class Rows(Struct):
    """A batch of rows: `columns` by name, each as long as `numbers`, the row numbers.

    Columns in `times` hold ms since 1970 in UTC, those in `local_times` the same in the file's own zone.
    """

    numbers: list[int]
    columns: dict[str, list[Any]]
    times: frozenset[str] = frozenset()
    local_times: frozenset[str] = frozenset()


class BadRow(Struct):
    """A row that became no event: where it stands and why."""

    file: str
    row: int
    column: str
    problem: str
    raw: bytes = b""

    def __str__(self) -> str:
        column = f", column {self.column!r}" if self.column else ""
        return f"{self.file}, row {self.row}{column}: {self.problem}"


OnBad = Callable[[BadRow], None]


def format_of(path: Path, stated: str | None) -> str:
    """csv, ndjson or parquet. Raises InputError when the name does not say."""
    if stated is not None:
        return stated
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    known = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}
    known |= {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson"}
    if not suffixes or suffixes[-1] not in known:
        fix = "name it .csv, .ndjson or .parquet (CSV and NDJSON also .gz), or state `format` in the mapping"
        raise InputError("The name does not say what kind of file it is", where=str(path), fix=fix)
    return known[suffixes[-1]]


def file_digest(path: Path) -> str:
    """Digest of the file's content, by which its rows are known however often it is imported."""
    with explained_open(path) as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def explained_open(path: Path) -> io.BufferedReader:
    """The file, opened. Raises InputError."""
    try:
        return path.open("rb")
    except OSError as error:
        fix = "check the path and the right to read it"
        raise InputError(f"Cannot open the file: {error.strerror}", where=str(path), fix=fix) from error


def read_rows(
    path: Path,
    wanted: Sequence[str],
    on_bad: OnBad,
    *,
    kind: str | None = None,
    delimiter: str = ",",
    encoding: str = "utf-8",
    on_bytes: Callable[[int], None] | None = None,
) -> Iterator[Rows]:
    """The wanted columns of a file. Raises InputError for a file that is unreadable or lacks a column."""
    kind = format_of(path, kind)
    with _Counted(explained_open(path), on_bytes) as file:
        try:
            if kind == "parquet":
                yield from _read_parquet(path, file, wanted)
            elif kind == "csv":
                yield from _read_csv(path, _plain(path, file), wanted, on_bad, delimiter, encoding)
            else:
                yield from _read_ndjson(path, _plain(path, file), wanted, on_bad)
        except (pa.ArrowException, OSError, EOFError, gzip.BadGzipFile, UnicodeError, LookupError) as error:
            fix = f"it should be {kind}; a damaged or half-copied file must be fetched again"
            raise InputError(f"Cannot read the file: {error}", where=str(path), fix=fix) from error


def check_columns(path: Path, wanted: Sequence[str], present: Sequence[str]) -> None:
    """Raise InputError for the first wanted column that is not there, with the likely one."""
    for name in wanted:
        if name not in present:
            close = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}? " if close else ""
            fix = f"{hint}the file has {', '.join(map(repr, present[:40]))}"
            raise InputError(f"There is no column {name!r}", where=str(path), fix=fix)


class _Counted(io.RawIOBase):
    """A file that tells how far it has been read."""

    def __init__(self, file: io.BufferedReader, on_bytes: Callable[[int], None] | None) -> None:
        self._file = file
        self._on_bytes = on_bytes

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        if self._on_bytes is not None:
            self._on_bytes(count)
        return count

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


def _plain(path: Path, file: io.RawIOBase) -> IO[bytes]:
    buffered = io.BufferedReader(file, 1 << 20)
    if buffered.peek(2)[:2] == b"\x1f\x8b":
        return cast("IO[bytes]", gzip.open(buffered, "rb"))
    return buffered


def _read_parquet(path: Path, file: Any, wanted: Sequence[str]) -> Iterator[Rows]:
    parquet = pq.ParquetFile(file)
    check_columns(path, wanted, parquet.schema_arrow.names)
    first = 1
    for batch in parquet.iter_batches(IMPORT_BATCH_ROWS_MAX, columns=list(wanted)):
        yield _from_arrow(batch, first)
        first += batch.num_rows


def _from_arrow(batch: Any, first: int) -> Rows:
    columns: dict[str, list[Any]] = {}
    times: set[str] = set()
    local_times: set[str] = set()
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.dictionary_decode()
        elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            (times if getattr(kind, "tz", None) else local_times).add(name)
            milliseconds = pa.timestamp("ms", getattr(kind, "tz", None))
            column = pc.cast(column, milliseconds, safe=False).cast(pa.int64())
        elif pa.types.is_decimal(kind):
            column = pc.cast(column, pa.float64())
        elif pa.types.is_floating(kind):
            column = pc.if_else(pc.is_nan(column), None, column)
        columns[name] = column.to_pylist()
    numbers = list(range(first, first + batch.num_rows))
    return Rows(numbers, columns, frozenset(times), frozenset(local_times))


def _read_csv(
    path: Path, file: IO[bytes], wanted: Sequence[str], on_bad: OnBad, delimiter: str, encoding: str
) -> Iterator[Rows]:
    skipped: list[int] = []

    def skip(row: Any) -> str:
        problem = f"{row.actual_columns} fields where the header has {row.expected_columns}"
        # Arrow counts lines from 1, the header among them.
        number = (row.number or 1) - 1
        skipped.append(number)
        on_bad(BadRow(path.name, number, "", problem, utf8.original(row.text or "")))
        return "skip"

    marks = codecs.lookup(encoding).name == "utf-8"

    def opened(source: Any, options: pa_csv.ConvertOptions | None, on_row: Callable[[Any], str]) -> Any:
        return pa_csv.open_csv(
            source,
            read_options=pa_csv.ReadOptions(
                encoding=encoding, block_size=_CSV_BLOCK_BYTES, use_threads=False
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=on_row
            ),
            convert_options=options,
        )

    try:
        with _Counted(explained_open(path), None) as head:
            plain = _plain(path, head)
            present = opened(utf8.Marked(plain) if marks else plain, None, lambda row: "skip").schema.names
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise
    if any(utf8.MARK in name for name in present):
        fix = "state its `encoding` in the mapping"
        raise InputError("Cannot read the file: its header is no UTF-8", where=str(path), fix=fix)
    check_columns(path, wanted, present)
    # Only what is wanted, or a column that nobody reads could end the file.
    chosen = list(dict.fromkeys(wanted))
    options = pa_csv.ConvertOptions(
        include_columns=chosen,
        column_types=dict.fromkeys(chosen, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    first = 1
    whole = utf8.Marked(file) if marks else None
    for batch in opened(file if whole is None else whole, options, skip):
        numbers = _numbers_without(first, batch.num_rows, skipped)
        first = numbers[-1] + 1 if numbers else first
        rows = _from_arrow(batch, first)
        rows.numbers = numbers
        if whole is not None and whole.damaged:
            rows = _without_damage(path, rows, on_bad)
        if rows.numbers:
            yield rows


def _without_damage(path: Path, rows: Rows, on_bad: OnBad) -> Rows:
    """The rows of which no value holds bytes that are no UTF-8."""
    bad: dict[int, str] = {}
    for name, column in rows.columns.items():
        for place, text in enumerate(column):
            if text is not None and utf8.MARK in text:
                bad.setdefault(place, name)
    for place, name in sorted(bad.items()):
        problem = "the bytes are no UTF-8; if all of the file is not, state its `encoding`"
        on_bad(
            BadRow(path.name, rows.numbers[place], name, problem, utf8.original(rows.columns[name][place]))
        )
    kept = [place for place in range(len(rows.numbers)) if place not in bad]
    texts = {name: [column[place] for place in kept] for name, column in rows.columns.items()}
    return Rows([rows.numbers[place] for place in kept], texts)


def _numbers_without(first: int, count: int, skipped: list[int]) -> list[int]:
    if not skipped:
        return list(range(first, first + count))
    gone = set(skipped)
    numbers: list[int] = []
    while len(numbers) < count:
        if first not in gone:
            numbers.append(first)
        first += 1
    return numbers


def _read_ndjson(path: Path, file: IO[bytes], wanted: Sequence[str], on_bad: OnBad) -> Iterator[Rows]:
    rows = Rows([], {name: [] for name in wanted})
    seen: set[str] = set()
    for number, line, data in read_json_lines(path, file, on_bad):
        if not isinstance(data, dict):
            on_bad(BadRow(path.name, number, "", "the line is no JSON object", line))
            continue
        seen.update(data)
        rows.numbers.append(number)
        for name, column in rows.columns.items():
            column.append(data.get(name))
        if len(rows.numbers) >= IMPORT_BATCH_ROWS_MAX:
            check_columns(path, wanted, sorted(seen))
            yield rows
            rows = Rows([], {name: [] for name in wanted})
    if rows.numbers:
        check_columns(path, wanted, sorted(seen))
        yield rows


def read_json_lines(path: Path, file: IO[bytes], on_bad: OnBad) -> Iterator[tuple[int, bytes, Any]]:
    """(row number, line, value) of each line that is JSON; blank lines do not count as bad."""
    decode = msgspec.json.Decoder().decode
    number = 0
    while line := file.readline(IMPORT_LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > IMPORT_LINE_BYTES_MAX:
            on_bad(BadRow(path.name, number, "", f"the line is longer than {IMPORT_LINE_BYTES_MAX} bytes"))
            while line and not line.endswith(b"\n"):
                line = file.readline(IMPORT_LINE_BYTES_MAX)
            continue
        line = line.strip()
        if not line:
            continue
        try:
            yield number, line, decode(line)
        except (ValueError, RecursionError) as error:
            on_bad(BadRow(path.name, number, "", f"the line is no JSON: {error}", line))


def json_lines(
    path: Path, on_bad: OnBad, on_bytes: Callable[[int], None] | None
) -> Iterator[tuple[int, bytes, Any]]:
    """`read_json_lines` of a file by its path. Raises InputError."""
    with _Counted(explained_open(path), on_bytes) as file:
        try:
            yield from read_json_lines(path, _plain(path, file), on_bad)
        except (OSError, EOFError) as error:
            fix = "a damaged or half-copied file must be fetched again"
            raise InputError(f"Cannot read the file: {error}", where=str(path), fix=fix) from error
