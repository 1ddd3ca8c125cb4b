"""Rows -> events, by the rules of one kind of file. Row by row, or a group of rows into one event."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
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
        self._specs: list[tuple[str, str, Value]] = [
            (section, name, as_value(spec))
            for section, fields in (("properties", rule.properties), ("traits", rule.traits))
            for name, spec in fields.items()
        ]
        self._ids: list[tuple[str, Spec]] = [
            (field, spec) for field in _ID_FIELDS if (spec := getattr(rule, field)) is not None
        ]

    def columns(self) -> set[str]:
        rule = self._rule
        specs = [rule.time, *(spec for _, spec in self._ids), *(spec for *_, spec in self._specs)]
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
        times, cells = self._cells(rows, bad)
        keys = self._message_keys(rows, bad)
        for index, problem in sorted(bad.items()):
            report(index, *problem)
        for index, (time, row, key) in enumerate(zip(times, cells, keys, strict=True)):
            if index not in bad and row[0] is not None and time is not None:
                yield Imported(time, self._order(rows.numbers[index]), self._source, self._event(row, key))

    def group_rows(self, rows: Rows, report: Report) -> Iterator[_GroupRow]:
        """The rows that groups will be made of, each with its cells."""
        bad: Bad = {}
        times, cells = self._cells(rows, bad)
        keys = self._key_columns(self._rule.group_by or [], rows, bad)
        for index, problem in sorted(bad.items()):
            report(index, *problem)
        for index, (time, row, key) in enumerate(zip(times, cells, keys, strict=True)):
            if index not in bad and row[0] is not None and time is not None:
                yield _GroupRow(self._at, list(map(str, key)), rows.numbers[index], time, list(row))

    def of_group(self, members: list[_GroupRow]) -> Imported:
        """The one event of rows with the same key, at the time of the earliest."""
        cells = [_joined(spec, [m.cells[at] for m in members]) for at, spec in enumerate(self._cell_specs())]
        message = f"{self._source}:{self._rule.name}:{':'.join(members[0].key)}"
        order = self._order(members[0].number)
        return Imported(min(m.time for m in members), order, self._source, self._event(cells, message))

    def _order(self, number: int) -> int:
        """Rows in their order, and the events of one row in the order of the rules."""
        return number * self._rules + self._at

    def _cell_specs(self) -> list[Value]:
        return [Value(), *(as_value(spec) for _, spec in self._ids), *(spec for *_, spec in self._specs)]

    def _cells(self, rows: Rows, bad: Bad) -> tuple[list[int | None], list[tuple[Any, ...]]]:
        """Times, and for each row: event name, ids, properties, traits."""
        rule = self._rule
        times = self._evaluator.times(rule.time, rows, bad)
        column = as_value(rule.time).column or ""
        for index, time in enumerate(times):
            if time is None and index not in bad:
                bad[index] = (column, "there is no time")
        names: list[Any] = [rule.event or ""] * len(rows.numbers)
        if isinstance(rule.event, Value):
            names = self._evaluator.column(rule.event, rows, bad)
        columns = [self._evaluator.column(spec, rows, bad) for _, spec in self._ids]
        columns += [self._evaluator.column(spec, rows, bad) for *_, spec in self._specs]
        # A row whose event has no name in the map is no event, and then nothing about it is bad.
        for index, name in enumerate(names):
            if name is None:
                bad.pop(index, None)
        return times, list(zip(names, *columns, strict=True))

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

    def _event(self, cells: Iterable[Any], message_id: str) -> bytes:
        rule = self._rule
        values = iter(cells)
        event: dict[str, Any] = {"type": rule.type, "messageId": message_id}
        name = next(values)
        if name:
            event["event" if rule.type == "track" else "name"] = name
        for field, _ in self._ids:
            value = next(values)
            if value is None:
                continue
            if field == "account" and rule.type != "group":
                event["context"] = {"groupId": value}
            else:
                event[_WIRE[field]] = value
        for section, key, _ in self._specs:
            value = next(values)
            if value is not None:
                event.setdefault(section, {})[key] = value
        return msgspec.json.encode(event)


_WIRE = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "previous_id": "previousId",
    "account": "groupId",
}


def _joined(spec: Value, cells: list[Any]) -> Any:
    """One value for a group: the sum, the count, the list, or the first that there is."""
    if spec.sum is not None:
        # Money has six decimals here; more would be noise of the addition.
        total = round(sum(cell for cell in cells if cell is not None), 6)
        return int(total) if total == int(total) else total
    if spec.count:
        return len(cells)
    if spec.objects is not None:
        return cells[: spec.limit]
    return next((cell for cell in cells if cell is not None), None)
