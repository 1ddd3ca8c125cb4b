"""`sevenfold try`: a journey for one person, with time run forward, decision by decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from sevenfold.commands.base import Time, console, existing, json_option, print_json
from sevenfold.errors import InputError
from sevenfold.importers.mapping import load_mapping
from sevenfold.library import load
from sevenfold.playback import Outcome
from sevenfold.playback.delivery import Delivering
from sevenfold.playback.feed import Intaken
from sevenfold.playback.history import history
from sevenfold.playback.trying import Given, Trial, try_made_up, try_real
from sevenfold.report.decisions import moment, reason, tree
from sevenfold.workspace.reading import typed_scalar


class Pair(click.ParamType[tuple[str, Any]]):
    """`NAME=VALUE`; numbers, true and false are such, everything else is text."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        name, equals, said = str(value).partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is not of the form name=value", param, ctx)
        return name, typed_scalar(said)


@click.command("try")
@click.argument("workspace")
@click.option("--journey", required=True, help="The journey to try.")
@click.option("--profile", "identifier", help="Somebody real: a user id, an e-mail ... of the --history.")
@click.option(
    "--history",
    "inputs",
    multiple=True,
    type=existing(),
    help="Files of events, or the folder of a log or replay.",
)
@click.option("--mapping", type=existing(dir_okay=False), help="YAML file that says how rows become events.")
@click.option("--event", help="The event that happens; by default the journey's own first trigger.")
@click.option(
    "--property", "properties", multiple=True, type=Pair(), help="A property of the event: name=value."
)
@click.option(
    "--trait", "traits", multiple=True, type=Pair(), help="A trait of somebody made up: name=value."
)
@click.option(
    "--consent", "consents", multiple=True, help="A category that somebody made up agreed to, or `all`."
)
@click.option("--account", help="The account that the event counts for.")
@click.option("--at", type=Time(), help="When it happens (UTC).")
@click.option("--failing", multiple=True, help="A template whose messages are taken to fail.")
@json_option
def try_command(
    workspace: str, journey: str, identifier: str | None, inputs: tuple[Path, ...], mapping: Path | None,
    event: str | None, properties: tuple[tuple[str, Any], ...], traits: tuple[tuple[str, Any], ...],
    consents: tuple[str, ...], account: str | None, at: int | None, failing: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Run a journey of WORKSPACE for one person, with time run forward, and show every decision.

    Without --profile it is somebody made up, with an e-mail address and a phone number. With --profile and
    --history it is somebody real, as they stood at the end of the history, or --at a time. Nothing is sent.

    \b
    Examples:
      sevenfold try my-workspace --journey onboarding --trait role=developer
      sevenfold try my-workspace --journey offer_nudge --event "Offer Sent" --property application_id=a1
      sevenfold try my-workspace --journey win_back --profile ada@example.com --history out/spring
    """
    model = load(workspace)
    given = Given(
        event=event, properties=dict(properties), traits=dict(traits), consents=list(consents),
        account=account, at=at,
    )  # fmt: skip
    delivering = Delivering(failing=frozenset(failing))
    if identifier is None:
        if inputs:
            raise InputError("A history is about somebody", fix="say whom with --profile")
        trial = try_made_up(model, journey, given, delivering)
    else:
        if not inputs:
            raise InputError("Somebody real has a history", fix="say where it is with --history")
        until = Outcome(inputs[0]).summary.until if (inputs[0] / "replay.json").exists() else None
        with history(inputs, load_mapping(mapping) if mapping is not None else None) as past:
            for _ in past.steps(None, Intaken()) if not inputs[0].is_dir() else ():
                pass
            trial = try_real(model, journey, past.log, identifier, given, until, delivering)
    if as_json:
        print_json({"journey": journey, **trial.to_json()})
    else:
        _print(journey, trial)


def _print(journey: str, trial: Trial) -> None:
    screen = console()
    what = f"{trial.event['event']}" if trial.event is not None else "started by hand"
    title = f"{trial.who}, {moment(trial.began)}: {what}"
    if trial.event is not None and trial.event["properties"]:
        title += " (" + ", ".join(f"{key} {value}" for key, value in trial.event["properties"].items()) + ")"
    screen.print(tree(title, trial.effects))
    if trial.refused:
        said = {
            "no_trigger": "no trigger of the journey wants this event; its `where` may ask for properties",
            "not_started": "it was not started",
        }.get(trial.refused, reason(trial.refused))
        screen.print(Text(f"\nDoes not enter {journey}: {said}", style="yellow"))


__all__ = ["try_command"]
