"""The code blocks of a page, and what the comments under an expression say it gives."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def run_python(code: str, scope: dict[str, Any], where: str) -> None:
    """Runs a block. Where comment lines follow an expression, they hold its value."""
    lines = code.splitlines()
    for node in ast.parse(code).body:
        expected = _comment_after(lines, node.end_lineno or 0)
        source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        if isinstance(node, ast.Expr) and expected:
            value = eval(compile(ast.Expression(node.value), where, "eval"), scope)
            assert value == ast.literal_eval(expected), f"{where}: {source}\n gives {value!r}"
        else:
            exec(compile(ast.Module([node], []), where, "exec"), scope)


def _comment_after(lines: list[str], line: int) -> str:
    found = []
    for text in lines[line:]:
        if not text.startswith("#"):
            break
        found.append(text.removeprefix("#"))
    return "\n".join(found).strip()
