"""The command that looks for what saved accounts like those at risk now."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from sevenfold.commands.base import console, existing, json_option, print_json
from sevenfold.library import load
from sevenfold.playback.outcome import Outcome
from sevenfold.playback.recommending import as_csv, recommend


@click.command("recommend")
@click.argument("workspace")
@click.argument("out", type=existing(file_okay=False))
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV to write: the rows of the workspace's catalogue `advice`.",
)
@json_option
def recommend_command(workspace: str, out: Path, to: Path | None, as_json: bool) -> None:
    """Advise on accounts at risk by what saved similar ones.

    OUT is a replay of WORKSPACE. Past episodes of the accounts' saves are compared by the evidence of their
    tasks; of the nearest, the strategies are ranked by how often they saved. The cost of a loss is what is
    left of the contract and a year of what they could have grown to. Written with --to into the workspace as
    catalogues/advice.csv, tasks show it.

    \b
    Example:
      sevenfold recommend my-workspace out/year --to my-workspace/catalogues/advice.csv
    """
    found = recommend(Outcome(out), load(workspace))
    if to is not None:
        to.write_text(as_csv(found), encoding="utf-8")
    if as_json:
        print_json([
            {
                "account": one.account,
                "cost_of_loss": one.cost_of_loss,
                "why": one.advice.sentence,
                "strategies": [
                    each._asdict() | {"rate": each.rate._asdict()} for each in one.advice.ranked
                ],
            }
            for one in found
        ])  # fmt: skip
        return
    table = Table("account", "cost of loss", "what saved similar ones", "why")
    for one in found:
        best = one.advice.ranked[0].strategy if one.advice.ranked else "-"
        cost = "-" if one.cost_of_loss is None else f"{one.cost_of_loss:,.0f}"
        table.add_row(one.account, cost, best, one.advice.sentence)
    console().print(table)
