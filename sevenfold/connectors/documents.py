"""A JSON document as rows and columns, so that the rules of mapping files apply to it as to any table.

A column is a path: names with dots between them, a number is a place in a list, `a.b|c.d` is the first that
is there. Paths go through plain JSON and nothing else. Columns of the call itself begin with `$`: `$topic`,
`$id` (of the news), `$received` (ISO 8601), `$source`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from ..importers.files import Rows
from ..limits import CONNECTOR_PATH_LEVELS_MAX, CONNECTOR_ROWS_MAX

_ITEM: Final = "item"
Document = Mapping[str, Any]


def rows_of(documents: Sequence[Document], each: str | None, wanted: Iterable[str]) -> Rows:
    """The documents as rows of the wanted columns: one each, or one for every item of the list `each` in them
    (one without an item where the list is empty). At most CONNECTOR_ROWS_MAX.
    """
    readers = {name: _reader(name) for name in wanted}
    rows = Rows([], {name: [] for name in readers})
    for document, item in _items(documents, each):
        if len(rows.numbers) >= CONNECTOR_ROWS_MAX:
            break
        rows.numbers.append(len(rows.numbers) + 1)
        for name, column in rows.columns.items():
            column.append(readers[name](document, item))
    return rows


def at_path(value: Any, path: Sequence[str]) -> Any:
    """What stands at a path of plain JSON; None where nothing does."""
    for name in path:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list | tuple) and name.isascii() and name.isdigit():
            place = int(name[:6])
            value = value[place] if place < len(value) else None
        else:
            return None
    return value


def _items(documents: Sequence[Document], each: str | None) -> Iterable[tuple[Document, Any]]:
    for document in documents:
        found = at_path(document, each.split(".")) if each is not None else None
        if isinstance(found, list) and found:
            yield from ((document, item) for item in found)
        else:
            yield document, None


def _reader(name: str) -> Callable[[Document, Any], Any]:
    paths = [tuple(one.split("."))[:CONNECTOR_PATH_LEVELS_MAX] for one in name.split("|")]

    def read(document: Document, item: Any) -> Any:
        for path in paths:
            # A document may have a field of that name of its own.
            found = (
                at_path(item, path[1:]) if path[0] == _ITEM and item is not None else at_path(document, path)
            )
            if found is not None and found != "":
                return found
        return None

    return read
