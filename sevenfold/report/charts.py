"""The charts of a report. Each takes figures and returns inline SVG; titles stand in the page, axes are
labelled here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sevenfold.playback.summary import LifecycleSummary, ScoreSummary
from sevenfold.report.drawing import _UNKNOWN, INK, LINE, SOFT, band_colours, drawing, stage_colour
from sevenfold.report.words import day, label, noun

WIDE, HALF = 10.4, 5.1


def _thin(count: int, most: int = 400) -> Any:
    """Places of at most about `most` of `count` points, the last one among them."""
    step = max(1, count // most)
    return np.unique(np.append(np.arange(0, count, step), count - 1))


def stages_over_time(lifecycle: LifecycleSummary) -> str:
    """How many subjects stood in each stage at the end of each day, stacked."""
    kept = _thin(len(lifecycle.days))
    dates = [day(lifecycle.days[place]) for place in kept]
    counts = np.array(lifecycle.daily)[kept].T
    alt = f"{noun(lifecycle.of)} in each stage of {label(lifecycle.name)} over time"
    with drawing(WIDE, 3.9, alt) as made:
        axes = made.axes
        shown = [place for place in range(len(counts)) if counts[place].any()]
        axes.stackplot(
            dates, counts[shown], colors=[stage_colour(place) for place in shown], alpha=0.92, linewidth=0,
            labels=[label(lifecycle.stages[place].name) for place in shown],
        )  # fmt: skip
        _time_axis(axes, f"{noun(lifecycle.of)}")
        axes.set_ylim(bottom=0)
        handles, names = axes.get_legend_handles_labels()
        made.figure.legend(
            handles[::-1], names[::-1], loc="outside right upper", labelcolor=INK, fontsize=9.5,
            handlelength=1, handleheight=1,
        )  # fmt: skip
    return made.svg


def _time_axis(axes: Any, unit: str) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.xaxis.get_offset_text().set_color(SOFT)
    axes.set_ylabel(unit)
    axes.margins(x=0)
    axes.grid(visible=False, axis="x")
    _thousands(axes.yaxis)


def _thousands(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def ever_reached(lifecycle: LifecycleSummary) -> str:
    """How many subjects have ever been in each stage, as a share of all."""
    stages = lifecycle.stages[::-1]
    count = len(stages)
    with drawing(HALF, 0.9 + 0.36 * count, f"{noun(lifecycle.of)} who ever reached each stage") as made:
        axes = made.axes
        values = [stage.reached for stage in stages]
        colours = [stage_colour(count - 1 - place) for place in range(count)]
        axes.barh(range(count), values, color=colours, height=0.72)
        most = max([*values, 1])
        for place, value in enumerate(values):
            part = f"{100 * value / lifecycle.ever:.0f} %" if lifecycle.ever else "–"
            axes.text(value + most * 0.015, place, f"{value:,}  ({part})", va="center", fontsize=9, color=INK)
        axes.set_yticks(range(count), [label(stage.name) for stage in stages], color=INK)
        axes.set_xlim(0, most * 1.3)
        axes.set_xlabel(f"{noun(lifecycle.of)} ever in the stage (share of {lifecycle.ever:,})")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        _thousands(axes.xaxis)
    return made.svg


def stays(lifecycle: LifecycleSummary) -> str:
    """How long subjects stay in each stage: the middle half of stays and the median, in days."""
    stages = [stage for stage in lifecycle.stages if stage.left + stage.still]
    count = len(stages)
    places = {stage.name: place for place, stage in enumerate(lifecycle.stages)}
    with drawing(HALF, 0.9 + 0.36 * max(count, 1), "time in each stage") as made:
        axes = made.axes
        longest = max([stage.longest_days for stage in stages], default=1.0)
        for row, stage in enumerate(reversed(stages)):
            colour = stage_colour(places[stage.name])
            low = stage.low_days if stage.low_days is not None else stage.longest_days
            high = stage.high_days if stage.high_days is not None else stage.longest_days
            axes.plot([low, max(high, low)], [row, row], color=colour, linewidth=11, solid_capstyle="butt")
            if stage.high_days is None:
                axes.plot([high], [row], marker=">", color=colour, markersize=9, clip_on=False)
            if stage.median_days is not None:
                axes.plot([stage.median_days] * 2, [row - 0.36, row + 0.36], color=INK, linewidth=2)
        axes.set_yticks(range(count), [label(stage.name) for stage in reversed(stages)], color=INK)
        axes.set_xlabel("days in the stage (bar: middle half of stays, line: median)")
        axes.set_xlim(0, longest * 1.03 or 1)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        if longest > 20:
            axes.set_xscale("symlog", linthresh=1, linscale=0.4)
            ticks = [tick for tick in (0, 1, 3, 7, 14, 30, 90, 180, 365, 730, 1825) if tick <= longest]
            axes.set_xticks(ticks, [str(tick) for tick in ticks])
            axes.xaxis.minorticks_off()
    return made.svg


def moves(lifecycle: LifecycleSummary) -> str:
    """Moves between stages as a heat map: rows are where from, columns where to; shares are of the row."""
    names = [stage.name for stage in lifecycle.stages]
    table = np.zeros((len(names), len(names)))
    for move in lifecycle.moves:
        if move.to is not None:
            table[names.index(move.from_), names.index(move.to)] = move.count
    rows = table.sum(axis=1, keepdims=True)
    parts = np.divide(table, rows, out=np.zeros_like(table), where=rows > 0)
    size = 0.62 * len(names)
    with drawing(max(HALF, 1.8 + size * 1.25), 1.3 + size * 0.72, "moves between stages") as made:
        axes = made.axes
        from matplotlib.colors import LinearSegmentedColormap

        shades = LinearSegmentedColormap.from_list(
            "moves", [(0.29, 0.47, 0.65, 0.04), (0.29, 0.47, 0.65, 0.95)]
        )
        axes.pcolormesh(
            parts[::-1], cmap=shades, vmin=0, vmax=1, edgecolors=LINE, linewidth=0.5, antialiased=True
        )
        for row in range(len(names)):
            for column in range(len(names)):
                if table[row, column]:
                    self_part = parts[row, column]
                    colour = "#ffffff" if self_part > 0.55 else INK
                    at = (column + 0.5, len(names) - row - 0.5)
                    cell = f"{table[row, column]:,.0f}\n{100 * self_part:.0f} %"
                    axes.text(*at, cell, ha="center", va="center", fontsize=9, color=colour, linespacing=1.25)
        middle = np.arange(len(names)) + 0.5
        axes.set_xticks(middle, [label(name) for name in names], rotation=30, ha="right", color=INK)
        axes.set_yticks(middle, [label(name) for name in names[::-1]], color=INK)
        axes.set_xlabel("to")
        axes.set_ylabel("from")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
    return made.svg


def score_now(score: ScoreSummary) -> str:
    """How a score spreads over subjects at the end, in steps of 5 points, coloured by band."""
    colours = band_colours(score.name, score.bands)
    with drawing(HALF, 2.9, f"distribution of {label(score.name)} at the end") as made:
        axes = made.axes
        edges = np.arange(len(score.histogram)) * 5
        bands = np.searchsorted(score.bounds, edges + 2.5, side="right") - 1
        axes.bar(edges + 2.5, score.histogram, width=4.6, color=[colours[max(band, 0)] for band in bands])
        if score.median is not None:
            axes.axvline(score.median, color=INK, linewidth=1.5)
            side = "right" if score.median > 60 else "left"
            at = {"xycoords": ("data", "axes fraction"), "ha": side, "va": "top"}
            axes.annotate(f" median {score.median:.0f} ", (score.median, 1), fontsize=9, color=INK, **at)
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"{label(score.name)}, points of 100")
        axes.set_ylabel(noun(score.of))
        axes.grid(visible=False, axis="x")
        _thousands(axes.yaxis)
    return made.svg


def score_trend(score: ScoreSummary) -> str:
    """The share of subjects in each band day by day, with the median in points above it."""
    kept = _thin(len(score.days))
    days = [score.days[place] for place in kept]
    dates = [day(one.day) for one in days]
    counts = np.array([one.bands for one in days], dtype=float).T
    parts = 100 * counts / np.maximum(counts.sum(axis=0), 1)
    with drawing(HALF, 2.9, f"{label(score.name)} by band over time") as made:
        axes = made.axes
        names = ["unknown", *score.bands]
        colours = [_UNKNOWN, *band_colours(score.name, score.bands)]
        shown = [place for place in range(len(names)) if parts[place].any()]
        axes.stackplot(dates, parts[shown], colors=[colours[p] for p in shown], alpha=0.85, linewidth=0,
                       labels=[label(names[p]) for p in shown])  # fmt: skip
        axes.plot(dates, [one.median for one in days], color="#ffffff", linewidth=3.2, solid_capstyle="round")
        axes.plot(dates, [one.median for one in days], color="#16181a", linewidth=1.6, label="median, points")
        _time_axis(axes, "% in band, and points")
        axes.set_ylim(0, 100)
        handles, labels = axes.get_legend_handles_labels()
        made.figure.legend(
            handles[::-1], labels[::-1], loc="outside lower center", ncols=len(handles), labelcolor=INK,
            fontsize=8.5, handlelength=1, columnspacing=1,
        )  # fmt: skip
    return made.svg


def events_over_time(by_day: Mapping[int, int]) -> str:
    """Events a day; a week's mean a day when the time is long."""
    first, last = min(by_day), max(by_day)
    counts = np.array([by_day.get(number, 0) for number in range(first, last + 1)], dtype=float)
    unit = "events a day"
    if len(counts) > 120:
        whole = len(counts) // 7 * 7
        counts, unit = counts[:whole].reshape(-1, 7).mean(axis=1), "events a day, mean of each week"
    step = 7 if "week" in unit else 1
    dates = [day(first + place * step) for place in range(len(counts))]
    with drawing(HALF, 2.4, "events over time") as made:
        made.axes.fill_between(dates, counts, color=stage_colour(1), alpha=0.35, linewidth=0)
        made.axes.plot(dates, counts, color=stage_colour(1), linewidth=1.4)
        _time_axis(made.axes, unit)
        made.axes.set_ylim(bottom=0)
    return made.svg


def drops(reasons: Mapping[str, int]) -> str:
    """What was left out, by reason."""
    items = sorted(reasons.items(), key=lambda pair: pair[1])
    with drawing(HALF, 0.9 + 0.36 * len(items), "events left out by reason") as made:
        axes = made.axes
        axes.barh(range(len(items)), [count for _, count in items], color=stage_colour(5), height=0.7)
        most = max(count for _, count in items)
        for place, (_, count) in enumerate(items):
            axes.text(count + most * 0.015, place, f"{count:,}", va="center", fontsize=9, color=INK)
        axes.set_yticks(range(len(items)), [label(name) for name, _ in items], color=INK)
        axes.set_xlim(0, most * 1.2)
        axes.set_xlabel("events or rows left out")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        _thousands(axes.xaxis)
    return made.svg
