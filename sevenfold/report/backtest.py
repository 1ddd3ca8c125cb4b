"""A back-test in the terminal: entries over time, the funnel, messages, what differs from another version."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sevenfold.playback.backtest import Backtest
from sevenfold.playback.comparing import Comparison, Run
from sevenfold.report import words
from sevenfold.report.decisions import tree
from sevenfold.report.journeys import journey

_SHOWN = 10
DAY_MS = 86_400_000


def print_backtest(console: Console, told: Backtest, title: str = "", runs_shown: int = 0) -> None:
    """One version: what it saw, in plots and tables; the first `runs_shown` runs with every decision."""
    span = f"{words.date_of(told.first)} to {words.date_of(told.last)}"
    heading = title or f"{told.summary.title or words.title(told.journey)} over history"
    console.print(Text(f"\n{heading}", style="bold reverse"))
    console.print(Text(f"{words.counted(told.events, 'event')} from {span}, nothing was sent", style="dim"))
    console.print(journey(told.summary))
    for line in _pressure(told):
        console.print(line)
    if len(told.summary.daily) > 1:
        console.print(_plot(told, min(console.width, 110)))
    for run in told.runs[:runs_shown]:
        console.print()
        console.print(tree(f"{run.who}{f', {run.key}' if run.key else ''}", run.effects))


def _pressure(told: Backtest) -> list[str]:
    day, most = told.busiest_day()
    if not most:
        return []
    at, one = words.date_of(day * DAY_MS), words.noun(told.summary.of, 1)
    week = told.most_in_a_week()
    return [f"Most messages on one day: {most:,} ({at}); to one {one} in any seven days: {week:,}"]


def _plot(told: Backtest, width: int) -> Text:
    """Entries and messages over time, summed by day, or by week when the time is long."""
    import plotext

    entries = Counter(told.summary.daily)
    messages = Counter(one.time // DAY_MS for one in told.messages)
    first = min([*entries, *messages])
    last = max([*entries, *messages])
    step = 7 if last - first > 120 else 1
    places = range(first, last + 1, step)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, 12)
    legend = Text("  ")
    most = 1
    for name, counts, colour in (("runs begun", entries, 4), ("messages decided", messages, 2)):
        values = [sum(counts[day] for day in range(place, place + step)) for place in places]
        most = max(most, *values)
        figure.draw(figure.signal(list(places), values, marker=plotext.marker("braille", colour)).lines())
        legend.append("━━\u00a0", style=f"color({colour})").append(f"{name}   ".replace(" ", "\u00a0", 1))
    ticks = [places[round(part * (len(places) - 1) / 4)] for part in range(5)]
    levels = sorted({round(most * part / 3) for part in range(4)})
    figure.ruler("y").ticks(levels, [f"{level:,}" for level in levels])
    figure.ruler("x").ticks(ticks, [f"{words.day(tick):%d %b %y}" for tick in ticks])
    drawn = re.sub(r"\x1b\[48;5;\d+m", "", str(figure.build()))
    drawn = re.sub(r"\x1b\[38;5;(0|12)m", "", drawn)
    unit = "week" if step == 7 else "day"
    heading = Text(f"\nRuns and messages a {unit}\n", style="bold")
    return heading.append_text(Text.from_ansi(drawn)).append("\n").append_text(legend)


def print_comparison(console: Console, found: Comparison, before: Backtest, after: Backtest) -> None:
    """What differs between two versions: figures side by side, then who is concerned."""
    console.print(Text("\nWhat differs", style="bold reverse"))
    table = Table(header_style="dim", box=None, pad_edge=False)
    for name in ("", before.workspace, after.workspace, "difference"):
        table.add_column(name, justify="left" if not name else "right")
    for name, mine, theirs in _figures(before, after):
        table.add_row(name, f"{mine:,}", f"{theirs:,}", f"{theirs - mine:+,}" if theirs != mine else "–")
    console.print(table)
    pairs = len(found.differing) + found.later + found.same
    console.print(
        f"\n{pairs:,} entries are in both: {len(found.differing):,} with other decisions, {found.later:,} "
        f"with the same at other times, {found.same:,} alike"
    )
    causes = Counter(cause for pair in found.differing for cause in pair.differs)
    if causes:
        listed = Table(
            "what differs for the same entry", "entries", header_style="dim", box=None, pad_edge=False
        )
        listed.columns[1].justify = "right"
        for cause, count in causes.most_common(_SHOWN):
            listed.add_row(cause, f"{count:,}")
        console.print(listed)
        for pair in found.differing[:3]:
            console.print(Text(f"  {_who(pair.before)}: {'; '.join(pair.differs)}", style="dim"))
    _only(console, found.only_before, f"enter only {before.workspace}")
    _only(console, found.only_after, f"enter only {after.workspace}")


def _figures(before: Backtest, after: Backtest) -> list[tuple[str, int, int]]:
    a, b = before.summary, after.summary
    rows = [
        ("runs", a.entries, b.entries),
        (words.noun(a.of), a.people, b.people),
        ("ghosts", a.ghosts, b.ghosts),
    ]
    rows += [("messages decided", a.sent, b.sent), ("messages held", a.held, b.held)]
    rows.append(("most in seven days", before.most_in_a_week(), after.most_in_a_week()))
    for title, mine, theirs in (("goal", _goals(a), _goals(b)), ("ended:", a.ended, b.ended)):
        for name in dict.fromkeys([*mine, *theirs]):
            rows.append((f"{title} {words.label(name)}", mine.get(name, 0), theirs.get(name, 0)))
    rows.append(("still inside", a.active, b.active))
    return [row for row in rows if row[1] or row[2]]


def _goals(summary: object) -> dict[str, int]:
    return {goal.name: goal.reached for goal in getattr(summary, "goals", [])}


def _only(console: Console, runs: Sequence[Run], what: str) -> None:
    if runs:
        names = ", ".join(_who(run) for run in runs[:_SHOWN])
        more = f" and {len(runs) - _SHOWN:,} more" if len(runs) > _SHOWN else ""
        console.print(f"{len(runs):,} {what}: {names}{more}")


def _who(run: Run) -> str:
    return f"{run.who} ({run.key})" if run.key and run.key != run.who else run.who


__all__ = ["print_backtest", "print_comparison"]
