"""The mapping file: which rows of which file become which events.

    source: shop
    files:
      - match: "orders*.csv*"
        zone: Europe/London
        events:
          - event: Order Completed
            time: {column: placed_at, format: "%d-%m-%Y %H:%M"}
            user_id: customer
            properties: {order_id: order, total: {column: total, type: number}}

Wherever a value is wanted, a plain string is the name of a column; only `event` takes it as the event's name.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml
from msgspec import Struct

from sevenfold.errors import MappingError
from sevenfold.limits import IMPORT_LIST_ITEMS_MAX, MAPPING_FILE_BYTES_MAX

Where = dict[str, Any]
"""Conditions on columns, all of which must hold: a value, a list of values, or a Test."""


class Test(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A condition on one column."""

    __test__ = False  # no test case, whatever its name says

    missing: bool | None = None
    starts_with: str | list[str] | None = None
    excludes: list[Any] | None = None
    excludes_starts_with: str | list[str] | None = None
    above: float | None = None
    below: float | None = None


class Value(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How a value is found: in a column, or given, or over the rows of a group."""

    column: str | None = None
    value: Any = None
    type: Literal["string", "number", "integer", "boolean", "time"] | None = None
    format: str | None = None
    """For times: iso, unix_s, unix_ms, or the directives of strptime."""
    map: dict[str, Any] | None = None
    """Other values for these; what it does not name is absent."""
    lookup: str | None = None
    """`table.column`: what the column names in a lookup table."""
    prefix: str = ""
    where: Where | None = None
    """Absent in rows for which this does not hold."""
    sum: str | list[str] | None = None
    """Over a group: the sum of a column, or of the product of several."""
    count: bool = False
    """Over a group: how many rows."""
    objects: dict[str, str | Value] | None = msgspec.field(name="list", default=None)
    """Over a group: an object a row."""
    limit: int = IMPORT_LIST_ITEMS_MAX
    negate: bool = False


Spec = str | Value


class Rule(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One kind of event that rows of a file become. A row may become several events, by several rules."""

    time: Spec
    type: Literal["track", "identify", "page", "screen", "group", "alias"] = "track"
    event: Spec | None = None
    """The event's name; or a value whose `map` names it, and rows that it does not name are no event."""
    name: str = ""
    """What the rule is called in message ids; by default its kind and place."""
    where: Where | None = None
    """Conditions on columns: a value, a list of values, or a test. Only rows for which all hold."""
    group_by: list[str] | None = None
    """Rows equal in these columns become one event, at the time of the earliest."""
    user_id: Spec | None = None
    anonymous_id: Spec | None = None
    previous_id: Spec | None = None
    account: Spec | None = None
    """`context.groupId`; in a group call, `groupId`."""
    message_id: list[str] | None = None
    """Columns that identify the event; without them the digest of the file and the row number do."""
    properties: dict[str, Spec] = {}
    traits: dict[str, Spec] = {}


class Source(Struct, forbid_unknown_fields=True):
    """How one kind of file is read."""

    match: str
    events: list[Rule]
    format: Literal["csv", "ndjson", "parquet"] | None = None
    zone: str = "UTC"
    delimiter: str = ","
    encoding: str = "utf-8"


class Lookup(Struct, forbid_unknown_fields=True):
    """A file in which others look values up by the column `key`."""

    match: str
    key: str
    format: Literal["csv", "ndjson", "parquet"] | None = None
    delimiter: str = ","
    encoding: str = "utf-8"


class Mapping(Struct, forbid_unknown_fields=True):
    """A whole mapping file."""

    source: str
    files: list[Source]
    lookups: dict[str, Lookup] = {}
    path: str = ""

    def source_for(self, file: Path) -> Source:
        """The part that tells how to read `file`. Raises MappingError when none does."""
        for source in self.files:
            if fnmatch.fnmatch(file.name, source.match):
                return source
        patterns = ", ".join(repr(source.match) for source in self.files)
        raise MappingError(
            f"The mapping says nothing about {file.name}",
            where=self.path,
            fix=f"it has {patterns}; add a `files` entry whose `match` fits",
        )


def load_mapping(path: Path) -> Mapping:
    """The mapping in a YAML file. Raises MappingError with the line and the likely fix."""
    try:
        if path.stat().st_size > MAPPING_FILE_BYTES_MAX:
            raise MappingError(
                f"The file is larger than {MAPPING_FILE_BYTES_MAX} bytes",
                where=str(path),
                fix="is it a mapping?",
            )
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(
            f"Cannot read the mapping: {error}", where=str(path), fix="check the path"
        ) from error
    return parse_mapping(text, str(path))


def parse_mapping(text: str, path: str = "mapping") -> Mapping:
    """The mapping in a YAML text. Raises MappingError."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise MappingError(
            f"This is no YAML: {error}", where=path, fix="examples/mappings shows how"
        ) from error
    try:
        mapping = msgspec.convert(data, Mapping)
        _check(mapping)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at `")
        at = at.rstrip("`").removeprefix("$").removeprefix(".")
        raise MappingError(message, where=f"{path}:{_line(node, at)}, {at}", fix=_advice(message)) from error
    mapping.path = path
    for source in mapping.files:
        for index, rule in enumerate(source.events):
            rule.name = rule.name or f"{rule.type}-{index}"
    return mapping


def _check(mapping: Mapping) -> None:
    for file_index, source in enumerate(mapping.files):
        try:
            ZoneInfo(source.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            at = f"$.files[{file_index}].zone"
            raise msgspec.ValidationError(f"Unknown zone {source.zone!r} - at `{at}`") from error
        for rule_index, rule in enumerate(source.events):
            for column, test in (rule.where or {}).items():
                if isinstance(test, dict):
                    try:
                        msgspec.convert(test, Test)
                    except msgspec.ValidationError as error:
                        at = f"$.files[{file_index}].events[{rule_index}].where.{column}"
                        raise msgspec.ValidationError(
                            f"{str(error).split(' - at')[0]} - at `{at}`"
                        ) from error
            if rule.type in ("track", "page", "screen") and rule.event is None:
                at = f"$.files[{file_index}].events[{rule_index}]"
                raise msgspec.ValidationError(f"Object missing required field `event` - at `{at}`")


def _line(node: Any, at: str) -> int:
    """The line of the deepest node on the way to `at` ("files[0].events[1].time")."""
    line = 1
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", at):
        following = None
        if isinstance(node, yaml.MappingNode):
            following = next((pair for pair in node.value if pair[0].value == name), None)
            if following is not None:
                line, node = following[0].start_mark.line + 1, following[1]
        elif isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
            node = following = node.value[int(index)]
            line = node.start_mark.line + 1
        if following is None:
            break
    return line


_FIELDS = sorted(
    {name for kind in (Mapping, Source, Rule, Value, Test, Lookup) for name in kind.__struct_fields__}
)


def _advice(message: str) -> str:
    unknown = re.search(r"unknown field `(.*)`", message)
    if unknown is None:
        return "examples/mappings shows how"
    close = difflib.get_close_matches(unknown[1], _FIELDS, n=1)
    return f"did you mean `{close[0]}`?" if close else "known are " + ", ".join(_FIELDS)
