"""`sevenfold backtest`: one journey over recorded history, alone or beside another version."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from sevenfold.commands.base import Bar, Time, console, existing, json_option, print_json, progress, size_of
from sevenfold.errors import InputError
from sevenfold.importers.mapping import load_mapping
from sevenfold.library import load, workspace_folder
from sevenfold.playback.backtest import backtest, known
from sevenfold.playback.comparing import compare
from sevenfold.playback.delivery import Delivering
from sevenfold.playback.history import history
from sevenfold.report.backtest import print_backtest, print_comparison
from sevenfold.workspace import models as m
from sevenfold.workspace.exporting import to_yaml
from sevenfold.workspace.loading import load as load_folder
from sevenfold.workspace.reading import read


@click.command("backtest")
@click.argument("workspace")
@click.argument("inputs", metavar="HISTORY...", nargs=-1, required=True, type=existing())
@click.option("--journey", required=True, help="The journey to look at; the others run beside it.")
@click.option(
    "--compare", "other", help="Another workspace, or a YAML file with another version of the journey."
)
@click.option("--from", "since", type=Time(), help="Only runs that begin at or after this time (UTC).")
@click.option("--to", "until", type=Time(), help="Let virtual time stop here (UTC).")
@click.option("--mapping", type=existing(dir_okay=False), help="YAML file that says how rows become events.")
@click.option(
    "--runs", "runs_shown", default=0, show_default=True, help="Show so many runs, decision by decision."
)
@click.option("--fail", "failed_percent", default=0.0, help="Per cent of messages that are taken to fail.")
@json_option
def backtest_command(
    workspace: str, inputs: tuple[Path, ...], journey: str, other: str | None, since: int | None,
    until: int | None, mapping: Path | None, runs_shown: int, failed_percent: float, as_json: bool,
) -> None:  # fmt: skip
    """Run a journey of WORKSPACE over HISTORY, and say what it would have done.

    HISTORY are files of events, any files with a --mapping, or the folder of a log or replay. Shows who would
    have entered, how far they would have come and how long it took, each message that would have been sent or
    held and why, goals and exits. With --compare, two versions over the same people: who enters only one of
    them, and what differs for those in both. Nothing is sent; answers of people to messages are not in the
    data.

    \b
    Examples:
      sevenfold backtest my-workspace out/log --journey onboarding
      sevenfold backtest my-workspace events.ndjson --journey onboarding --compare onboarding-2.yaml
    """
    model = load(workspace)
    known(model, journey)
    second = other_version(workspace, journey, other) if other is not None else None
    if second is not None:
        known(second, journey)
    found = load_mapping(mapping) if mapping is not None else None
    delivering = Delivering(failed_percent=failed_percent)
    results = []
    with progress(as_json) as shown:
        bar = Bar(shown, size_of(inputs))
        with history(inputs, found, bar) as past:
            for version in (model, second):
                if version is not None:
                    results.append(
                        backtest(version, journey, past, since=since, until=until, delivering=delivering,
                                 progress=bar)
                    )  # fmt: skip
    first = results[0]
    difference = compare(first.runs, results[1].runs) if second is not None else None
    if as_json:
        shape = first.to_json()
        if difference is not None:
            shape |= {"compared_with": results[1].to_json(), "differences": difference.to_json()}
        print_json(shape)
        return
    screen = console()
    for place, one in enumerate(results):
        title = f"{'AB'[place]}: {one.workspace}, {journey}" if second is not None else ""
        print_backtest(screen, one, title, runs_shown)
    if difference is not None:
        print_comparison(screen, difference, first, results[1])


def other_version(workspace: str, journey: str, other: str) -> m.Workspace:
    """What a back-test compares with: another workspace (folder or pack), or a YAML file with another version
    of the journey (the plan itself, `NAME: plan`, or any objects of a workspace), laid over the first. Raises
    InputError and WorkspaceError.
    """
    path = Path(other)
    if not path.is_file():
        return load(other)
    node, problems = read(path.read_bytes(), str(path))
    given = node.plain() if node is not None else None
    if problems or not isinstance(given, dict):
        raise InputError(
            problems[0].message if problems else "this is no version of a journey", where=str(path)
        )
    if "steps" in given:
        given = {"journeys": {journey: given}}
    elif journey in given:
        given = {"journeys": given}
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as scratch:
        above = {"name": path.stem, "extends": workspace_folder(workspace).resolve().as_posix(), **given}
        (Path(scratch) / "workspace.yaml").write_text(to_yaml(above), encoding="utf-8")
        return load_folder(Path(scratch))


__all__ = ["backtest_command"]
