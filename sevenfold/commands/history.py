"""Commands about recorded history: replay it, explain it, import it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from sevenfold.commands.base import (
    Bar,
    Time,
    console,
    existing,
    json_option,
    new_folder,
    print_json,
    progress,
    size_of,
)
from sevenfold.importers.load import load as load_events
from sevenfold.importers.mapping import load_mapping
from sevenfold.importers.read import Inputs
from sevenfold.library import load
from sevenfold.playback import Outcome, explain, open_log, replay
from sevenfold.playback.feed import log_folder
from sevenfold.playback.tables import iso
from sevenfold.report.html import write_report
from sevenfold.report.noticed import noticed_of, print_noticed
from sevenfold.report.terminal import print_explanation, print_summary
from sevenfold.workspace.models import Workspace

CURSOR_FILE = "import.cursor"
"""Beside the log: how far an import has come."""


@click.command("replay")
@click.argument("workspace")
@click.argument("inputs", nargs=-1, required=True, type=existing())
@click.option("--out", required=True, type=new_folder(), help="Folder for tables, report and log.")
@click.option("--mapping", type=existing(dir_okay=False), help="YAML file that says how rows become events.")
@click.option("--until", type=Time(), help="Let virtual time stop here (UTC), e.g. 2024-03-01.")
@json_option
def replay_command(
    workspace: str,
    inputs: tuple[Path, ...],
    out: Path,
    mapping: Path | None,
    until: int | None,
    as_json: bool,
) -> None:
    """Run recorded events through WORKSPACE in virtual time.

    WORKSPACE is a folder or the name of a pack. INPUTS are NDJSON files of Segment events (plain or .gz), any
    files with a --mapping, or one folder with a log. OUT receives transitions, segments, bands, scores,
    people, accounts and entities as Parquet and NDJSON, replay.json with all figures, report.html, the log of
    the events taken, and a warehouse that `sevenfold ask` answers from. Messages are taken once, however
    often they are in the input.

     Example: sevenfold replay seven-stage events.ndjson.gz --out out/spring
    """
    model = load(workspace)
    found = load_mapping(mapping) if mapping is not None else None
    with progress(as_json) as shown:
        bar = Bar(shown, size_of(inputs))
        outcome = replay(model, inputs, out, mapping=found, until=until, progress=bar, warehouse=True)
    finish(outcome, as_json, model, inputs)


def finish(outcome: Outcome, as_json: bool, workspace: Workspace, inputs: Sequence[Path]) -> None:
    """Writes the report and shows the summary of a replay; of a simulated company also what was noticed."""
    noticed = noticed_of(workspace, outcome, inputs)
    report = write_report(outcome, noticed)
    if as_json:
        print_json(outcome.summary)
        return
    shown = console()
    print_summary(shown, outcome.summary)
    if noticed is not None:
        print_noticed(shown, noticed)
    shown.print(f"\nReport: {report}\nTables: {outcome.folder}", soft_wrap=True)


@click.command("explain")
@click.argument("workspace")
@click.argument("out", type=existing(file_okay=False))
@click.option("--profile", "identifier", required=True, help="A user id, e-mail, account id, subject id ...")
@click.option("--of", help="person, account or an entity, where an identifier fits several.")
@click.option("--at", type=Time(), help="Look from this time in the past (UTC) instead of the end.")
@click.option("--events", "every_event", is_flag=True, help="A line for every event, with its properties.")
@json_option
def explain_command(
    workspace: str,
    out: Path,
    identifier: str,
    of: str | None,
    at: int | None,
    every_event: bool,
    as_json: bool,
) -> None:
    """Tell one profile's story and the reason for every change.

    OUT is the folder of a replay or of a log. Shows the profile as it was --at a time, and what led there:
    events, identity, stage, segment and score changes, each with the conditions, the values they saw and what
    set them off.

    \b
    Examples:
      sevenfold explain seven-stage out/spring --profile ada@example.com
      sevenfold explain seven-stage out/spring --profile u-17 --at 2024-03-01
    """
    model = load(workspace)
    until = Outcome(out).summary.until if (out / "replay.json").exists() else None
    folder = Outcome(out).log if until is not None else log_folder(out)
    log = open_log(folder)
    try:
        told = explain(model, log, identifier, of=of, at=at, until=until)
    finally:
        log.close()
    if as_json:
        print_json(told.to_json())
    else:
        print_explanation(console(), told, every_event=every_event)


@click.command("import")
@click.argument("log", type=new_folder())
@click.argument("inputs", nargs=-1, required=True, type=existing(dir_okay=False))
@click.option("--mapping", type=existing(dir_okay=False), help="YAML file that says how rows become events.")
@json_option
def import_command(log: Path, inputs: tuple[Path, ...], mapping: Path | None, as_json: bool) -> None:
    """Append files to a LOG folder, durably and each message once.

    Interrupted, it goes on where it stopped when it is run again. What is refused goes to the dead letters.

    \b
    Example:
      sevenfold import out/log orders.csv --mapping orders.yaml
    """
    files = Inputs(inputs, load_mapping(mapping) if mapping is not None else None)
    opened = open_log(log)
    try:
        with progress(as_json) as shown:
            task = shown.add_task("Importing", total=files.bytes or 1, note="")
            result = load_events(
                files, opened, cursor=log / CURSOR_FILE, on_bytes=lambda count: shown.advance(task, count)
            )
        position, time = opened.next_position, opened.last_time
    finally:
        opened.close()
    shape = {
        "accepted": result.accepted, "duplicates": result.duplicates, "dropped": dict(result.dropped),
        "rows": result.rows, "unmatched": result.unmatched, "resumed_at": result.resumed_at,
        "log": {"events": position, "last_time": iso(time) if time else None},
    }  # fmt: skip
    if as_json:
        print_json(shape)
        return
    lines = [f"{result.accepted:,} events taken", f"{result.duplicates:,} already in the log"]
    lines += [
        f"{count:,} dropped: {reason.replace('_', ' ')}" for reason, count in sorted(result.dropped.items())
    ]
    if result.unmatched:
        lines.append(f"{result.unmatched:,} rows that no rule of the mapping wants")
    if result.resumed_at:
        lines.append(f"went on after {result.resumed_at:,} events of an earlier run")
    lines.append(f"the log in {log} now holds {position:,} records")
    click.echo("\n".join(lines))
