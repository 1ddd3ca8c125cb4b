"""Writes docs/reference/warehouse.md from the schema: `python -m sevenfold.warehouse.reference [FILE]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from sevenfold.warehouse.duck import TYPES as DUCK
from sevenfold.warehouse.schema import TABLES, VIEWS, Column

_STAR: Final = "\\*"
_HEAD: Final = """\
# Tables of the warehouse

<!-- Written by `python -m sevenfold.warehouse.reference`; edit sevenfold/warehouse/schema.py. -->

Times are milliseconds since 1970 UTC. Ids are unsigned 64-bit integers: the 16 hexadecimal digits that
everything else shows, as a number (`printf('%016x', person)` writes them). Money is in millionths of its
currency. A column can be null where its meaning says "if". Columns marked with a star hold people, resolved
to whom they are part of after merges; `stored_NAME` beside each table has them as they were told, and
`forwards` says who is part of whom.

[What it is and how it is kept](../explain/warehouse.md) · [asking it](../guides/analyses.md)
"""


def reference() -> str:
    """The page as Markdown."""
    parts = [_HEAD, "## Tables\n"]
    for table in TABLES:
        order = f"Rows are in the order of `{table.key}`."
        parts.append(f"### {table.name}\n\n{table.meaning} {order}\n\n{_columns(table.columns)}")
    parts.append("## Views\n")
    parts += [f"### {view.name}\n\n{view.meaning}\n\n{_columns(view.columns)}" for view in VIEWS]
    return "\n".join(parts)


def _columns(columns: tuple[Column, ...]) -> str:
    rows = []
    for column in columns:
        name = f"`{column.name}`{_STAR if column.person else ''}"
        rows.append(f"| {name} | {column.type} ({DUCK[column.type]}) | {column.meaning} |")
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "docs" / "reference" / "warehouse.md"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    target.write_text(reference(), encoding="utf-8")
