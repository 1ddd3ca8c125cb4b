"""What the demonstration shows in a terminal."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sevenfold.commands.base import console, print_json
from sevenfold.playback.tables import iso
from sevenfold.workspace.models import Workspace

if TYPE_CHECKING:
    from sevenfold.server.demo import Seen
    from sevenfold.server.serve import Started

_LINES: Final = 16
_COLOURS: Final = {"stage": "blue", "mail": "green", "task": "yellow"}


def show_demo(
    folder: Path, workspace: Workspace, seed: int, accounts: int, seconds: float, port: int, as_json: bool
) -> None:
    """Runs the demonstration and shows it; at the end says what came of it."""
    import uvloop

    from sevenfold.server.demo import Demo, run_demo
    from sevenfold.server.logs import to_stderr

    # What goes wrong is still said; what goes well is shown.
    to_stderr(30)
    demo = Demo(folder, workspace, accounts=accounts, seed=seed, seconds=seconds, port=port)
    out = console()
    lately: deque[Seen] = deque(maxlen=_LINES)
    shown = out.is_terminal and not as_json

    def started(told: Started) -> None:
        if not as_json:
            out.print(f"Sevenfold listens at [bold]{told.url}[/bold]; {accounts} accounts begin to live.")
            place = f"setup#{told.setup_token}" if told.setup_token else "login"
            out.print(f"See it in the console: {told.url}/{place}", soft_wrap=True)

    with Live(console=out, refresh_per_second=4, transient=True) as live:

        def seen(one: Seen) -> None:
            lately.append(one)
            if shown:
                live.update(_table(lately))
            elif not as_json and one.kind != "stage":
                out.print(_line(one), soft_wrap=True)

        try:
            figures = uvloop.run(run_demo(demo, started, seen))
        except KeyboardInterrupt:
            out.print("Stopped.")
            return
    if as_json:
        print_json({**msgspec.to_builtins(figures), "folder": str(folder)})
        return
    kinds = figures.kinds
    moved = f"{figures.events:,} events, {kinds['stage']:,} moves between stages"
    said = f"{kinds['message']:,} messages decided, {figures.mails:,} mails, {kinds['held']:,} held back"
    out.print(f"In {figures.days:.1f} days of its life: {moved}, {said}, {kinds['task']:,} tasks for people.")
    data = folder / "data"
    out.print(f"Its data are in {data}; go on with: sevenfold serve --data {data}", soft_wrap=True)


def _table(lately: deque[Seen]) -> Group:
    table = Table.grid(padding=(0, 2))
    for one in reversed(lately):
        table.add_row(
            iso(one.time)[:16].replace("T", " "),
            Text(one.kind, _COLOURS.get(one.kind, "")),
            one.who,
            one.text,
        )
    return Group(table)


def _line(one: Seen) -> str:
    return f"{iso(one.time)[:16].replace('T', ' ')}  {one.kind:5}  {one.who}  {one.text}"
