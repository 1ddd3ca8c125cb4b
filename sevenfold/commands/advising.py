"""`sevenfold advise`: what a score should weigh, what it does not look at, and following such advice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from sevenfold.clock import SystemClock
from sevenfold.commands.base import SevenfoldGroup, existing, json_option, new_folder, print_json
from sevenfold.commands.measuring import show
from sevenfold.errors import InputError
from sevenfold.library import load
from sevenfold.playback.tables import iso

if TYPE_CHECKING:
    from sevenfold.learning.score_looks import History

Command = TypeVar("Command", bound=Callable[..., Any])
OUTCOMES: Final = {"account": "stage:account/churned", "person": "stage:customer/churned"}
"""What leaving is, unless one says otherwise: the stages of the pack seven-stage."""


@click.group("advise", cls=SevenfoldGroup)
def advise_group() -> None:
    """Ask history what a score should have looked at, and follow the answer, or take it back."""


def _asking(command: Command) -> Command:
    """What both questions of a history share."""
    command = click.argument("inputs", nargs=-1, required=True, type=existing())(command)
    command = click.argument("workspace")(command)
    for option in (
        click.option("--score", required=True, help="The score, such as account_health."),
        click.option(
            "--outcome", default="", help="stage:LIFECYCLE/STAGE entered, or an event; leaving by default."
        ),
        click.option("--within", default="90d", show_default=True, help="How long after a look it counts."),
        click.option("--every", default="28d", show_default=True, help="How far looks are apart."),
        click.option("--mapping", type=existing(dir_okay=False), help="How rows become events."),
        click.option("--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.9999)),
        click.option("--out", type=new_folder(), help="Folder to write the tables to, as CSV."),
    ):
        command = option(command)
    return json_option(command)


@advise_group.command("weights")
@_asking
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), help="File for `advise accept` to follow."
)
def weights_command(
    workspace: str, inputs: tuple[Path, ...], score: str, outcome: str, within: str, every: str,
    mapping: Path | None, level: float, out: Path | None, as_json: bool, to: Path | None,
) -> None:  # fmt: skip
    """Advise on a score's weights and bands: what would have told who left.

    History (files of events, or the folder of a log) is folded; at each look the score's measures stand
    against who left within the time after. Weights are held to the present ones, judged on subjects the fit
    has not seen, and a change is only advised where it tells better beyond doubt. `moves` and `moved` show
    who would change band.

    \b
    Example:
      sevenfold advise weights my-workspace out/year --score account_health --to advice.json
    """
    from sevenfold.commands.accepted import Advice
    from sevenfold.learning.advice_preview import preview
    from sevenfold.learning.weight_advice import WeightAdvice, advice, changes_of

    looked = _looked(workspace, inputs, score, outcome, within, every, mapping)
    question = WeightAdvice(score=score, outcome=outcome, within=within, level=level)
    bands = [(one.name, one.from_) for one in looked.node.model.bands]
    found = advice(question, looked.measures, looked.sets(), bands)
    changes = changes_of(found, score)
    if changes:
        found.tables |= preview(looked, changes)
    if to is not None:
        advised = Advice(score, found.sentence, changes)
        to.write_bytes(msgspec.json.format(msgspec.json.encode(advised), indent=2) + b"\n")
    show(found, out, as_json)


@advise_group.command("missed")
@_asking
@click.option("--green", default=80.0, show_default=True, help="From how many points on somebody is green.")
@click.option("--red", default=40.0, show_default=True, help="Below how many points somebody is red.")
def missed_command(
    workspace: str, inputs: tuple[Path, ...], score: str, outcome: str, within: str, every: str,
    mapping: Path | None, level: float, out: Path | None, as_json: bool, green: float, red: float,
) -> None:  # fmt: skip
    """Which signals outside a score would have told: of those who left green, and of those who stayed red.

    Every numeric signal that the score does not read is asked; what is found is found allowing for how many
    were.

    \b
    Example:
      sevenfold advise missed my-workspace out/year --score account_health --green 75
    """
    from sevenfold.learning.missed_signals import MissedSignals, told

    looked = _looked(workspace, inputs, score, outcome, within, every, mapping)
    points, left, others, unit = looked.surprises()
    question = MissedSignals(
        score=score, left=outcome, signals=looked.signals, green=green, red=red, level=level
    )
    show(told(question, points, left, others, list(looked.signals), unit), out, as_json)


def _looked(
    workspace: str, inputs: tuple[Path, ...], score: str, outcome: str, within: str, every: str,
    mapping: Path | None,
) -> History:  # fmt: skip
    from sevenfold.importers.mapping import load_mapping
    from sevenfold.learning.score_looks import look_back
    from sevenfold.measures.events.periods import duration
    from sevenfold.playback.feed import Intaken
    from sevenfold.playback.history import history

    model = load(workspace)
    of = model.scores[score].of if score in model.scores else "person"
    with history(inputs, load_mapping(mapping) if mapping else None) as past:
        return look_back(
            model, score, past.steps(None, Intaken()), outcome=outcome or OUTCOMES.get(of, ""),
            within_ms=duration(within, "within"), every_ms=duration(every, "every"),
        )  # fmt: skip


@advise_group.command("accept")
@click.argument("workspace", type=existing(file_okay=False))
@click.argument("file", type=existing(dir_okay=False))
@json_option
def accept_command(workspace: Path, file: Path, as_json: bool) -> None:
    """Follow advice: write its values into the folder WORKSPACE, and record what, when and why.

    FILE is what `advise weights --to` wrote. The values go to overrides/advised.yaml, the record to .advice/;
    `sevenfold apply` takes the workspace to a running service as ever.

    \b
    Example:
      sevenfold advise accept my-workspace advice.json
    """
    from sevenfold.commands.accepted import Advice, accept

    try:
        advice = msgspec.json.decode(file.read_bytes(), type=Advice)
    except msgspec.DecodeError as error:
        raise InputError(f"It is no advice: {error}", where=str(file), fix="a file of --to") from error
    done = accept(workspace, advice, SystemClock().now())
    if as_json:
        print_json(done)
    else:
        click.echo(f"{len(done.changes)} values changed, recorded as {done.number:04d}. {done.sentence}")


@advise_group.command("rollback")
@click.argument("workspace", type=existing(file_okay=False))
@json_option
def rollback_command(workspace: Path, as_json: bool) -> None:
    """Take the last advice that was followed back.

    \b
    Example:
      sevenfold advise rollback my-workspace
    """
    from sevenfold.commands.accepted import rollback

    done = rollback(workspace, SystemClock().now())
    if as_json:
        print_json(done)
    else:
        click.echo(f"{done.rolled_back:04d} is taken back, recorded as {done.number:04d}.")


@advise_group.command("log")
@click.argument("workspace", type=existing(file_okay=False))
@json_option
def log_command(workspace: Path, as_json: bool) -> None:
    """List the advice that was followed or taken back.

    \b
    Example:
      sevenfold advise log my-workspace
    """
    from sevenfold.commands.accepted import records

    held = records(workspace)
    if as_json:
        print_json(held)
        return
    for one in held:
        click.echo(f"{one.number:04d}  {iso(one.at)}  {one.sentence}")
    if not held:
        click.echo("No advice was followed.")
