"""Several files -> one stream of events in order of time.

With a mapping, any table will do. Without one, NDJSON lines that are Segment events already pass through as
they are: an event was received at `receivedAt`, else `sentAt`, else its own time.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sevenfold.errors import InputError, MappingError
from sevenfold.events.times import parse_ms
from sevenfold.importers.files import (
    BadRow,
    OnBad,
    file_digest,
    format_of,
    json_lines,
    read_rows,
)
from sevenfold.importers.mapping import Lookup, Mapping
from sevenfold.importers.rules import FileRules, Imported
from sevenfold.importers.sort import Sorter
from sevenfold.importers.values import as_value
from sevenfold.limits import IMPORT_LOOKUP_ROWS_MAX

OnBytes = Callable[[int], None]


class Tally(Struct):
    """What was read: rows, and how many of them no rule wanted. Complete when the stream has ended."""

    rows: int = 0
    unmatched: int = 0


class Inputs:
    """Files to import with the mapping that explains them; knows their digests."""

    def __init__(self, paths: Sequence[Path], mapping: Mapping | None) -> None:
        if not paths:
            raise InputError("There is no file to import", fix="name at least one")
        self.paths = sorted(paths)
        self.mapping = mapping
        self._lookup_paths, self._data_paths = self._divide()
        self.digests = [file_digest(path) for path in self._data_paths]

    def _divide(self) -> tuple[dict[str, Path], list[Path]]:
        mapping = self.mapping
        if mapping is None:
            for path in self.paths:
                if format_of(path, None) != "ndjson":
                    fix = "only NDJSON of Segment events needs none; write a mapping and pass it along"
                    raise MappingError(f"{path.name} needs a mapping", where=str(path), fix=fix)
            return {}, self.paths
        lookups = {name: _one(self.paths, name, table) for name, table in mapping.lookups.items()}
        # A file may be both: looked up in, and a source of events.
        known = [path for path in self.paths if path not in lookups.values() or _has_events(mapping, path)]
        for path in known:
            mapping.source_for(path)
        return lookups, known

    @property
    def bytes(self) -> int:
        """Size of the files together, for a progress bar."""
        return sum(path.stat().st_size for path in self._data_paths)

    def digest(self) -> str:
        """One digest of the files and the mapping: the same stream follows from the same digest."""
        content = ["" if self.mapping is None else repr(self.mapping.files), *self.digests]
        return hashlib.blake2b(msgspec.json.encode(content), digest_size=16).hexdigest()

    def events(
        self, on_bad: OnBad, on_bytes: OnBytes | None = None, tally: Tally | None = None
    ) -> Iterator[Imported]:
        """All events in order of time; at equal times in order of file name and row."""
        lookups = self._load_lookups(on_bad)
        streams = [
            self._file_events(path, digest, lookups, on_bad, on_bytes, tally or Tally())
            for path, digest in zip(self._data_paths, self.digests, strict=True)
        ]
        return heapq.merge(*streams, key=lambda item: item.time) if len(streams) > 1 else streams[0]

    def _file_events(
        self, path: Path, digest: str, lookups: Any, on_bad: OnBad, on_bytes: OnBytes | None, tally: Tally
    ) -> Iterator[Imported]:
        if self.mapping is None:
            found = Sorter(Imported, lambda item: (item.time, item.order))
            for event in _segment_events(path, digest, on_bad, on_bytes, tally):
                found.add(event)
            yield from found.sorted()
            return
        source = self.mapping.source_for(path)
        rules = FileRules(source, self.mapping.source, digest, path.name, lookups, on_bad)
        batches = read_rows(
            path,
            rules.columns(),
            on_bad,
            kind=source.format,
            delimiter=source.delimiter,
            encoding=source.encoding,
            on_bytes=on_bytes,
        )
        yield from rules.events(batches)
        tally.rows += rules.rows
        tally.unmatched += rules.unmatched

    def _load_lookups(self, on_bad: OnBad) -> dict[str, dict[str, Any]]:
        mapping = self.mapping
        if mapping is None:
            return {}
        wanted: dict[str, set[str]] = {name: set() for name in mapping.lookups}
        for name in _looked_up(mapping):
            table, _, column = name.partition(".")
            if table not in wanted or not column:
                fix = f"write `table.column`; the tables are {', '.join(sorted(wanted)) or 'none'}"
                raise MappingError(f"There is no lookup table for {name!r}", where=mapping.path, fix=fix)
            wanted[table].add(column)
        tables: dict[str, dict[str, Any]] = {}
        for name, columns in wanted.items():
            table_rows = _read_lookup(
                self._lookup_paths[name], mapping.lookups[name], sorted(columns), on_bad
            )
            for column in columns:
                tables[f"{name}.{column}"] = table_rows[column]
        return tables


def _one(paths: Sequence[Path], name: str, table: Lookup) -> Path:
    found = [path for path in paths if path.match(table.match)]
    if len(found) != 1:
        raise InputError(
            f"The lookup table {name!r} needs one file that matches {table.match!r}, there are {len(found)}",
            fix="pass the file along with the others",
        )
    return found[0]


def _has_events(mapping: Mapping, path: Path) -> bool:
    return any(path.match(source.match) for source in mapping.files)


def _looked_up(mapping: Mapping) -> Iterator[str]:
    for source in mapping.files:
        for rule in source.events:
            specs = [
                rule.time,
                rule.user_id,
                rule.anonymous_id,
                rule.account,
                *rule.properties.values(),
                *rule.traits.values(),
            ]
            for spec in specs:
                if spec is not None and (lookup := as_value(spec).lookup) is not None:
                    yield lookup


def _read_lookup(path: Path, table: Lookup, columns: list[str], on_bad: OnBad) -> dict[str, dict[str, Any]]:
    result: dict[str, dict[str, Any]] = {column: {} for column in columns}
    batches = read_rows(
        path,
        sorted({table.key, *columns}),
        on_bad,
        kind=table.format,
        delimiter=table.delimiter,
        encoding=table.encoding,
    )
    count = 0
    for rows in batches:
        count += len(rows.numbers)
        if count > IMPORT_LOOKUP_ROWS_MAX:
            fix = "look up in a smaller file, or join the files beforehand"
            raise InputError(
                f"A lookup table has at most {IMPORT_LOOKUP_ROWS_MAX} rows", where=str(path), fix=fix
            )
        for column in columns:
            result[column].update(zip(map(str, rows.columns[table.key]), rows.columns[column], strict=True))
    return result


def _segment_events(
    path: Path, digest: str, on_bad: OnBad, on_bytes: OnBytes | None, tally: Tally
) -> Iterator[Imported]:
    """Lines that are Segment events already."""
    for number, line, data in json_lines(path, on_bad, on_bytes):
        tally.rows += 1
        if not isinstance(data, dict):
            on_bad(BadRow(path.name, number, "", "the line is no JSON object", line))
            continue
        times = (data.get(name) for name in ("receivedAt", "sentAt", "originalTimestamp", "timestamp"))
        time = next((ms for ms in map(parse_ms, times) if ms is not None), None)
        if time is None:
            on_bad(BadRow(path.name, number, "timestamp", "there is no time that can be read", line))
            continue
        if not data.get("messageId"):
            line = msgspec.json.encode({**data, "messageId": f"{digest}:{number}"})
        yield Imported(time, number, "import", line)
