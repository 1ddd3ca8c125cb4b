"""Answers drawn in the terminal: bars for steps and groups, curves for what goes on over time."""

from __future__ import annotations

import re
from typing import Any, Final

import pyarrow as pa
from rich.text import Text

from sevenfold.measures.answer import Answer

BARS: Final = (
    ("steps", "event", "count"),
    ("segments", "segment", "people"),
    ("stages", "stage", "reached"),
)
"""Tables that are drawn as bars: their name, the column of labels, the column of lengths."""
CURVES: Final = (
    ("curve", "period", "rate", None),
    ("trend", "period", "value", "group"),
    ("periods", "period", "ratio", None),
    ("periods", "period", "current", None),
)
"""Tables that are drawn as curves: their name, the columns of places, values and, if several, of names."""
_BAR_CHARS: Final = 40
_COLOURS: Final = (33, 208, 70, 160, 99, 136, 37, 205, 244, 28)
_HEIGHT: Final = 14


def plot(answer: Answer, width: int) -> Text | None:
    """A picture of an answer; None when none of its tables is drawn."""
    for name, label, length in BARS:
        table = answer.tables.get(name)
        if table is not None and {label, length} <= set(table.column_names) and table.num_rows:
            return _bars(table[label].to_pylist(), table[length].to_pylist())
    for name, place, value, group in CURVES:
        table = answer.tables.get(name)
        wanted = {place, value} | ({group} if group else set())
        if table is not None and wanted <= set(table.column_names) and table.num_rows > 1:
            return _curves(table, place, value, group, width)
    return None


def _bars(labels: list[str], lengths: list[float]) -> Text:
    """One line each, its length in proportion, and its share of the longest."""
    most = max(lengths) or 1
    wide = max(len(label) for label in labels)
    text = Text()
    for label, length in zip(labels, lengths, strict=True):
        bar = "█" * max(round(length / most * _BAR_CHARS), 1 if length else 0)
        text.append(f"  {label:<{wide}}  ").append(f"{bar:<{_BAR_CHARS}}", style=f"color({_COLOURS[0]})")
        text.append(f"  {length:>9,}  {length / most:>5.0%}\n")
    return text


def _curves(table: pa.Table, place: str, value: str, group: str | None, width: int) -> Text:
    import plotext

    rows = table.to_pylist()
    places = list(dict.fromkeys(row[place] for row in rows))
    figure = plotext.figure
    figure.clear()
    figure.plot_size(min(width, 110), _HEIGHT)
    legend = Text("  ")
    names = list(dict.fromkeys(row[group] if group else "" for row in rows))
    most = max((row[value] or 0 for row in rows), default=1) or 1
    for colour, name in zip(_COLOURS * len(names), names, strict=False):
        held = {row[place]: row[value] for row in rows if not group or row[group] == name}
        points = [(at, held[one]) for at, one in enumerate(places) if held.get(one) is not None]
        at, values = [one for one, _ in points], [float(one) for _, one in points]
        figure.draw(figure.signal(at, values, marker=plotext.marker("braille", colour)).lines())
        if name not in ("", "all"):
            legend.append("━━\u00a0", style=f"color({colour})").append(f"{name}   ")
    levels = [most * part / 4 for part in range(5)]
    figure.ruler("y").ticks(levels, [_level(level, most) for level in levels])
    shown = sorted({round(part * (len(places) - 1) / 5) for part in range(6)})
    figure.ruler("x").ticks(shown, [str(places[one]) for one in shown])
    drawn = re.sub(r"\x1b\[48;5;\d+m", "", str(figure.build()))
    drawn = re.sub(r"\x1b\[38;5;(0|12)m", "", drawn)
    return Text.from_ansi(drawn).append("\n").append_text(legend)


def _level(value: Any, most: float) -> str:
    return f"{value:.0%}" if most <= 1 else f"{value:,.0f}" if most >= 10 else f"{value:.1f}"
