"""Writes docs/reference/cli.md from the commands' own help: `python -m sevenfold.commands.reference [FILE]`.

A test compares what is committed with what this writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from sevenfold.cli import main

_WIDTH: Final = 100
_INTRO: Final = """\
# Command line

<!-- Written by `python -m sevenfold.commands.reference`; edit the docstrings in sevenfold/commands. -->

Every command takes `--help`. Commands that programs read take `--json`: one JSON value on stdout, no
progress. What cannot be done ends with exit code 2 and one line on stderr that says what, where and how to
put it right; with `--json` the same stands on stdout as `{"error": {"code", "message", "where", "fix"}}`. A
WORKSPACE is a folder or the name of a pack.
"""


def reference() -> str:
    """The whole page."""
    parts = [_INTRO, _block("sevenfold", main)]
    parts += [f"## {name}\n\n{_block(name, command)}" for name, command in _commands(main, "sevenfold")]
    return "\n".join(parts)


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _block(name: str, command: click.Command) -> str:
    context = click.Context(
        command, info_name=name, max_content_width=_WIDTH, terminal_width=_WIDTH,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"```text\n{text}\n```\n"


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    target.write_text(reference(), encoding="utf-8")
