"""Commands of test mode: run scenario files, and write one from somebody's history."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sevenfold.commands.base import Time, console, existing, json_option, print_json, progress
from sevenfold.errors import InputError
from sevenfold.library import load, workspace_folder
from sevenfold.playback import Outcome, open_log
from sevenfold.playback.feed import log_folder
from sevenfold.report import words
from sevenfold.report.decisions import tree
from sevenfold.scenarios.exporting import export
from sevenfold.scenarios.running import Failure, Report, overlaid, run, scenario_files
from sevenfold.scenarios.timeline import ScenarioError, load_scenario
from sevenfold.scenarios.timeline import shown as days

SCENARIOS_FOLDER = "scenarios"
"""What `sevenfold test` runs when nothing is named: the folder of this name in the workspace."""
EXIT_FAILED = 1
TRACE_LINES_SHOWN = 40


@click.command("test")
@click.argument("workspace")
@click.argument("scenarios", nargs=-1, type=existing())
@json_option
def test_command(workspace: str, scenarios: tuple[Path, ...], as_json: bool) -> None:
    """Run SCENARIOS against a WORKSPACE, in virtual time and without sending anything.

    A scenario is a YAML file: events at times, and what is expected of people then: stages, segments, scores,
    messages sent and held with their reasons, waits, exits. SCENARIOS are files or folders; without any,
    those in the workspace's own `scenarios` folder run. One that fails shows what was expected, what
    happened, and every decision on the way. The exit code is 1 when one fails.

    \b
    Examples:
      sevenfold test my-workspace
      sevenfold test seven-stage scenarios/welcome.yaml
    """
    folder = workspace_folder(workspace)
    files = scenario_files(list(scenarios) or [folder / SCENARIOS_FOLDER])
    if not files or not files[0].exists():
        fix = f"name files, or put them into {folder / SCENARIOS_FOLDER}"
        raise InputError("There are no scenarios to run", where=workspace, fix=fix)
    shown, reports = console(), []
    with progress(as_json) as bar:
        task = bar.add_task("Testing", total=len(files), note="")
        for file in files:
            bar.update(task, note=file.stem)
            report = _run(file, folder)
            reports.append(report)
            bar.advance(task)
    failed = sum(not one.passed for one in reports)
    if as_json:
        print_json({"passed": failed == 0, "scenarios": [one.to_json() for one in reports]})
    else:
        for report in reports:
            _print(shown, report)
        checks = sum(one.checks for one in reports)
        verdict = f"{failed} of {len(reports)} scenarios failed" if failed else "all as expected"
        shown.print(
            f"\n{words.number(len(reports), 'scenario')}, {words.number(checks, 'expectation')}: {verdict}",
            style="bold",
        )
    if failed:
        raise click.exceptions.Exit(EXIT_FAILED)


@click.command("export-scenario")
@click.argument("workspace")
@click.argument("out", type=existing(file_okay=False))
@click.option("--profile", "identifier", required=True, help="A user id, e-mail, account id, entity key ...")
@click.option("--of", help="person, account or an entity, where an identifier fits several.")
@click.option("--until", type=Time(), help="Stop at this time (UTC) instead of the end.")
@click.option("--title", default="", help="The sentence that names the scenario.")
@click.option(
    "--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write here, not to stdout."
)
@json_option
def export_command(
    workspace: str, out: Path, identifier: str, of: str | None, until: int | None, title: str,
    file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Write somebody's history as a scenario that passes.

    OUT is the folder of a replay or of a log. The file holds the events of this person, and of everybody they
    share an identifier, account or entity with, and asks at each decision what was decided. It holds personal
    data as the events do.

    \b
    Example:
      sevenfold export-scenario my-workspace out/spring --profile u-17 --to scenarios/u-17.yaml
    """
    replayed = Outcome(out) if (out / "replay.json").exists() else None
    until = replayed.summary.until if until is None and replayed is not None else until
    log = open_log(replayed.log if replayed is not None else log_folder(out))
    try:
        text = export(load(workspace), log, identifier, of=of, until=until, title=title)
    finally:
        log.close()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"file": str(file) if file is not None else None, "scenario": text})
    elif file is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"The scenario is in {file}. Run it: sevenfold test {workspace} {file}")


def _run(file: Path, folder: Path) -> Report:
    """One file; what it says that is none is a failure of its own, so that the others still run."""
    try:
        scenario = load_scenario(file)
        with overlaid(scenario, folder) as workspace:
            return run(scenario, workspace)
    except ScenarioError as error:
        place = error.where.rpartition(":")[2]
        at = int(place) if place.isdigit() else 0
        said = f"{error.message} ({error.fix})" if error.fix else error.message
        failure = Failure(at, 0, "", "", "the scenario itself", "a scenario that can be run", said, [])
        return Report(words.label(file.stem), str(file), 0, [failure])


def _print(shown: Console, report: Report) -> None:
    mark = Text("✓ ", style="green") if report.passed else Text("✗ ", style="bold red")
    shown.print(mark.append(report.title, style="default" if report.passed else "bold"))
    for place, one in enumerate(report.failures):
        where = f"{report.file}:{one.line}" if one.line else report.file
        head = f"  {where}  {one.at}" + (f", {one.subject}" if one.subject else "")
        shown.print(Text(head, style="dim"), soft_wrap=True)
        told = f"    {one.question}\n      expected  {one.expected}\n      happened  "
        shown.print(Text(told).append(one.happened, style="red"))
        following = report.failures[place + 1] if place + 1 < len(report.failures) else None
        if one.trace and (following is None or following.trace is not one.trace):
            cut = one.trace[-TRACE_LINES_SHOWN:]
            more = (
                f" (the last {len(cut)} of {len(one.trace)} decisions)" if len(cut) < len(one.trace) else ""
            )
            title = f"What was decided about {one.subject} until then{more}"
            shown.print(
                Padding(
                    tree(title, cut, lambda time: days(time, report.start_ms)), (0, 0, 0, 4), expand=False
                )
            )


__all__ = ["SCENARIOS_FOLDER", "export_command", "test_command"]
