"""Commands about learning: what another policy would have brought."""

from __future__ import annotations

from pathlib import Path

import click

from sevenfold.commands.base import existing, json_option, new_folder
from sevenfold.commands.measuring import read, show


@click.command("evaluate-policy")
@click.argument("file", type=existing(dir_okay=False))
@click.option("--action", required=True, help="Column with the action that was taken.")
@click.option("--reward", required=True, help="Column with what came of it: a number, or yes and no.")
@click.option("--propensity", required=True, help="Column with its probability, or one number for all.")
@click.option(
    "--policy",
    default="uniform",
    show_default=True,
    help="uniform, always:ACTION, or column:NAME with the policy's probability of the action taken.",
)
@click.option("--context", multiple=True, help="Column to predict rewards from; may be repeated.")
@click.option("--group", default="", help="Column that says whose decisions go together.")
@click.option(
    "--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.9999), help="Confidence."
)
@click.option("--out", type=new_folder(), help="Folder to write the tables to, as CSV.")
@json_option
def evaluate_policy_command(
    file: Path, action: str, reward: str, propensity: str, policy: str, context: tuple[str, ...], group: str,
    level: float, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """What another policy would have brought, from decisions that were logged with their propensities.

    FILE is CSV (also .gz), Parquet or NDJSON, a row a decision. Where the decisions cannot say, it says so,
    and what data it would take.

    \b
    Examples:
      sevenfold evaluate-policy log.csv --action item --reward click --propensity p --policy uniform
      sevenfold evaluate-policy mail.csv --action arm --reward visit --propensity 0.3333 --policy always:Mens
    """
    from sevenfold.learning.policies import evaluate_policy

    found = evaluate_policy(
        read(file), action=action, reward=reward, propensity=propensity, policy=policy, context=context,
        group=group, level=level,
    )  # fmt: skip
    show(found, out, as_json)
