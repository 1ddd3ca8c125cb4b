"""Catalogue tables: rows from CSV or YAML, typed by the catalogue's columns, each error with its line."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ..limits import CATALOGUE_BYTES_MAX, CATALOGUE_ROWS_MAX, NUMBER_MAGNITUDE_MAX
from .models import Catalogue, type_of_value
from .problems import Problem, likely

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[-+]?\d{1,18}", re.ASCII)
Complaint = tuple[int, str, str]
"""Row index (-1: the whole table), column, message."""


def typed(value: Any, type_: type_of_value) -> Any:
    """A cell as its column's type; None for an empty one. Dates stay ISO 8601 texts. Raises
    ``ValueError``."""
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    match type_:
        case "string":
            if not isinstance(value, str):
                raise ValueError(f"{json.dumps(value)} is not a text; write it in quotes")
            return value
        case "number":
            return _number(value)
        case "boolean":
            truth = value if isinstance(value, bool) else _TRUTH.get(str(value).lower())
            if truth is None:
                raise ValueError(f"`{value}` is neither true nor false")
            return truth
        case "date":
            try:
                datetime.fromisoformat(str(value))
            except ValueError:
                raise ValueError(f"`{value}` is not a date such as 2024-03-31") from None
            return str(value)
        case "json":
            return _json(value) if isinstance(value, str) else value


def _number(value: Any) -> int | float:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise ValueError(f"`{value[:40]}` is not a number")
        value = int(value) if _WHOLE.fullmatch(value) else float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{json.dumps(value)} is not a number")
    if not math.isfinite(value) or abs(value) > NUMBER_MAGNITUDE_MAX:
        raise ValueError(f"`{value}` is beyond 9e12")
    return value


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError(f"`{text[:40]}` is not JSON") from None


def fill(catalogue: Catalogue, rows: list[dict[str, Any]]) -> tuple[Catalogue, list[Complaint]]:
    """The catalogue with its rows typed and every column declared (as text unless said otherwise).

    What does not fit is left out and complained of.
    """
    complaints: list[Complaint] = []
    columns: dict[str, type_of_value] = {catalogue.key: "string", **catalogue.columns}
    for row in rows:
        for column in row:
            columns.setdefault(column, "string")
    seen: dict[Any, int] = {}
    filled: list[dict[str, Any]] = []
    if len(rows) > CATALOGUE_ROWS_MAX:
        complaints.append((-1, "", f"more than {CATALOGUE_ROWS_MAX} rows"))
        rows = []
    for index, row in enumerate(rows):
        cells: dict[str, Any] = {}
        for column, value in row.items():
            try:
                cell = typed(value, columns[column])
            except ValueError as error:
                complaints.append((index, column, str(error)))
            else:
                if cell is not None:
                    cells[column] = cell
        key = cells.get(catalogue.key)
        if key is None:
            if all(complaint[:2] != (index, catalogue.key) for complaint in complaints[-len(row) :]):
                complaints.append((index, catalogue.key, f"the key `{catalogue.key}` is empty"))
        elif (first := seen.setdefault(repr(key), index)) != index:
            complaints.append((index, catalogue.key, f"the key `{key}` stands in row {first + 1} already"))
        filled.append(cells)
    done = msgspec.structs.replace(catalogue, file=None, rows=filled, columns=columns)
    return done, complaints


def read_csv(path: Path, label: str, catalogue: Catalogue | None) -> tuple[Catalogue | None, list[Problem]]:
    """A catalogue with the rows of a CSV file; its first column is the key when ``catalogue`` says none.

    UTF-8 with or without a byte order mark; comma, semicolon or tab, whichever the heading holds most of.
    """
    try:
        if path.stat().st_size > CATALOGUE_BYTES_MAX:
            return None, [Problem("too_large", f"larger than {CATALOGUE_BYTES_MAX} bytes", "", label)]
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, [Problem("bad_catalogue", f"not UTF-8 text (byte {error.start})", "", label)]
    except OSError as error:
        return None, [Problem("file_unreadable", f"cannot be read: {error.strerror}", "", label)]
    problems: list[Problem] = []
    heading, rows, lines = _rows(text, label, problems)
    if not heading:
        return None, problems or [Problem("bad_catalogue", "the file has no heading row", "", label, 1)]
    catalogue = catalogue or Catalogue(key=heading[0])
    for column in (catalogue.key, *catalogue.columns):
        if column not in heading:
            fix = likely(column, heading) or f"it has {', '.join(heading)}"
            problems.append(Problem("bad_catalogue", f"the file has no column `{column}`", "", label, 1, fix))
    if problems:
        return None, problems
    declared = {column: catalogue.columns.get(column, "string") for column in heading}
    catalogue, complaints = fill(msgspec.structs.replace(catalogue, columns=declared), rows)
    for index, column, message in complaints:
        line = lines[index] if index >= 0 else 0
        code = "bad_catalogue" if index >= 0 else "too_large"
        text = f"column `{column}`: {message}" if column else message
        problems.append(Problem(code, text, "", label, line))
    return catalogue, problems


def _rows(
    text: str, label: str, problems: list[Problem]
) -> tuple[list[str], list[dict[str, Any]], list[int]]:
    """Heading, rows and the line each row ends on; what is malformed goes to ``problems``."""
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    heading: list[str] = []
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not heading:
                heading = [cell.strip() for cell in cells]
                for column in sorted({c for c in heading if heading.count(c) > 1 or not c}):
                    message = f"the column `{column}` stands twice" if column else "a column has no name"
                    problems.append(Problem("bad_catalogue", message, "", label, 1))
            elif len(cells) != len(heading):
                message = f"{len(cells)} cells, but the heading has {len(heading)}"
                problems.append(Problem("bad_catalogue", message, "", label, reader.line_num))
            else:
                rows.append(dict(zip(heading, cells, strict=True)))
                lines.append(reader.line_num)
            if len(rows) > CATALOGUE_ROWS_MAX:
                break
    except csv.Error as error:
        problems.append(Problem("bad_catalogue", f"not CSV: {error}", "", label, reader.line_num))
    return heading, rows, lines
