"""Commands about workspaces: check them, start one from a pack, compare two, and lists kept by hand."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click
import msgspec
from rich.table import Table

from sevenfold.commands.base import EXIT_ERROR, console, existing, json_option, new_folder, print_json
from sevenfold.engine import Fold
from sevenfold.errors import InputError
from sevenfold.library import load, workspace_folder
from sevenfold.log.base import NewControl
from sevenfold.playback import open_log
from sevenfold.playback.feed import Intaken, log_folder, steps_of_log
from sevenfold.workspace.comparing import diff
from sevenfold.workspace.lists import Action, import_list
from sevenfold.workspace.loading import examine
from sevenfold.workspace.models import PERSON
from sevenfold.workspace.origins import summary
from sevenfold.workspace.packs import pack_names
from sevenfold.workspace.phases import standings
from sevenfold.workspace.problems import likely
from sevenfold.workspace.schema import KINDS, schema


@click.command("check")
@click.argument("workspace")
@click.option(
    "as_origins", "--origins", is_flag=True, help="Show which file and pack each object and value is from."
)
@json_option
def check_command(workspace: str, as_origins: bool, as_json: bool) -> None:
    """Find everything that is wrong with a WORKSPACE.

    Each problem comes with file, line, field and the likely fix. The exit code is 2 when there are errors;
    warnings alone leave it 0.

    \b
    Examples:
      sevenfold check my-workspace
      sevenfold check my-workspace --origins
    """
    found = examine(workspace_folder(workspace))
    model = found.workspace
    counts = {
        "signals": len(model.signals), "segments": len(model.segments), "lifecycles": len(model.lifecycles),
        "scores": len(model.scores), "predictions": len(model.predictions),
        "catalogues": len(model.catalogues),
        "templates": len(model.templates), "journeys": len(model.journeys),
        "connectors": len(model.connectors),
    }  # fmt: skip
    if as_json:
        problems = [problem.to_json() for problem in found.problems]
        phases = [
            {"name": one.name, "when": one.when, "live": one.live, "waiting": one.waiting}
            for one in (() if found.errors else standings(model))
        ]
        told = {"workspace": model.name, "ok": not found.errors, "objects": counts, "problems": problems}
        told["layers"] = list(found.layers)
        if as_origins:
            told["origins"] = [origin.to_json() for origin in found.origins()]
        print_json(told | ({"phases": phases} if phases else {}))
    else:
        if as_origins:
            click.echo("\n".join(map(str, found.origins())))
        for problem in found.problems:
            click.echo(f"{problem.severity}: {problem}")
        held = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        verdict = f"{len(found.errors)} errors" if found.errors else "no errors"
        click.echo(f"{model.title or model.name}: {held}; {verdict}, {len(found.warnings)} warnings")
        if layers := summary(found.tree):
            click.echo(layers)
        for one in () if found.errors else standings(model):
            state = (
                "live" if one.is_live else f"{len(one.waiting)} of {len(one.phase.journeys)} journeys wait"
            )
            click.echo(f"  {one.when}: {one.phase.title}, {state}")
    if found.errors:
        raise click.exceptions.Exit(EXIT_ERROR)


@click.command("packs")
@json_option
def packs_command(as_json: bool) -> None:
    """List the packs that ship with Sevenfold.

    \b
    Example:
      sevenfold packs
    """
    found = [(name, load(name)) for name in pack_names()]
    if as_json:
        print_json(
            [{"name": name, "title": model.title, "description": model.description} for name, model in found]
        )
        return
    for name, model in found:
        click.echo(f"{name}: {model.title}. {model.description}")


@click.command("schema")
@click.argument("kind", required=False)
@click.option("--out", type=new_folder(), help="Write all schemas into this folder.")
def schema_command(kind: str | None, out: Path | None) -> None:
    """Print the JSON Schema of a KIND of file, for editors.

    Without KIND the kinds are listed.

    \b
    Examples:
      sevenfold schema signals
      sevenfold schema --out .schemas
    """
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for each in KINDS:
            text = msgspec.json.format(msgspec.json.encode(schema(each)), indent=2)
            (out / f"{each}.schema.json").write_bytes(text + b"\n")
        click.echo(f"{len(KINDS)} schemas are in {out}")
    elif kind is not None:
        print_json(schema(kind))
    else:
        click.echo("\n".join(KINDS))


@click.command("diff")
@click.argument("a")
@click.argument("b")
@json_option
def diff_command(a: str, b: str, as_json: bool) -> None:
    """Say what is different between workspaces A and B.

    \b
    Example:
      sevenfold diff seven-stage my-workspace
    """
    changes = diff(load(a), load(b))
    if as_json:
        print_json(
            [
                {
                    "action": one.action, "section": one.section, "name": one.name, "prose": one.prose,
                    "fields": [{"field": f.field, "before": f.before, "after": f.after} for f in one.fields],
                }
                for one in changes
            ]
        )  # fmt: skip
        return
    click.echo("\n".join(map(str, changes)) if changes else "They mean the same.")


@click.group("list")
def list_group() -> None:
    """Segments that are kept by hand."""


@list_group.command("import")
@click.argument("workspace")
@click.argument("folder", type=existing(file_okay=False))
@click.argument("file", type=existing(dir_okay=False))
@click.option("--list", "name", required=True, help="The manual segment to change.")
@click.option(
    "--action", type=click.Choice([one for one in get_args(Action) if one != "clear"]), default="append",
    show_default=True, help="Add the rows, make them the whole list, or take them off.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would happen and change nothing.")
@json_option
def list_import(
    workspace: str, folder: Path, file: Path, name: str, action: Action, dry_run: bool, as_json: bool
) -> None:
    """Put the people in a CSV FILE on a list.

    The columns user_id and email say who. The change becomes a record in the log in FOLDER. Shows which rows
    matched somebody, which create somebody new, and which were refused and why.

    \b
    Example:
      sevenfold list import my-workspace out/log vip.csv --list vips
    """
    model = load(workspace)
    manual = [label for label, one in model.segments.items() if one.manual]
    if name not in manual:
        known_lists = f"lists are segments with `manual: true`; there are {', '.join(manual) or 'none'}"
        fix = likely(name, manual) or known_lists
        raise InputError(f"`{name}` is not a list kept by hand", where=model.name, fix=fix)
    if model.segments[name].of != PERSON:
        raise InputError(
            f"`{name}` is a list of {model.segments[name].of}s", fix="only lists of people can be imported"
        )
    log = open_log(log_folder(folder))
    try:
        fold = Fold(model)
        for step in steps_of_log(log, None, Intaken()):
            if step.control is not None:
                fold.control(step.time, step.control)
            elif step.events:
                fold.events(step.events)

        def known(kind: str, value: str) -> str | None:
            row = fold.identity.find(kind, value)
            return fold.id_of(fold.person, row) if row else None

        result = import_list(_text(file), name, action, known)
        if not dry_run and result.record["members"]:
            log.append([NewControl(result.record, max(log.last_time, fold.t))])
    finally:
        log.close()
    refused = [{"line": row.line, "cells": row.cells, "reason": row.reason} for row in result.refused_rows]
    shape = {
        "list": name, "action": action, "changed": not dry_run, "rows": result.rows,
        "matched": result.matched, "created": result.created, "repeated": result.repeated,
        "refused": result.refused, "refused_rows": refused,
    }  # fmt: skip
    if as_json:
        print_json(shape)
        return
    verb = "would be" if dry_run else "were"
    click.echo(
        f"{result.rows:,} rows: {result.matched:,} matched, {result.created:,} {verb} created, "
        f"{result.repeated:,} repeated, {result.refused:,} refused"
    )
    if refused:
        table = Table("line", "row", "refused because", box=None, header_style="dim", pad_edge=False)
        for row in result.refused_rows[:50]:
            table.add_row(str(row.line), ", ".join(row.cells), row.reason)
        console().print(table)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "The list is not UTF-8 text", where=str(file), fix="save it as CSV in UTF-8"
        ) from error
