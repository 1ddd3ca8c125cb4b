"""What was learned of a prediction, in the terminal: figures, the reliability curve, what it goes by."""

from __future__ import annotations

import re
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sevenfold.learning.records import PredictionModel
from sevenfold.playback.tables import iso

_METHODS: Final = {
    "model": "a model of its own", "prior": "rates of groups, shrunk to the whole",
    "score": "a score that stands in", "purchases": "BG/NBD and gamma-gamma", "none": "nothing yet",
}  # fmt: skip
_HEIGHT: Final = 16
_BAR_CHARS: Final = 30
_SHOWN: Final = 10


def print_model(console: Console, model: PredictionModel) -> None:
    """One prediction: what it is told by, how good that is and on what it was judged, and every doubt."""
    quality = model.quality
    method = str(model.parameters["method"])
    console.print(
        f"\n[bold]{model.prediction}[/bold] ({model.kind}): {_METHODS[method]}, version {model.version}"
    )
    console.print(_figures(model))
    for one in quality.get("caveats", []):
        console.print(Text(f"  ! {one['text']}", style="yellow"))
    if quality.get("reliability"):
        console.print("\n  came true (●) against what was said, tenths of the cases; the line is perfect")
        console.print(reliability_plot(quality["reliability"], min(console.width, 100)))
    for row in _importance(quality.get("importance", [])):
        console.print(row)


def _figures(model: PredictionModel) -> Table:
    quality = model.quality
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 2))
    table.add_row(
        "learned from",
        f"{quality['cases']:,} cases, {quality['outcomes']:,} outcomes, until {iso(model.as_of)}",
    )
    if "split" in quality:
        when = "a later time" if quality["split"] == "time" else "other subjects"
        table.add_row("judged on", f"{quality['n']:,} cases of {when}")
    if quality.get("auc") and quality["auc"][0] is not None:
        table.add_row("AUC", _interval(quality["auc"]))
    if "log_loss" in quality:
        better = f"{quality['gain']:.1%} below telling everybody the rate"
        table.add_row("log-loss", f"{_interval(quality['log_loss'])}, {better}")
        table.add_row(
            "calibration error", f"{quality['calibration_error']:.3f}, Brier {quality['brier']:.4f}"
        )
    if "rate" in quality:
        rate, low, high, _, _ = quality["rate"]
        table.add_row("overall", f"{rate:.1%} ({low:.1%} to {high:.1%})")
    if "observed_times" in quality:
        said, was = quality["expected_times"], quality["observed_times"]
        table.add_row("purchases a customer", f"{said:.3f} foretold, {was:.3f} came")
    if quality.get("rank_correlation") is not None:
        table.add_row("rank correlation", f"{quality['rank_correlation']:.2f}")
    if "observed_amount" in quality:
        said, was = quality["expected_amount"], quality["observed_amount"]
        table.add_row("amount a customer", f"{said:,.2f} foretold, {was:,.2f} came")
    for one in quality.get("candidates", []):
        text = f"AUC {one['auc'][0]:.3f}, log-loss {one['log_loss'][0]:.4f}"
        table.add_row(f"  {one['model']}", text)
    return table


def _interval(found: list[float]) -> str:
    return f"{found[0]:.3f} ({found[1]:.3f} to {found[2]:.3f})"


def reliability_plot(bins: list[dict[str, Any]], width: int) -> Text:
    """Observed share against what was predicted, as points over a straight line."""
    import plotext

    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, _HEIGHT)
    said = [float(one["predicted"]) for one in bins]
    came = [float(one["observed"]) for one in bins]
    most = max([*said, *came, 0.01])
    line = figure.signal([0.0, most], [0.0, most], marker=plotext.marker("braille", 244))
    figure.draw(line.lines())
    figure.draw(figure.signal(said, came, marker=plotext.marker("●", 33)))
    levels = [most * part / 4 for part in range(5)]
    for side in ("x", "y"):
        figure.ruler(side).ticks(
            levels, [f"{level:.0%}" if most > 0.1 else f"{level:.1%}" for level in levels]
        )
    drawn = re.sub(r"\x1b\[48;5;\d+m", "", str(figure.build()))
    return Text.from_ansi(re.sub(r"\x1b\[38;5;(0|12)m", "", drawn))


def _importance(found: list[dict[str, Any]]) -> list[Text]:
    rows = [Text("\n  what moves it", style="dim")] if found else []
    most = max((one["share"] for one in found), default=1.0)
    shown = found[:_SHOWN]
    wide = max((len(one["feature"]) for one in shown), default=0)
    for one in shown:
        bar = "█" * max(1, round(one["share"] / most * _BAR_CHARS))
        rows.append(
            Text.assemble(f"  {one['feature']:<{wide}}  ", (bar, "color(33)"), f" {one['share']:.0%}")
        )
    return rows


def print_explained(console: Console, who: str, found: Any) -> None:
    """Why somebody has the value they have."""
    console.print(f"\n[bold]{who}[/bold]: {found.value:.1%}; of an average subject {found.base_value:.1%}")
    for one in found.contributions:
        value = "unknown" if one.value is None else f"{one.value:,.4g}"
        console.print(f"  {one.added:+.3f}  {one.feature} ({value})")
