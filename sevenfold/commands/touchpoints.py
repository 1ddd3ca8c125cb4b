"""The command about the touchpoint map: where people drop off, and which meetings separate what they do
later.
"""

from __future__ import annotations

from pathlib import Path

import click

from sevenfold.commands.base import console, existing, json_option, print_json
from sevenfold.library import load
from sevenfold.playback.touchpoints import moments_of_truth
from sevenfold.report.touchpoints import print_touchpoints


@click.command("touchpoints")
@click.argument("workspace")
@click.argument("out", type=existing(file_okay=False))
@click.option("--lifecycle", default="", help="Whose map; the first one, where the workspace has several.")
@click.option("--minimum", default=30, show_default=True, help="People on either side of a comparison.")
@click.option(
    "--level", default=0.95, show_default=True, help="Confidence; 1 - level is the false-discovery rate."
)
@click.option("--since", default="", help="Only who came to a stage from this day on (UTC).")
@click.option("--until", default="", help="Let observation end here (UTC).")
@json_option
def touchpoints_command(
    workspace: str,
    out: Path,
    lifecycle: str,
    minimum: int,
    level: float,
    since: str,
    until: str,
    as_json: bool,
) -> None:
    """Find drop-offs and moments of truth in the replay OUT.

    WORKSPACE has the touchpoint map (`touchpoints.yaml`). For each stage: how many went on in time; and which
    touchpoints, met at all, well or badly, separate those who did from those who did not, with an interval.
    What goes together need not be cause and effect.

    \b
    Example:
      sevenfold touchpoints engagement-model out/spring
    """
    model = load(workspace)
    answer = moments_of_truth(model, out, lifecycle, minimum=minimum, level=level, since=since, until=until)
    if as_json:
        print_json(answer.to_json())
        return
    print_touchpoints(console(), answer, model)
