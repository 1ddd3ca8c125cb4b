"""The HTML report of a replay: one file, no other asset, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from sevenfold.playback.outcome import REPORT_FILE, Outcome
from sevenfold.playback.summary import LifecycleSummary, ScoreSummary, Summary
from sevenfold.report import charts, words


def write_report(outcome: Outcome) -> Path:
    """Writes `report.html` beside the replay's tables."""
    path = outcome.folder / REPORT_FILE
    path.write_text(render(outcome.summary), encoding="utf-8")
    return path


def render(summary: Summary) -> str:
    """The report as one HTML text."""
    environment = Environment(
        loader=PackageLoader("sevenfold.report", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "label": words.label, "title_": words.title, "stay": words.stay, "share": words.share,
        "date": words.date_of, "number": lambda value: f"{value:,}",
    }  # fmt: skip
    lifecycles = sorted(summary.lifecycles, key=lambda one: one is not words.primary(summary))
    scores = sorted(summary.scores, key=lambda one: (one is not words.main_score(summary), not one.days))
    omitted = {**({"duplicate": summary.duplicates} if summary.duplicates else {}), **summary.dropped}
    return environment.get_template("report.html.j2").render(
        summary=summary, lead=words.lead(summary), noun=words.noun, counted=words.counted,
        lifecycles=[_lifecycle(one) for one in lifecycles if one.days and one.ever],
        scores=[_score(one) for one in scores if sum(one.now[1:])],
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
