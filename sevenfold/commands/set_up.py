"""The command that starts a workspace from a pack, guided by a sample of events."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sevenfold.commands.base import (
    EXIT_ERROR,
    console,
    existing,
    json_option,
    new_folder,
    print_json,
    progress,
)
from sevenfold.importers.mapping import load_mapping
from sevenfold.importers.read import Inputs
from sevenfold.library import load
from sevenfold.setup.proposal import Proposal, SetupError, propose
from sevenfold.setup.sample import Sample, sample_of
from sevenfold.setup.writing import write
from sevenfold.workspace.packs import pack_names, pack_path
from sevenfold.workspace.phases import standings

_STATES = {"covered": "[green]covered[/]", "partly": "[yellow]partly[/]", "missing": "[red]missing[/]"}
_SHOWN = 4


@click.command("init")
@click.argument("folder", type=new_folder())
@click.option("--pack", help="The pack to start from; asked for when left out.")
@click.option(
    "--events",
    "samples",
    multiple=True,
    type=existing(dir_okay=False),
    help="A sample of your events; several files are read together.",
)
@click.option("--mapping", type=existing(dir_okay=False), help="How rows of the sample become events.")
@click.option("--phase", help="The phase to start with, by name or number; later ones wait as drafts.")
@click.option(
    "--map",
    "chosen",
    multiple=True,
    metavar="EVENT=YOURS",
    help="What you call an event of the pack; nothing after `=` when you do not send it.",
)
@click.option(
    "--use-cases",
    "only",
    default="",
    metavar="NAME,NAME",
    help="Take these use cases of the pack alone, where it has some (orchestration).",
)
@click.option("--show", is_flag=True, help="Show what would be written, and write nothing.")
@json_option
def init_command(
    folder: Path, pack: str | None, samples: tuple[Path, ...], mapping: Path | None, phase: str | None,
    chosen: tuple[str, ...], only: str, show: bool, as_json: bool,
) -> None:  # fmt: skip
    """Start a workspace of your own in a new FOLDER from a pack.

    With a sample of your events it finds which of them are the ones that the pack listens to, shows which
    stages they cover and what is missing, and writes a workspace that listens to your names. On a terminal it
    asks about what is uncertain; `--map` says it beforehand.

    \b
    Examples:
      sevenfold init --pack seven-stage my-workspace
      sevenfold init --pack seven-stage --events events.ndjson --phase 1 my-workspace
      sevenfold init --pack post-purchase --events orders.csv --mapping orders.yaml shop
      sevenfold init --pack orchestration --use-cases welcome,conversion my-workspace
    """
    asked = not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    name = pack or _ask_pack(asked)
    workspace = load(pack_path(name))
    sample = _sample(samples, mapping, as_json) if samples else None
    by_hand = dict(_given(one) for one in chosen)
    if phase is None and asked and (found := standings(workspace)):
        for number, one in enumerate(found, 1):
            click.echo(f"  {number}. {one.phase.title} ({one.when})")
        number = click.prompt("Start with which phase", type=click.IntRange(1, len(found)), default=1)
        phase = str(number)
    proposal = propose(name, workspace, sample, phase=phase, chosen=by_hand)
    if asked and proposal.uncertain:
        by_hand |= _ask_names(proposal)
        proposal = propose(name, workspace, sample, phase=phase, chosen=by_hand)
    if show:
        print_json(proposal.to_json()) if as_json else _shown(proposal)
        return
    files, loaded = write(proposal, folder, [one.strip() for one in only.split(",") if one.strip()])
    if as_json:
        print_json(
            {"folder": str(folder), "files": [path.relative_to(folder).as_posix() for path in files],
             "problems": [problem.to_json() for problem in loaded.problems], **proposal.to_json()}
        )  # fmt: skip
    else:
        if sample is not None or proposal.later:
            _shown(proposal)
        for problem in loaded.errors:
            click.echo(f"error: {problem}", err=True)
        click.echo(f"{len(files)} files of `{name}` are in {folder}. Next: sevenfold check {folder}")
    if loaded.errors:
        raise click.exceptions.Exit(EXIT_ERROR)


def _ask_pack(asked: bool) -> str:
    names = pack_names()
    if not asked:
        raise SetupError("which pack?", fix=f"pass --pack with one of {', '.join(names)}")
    for one in names:
        click.echo(f"  {one}: {load(one).title}")
    return str(click.prompt("Pack", type=click.Choice(names)))


def _given(text: str) -> tuple[str, list[str]]:
    wanted, equals, given = text.partition("=")
    if not equals:
        raise SetupError(f"`{text}` maps nothing", fix='write --map "Signed Up=user_signup"')
    return wanted.strip(), [one.strip() for one in given.split(",") if one.strip()]


def _sample(paths: tuple[Path, ...], mapping: Path | None, as_json: bool) -> Sample:
    inputs = Inputs(list(paths), load_mapping(mapping) if mapping is not None else None)
    bad: list[object] = []
    with progress(as_json) as shown:
        task = shown.add_task("Looking at your events", total=inputs.bytes, note="")
        events = inputs.events(bad.append, lambda count: shown.advance(task, count))
        sample = sample_of(event.raw for event in events)
    sample.unreadable += len(bad)
    if not sample.total:
        raise SetupError("there is no event in the sample", fix="pass a file of events that are sent")
    return sample


def _ask_names(proposal: Proposal) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in proposal.uncertain:
        question = f"Is your `{one.given}` what the pack calls `{one.wanted}` ({one.why})?"
        found[one.wanted] = [one.given] if click.confirm(question, default=False) else []
    return found


def _shown(proposal: Proposal) -> None:
    out = console()
    if proposal.sample is not None:
        _names_shown(out, proposal, proposal.sample)
        _stages_shown(out, proposal)
    if proposal.phases:
        table = Table("phase", "when", "", "events it still needs")
        for phase in proposal.phases:
            state = "live" if phase.live else "waits"
            table.add_row(phase.title, phase.when, state, _few(phase.missing))
        out.print(table)


def _names_shown(out: Console, proposal: Proposal, sample: Sample) -> None:
    bound = ", the first of them" if sample.more else ""
    out.print(f"{sample.total:,} events{bound}, {len(sample.events)} names, {len(sample.people):,} people")
    if proposal.names:
        why = {one.wanted: f"{one.confidence:.0%}, {one.why}" for one in proposal.matches}
        table = Table("the pack calls it", "you call it", "why")
        for wanted, given in proposal.names.items():
            table.add_row(wanted, ", ".join(given), why.get(wanted, "as you said"))
        out.print(table)
    for one in proposal.uncertain:
        out.print(
            f'Perhaps: --map "{one.wanted}={one.given}" ({one.confidence:.0%}, {one.why})', markup=False
        )
    if proposal.unused:
        out.print(f"Not used by the pack: {_few(proposal.unused, 8)}", markup=False)


def _stages_shown(out: Console, proposal: Proposal) -> None:
    table = Table("lifecycle", "stage", "your data", "missing events")
    for stage in proposal.stages:
        table.add_row(stage.lifecycle, stage.stage, _STATES[stage.state], _few(stage.missing))
    out.print(table)
    low = [one for one in proposal.scores if one.share < one.floor]
    for score in low:
        where = f" in {score.stage}" if score.stage else ""
        out.print(
            f"{score.score}{where}: {score.share:.0%} of the weight can be known, {score.floor:.0%} needed,"
            f" missing {_few(score.missing)}"
        )
    stuck = [one for one in proposal.journeys if not one.can_start]
    can = len(proposal.journeys) - len(stuck)
    out.print(f"{can} of {len(proposal.journeys)} journeys can start on what you send.")
    for one in stuck:
        out.print(f"  {one.journey} waits for {_few(one.missing) or 'what a stage above is missing'}")


def _few(names: tuple[str, ...], most: int = _SHOWN) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
