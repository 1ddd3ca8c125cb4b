"""The HTML report of a replay: one file, no other asset, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from sevenfold.playback.outcome import REPORT_FILE, Outcome
from sevenfold.playback.summary import JourneySummary, LifecycleSummary, ScoreSummary, Summary
from sevenfold.report import charts, journey_charts, journeys, words
from sevenfold.report.decisions import reason, spoken
from sevenfold.report.noticed import section
from sevenfold.simulate.against import Comparison

DRAWN_LEAST = 8
"""Fewer than so many are said in words, not drawn: a drawing takes longer to make than to read."""


def write_report(outcome: Outcome, noticed: Comparison | None = None) -> Path:
    """Writes `report.html` beside the replay's tables; with what was `noticed` of a simulated company."""
    path = outcome.folder / REPORT_FILE
    path.write_text(render(outcome.summary, noticed), encoding="utf-8")
    return path


def render(summary: Summary, noticed: Comparison | None = None) -> str:
    """The report as one HTML text."""
    environment = Environment(
        loader=PackageLoader("sevenfold.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "label": words.label, "title_": words.title, "stay": words.stay, "share": words.share,
        "date": words.date_of, "span": spoken, "step": journeys.step_name, "reasons": journeys.numbers,
        "number": lambda value: f"{value:,}", "days": lambda value: "–" if value is None else f"{value:.0f}",
    }  # fmt: skip
    lifecycles = sorted(summary.lifecycles, key=lambda one: one is not words.primary(summary))
    scores = sorted(summary.scores, key=lambda one: (one is not words.main_score(summary), not one.days))
    omitted = {**({"duplicate": summary.duplicates} if summary.duplicates else {}), **summary.dropped}
    return environment.get_template("report.html.j2").render(
        summary=summary, noticed=section(noticed), lead=words.lead(summary), noun=words.noun,
        counted=words.counted,
        lifecycles=[_lifecycle(one) for one in lifecycles if one.days and one.ever],
        scores=[_score(one) for one in scores if sum(one.now[1:])],
        journeys=[_journey(one) for one in summary.journeys if one.entries or one.refused],
        quiet=[words.label(one.name) for one in summary.journeys if not (one.entries or one.refused)],
        events_chart=_svg(charts.events_over_time, summary.events_by_day) if summary.events_by_day else "",
        drops_chart=_svg(charts.drops, omitted) if omitted else "",
    )  # fmt: skip


def _svg(chart: Callable[..., str], *figures: Any) -> Markup:
    return Markup(chart(*figures))  # noqa: S704  # our own drawing; texts in it are escaped by matplotlib


def _lifecycle(lifecycle: LifecycleSummary) -> dict[str, Any]:
    return {
        "figures": lifecycle,
        "over_time": _svg(charts.stages_over_time, lifecycle),
        "reached": _svg(charts.ever_reached, lifecycle),
        "stays": _svg(charts.stays, lifecycle),
        "moves": _svg(charts.moves, lifecycle) if lifecycle.moves else "",
    }


def _score(score: ScoreSummary) -> dict[str, Any]:
    return {
        "figures": score,
        "known": sum(score.now[1:]),
        "now": _svg(charts.score_now, score),
        "trend": _svg(charts.score_trend, score) if score.days else "",
    }


def _journey(one: JourneySummary) -> dict[str, Any]:
    refused = {reason(name): count for name, count in one.refused.items()}
    held: dict[str, int] = {}
    for each in one.messages:
        for name, count in each.held.items():
            held[reason(name)] = held.get(reason(name), 0) + count
    ended = {words.label(name): count for name, count in one.ended.items()}
    if one.active:
        ended["still inside"] = one.active
    return {
        "figures": one,
        "headline": journeys.headline(one),
        "told": journeys.told(one),
        "steps": _svg(journey_charts.steps_reached, one) if one.entries >= DRAWN_LEAST and one.steps else "",
        "messages": _svg(journey_charts.messages, one.messages) if one.messages else "",
        "ended": _counts(ended, "runs", 2),
        "held": _counts(held, "messages held", 5),
        "refused": _counts(refused, "times somebody did not enter", 4),
        "entries": _svg(journey_charts.entries_over_time, one.daily) if one.entries >= DRAWN_LEAST else "",
    }


def _counts(counts: dict[str, int], unit: str, colour: int) -> Markup | str:
    """Bars where there is something to compare; one count, or a handful altogether, is said in words."""
    if len(counts) > 1 and sum(counts.values()) >= DRAWN_LEAST:
        return _svg(journey_charts.counts, counts, unit, colour)
    said = ", ".join(f"{label} {count:,}" for label, count in counts.items())
    return Markup("<p>{}</p>").format(said) if said else ""
