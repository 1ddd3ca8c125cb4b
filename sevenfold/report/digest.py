"""Answers as a message that people get on a schedule: text, HTML that mail programs draw, Slack's blocks.

Mail programs show no SVG and no pictures from elsewhere without being asked, so pictures are drawn with the
cells of tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

import pyarrow as pa
from jinja2 import Environment, PackageLoader
from msgspec import Struct

from sevenfold.errors import SevenfoldError
from sevenfold.measures.answer import Answer, Estimate
from sevenfold.messages.rendered import Rendered
from sevenfold.report import words
from sevenfold.report.plots import BARS, CURVES

ROWS_SHOWN: Final = 12
COLUMNS_SHOWN: Final = 6
FIGURES_SHOWN: Final = 8
POINTS_SHOWN: Final = 60
_HEIGHT_PX, _WIDTH_PX = 84, 560
_SLACK_CHARS: Final = 2_800
"""Of one block; Slack takes 3,000."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Asked(Struct, frozen=True):
    """A question by its name, and the answer to it, or why there is none."""

    name: str
    answer: Answer | SevenfoldError


class _Cell(Struct, frozen=True):
    text: str
    right: bool = True


class _Part(Struct, kw_only=True):
    """One answer as it is shown."""

    name: str
    sentence: str
    figures: list[dict[str, str]] = []
    bars: list[dict[str, Any]] = []
    columns: list[dict[str, Any]] = []
    column_px: int = 0
    columns_say: str = ""
    head: list[_Cell] = []
    rows: list[list[_Cell]] = []
    more: int = 0
    doubts: list[str] = []


def render(
    title: str, period: str, footer: str, asked: Sequence[Asked], channel: str, type_: str
) -> Rendered:
    """The message over a channel of a type; the same bytes for the same answers."""
    parts = [_part(one) for one in asked]
    environment = Environment(
        loader=PackageLoader("sevenfold.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    html = environment.get_template("digest.html.j2").render(
        title=title, period=period, parts=parts, footer=footer
    )
    text = _text(title, period, footer, parts)
    return Rendered(
        template="digest", digest="", channel=channel, locale="en", subject=title, title=title, body=text,
        text=text, html=html, payload=_blocks(title, period, parts) if type_ == "slack" else None,
    )  # fmt: skip


def _part(asked: Asked) -> _Part:
    answer = asked.answer
    if isinstance(answer, SevenfoldError):
        return _Part(name=asked.name, sentence="This could not be answered.", doubts=[str(answer)])
    made = _Part(name=asked.name, sentence=answer.sentence, doubts=[one.sentence for one in answer.caveats])
    made.figures = [figure(one) for one in answer.estimates if one.value is not None][:FIGURES_SHOWN]
    drawn = _bars(answer, made) or _columns(answer, made)
    if answer.tables and not drawn:
        _rows(next(iter(answer.tables.values())), made)
    return made


def figure(estimate: Estimate) -> dict[str, str]:
    """An estimate in words: its name, value, interval and how many cases."""
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"{_value(estimate.low, estimate)} to {_value(estimate.high, estimate)}"
    of = f"of {estimate.n:,}" if estimate.n and estimate.n != estimate.value else ""
    return {
        "name": words.title(estimate.name), "value": _value(estimate.value or 0.0, estimate),
        "interval": interval, "of": of,
    }  # fmt: skip


def _value(value: float, estimate: Estimate) -> str:
    if not isfinite(value):
        return "–"
    if estimate.unit == "ms":
        return words.span(value / 86_400_000)
    if estimate.unit:
        return f"{value:,.2f} {estimate.unit}"
    rate = 0 < abs(estimate.value or 0.0) < 1 or (estimate.low is not None and -1 <= estimate.low <= 1)
    if rate and abs(value) <= 1:
        return f"{value:.1%}"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


def _bars(answer: Answer, part: _Part) -> bool:
    for name, label, length in BARS:
        table = answer.tables.get(name)
        if table is None or not {label, length} <= set(table.column_names) or not table.num_rows:
            continue
        labels, lengths = table[label].to_pylist()[:ROWS_SHOWN], table[length].to_pylist()[:ROWS_SHOWN]
        most = max((one or 0 for one in lengths), default=0) or 1
        part.bars = [
            {"label": one, "value": f"{value or 0:,} ({(value or 0) / most:.0%})",
             "percent": max(round(70 * (value or 0) / most), 1), "share": (value or 0) / most}
            for one, value in zip(labels, lengths, strict=True)
        ]  # fmt: skip
        part.more = table.num_rows - len(part.bars)
        return True
    return False


def _columns(answer: Answer, part: _Part) -> bool:
    for name, place, value, group in CURVES:
        table = answer.tables.get(name)
        if table is None or not {place, value} <= set(table.column_names) or table.num_rows < 2:
            continue
        rows = table.to_pylist()
        if group is not None and group in table.column_names:
            first = rows[0][group]
            rows = [row for row in rows if row[group] == first]
        shown = [row for row in rows if row[value] is not None][-POINTS_SHOWN:]
        if len(shown) < 2:
            continue
        most = max(abs(float(row[value])) for row in shown) or 1.0
        part.column_px = max(2, min(28, _WIDTH_PX // len(shown) - 1))
        part.columns = [
            {"label": str(row[place]), "value": _level(float(row[value]), most),
             "px": max(1, round(_HEIGHT_PX * abs(float(row[value])) / most))}
            for row in shown
        ]  # fmt: skip
        ends = part.columns[0], part.columns[-1]
        part.columns_say = " … ".join(f"{one['label']}: {one['value']}" for one in ends)
        return True
    return False


def _level(value: float, most: float) -> str:
    return f"{value:.1%}" if most <= 1 else f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


def _rows(table: pa.Table, part: _Part) -> None:
    names = [one for one in table.column_names if one != "sentence"][:COLUMNS_SHOWN]
    left = {one for one in names if pa.types.is_string(table[one].type)}
    part.head = [_Cell(words.label(one), one not in left) for one in names]
    shown = table.slice(0, ROWS_SHOWN).to_pylist()
    part.rows = [[_Cell(_plain(row[one]), one not in left) for one in names] for row in shown]
    part.more = max(table.num_rows - ROWS_SHOWN, 0)


def _plain(value: Any) -> str:
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if type(value) is int else str(value)


# ------------------------------------------------------------------------------------------------------ text


def _text(title: str, period: str, footer: str, parts: Sequence[_Part]) -> str:
    lines = [title, period]
    for part in parts:
        lines += ["", part.name, "-" * len(part.name), part.sentence, *_drawn(part)]
        lines += [f"! {one}" for one in part.doubts]
    return "\n".join([*lines, "", footer]) + "\n"


def _drawn(part: _Part) -> list[str]:
    """Figures, picture and table in characters of one width."""
    lines = []
    if part.figures:
        cells = [[one["name"], one["value"], one["interval"], one["of"]] for one in part.figures]
        lines += ["", *_aligned(cells, {0})]
    if part.bars:
        wide = max(len(bar["label"]) for bar in part.bars)
        lines.append("")
        for bar in part.bars:
            drawn = "█" * max(round(24 * bar["share"]), 1 if bar["share"] else 0)
            lines.append(f"{bar['label']:<{wide}}  {drawn:<24}  {bar['value']}")
    if part.columns:
        heights = "▁▂▃▄▅▆▇█"
        drawn = "".join(heights[min(7, one["px"] * 8 // (_HEIGHT_PX + 1))] for one in part.columns)
        lines += ["", drawn, part.columns_say]
    if part.rows:
        cells = [[one.text for one in part.head], *([one.text for one in row] for row in part.rows)]
        lines += ["", *_aligned(cells, {at for at, one in enumerate(part.head) if not one.right})]
        if part.more:
            lines.append(f"and {part.more:,} more rows")
    return lines


def _aligned(cells: Sequence[Sequence[str]], left: set[int]) -> list[str]:
    wide = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    return [
        "  ".join(
            one.ljust(wide[at]) if at in left else one.rjust(wide[at]) for at, one in enumerate(row)
        ).rstrip()
        for row in cells
    ]


def _blocks(title: str, period: str, parts: Sequence[_Part]) -> list[dict[str, Any]]:
    """Slack's blocks: a heading, and for each answer its sentence and its figures in one width."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:150]}},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"_{_escaped(period)}_"}},
    ]
    for part in parts:
        told = f"*{_escaped(part.name)}*\n{_escaped(part.sentence)}"
        told += "".join(f"\n:warning: {_escaped(one)}" for one in part.doubts)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": told[:_SLACK_CHARS]}})
        drawn = _escaped("\n".join(_drawn(part)).strip("\n"))
        if drawn:
            fenced = f"```\n{drawn[:_SLACK_CHARS]}\n```"
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": fenced}})
    return blocks


def _escaped(text: str) -> str:
    """Slack reads these three; everything else stands as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("```", "'''")


def stretch(since: int | None, until: int, zone: str) -> str:
    """`1 Mar 2024 09:00 to 8 Mar 2024 09:00 (Europe/Berlin)`; ms as the wall clock of that zone shows
    them.
    """

    def told(wall: int) -> str:
        at = _EPOCH + timedelta(milliseconds=wall)
        return f"{at.day} {at:%b %Y %H:%M}"

    return f"{f'until {told(until)}' if since is None else f'{told(since)} to {told(until)}'} ({zone})"
