"""Writes docs/reference/analyses.md from the registry: `python -m sevenfold.commands.analyses_page`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from sevenfold.measures import find, names
from sevenfold.measures.answer import CAVEATS

_HEAD: Final = """\
# Analyses

<!-- Written by `python -m sevenfold.commands.analyses_page`; edit the docstrings in sevenfold/measures. -->

Each is `sevenfold ask NAME`, `POST /api/ask/NAME` and `sevenfold.measures.ask`; the fields are the flags, the
JSON body and the arguments. [How to ask](../guides/analyses.md)
"""


def reference() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for name in names():
        found = find(name)
        parts.append(f"## {name}\n\n{found.text}\n\n{_fields(found.question)}")
    rows = [f"| `{caveat}` | {sentence} |" for caveat, sentence in CAVEATS.items()]
    parts.append("## Caveats\n\n" + "\n".join(["| | |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _fields(question: Any) -> str:
    rows = []
    for field in msgspec.structs.fields(question):
        kind = getattr(field.type, "__name__", "") if isinstance(field.type, type) else str(field.type)
        kind = kind.replace("typing.", "").replace("|", "or")
        default = (
            "" if field.required else f"`{field.default!r}`" if field.default is not msgspec.NODEFAULT else ""
        )
        rows.append(f"| `{field.encode_name}` | {kind} | {default} |")
    return "\n".join(["| field | type | default |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "docs" / "reference" / "analyses.md"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    target.write_text(reference(), encoding="utf-8")
