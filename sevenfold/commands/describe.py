"""The command that writes a workspace down as a page to read."""

from __future__ import annotations

from pathlib import Path

import click

from sevenfold.commands.base import json_option, print_json
from sevenfold.library import load
from sevenfold.report.pictures import journey_picture, lifecycle_picture
from sevenfold.report.workspace_page import page


@click.command("describe")
@click.argument("workspace")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file.")
@json_option
def describe_command(workspace: str, out: Path | None, as_json: bool) -> None:
    """Write a WORKSPACE down as a page: its events, stages, scores and journeys, with a picture of each.

    The page is Markdown with pictures in Mermaid's text form, which code hosts, editors and wikis draw. With
    `--json` the pictures alone are printed, by name.

    \b
    Examples:
      sevenfold describe seven-stage
      sevenfold describe my-workspace --out my-workspace/README.md
    """
    model = load(workspace)
    if as_json:
        print_json(
            {
                "lifecycles": {name: lifecycle_picture(one) for name, one in model.lifecycles.items()},
                "journeys": {name: journey_picture(one) for name, one in model.journeys.items()},
            }
        )
        return
    text = page(model)
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    click.echo(f"{out}: {len(model.lifecycles)} lifecycles and {len(model.journeys)} journeys")
