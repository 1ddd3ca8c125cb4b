"""The charts of journeys in a report: how far runs came, what became of messages, how runs ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sevenfold.playback.summary import JourneySummary, MessageSummary
from sevenfold.report.charts import HALF, WIDE, _thousands, _time_axis
from sevenfold.report.drawing import INK, drawing, stage_colour
from sevenfold.report.journeys import failed, reached, step_name
from sevenfold.report.words import day, label, share

STEPS_DRAWN: Final = 30
_ON, _OUT, _HERE = "#4e79a7", "#e0953d", "#b8bfc7"
_ARRIVED, _FAILED, _PENDING, _GHOST, _HELD = "#59a14f", "#c8504b", "#8aa4c8", "#b8bfc7", "#e0953d"


def steps_reached(one: JourneySummary) -> str:
    """How many runs came to each step, and how many of them went on, ended there, or are there now."""
    steps = one.steps[:STEPS_DRAWN][::-1]
    with drawing(WIDE, 1.1 + 0.34 * len(steps), f"how far runs of {label(one.name)} came") as made:
        axes = made.axes
        ended = np.array([min(sum(step.exits.values()), step.reached) for step in steps])
        here = np.array([min(step.still, step.reached) for step in steps])
        whole = np.array([step.reached for step in steps])
        on = np.maximum(whole - ended - here, 0)
        left = np.zeros(len(steps))
        parts = ((on, _ON, "went on"), (ended, _OUT, "ended here"), (here, _HERE, "here now"))
        for values, colour, name in parts:
            axes.barh(range(len(steps)), values, left=left, color=colour, height=0.72, label=name)
            left = left + values
        most = max([one.entries, 1])
        for place, step in enumerate(steps):
            text = f"{step.reached:,}  ({share(step.reached, one.entries)})"
            axes.text(left[place] + most * 0.01, place, text, va="center", fontsize=9, color=INK)
        _names(axes, [step_name(step) for step in steps])
        axes.set_xlim(0, most * 1.14)
        axes.set_xlabel("runs that came to the step (share of all that began)")
        _thousands(axes.xaxis)
        _legend(made, axes)
    return made.svg


def messages(found: list[MessageSummary]) -> str:
    """What became of the messages of each template: arrived, failed, held, and those of ghosts."""
    shown = found[:STEPS_DRAWN][::-1]
    with drawing(WIDE, 1.1 + 0.34 * len(shown), "what became of messages") as made:
        axes = made.axes
        parts = (
            ("arrived", _ARRIVED, [reached(one) for one in shown]),
            ("failed", _FAILED, [failed(one) for one in shown]),
            ("decided, no more known", _PENDING, [_open(one) for one in shown]),
            ("held", _HELD, [sum(one.held.values()) for one in shown]),
            ("would have gone to ghosts", _GHOST, [one.would_send for one in shown]),
        )  # fmt: skip
        left = np.zeros(len(shown))
        for name, colour, values in parts:
            if any(values):
                axes.barh(range(len(shown)), values, left=left, color=colour, height=0.72, label=name)
                left = left + np.array(values)
        most = max([*left.tolist(), 1])
        for place, one in enumerate(shown):
            text = f"{one.decided:,} decided"
            axes.text(left[place] + most * 0.01, place, text, va="center", fontsize=9, color=INK)
        _names(
            axes,
            [
                f"{label(one.template)} ({one.channel})" if one.channel else label(one.template)
                for one in shown
            ],
        )
        axes.set_xlim(0, most * 1.16)
        axes.set_xlabel("messages")
        _thousands(axes.xaxis)
        _legend(made, axes)
    return made.svg


def _open(one: MessageSummary) -> int:
    return max(one.decided - reached(one) - failed(one), 0)


def counts(found: Mapping[str, int], unit: str, colour: int) -> str:
    """Counts by name as bars, the most frequent on top."""
    items = list(found.items())[:12][::-1]
    whole = sum(found.values())
    with drawing(HALF, 0.9 + 0.34 * len(items), unit) as made:
        axes = made.axes
        axes.barh(range(len(items)), [count for _, count in items], color=stage_colour(colour), height=0.7)
        most = max([count for _, count in items], default=1)
        for place, (_, count) in enumerate(items):
            text = f"{count:,}  ({share(count, whole)})"
            axes.text(count + most * 0.015, place, text, va="center", fontsize=9, color=INK)
        _names(axes, [name for name, _ in items])
        axes.set_xlim(0, most * 1.35)
        axes.set_xlabel(unit)
        _thousands(axes.xaxis)
    return made.svg


def entries_over_time(by_day: Mapping[int, int]) -> str:
    """Runs that began, by day; a week's sum when the time is long."""
    first, last = min(by_day), max(by_day)
    values = np.array([by_day.get(number, 0) for number in range(first, last + 1)], dtype=float)
    step, unit = 1, "runs begun a day"
    if len(values) > 120:
        whole = -(-len(values) // 7) * 7
        values = np.pad(values, (0, whole - len(values))).reshape(-1, 7).sum(axis=1)
        step, unit = 7, "runs begun a week"
    dates: Any = [day(first + place * step) for place in range(len(values))]
    with drawing(HALF, 2.6, unit) as made:
        made.axes.bar(dates, values, width=step * 0.86, color=stage_colour(1))
        _time_axis(made.axes, unit)
        made.axes.set_ylim(bottom=0)
    return made.svg


def _names(axes: Any, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _legend(made: Any, axes: Any) -> None:
    handles, names = axes.get_legend_handles_labels()
    if handles:
        made.figure.legend(
            handles, names, loc="outside lower center", ncols=len(handles), labelcolor=INK, fontsize=9,
            handlelength=1, handleheight=1, columnspacing=1.4,
        )  # fmt: skip


__all__ = ["counts", "entries_over_time", "messages", "steps_reached"]
