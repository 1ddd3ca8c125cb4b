"""What commands share: errors as one line, output for people or for programs, times, workspaces, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sevenfold.errors import SevenfoldError
from sevenfold.events.times import parse_ms

EXIT_ERROR: Final = 2
"""The exit code of every error that can be explained, and of wrong usage."""
Command = TypeVar("Command", bound=Callable[..., Any])


class SevenfoldGroup(click.Group):
    """A group of commands in written order; what can be explained ends as one line on stderr, never a
    traceback.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SevenfoldError as error:
            fail(error.to_json(), str(error))
        except BrokenPipeError:
            # Whoever read our output has seen enough.
            sys.stderr.close()
            sys.exit(0)
        except OSError as error:
            message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            fail({"code": "system", "message": message}, message)


class LazyGroup(SevenfoldGroup):
    """A group that imports the file of a command when that command is asked for: the whole command line takes
    seconds to import, one command a fraction of one. ``homes`` gives ``file:object`` by command name.
    """

    def __init__(self, *args: Any, homes: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._homes:
            return None
        module, name = self._homes[cmd_name].split(":")
        command = getattr(import_module(f"sevenfold.commands.{module}"), name)
        assert isinstance(command, click.Command)
        return command


def fail(shape: dict[str, str], text: str) -> None:
    """Ends the program with an error: for programs when `--json` was asked for, else a line for people."""
    if "--json" in sys.argv:
        click.echo(msgspec.json.encode({"error": shape}))
    click.echo(f"Error: {text}", err=True)
    sys.exit(EXIT_ERROR)


class Time(click.ParamType[int]):
    """A point in time: `2024-03-01`, `2024-03-01T12:30:00Z`, or ms since 1970."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        ms = int(value) if str(value).isdigit() and len(str(value)) > 8 else parse_ms(value)
        if ms is None:
            self.fail(f"{value!r} is no time; write 2024-03-01 or 2024-03-01T12:30:00Z (UTC)", param, ctx)
        return ms


def json_option(command: Command) -> Command:
    """`--json`: the same for programs, and no progress bar."""
    return click.option("as_json", "--json", is_flag=True, help="Print JSON for programs, and no progress.")(
        command
    )


def print_json(value: Any) -> None:
    """A value as indented JSON on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def console() -> Console:
    """The terminal. Where output is not a terminal, lines are wide enough to be read by programs such as
    grep.
    """
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def existing(**kind: bool) -> click.Path:
    """A path that is there."""
    return click.Path(exists=True, path_type=Path, **kind)


def new_folder() -> click.Path:
    """A folder to write to."""
    return click.Path(file_okay=False, path_type=Path)


class Bar:
    """The progress of a replay: reading, then folding with the date that virtual time has come to."""

    def __init__(self, progress: Progress, input_bytes: int) -> None:
        self._progress = progress
        self._reading = progress.add_task(
            "Reading", total=input_bytes or None, visible=bool(input_bytes), note=""
        )
        self._folding = progress.add_task("Replaying", total=None, visible=False, note="")
        self._writing = progress.add_task("Writing profiles", total=None, visible=False, note="")
        self._events = self._profiles = 0

    def read(self, count: int) -> None:
        self._progress.advance(self._reading, count)

    def folded(self, count: int, time: int) -> None:
        self._events += count
        note = f"{self._events:,} events, {datetime.fromtimestamp(time / 1_000, UTC):%-d %b %Y}"
        self._progress.update(self._folding, visible=True, note=note)

    def wrote(self, count: int) -> None:
        self._profiles += count
        self._progress.update(self._writing, visible=True, note=f"{self._profiles:,}")


@contextmanager
def progress(as_json: bool) -> Iterator[Progress]:
    """A progress display on stderr; silent with `--json` and where there is no terminal."""
    shown = not as_json and sys.stderr.isatty()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=Console(stderr=True), disable=not shown, transient=True
    ) as shown_progress:
        yield shown_progress


def size_of(paths: tuple[Path, ...]) -> int:
    """Bytes of the files together; 0 when one is a folder."""
    return 0 if any(path.is_dir() for path in paths) else sum(path.stat().st_size for path in paths)
