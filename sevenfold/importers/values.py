"""Values of a mapping, computed column by column over a batch of rows.

What cannot be converted is noted in `bad` under the index of its row, and the row's event is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from sevenfold.events.times import parse_ms
from sevenfold.importers.files import Rows
from sevenfold.importers.mapping import Spec, Test, Value, Where

Bad = dict[int, tuple[str, str]]
"""Index in the batch -> (column, problem)."""
Lookups = Mapping[str, Mapping[str, Any]]
"""`table.column` -> key -> value."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_CACHE_MAX: Final = 100_000
_TRUE: Final = frozenset(("true", "t", "yes", "y", "1"))
_NUMBERS: Final = frozenset((int, float, type(None)))
_FALSE: Final = frozenset(("false", "f", "no", "n", "0"))


def as_value(spec: Spec) -> Value:
    """A plain string is the name of a column."""
    return Value(column=spec) if isinstance(spec, str) else spec


def columns_of(spec: Spec | None) -> set[str]:
    """The columns that a value needs."""
    if spec is None:
        return set()
    value = as_value(spec)
    names = {value.column} if value.column else set()
    if value.sum is not None:
        names.update([value.sum] if isinstance(value.sum, str) else value.sum)
    names.update(value.where or ())
    return names.union(*(columns_of(inner) for inner in (value.objects or {}).values()))


class Evaluator:
    """Computes values for the rows of one kind of file, whose times without a zone are in `zone`."""

    def __init__(self, zone: ZoneInfo, lookups: Lookups) -> None:
        self._zone = zone
        self._lookups = lookups
        self._times: dict[tuple[str | None, Any], int | None] = {}

    def column(self, spec: Spec, rows: Rows, bad: Bad) -> list[Any]:
        """The value in each row; None where there is none."""
        value = as_value(spec)
        name = value.column
        if value.objects is not None:
            return self._objects(value.objects, rows, bad)
        if value.sum is not None:
            return self._products(value, rows, bad)
        if value.count:
            return [1] * len(rows.numbers)
        if name is None:
            result: list[Any] = [value.value] * len(rows.numbers)
        elif value.type == "time":
            result = [None if ms is None else iso(ms) for ms in self.times(value, rows, bad)]
        else:
            result = rows.columns[name]
            if name in rows.times or name in rows.local_times:
                result = [None if ms is None else iso(ms) for ms in self.times(value, rows, bad)]
        if value.lookup is not None:
            table = self._lookups[value.lookup]
            result = [None if v is None else table.get(str(v)) for v in result]
        if value.map is not None:
            names = value.map
            result = _each(lambda v: None if v is None else names.get(str(v)), result)
        if value.type is not None and value.type != "time":
            result = _converted(result, value.type, name or "", bad)
        if value.negate:
            result = [None if v is None else -v for v in result]
        if value.prefix:
            result = [None if v is None else f"{value.prefix}{v}" for v in result]
        if value.where is not None:
            result = [
                v if holds else None for v, holds in zip(result, self.mask(value.where, rows), strict=True)
            ]
        return result

    def mask(self, where: Where, rows: Rows) -> list[bool]:
        """Whether all conditions hold, a row each."""
        answer = [True] * len(rows.numbers)
        for name, condition in where.items():
            answers = _each(_tester(condition), rows.columns[name])
            answer = [a and b for a, b in zip(answer, answers, strict=True)]
        return answer

    def times(self, spec: Spec, rows: Rows, bad: Bad) -> list[int | None]:
        """Milliseconds UTC; what is no time is bad, what is missing is None."""
        value = as_value(spec)
        name = value.column or ""
        column = rows.columns[name]
        if value.lookup is not None:
            table = self._lookups[value.lookup]
            column = [None if key is None else table.get(str(key)) for key in column]
        elif name in rows.times:
            return column
        elif name in rows.local_times:
            if self._zone.key == "UTC":
                return column
            return _each(lambda ms: None if ms is None else self._to_utc(_EPOCH + ms * _MILLISECOND), column)
        result: list[int | None] = []
        for index, written in enumerate(column):
            ms = None if written is None else self._time(written, value.format)
            if ms is None and written is not None:
                bad[index] = (
                    name,
                    f"{str(written)[:60]!r} is no time in the format {value.format or 'iso'!r}",
                )
            result.append(ms)
        return result

    def _time(self, written: Any, form: str | None) -> int | None:
        key = (form, written)
        if key in self._times:
            return self._times[key]
        if len(self._times) >= _CACHE_MAX:
            self._times.clear()
        ms = self._times[key] = self._read_time(written, form)
        return ms

    def _read_time(self, written: Any, form: str | None) -> int | None:
        try:
            if form == "unix_s":
                return _in_range(float(written) * 1_000)
            if form == "unix_ms":
                return _in_range(float(written))
            if form is None or form == "iso":
                ms = parse_ms(written)
                if ms is None or self._zone.key == "UTC" or _has_zone(str(written)):
                    return ms
                return self._to_utc(_EPOCH + ms * _MILLISECOND)
            at = datetime.strptime(str(written), form)  # noqa: DTZ007  # the zone follows
            return _in_range((at - _EPOCH) / _MILLISECOND) if at.tzinfo else self._to_utc(at)
        except (ValueError, OverflowError):
            return None

    def _to_utc(self, local: datetime) -> int:
        """A repeated local time takes the first; one that does not exist moves on by the gap."""
        return (local.replace(tzinfo=self._zone, fold=0) - _EPOCH) // _MILLISECOND

    def _products(self, value: Value, rows: Rows, bad: Bad) -> list[Any]:
        names = [value.sum] if isinstance(value.sum, str) else value.sum or []
        factors = [_converted(rows.columns[name], "number", name, bad) for name in names]
        sign = -1 if value.negate else 1
        if len(factors) == 1:
            return [None if a is None else sign * a for a in factors[0]]
        return [None if None in row else sign * math.prod(row) for row in zip(*factors, strict=True)]

    def _objects(self, fields: Mapping[str, Spec], rows: Rows, bad: Bad) -> list[Any]:
        columns = [self.column(spec, rows, bad) for spec in fields.values()]
        return [
            {name: v for name, v in zip(fields, row, strict=True) if v is not None}
            for row in zip(*columns, strict=True)
        ]


def iso(ms: int) -> str:
    return (_EPOCH + ms * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _in_range(ms: float) -> int | None:
    return int(ms) if 0 <= ms < 253_402_300_800_000 else None


def _has_zone(text: str) -> bool:
    return text.strip()[-1:] in "Zz" or "+" in text or text.count("-") > 2


def _converted(column: list[Any], kind: str, name: str, bad: Bad) -> list[Any]:
    if kind == "number" and {*map(type, column)} <= _NUMBERS:
        return column
    convert = _CONVERTERS[kind]
    result: list[Any] = []
    for index, v in enumerate(column):
        if v is None:
            result.append(None)
            continue
        try:
            result.append(convert(v))
        except (ValueError, OverflowError):
            bad[index] = (name, f"{str(v)[:60]!r} is no {kind}")
            result.append(None)
    return result


def _each(function: Callable[[Any], Any], column: list[Any]) -> list[Any]:
    """The function of each value, asked once for each value that is different."""
    try:
        answers = {v: function(v) for v in set(column)}
    except TypeError:  # lists and objects, from NDJSON
        return [function(v) for v in column]
    return [answers[v] for v in column]


def _number(v: Any) -> int | float:
    if isinstance(v, int | float) and not isinstance(v, bool):
        return v
    number = float(v)
    if not math.isfinite(number):
        raise ValueError(v)
    return int(number) if number.is_integer() else number


def _integer(v: Any) -> int:
    number = _number(v)
    if number != int(number):
        raise ValueError(v)
    return int(number)


def _boolean(v: Any) -> bool:
    text = str(v).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(v)


_CONVERTERS: Final[dict[str, Callable[[Any], Any]]] = {
    "string": str,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
}


def _tester(condition: Any) -> Callable[[Any], bool]:
    if isinstance(condition, list):
        allowed = {str(item) for item in condition}
        return lambda v: v is not None and str(v) in allowed
    if isinstance(condition, dict):
        return _all_of(msgspec.convert(condition, Test))
    if isinstance(condition, bool):
        return lambda v: v is not None and str(v).lower() == str(condition).lower()
    expected = str(condition)
    return lambda v: v is not None and str(v) == expected


def _all_of(test: Test) -> Callable[[Any], bool]:
    checks: list[Callable[[Any], bool]] = []
    if test.missing is not None:
        missing = test.missing
        checks.append(lambda v: (v is None or v == "") == missing)
    if test.starts_with is not None:
        starts = _texts(test.starts_with)
        checks.append(lambda v: v is not None and str(v).startswith(starts))
    if test.excludes is not None:
        excluded = {str(item) for item in test.excludes}
        checks.append(lambda v: str(v) not in excluded)
    if test.excludes_starts_with is not None:
        not_starts = _texts(test.excludes_starts_with)
        checks.append(lambda v: not str(v).startswith(not_starts))
    if test.above is not None:
        above = test.above
        checks.append(lambda v: (number := _number_or_none(v)) is not None and number > above)
    if test.below is not None:
        below = test.below
        checks.append(lambda v: (number := _number_or_none(v)) is not None and number < below)
    return checks[0] if len(checks) == 1 else lambda v: all(check(v) for check in checks)


def _texts(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _number_or_none(v: Any) -> float | None:
    try:
        return None if v is None else _number(v)
    except ValueError:
        return None
