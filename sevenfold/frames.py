"""Data frames and dicts as events, and tables as data frames. Neither pandas nor polars is needed unless it
is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa

from sevenfold.errors import InputError
from sevenfold.events.times import parse_ms
from sevenfold.importers.files import BadRow
from sevenfold.importers.rules import Imported
from sevenfold.limits import FRAME_ROWS_MAX
from sevenfold.playback.feed import Items, sort_events

SOURCE: Final = "import"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENVELOPE: Final = {
    "user_id": "userId", "anonymous_id": "anonymousId", "previous_id": "previousId",
    "message_id": "messageId", "group_id": "groupId", "type": "type", "context": "context",
}  # fmt: skip
_TIMES: Final = ("timestamp", "time")
_SEGMENT_TIMES: Final = ("receivedAt", "sentAt", "originalTimestamp", "timestamp")
_SEGMENT_KEYS: Final = frozenset({"userId", "anonymousId", "messageId", *_SEGMENT_TIMES[:3]})
OnBad = Callable[[BadRow], None]


def kind_of(data: Any) -> Literal["arrow", "pandas", "polars"]:
    """Which library a table is of."""
    module = type(data).__module__.partition(".")[0]
    return "pandas" if module == "pandas" else "polars" if module == "polars" else "arrow"


def to_arrow(data: Any) -> pa.Table | None:
    """A table as pyarrow has it; None when `data` is no table."""
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    kind = kind_of(data)
    if kind == "polars":
        # A lazy frame is collected first.
        return (data.collect() if hasattr(data, "collect") else data).to_arrow()
    if kind == "pandas":
        try:
            return pa.Table.from_pandas(data, preserve_index=False)
        except (pa.ArrowException, TypeError) as error:
            fix = "give each column values of one type"
            raise InputError(f"The frame cannot be read: {error}", where="data", fix=fix) from error
    return None


def from_arrow(table: pa.Table, kind: str) -> Any:
    """A table as the library `kind` has it."""
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    return table


def ms_of(value: Any) -> int | None:
    """ms UTC of a datetime (naive ones are UTC), a date, a number or a text; None when it is no time."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return (aware - _EPOCH) // timedelta(milliseconds=1)
    if isinstance(value, date):
        return (datetime(value.year, value.month, value.day, tzinfo=UTC) - _EPOCH) // timedelta(
            milliseconds=1
        )
    return parse_ms(value)


def table_items(table: pa.Table) -> Items:
    """The rows of a table as events in order of time. Raises InputError when it lacks a column every event
    needs.
    """
    names = table.column_names
    if not any(name in names for name in _TIMES):
        raise InputError(
            "The table has no column `timestamp`", where="data", fix=f"it has {', '.join(names)}"
        )
    if "user_id" not in names and "anonymous_id" not in names:
        fix = f"it has {', '.join(names)}; rename one, or pass a mapping"
        raise InputError("The table has neither `user_id` nor `anonymous_id`", where="data", fix=fix)
    if "event" not in names and "type" not in names:
        fix = f"it has {', '.join(names)}; rename one, or pass a mapping"
        raise InputError("The table has no column `event`", where="data", fix=fix)

    def items(on_bad: OnBad) -> Iterator[Imported]:
        rows = (row for batch in table.to_batches(FRAME_ROWS_MAX) for row in batch.to_pylist())
        return sort_events(_imported(rows, on_bad))

    return items


def dict_items(rows: Iterable[Any]) -> Items:
    """Dicts as events in order of time: rows as of a table, or Segment events."""

    def items(on_bad: OnBad) -> Iterator[Imported]:
        return sort_events(_imported(rows, on_bad))

    return items


def _imported(rows: Iterable[Any], on_bad: OnBad) -> Iterator[Imported]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            on_bad(BadRow("data", number, "", f"a {type(row).__name__} is no event; pass dicts"))
            continue
        segment = not _SEGMENT_KEYS.isdisjoint(row)
        names = _SEGMENT_TIMES if segment else _TIMES
        time = next((ms for name in names if (ms := ms_of(row.get(name))) is not None), None)
        try:
            event = {"messageId": f"row-{number}", **row} if segment else event_of(row, number)
            raw = msgspec.json.encode(event, enc_hook=_plain)
        except (TypeError, ValueError, OverflowError) as error:
            on_bad(BadRow("data", number, "", f"it cannot be written as JSON: {error}"))
            continue
        if time is None:
            on_bad(BadRow("data", number, names[0], "there is no time that can be read", raw))
            continue
        yield Imported(time, number, SOURCE, raw)


def event_of(row: dict[str, Any], number: int) -> dict[str, Any]:
    """A row as a Segment event: known columns to their places, all others to properties or traits."""
    kind = row.get("type") or "track"
    body = "traits" if kind in ("identify", "group") else "properties"
    held: dict[str, dict[str, Any]] = {"properties": {}, "traits": {}}
    event: dict[str, Any] = {"type": kind, "messageId": f"row-{number}"}
    for column, value in row.items():
        if value is None or column in _TIMES:
            continue
        head, _, rest = column.partition(".")
        if column in _ENVELOPE:
            event[_ENVELOPE[column]] = value
        elif column == "event":
            event["name" if kind in ("page", "screen") else "event"] = value
        elif column == "account_id":
            event["groupId"] = value
        elif column in held:
            held[column].update(_object(value))
        elif head in held and rest:
            held[head][rest] = value
        else:
            held[body][column] = value
    if kind != "group" and "groupId" in event:
        event["context"] = {**_object(event.get("context")), "groupId": event.pop("groupId")}
    event["timestamp"] = next((ms for name in _TIMES if (ms := ms_of(row.get(name))) is not None), None)
    return {**event, **{name: values for name, values in held.items() if values}}


def _object(value: Any) -> dict[str, Any]:
    """A nested cell: a dict, pairs as Arrow's maps give them, or JSON text."""
    if isinstance(value, str):
        value = msgspec.json.decode(value)
    if isinstance(value, list):
        value = dict(value)
    if not isinstance(value, dict):
        return {}
    # Structs of Arrow hold every field in every row.
    return {name: each for name, each in value.items() if each is not None}


def _plain(value: Any) -> Any:
    """Numbers of other libraries as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} is no JSON value")
