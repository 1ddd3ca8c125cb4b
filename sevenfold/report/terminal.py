"""The summary of a replay and the story of one subject, in the terminal."""

from __future__ import annotations

import re
from typing import Any, Final

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sevenfold.playback.explain import Entry, Explanation
from sevenfold.playback.statistics import cause_text
from sevenfold.playback.summary import LifecycleSummary, ScoreSummary, Summary
from sevenfold.playback.tables import iso
from sevenfold.report import words
from sevenfold.report.decisions import line as decision
from sevenfold.report.journeys import print_journeys

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_CURVE_COLOURS: Final = (4, 6, 2, 3, 208, 5, 13, 1, 8)
"""Numbers of terminal colours, by the place of a stage."""


def print_summary(console: Console, summary: Summary) -> None:
    """What a replay saw: sentences, stages with shares and stays, moves, a plot over time, scores, events."""
    heading = summary.title or summary.workspace
    console.print(Panel(Text(" ".join(words.lead(summary))), title=heading, title_align="left"))
    first = words.primary(summary)
    for lifecycle in sorted(summary.lifecycles, key=lambda one: one is not first):
        if lifecycle.ever:
            console.print(_stages(lifecycle))
            if lifecycle.moves:
                console.print(_moves(lifecycle))
            if lifecycle is first and len(lifecycle.days) > 1:
                console.print(_plot(lifecycle, min(console.width, 110)))
    if shown := [score for score in summary.scores if sum(score.now[1:])]:
        console.print(_scores(shown))
    print_journeys(console, summary.journeys)
    console.print(_events(summary))


def _table(*columns: str) -> Table:
    table = Table(header_style="dim", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", no_wrap=place == 0)
    return table


def _titled(title: str, table: Table) -> Group:
    """A table under its title, which may be wider than the table."""
    return Group(Text(f"\n{title}", style="bold"), table)


def _stages(lifecycle: LifecycleSummary) -> Group:
    title = f"{words.title(lifecycle.name)}: {words.counted(lifecycle.subjects, lifecycle.of)} by stage"
    table = _table("stage", "now", "share", "ever reached", "share", "median stay")
    for stage in lifecycle.stages:
        table.add_row(
            words.label(stage.name), f"{stage.now:,}", words.share(stage.now, lifecycle.subjects),
            f"{stage.reached:,}", words.share(stage.reached, lifecycle.ever),
            words.stay(stage),
        )  # fmt: skip
    return _titled(title, table)


def _moves(lifecycle: LifecycleSummary) -> Group:
    """The transition matrix: from the row to the column."""
    counts = {(move.from_, move.to): move.count for move in lifecycle.moves}
    names = [stage.name for stage in lifecycle.stages]
    seen = {name for pair in counts for name in pair if name is not None}
    names = [name for name in names if name in seen]
    table = _table("", *(words.label(name) for name in names))
    for name in names:
        cells = [f"{counts[name, to]:,}" if (name, to) in counts else "·" for to in names]
        table.add_row(words.label(name), *cells)
    return _titled("Moves, from the row to the column", table)


def _plot(lifecycle: LifecycleSummary, width: int) -> Text:
    """A plot of subjects by stage over time, with its legend beneath."""
    import plotext

    step = max(1, len(lifecycle.days) // (width * 2))
    places = [*range(0, len(lifecycle.days), step)]
    at = [lifecycle.days[place] for place in places]
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, 16)
    legend = Text("  ")
    for place, stage in enumerate(lifecycle.stages):
        if stage.reached:
            colour = _CURVE_COLOURS[place % len(_CURVE_COLOURS)]
            counts = [lifecycle.daily[each][place] for each in places]
            figure.draw(figure.signal(at, counts, marker=plotext.marker("braille", colour)).lines())
            legend.append("━━\u00a0", style=f"color({colour})").append(
                f"{words.label(stage.name)}   ".replace(" ", "\u00a0", 1)
            )
    ticks = [at[round(part * (len(at) - 1) / 4)] for part in range(5)]
    most = max(max(counts) for counts in lifecycle.daily)
    levels = sorted({round(most * part / 4) for part in range(5)})
    figure.ruler("y").ticks(levels, [f"{level:,}" for level in levels])
    figure.ruler("x").ticks(ticks, [f"{words.day(tick):%d %b %y}" for tick in ticks])
    # The terminal's own background and ink, whatever they are, instead of the library's white and black.
    drawn = re.sub(r"\x1b\[48;5;\d+m", "", str(figure.build()))
    drawn = re.sub(r"\x1b\[38;5;(0|12)m", "", drawn)
    heading = Text(f"\n{words.title(words.noun(lifecycle.of))} by stage over time\n", style="bold")
    return heading.append_text(Text.from_ansi(drawn)).append("\n").append_text(legend)


def _scores(scores: list[ScoreSummary]) -> Group:
    table = _table("score", "of", "known", "unknown", "median", "bands")
    for score in scores:
        known = sum(score.now[1:])
        bands = ", ".join(
            f"{words.label(band)} {words.share(score.now[place], known)}"
            for place, band in enumerate(score.bands, start=1)
        )
        median = f"{score.median:.0f}" if score.median is not None else "–"
        table.add_row(
            words.label(score.name), words.noun(score.of), f"{known:,}", f"{score.now[0]:,}", median, bands
        )
    table.columns[-1].justify = "left"
    return _titled("Scores at the end, points of 100", table)


def _events(summary: Summary) -> Group:
    table = _table("", "count")
    if summary.rows not in (0, summary.events):
        table.add_row("rows read", f"{summary.rows:,}")
    table.add_row("taken", f"{summary.events:,}")
    if summary.duplicates:
        table.add_row("left out: duplicate", f"{summary.duplicates:,}")
    for reason, count in summary.dropped.items():
        table.add_row(f"dropped: {words.label(reason)}", f"{count:,}")
    if summary.unmatched:
        table.add_row("rows that no rule wants", f"{summary.unmatched:,}")
    table.add_row("changes noticed", f"{summary.effects:,}")
    table.add_row("events a second", f"{summary.events_per_s:,.0f}")
    return _titled("Events", table)


def print_explanation(console: Console, told: Explanation, *, every_event: bool = False) -> None:
    """Who somebody is and how they came to stand there. Without `every_event` runs of events are one line."""
    console.print(Panel(_portrait(told), title=_who(told), title_align="left"))
    table = _table("time (UTC)", "what", "why")
    for column in table.columns:
        column.justify = "left"
        column.no_wrap = False
    table.columns[0].no_wrap = True
    durations = frozenset(told.durations)
    run: list[Entry] = []
    for entry in told.timeline:
        if entry.kind == "event" and not every_event:
            run.append(entry)
            continue
        for part in _parts(run, entry.time):
            table.add_row(*_run(part))
        run = []
        table.add_row(_moment(entry.time), *_line(entry, durations))
    if run:
        table.add_row(*_run(run))
    console.print(_titled("What happened, and why", table))


def _who(told: Explanation) -> str:
    identifiers = told.profile["identifiers"]
    known = ", ".join(str(value) for values in identifiers.values() for value in values[:2])
    return f"{words.title(words.noun(told.of, 1))} {known or told.subject} as of {_moment(told.time)}"


def _portrait(told: Explanation) -> Text:
    profile = told.profile
    text = Text()
    for name, stage in profile["stages"].items():
        since = next((e.time for e in reversed(told.timeline) if e.kind == "stage" and e.name == name), None)
        text.append(f"{words.title(name)}: ").append(words.label(stage or "none"), style="bold")
        text.append(f" since {_moment(since)}\n" if since is not None else "\n")
    for name, score in profile["scores"].items():
        if score["value"] is None:
            continue
        text.append(f"{words.title(name)}: ").append(f"{score['value']:.0f}", style="bold")
        text.append(f" ({words.label(score['band'])}")
        text.append(f", {score['velocity']}" if score["velocity"] else "")
        text.append(f", coverage {100 * score['coverage']:.0f} %)")
        if len(told.days.get(name, ())) > 1:
            text.append("  " + _course([value for _, value in told.days[name]]), style="cyan")
        text.append("\n")
    for name, one in profile.get("predictions", {}).items():
        if one["value"] is not None:
            dated = name in told.dated
            value = _moment(one["value"]) if dated else _value(one["value"])
            text.append(f"{words.title(name)}: ").append(value, style="bold")
            text.append(f" foretold as of {_moment(one['as_of'])} by model {one['version']}\n")
    text.append("Segments: ").append(", ".join(map(words.label, profile["segments"])) or "none")
    if told.account is not None:
        stages = ", ".join(words.label(stage) for stage in told.account["stages"].values() if stage)
        text.append(f"\nAccount {told.account['identifiers']['account_id'][0]}: {stages or 'no stage'}")
    text.append(f"\n{told.events:,} events; subject id {told.subject}", style="dim")
    return text


def _course(values: list[float], width: int = 40) -> str:
    """A score's closed days as a line of blocks."""
    step = max(1, -(-len(values) // width))
    kept = values[::-1][::step][::-1]
    return "".join(_BLOCKS[min(int(max(value, 0) / 100 * len(_BLOCKS)), len(_BLOCKS) - 1)] for value in kept)


def _moment(time: int) -> str:
    return iso(time)[:16].replace("T", " ")


def _parts(run: list[Entry], time: int) -> list[list[Entry]]:
    """A run of events before a change; the event at the time of the change stands alone."""
    if len(run) > 1 and run[-1].time == time:
        return [run[:-1], run[-1:]]
    return [run] if run else []


def _run(run: list[Entry]) -> tuple[str, Text, str]:
    """Several events between two changes as one line."""
    counts: dict[str, int] = {}
    for entry in run:
        counts[entry.name] = counts.get(entry.name, 0) + 1
    parts = [name if count == 1 else f"{count} x {name}" for name, count in counts.items()]
    shown = ", ".join(parts[:6]) + (f" and {len(parts) - 6} more" if len(parts) > 6 else "")
    return _moment(run[0].time), Text(shown, style="dim"), ""


def _line(entry: Entry, durations: frozenset[str]) -> tuple[Text, Text]:
    """What happened and why, of one entry."""
    data, name = entry.data, words.label(entry.name)
    if entry.kind == "event":
        return Text(entry.name, style="dim"), Text(_properties(data), style="dim")
    if entry.kind == "identity":
        return Text(f"{data['action']} {entry.name}", style="yellow"), Text(data["reason"])
    if entry.kind == "stage":
        what = Text(
            f"{words.label(data['from'] or 'new')} → {words.label(data['to'] or 'none')}", style="bold green"
        )
        return what, Text(_why(data["why"], durations))
    if entry.kind == "segment":
        held = data["change"] == "entered"
        return Text(f"{data['change']} {name}", style="blue"), Text(_why(data["why"], durations, held=held))
    if entry.kind in ("band", "jump"):
        return Text(_score_move(entry), style="magenta"), Text(_measures(data))
    if entry.kind == "prediction":
        value = _moment(data["value"]) if data["dated"] else _value(data["value"])
        return Text(f"{name} foretold: {value}", style="magenta"), Text(f"model {data['version']}")
    if entry.kind == "velocity":
        return Text(f"{name} now {data['to'] or 'unknown'}", style="magenta"), Text("slope over 28 days")
    if entry.kind == "merged":
        return Text(f"recognised as one with {data['loser']}", style="yellow"), Text(str(data["by"]))
    told = decision(entry.kind, entry.name, data)
    return (told[0], Text(told[1])) if told is not None else (Text(entry.kind), Text(""))


def _score_move(entry: Entry) -> str:
    data, name = entry.data, words.label(entry.name)
    if entry.kind == "jump":
        after = "unknown" if data["after"] is None else f"{data['after']:.0f}"
        held = ", ".join(f"{key} {value}" for key, value in data["weights"].items())
        return f"{name} {data['before']:.0f} → {after}, weights of {held or 'no stage'}"
    value = "" if data["value"] is None else f" ({data['value']:.0f})"
    return f"{name} {words.label(data['from'])} → {words.label(data['to'])}{value}"


def _why(why: dict[str, Any], durations: frozenset[str], *, held: bool = True) -> str:
    """`logins_7d >= 3 (4); set off by Signed In`: the atoms that decided, with what they saw."""
    atoms = [one for one in why.get("atoms", []) if bool(one["holds"]) == held] or why.get("atoms", [])
    parts = [f"{one['atom']} ({_seen(one, durations)})" for one in atoms[:4]]
    if len(atoms) > 4:
        parts.append(f"and {len(atoms) - 4} more")
    cause = cause_text(why.get("cause") or {})
    return "; ".join([*parts, f"set off by {cause}" if cause else ""]).strip("; ")


def _seen(atom: dict[str, Any], durations: frozenset[str]) -> str:
    """The value or values an atom saw; those of clocks as days, hours and minutes."""
    value = atom["value"]
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(name, each, durations)}" for name, each in value.items())
    name = next((one for one in re.findall(r"[\w.]+", atom["atom"]) if one in durations), "")
    return _shown(name, value, durations)


def _shown(name: str, value: Any, durations: frozenset[str]) -> str:
    is_time = name.removeprefix("account.") in durations and isinstance(value, int | float)
    return words.span(value / 86_400_000) if is_time else _value(value)


def _measures(data: dict[str, Any]) -> str:
    parts = [
        f"{words.label(one['measure'])} {_value(one['from'])} → {_value(one['to'])}"
        for one in data.get("measures", [])
    ]
    cause = cause_text(data.get("cause") or {})
    return "; ".join([", ".join(parts), f"set off by {cause}" if cause else ""]).strip("; ")


def _value(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(each)}" for key, each in value.items())
    return str(value)


def _properties(data: dict[str, Any]) -> str:
    held = {**data.get("traits", {}), **data.get("properties", {})}
    return ", ".join(f"{key} {_value(value)}" for key, value in list(held.items())[:6])
