"""Writes docs/reference/filters.md from the table of filters.

`python -m sevenfold.workspace.filter_reference [FILE]` does; a test compares what is committed with it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from .. import limits
from ..messages.compiling import LINKS
from ..messages.faults import FAULTS
from ..messages.filter_table import FILTERS, OWN
from ..messages.language import ROOTS

_INTRO: Final = """\
# Filters of templates

<!-- Written by `python -m sevenfold.workspace.filter_reference`; edit sevenfold/messages/filter_table.py. -->

Each example is rendered by a test, for the event `{{"items": ["tea", "cup", "pot"], "products": [{{"sku":
"a", "name": "Tea", "price": 4}}, {{"sku": "b", "name": "Cup", "price": 7.5}}]}}`, on 1 March 2026, in
English, in a workspace of Berlin that counts in euros. How templates are written is in
[the guide](../guides/templates.md).

A template can speak of {roots}. `links` has {links}.
"""


def page() -> str:
    """The whole page."""
    roots = ", ".join(f"`{root}`" for root in sorted(ROOTS))
    links = ", ".join(f"`{link}`" for link in LINKS)
    parts = [_INTRO.format(roots=roots, links=links)]
    for title, names in (
        ("This field's own", OWN),
        ("Liquid's", [name for name in FILTERS if name not in OWN]),
    ):
        rows = [f"| `{name}` | {FILTERS[name].about} | {_row(name)} |" for name in names]
        parts.append(f"## {title}\n\n| filter | what it does | example | gives |\n| --- | --- | --- | --- |")
        parts[-1] += "\n" + "\n".join(rows) + "\n"
    parts.append("## What can go wrong\n\n| code | meaning |\n| --- | --- |")
    parts[-1] += "\n" + "\n".join(f"| `{code}` | {meaning} |" for code, meaning in FAULTS.items()) + "\n"
    parts.append(_bounds())
    return "\n".join(parts)


def _row(name: str) -> str:
    one = FILTERS[name]
    example, gives = (_cell(text) for text in (one.example, one.gives))
    return f"{example} | {gives}"


def _cell(text: str) -> str:
    return "`" + text.replace("|", "\\|").replace("\N{NO-BREAK SPACE}", " ") + "`"


def _bounds() -> str:
    bounds = (
        (f"{limits.TEMPLATE_BYTES_MAX // 1024} KiB", "one text or partial"),
        (
            f"{limits.TEMPLATE_OUTPUT_BYTES_MAX // 1024} KiB",
            "what a text renders to, and any value on the way",
        ),
        (f"{limits.TEMPLATE_LOOP_ITEMS_MAX:,}", "turns of all loops of a text, and items of a list"),
        (f"{limits.TEMPLATE_NESTING_LEVELS_MAX}", "blocks, partials and lists inside one another"),
        (f"{limits.TEMPLATE_OPERATIONS_PER_RENDER_MAX:,}", "look-ups, filters and nodes of a text"),
        (f"{limits.TEMPLATE_MARKUP_LEVELS_MAX}", "MJML elements inside one another"),
    )
    rows = "\n".join(f"| {bound} | {what} |" for bound, what in bounds)
    return f"## Bounds\n\n| at most | of |\n| --- | --- |\n{rows}\n"


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "docs" / "reference" / "filters.md"
    (Path(sys.argv[1]) if len(sys.argv) > 1 else default).write_text(page(), encoding="utf-8")
