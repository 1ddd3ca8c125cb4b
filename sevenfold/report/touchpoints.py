"""The touchpoint map in a terminal: drop-off by stage, and each touchpoint's difference with its interval."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sevenfold.measures.answer import Answer
from sevenfold.measures.touchpoints import FEW, TRUTH
from sevenfold.report import words
from sevenfold.workspace.models import TouchpointStage, Workspace

WIDTH: Final = 25
"""Characters of the plot; the one in the middle is no difference."""
BAR: Final = 20
SHOWN: Final = 20
"""Touchpoints that a terminal shows; `--json` gives all."""
_HOW: Final = {"good": "well", "bad": "badly"}


def print_touchpoints(console: Console, answer: Answer, workspace: Workspace) -> None:
    """Prints the answer: the sentence, the stages, the touchpoints that separate most, and the doubts."""
    console.print(answer.sentence, soft_wrap=True)
    console.print()
    console.print(_stages(answer.frame("stages").to_pylist(), workspace))
    rows = answer.frame("touchpoints").to_pylist()
    met = [row for row in rows if row["n_met"]]
    if met:
        console.print()
        console.print(_touchpoints(met[:SHOWN], workspace))
    hidden = [f"{len(met) - SHOWN} more"] if len(met) > SHOWN else []
    hidden += [f"{len(rows) - len(met)} that nobody met in time"] if len(rows) > len(met) else []
    if hidden:
        console.print(f"Not shown: {', '.join(hidden)}", style="dim")
    for doubt in answer.caveats:
        console.print(f"! {doubt.sentence}", soft_wrap=True)


def stage_of(workspace: Workspace, stage: str) -> TouchpointStage | None:
    """The part of the map that is about a stage."""
    found = (one for name, one in workspace.touchpoints.items() if (one.stage or name) == stage)
    return next(found, None)


def _stages(rows: list[dict[str, Any]], workspace: Workspace) -> Table:
    table = Table("stage", "team", box=None, header_style="dim", pad_edge=False)
    for name in ("came", "watched", "went on", "drop-off"):
        table.add_column(name, justify="right")
    table.add_column("")
    table.add_column("median", justify="right")
    for row in rows:
        part = stage_of(workspace, row["stage"])
        rate = row["drop_off"]
        shown = "" if rate is None else f"{rate:.0%} ({row['low']:.0%} to {row['high']:.0%})"
        bar = "" if rate is None else "█" * round(BAR * rate)
        median = "" if row["median_days"] is None else f"{row['median_days']:.1f} days"
        counts = (f"{row[key]:,}" for key in ("entered", "watched", "went_on"))
        table.add_row(
            words.label(row["stage"]), part.team if part else "", *counts, shown, Text(bar, "red"), median
        )
    return table


def _touchpoints(rows: list[dict[str, Any]], workspace: Workspace) -> Table:
    known = [row for row in rows if row["low"] is not None]
    reach = max((max(-row["low"], row["high"]) for row in known), default=0.0)
    table = Table("stage", "touchpoint", box=None, header_style="dim", pad_edge=False)
    for name in ("with", "of", "without", "of"):
        table.add_column(name, justify="right")
    table.add_column(f"{-100 * reach:.0f} to {100 * reach:+.0f} points", no_wrap=True, min_width=WIDTH)
    table.add_column("")
    table.add_column("answered by")
    for row in rows:
        how = "" if row["met"] == "at all" else f", {_HOW[row['met']]}"
        counts = (
            text
            for rate, n in (("rate_met", "n_met"), ("rate_not", "n_not"))
            for text in ("–" if row[rate] is None else f"{row[rate]:.0%}", f"{row[n]:,}")
        )
        style = "bold" if row["verdict"] == TRUTH else "dim" if row["verdict"] == FEW else ""
        plot = Text(interval(row["difference"], row["low"], row["high"], reach))
        named = [words.label(row["stage"]), f"{words.label(row['touchpoint'])}{how}"]
        table.add_row(*named, *counts, plot, row["verdict"], _answered(row, workspace), style=style)
    return table


def _answered(row: dict[str, Any], workspace: Workspace) -> str:
    part = stage_of(workspace, row["stage"])
    found = part.touchpoints.get(row["touchpoint"]) if part is not None else None
    return ", ".join(found.interventions if found is not None else ())


def interval(value: float | None, low: float | None, high: float | None, reach: float) -> str:
    """A difference and its interval on a line of characters from -reach to +reach, with a mark at no
    difference.
    """
    marks = [" "] * WIDTH
    if value is None or low is None or high is None or reach <= 0:
        marks[WIDTH // 2] = "┊"
        return "".join(marks)

    def place(at: float) -> int:
        return round((at / reach + 1) / 2 * (WIDTH - 1))

    for at in range(place(low), place(high) + 1):
        marks[at] = "─"
    marks[WIDTH // 2] = "┼" if marks[WIDTH // 2] == "─" else "┊"
    marks[place(low)], marks[place(high)] = "├", "┤"
    marks[place(value)] = "●"
    return "".join(marks)
