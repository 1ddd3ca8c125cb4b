"""Rows -> events, by the rules of one kind of file. Row by row, or a group of rows into one event."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from sevenfold.importers.files import BadRow, OnBad, Rows
from sevenfold.importers.mapping import Rule, Source, Spec, Value
from sevenfold.importers.sort import Sorter
from sevenfold.importers.values import Bad, Evaluator, Lookups, as_value, columns_of

_ID_FIELDS = ("user_id", "anonymous_id", "previous_id", "account")


class Imported(Struct, array_like=True, gc=False):
    """An event ready for the log: its time (ms UTC), its place among equals, and its JSON."""

    time: int
    order: int
    source: str
    raw: bytes


class _GroupRow(Struct, array_like=True, gc=False):
    rule: int
    key: list[str]
    number: int
    time: int
    cells: list[Any]


class FileRules:
    """The rules for one file. `digest` stands for its content in the message ids of rows without keys."""

    def __init__(
        self, source: Source, name: str, digest: str, file: str, lookups: Lookups, on_bad: OnBad
    ) -> None:
        self._source = source
        self._file = file
        self._on_bad = on_bad
        evaluator = Evaluator(ZoneInfo(source.zone), lookups)
        self._rules = [
            _CompiledRule(rule, at, len(source.events), name, digest, evaluator)
            for at, rule in enumerate(source.events)
        ]
        self.rows = 0
        self.unmatched = 0

    def columns(self) -> list[str]:
        """The columns these rules need, sorted."""
        return sorted(set().union(*(rule.columns() for rule in self._rules)))

    def events(self, batches: Iterable[Rows]) -> Iterator[Imported]:
        """The events of a file in order of time, in bounded memory."""
        found = Sorter(Imported, lambda item: (item.time, item.order))
        grouped = Sorter(_GroupRow, lambda row: (row.rule, row.key, row.number))
        for rows in batches:
            self.rows += len(rows.numbers)
            matched: set[int] = set()
            for rule in self._rules:
                chosen = rule.matching(rows)
                matched.update(chosen.numbers)
                if rule.is_grouped:
                    for row in rule.group_rows(chosen, self._report(chosen)):
                        grouped.add(row)
                else:
                    for event in rule.singles(chosen, self._report(chosen)):
                        found.add(event)
            self.unmatched += len(rows.numbers) - len(matched)
        for _, same in itertools.groupby(grouped.sorted(), lambda row: (row.rule, row.key)):
            members = list(same)
            found.add(self._rules[members[0].rule].of_group(members))
        return found.sorted()

    def _report(self, rows: Rows) -> Callable[[int, str, str], None]:
        def report(index: int, column: str, problem: str) -> None:
            row = {name: values[index] for name, values in rows.columns.items()}
            raw = msgspec.json.encode(row)
            self._on_bad(BadRow(self._file, rows.numbers[index], column, problem, raw))

        return report


Report = Callable[[int, str, str], None]


class _CompiledRule:
    """One rule, with its values in a fixed order of cells."""

    def __init__(
        self, rule: Rule, at: int, rules: int, source: str, digest: str, evaluator: Evaluator
    ) -> None:
        self._rule = rule
        self._at = at
        self._rules = rules
        self._source = source
        self._digest = digest
        self._evaluator = evaluator
        self.is_grouped = rule.group_by is not None
        self._ids: list[tuple[str, Spec]] = [
            (field, spec) for field in _ID_FIELDS if (spec := getattr(rule, field)) is not None
        ]
        fields = {"properties": rule.properties, "traits": rule.traits}
        self._sections = [(section, tuple(specs)) for section, specs in fields.items() if specs]
        specs = [spec for specs in fields.values() for spec in specs.values()]
        self._cell_specs = [Value(), *(as_value(spec) for spec in [*(s for _, s in self._ids), *specs])]

    def columns(self) -> set[str]:
        rule = self._rule
        specs = [rule.time, *self._cell_specs]
        names = set(rule.where or ()) | set(rule.group_by or ()) | set(rule.message_id or ())
        if isinstance(rule.event, Value):
            specs.append(rule.event)
        return names.union(*(columns_of(spec) for spec in specs))

    def matching(self, rows: Rows) -> Rows:
        """The rows for which `where` holds."""
        if not self._rule.where:
            return rows
        mask = self._evaluator.mask(self._rule.where, rows)
        if all(mask):
            return rows
        chosen = [index for index, holds in enumerate(mask) if holds]
        return Rows(
            [rows.numbers[index] for index in chosen],
            {name: [column[index] for index in chosen] for name, column in rows.columns.items()},
            rows.times,
            rows.local_times,
        )

    def singles(self, rows: Rows, report: Report) -> Iterator[Imported]:
        """An event for each row; those that do not fit are reported."""
        bad: Bad = {}
        times, columns = self._columns(rows, bad)
        keys = self._message_keys(rows, bad)
        for index, problem in sorted(bad.items()):
            report(index, *problem)
        for index, (time, key, *row) in enumerate(zip(times, keys, *columns, strict=True)):
            if index not in bad and row[0] is not None and time is not None:
                yield Imported(time, self._order(rows.numbers[index]), self._source, self._event(row, key))

    def group_rows(self, rows: Rows, report: Report) -> Iterator[_GroupRow]:
        """The groups among these rows, each in one; a group that spans batches comes in several parts."""
        bad: Bad = {}
        times, columns = self._columns(rows, bad)
        keys = self._key_columns(self._rule.group_by or [], rows, bad)
        for index, problem in sorted(bad.items()):
            report(index, *problem)
        members: dict[tuple[Any, ...], list[int]] = {}
        for index, key in enumerate(keys):
            if index not in bad and columns[0][index] is not None:
                members.setdefault(key, []).append(index)
        for key, indexes in members.items():
            cells = [
                joined(spec, [column[index] for index in indexes])
                for spec, column in zip(self._cell_specs, columns, strict=True)
            ]
            time = min(ms for index in indexes if (ms := times[index]) is not None)
            yield _GroupRow(self._at, list(map(str, key)), rows.numbers[indexes[0]], time, cells)

    def of_group(self, parts: list[_GroupRow]) -> Imported:
        """The one event of a group, at the time of its earliest row."""
        cells = [
            joined(spec, [p.cells[at] for p in parts], parts=True) for at, spec in enumerate(self._cell_specs)
        ]
        message = f"{self._source}:{self._rule.name}:{':'.join(parts[0].key)}"
        order = self._order(parts[0].number)
        return Imported(min(p.time for p in parts), order, self._source, self._event(cells, message))

    def _order(self, number: int) -> int:
        """Rows in their order, and the events of one row in the order of the rules."""
        return number * self._rules + self._at

    def _columns(self, rows: Rows, bad: Bad) -> tuple[list[int | None], list[list[Any]]]:
        """Times, and the columns of event name, ids, properties and traits."""
        rule = self._rule
        times = self._evaluator.times(rule.time, rows, bad)
        column = as_value(rule.time).column or ""
        if None in times:
            for index, time in enumerate(times):
                if time is None and index not in bad:
                    bad[index] = (column, "there is no time")
        names: list[Any] = [rule.event or ""] * len(rows.numbers)
        if isinstance(rule.event, Value):
            names = self._evaluator.column(rule.event, rows, bad)
        columns = [names, *(self._evaluator.column(spec, rows, bad) for spec in self._cell_specs[1:])]
        # A row whose event has no name in the map is no event, and then nothing about it is bad.
        for index in [index for index in bad if names[index] is None]:
            del bad[index]
        return times, columns

    def _key_columns(self, names: list[str], rows: Rows, bad: Bad) -> list[tuple[Any, ...]]:
        columns = [rows.columns[name] for name in names]
        for name, column in zip(names, columns, strict=True):
            for index, value in enumerate(column):
                if value is None and index not in bad:
                    bad[index] = (name, "there is no value for the key")
        return list(zip(*columns, strict=True))

    def _message_keys(self, rows: Rows, bad: Bad) -> list[str]:
        start = f"{self._source}:{self._rule.name}:"
        if self._rule.message_id is None:
            return [f"{self._digest}:{self._rule.name}:{number}" for number in rows.numbers]
        keys = self._key_columns(self._rule.message_id, rows, bad)
        return [start + ":".join(map(str, key)) for key in keys]

    def _event(self, cells: Sequence[Any], message_id: str) -> bytes:
        rule = self._rule
        event: dict[str, Any] = {"type": rule.type, "messageId": message_id}
        if cells[0]:
            event["event" if rule.type == "track" else "name"] = cells[0]
        for (field, _), value in zip(self._ids, cells[1:], strict=False):
            if value is None:
                continue
            if field == "account" and rule.type != "group":
                event["context"] = {"groupId": value}
            else:
                event[_WIRE[field]] = value
        at = 1 + len(self._ids)
        for section, names in self._sections:
            values = zip(names, cells[at : at + len(names)], strict=True)
            event[section] = {name: value for name, value in values if value is not None}
            at += len(names)
        return msgspec.json.encode(event)


_WIRE = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "previous_id": "previousId",
    "account": "groupId",
}


def joined(spec: Value, cells: list[Any], *, parts: bool = False) -> Any:
    """One value for a group, from its rows or from its parts: the sum, the count, the list, or the first."""
    if spec.sum is not None or spec.count:
        # Money has six decimals here; more would be noise of the addition.
        total = round(sum(cell for cell in cells if cell is not None), 6)
        return int(total) if total == int(total) else total
    if spec.objects is not None:
        return list(itertools.chain.from_iterable(cells) if parts else cells)[: spec.limit]
    return next((cell for cell in cells if cell is not None), None)
