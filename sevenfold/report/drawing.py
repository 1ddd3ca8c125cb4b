"""Matplotlib figures as inline SVG whose ink and lines follow the page's light or dark colours."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

INK: Final = "#0a0b0c"
SOFT: Final = "#6a6b6c"
LINE: Final = "#c0c1c2"
_VARIABLES: Final = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)"}

STAGE_COLOURS: Final = (
    "#8aa4c8", "#4e79a7", "#2a9d8f", "#59a14f", "#b6992d", "#e08a3c", "#d4628a", "#8d6cab", "#9c755f",
    "#7f7f7f",
)  # fmt: skip
"""Told apart by readers with colour-blindness as well, on white and on black; reused when stages are more."""
_GOOD: Final = ("#c8504b", "#e0953d", "#cdb83f", "#58a55c")
_PLAIN: Final = ("#a9bfdc", "#6f97c6", "#3f6fa8", "#27497a")
_UNKNOWN: Final = "#9a9a9a"

_SETTINGS: Final = {
    "svg.fonttype": "none", "svg.hashsalt": "sevenfold", "font.family": "sans-serif", "font.size": 10,
    "text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": LINE, "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": LINE,
    "grid.linewidth": 0.5, "axes.axisbelow": True, "figure.facecolor": "none", "axes.facecolor": "none",
    "savefig.facecolor": "none", "legend.frameon": False, "axes.titlelocation": "left",
}  # fmt: skip


def stage_colour(place: int) -> str:
    """The colour of the stage at a place in its lifecycle."""
    return STAGE_COLOURS[place % len(STAGE_COLOURS)]


def band_colours(score: str, bands: Sequence[str]) -> list[str]:
    """Red to green where high is good, green to red where it is a risk, blues where it is neither."""
    if "risk" in score:
        ramp = _GOOD[::-1]
    elif {"critical", "at_risk", "red"} & set(bands):
        ramp = _GOOD
    else:
        ramp = _PLAIN
    if len(bands) == 1:
        return [ramp[-1]]
    return [ramp[round(place * (len(ramp) - 1) / (len(bands) - 1))] for place in range(len(bands))]


class Drawing:
    """A figure under way: `axes` to draw on, and the SVG once it is finished."""

    def __init__(self, figure: Any, axes: Any) -> None:
        self.figure = figure
        self.axes = axes
        self.svg = ""


@contextmanager
def drawing(width: float, height: float, alt: str) -> Iterator[Drawing]:
    """A figure of `width` by `height` inches; `alt` says in words what it shows."""
    # Imported here: it takes longer than the rest of the program, and only reports need it.
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):  # type: ignore[arg-type]  # a plain dict is one
        figure = Figure(figsize=(width, height), layout="constrained")
        made = Drawing(figure, figure.subplots())
        yield made
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    made.svg = _inline(text.getvalue(), alt)


def _inline(svg: str, alt: str) -> str:
    """The bare `<svg>` element, its colours turned into the page's and its size left to the page."""
    from html import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", body, count=1)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    # The page's own font; matplotlib measured with another of nearly the same width.
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px var(--font)", body)
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(alt, quote=True)}"', 1)
