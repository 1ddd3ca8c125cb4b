"""Commands about learning: what another policy would have brought."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sevenfold.commands.base import existing, json_option, new_folder
from sevenfold.commands.measuring import read, show
from sevenfold.errors import InputError
from sevenfold.measures.answer import Answer


@click.command("evaluate-policy")
@click.argument("file", type=existing())
@click.option("--choices", default="", help="A learned choice (journey/step) of a warehouse.")
@click.option("--action", default="", help="Column with the action that was taken.")
@click.option("--reward", default="", help="Column with what came of it: a number, or yes and no.")
@click.option("--propensity", default="", help="Column with its probability, or one number for all.")
@click.option(
    "--policy",
    default="uniform",
    show_default=True,
    help="uniform, always:ACTION, or column:NAME with the policy's probability of the action taken; of "
    "--choices also model:FILE with a trained policy.",
)
@click.option("--context", multiple=True, help="Column to predict rewards from; may be repeated.")
@click.option("--group", default="", help="Column that says whose decisions go together.")
@click.option(
    "--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.9999), help="Confidence."
)
@click.option("--out", type=new_folder(), help="Folder to write the tables to, as CSV.")
@json_option
def evaluate_policy_command(
    file: Path, choices: str, action: str, reward: str, propensity: str, policy: str,
    context: tuple[str, ...], group: str, level: float, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """What another policy would have brought, from decisions that were logged with their propensities.

    FILE is CSV (also .gz), Parquet or NDJSON, a row a decision; with --choices the folder of a replay or a
    service, or a warehouse, in which every choice lies with its propensities. Where the decisions cannot say,
    it says so, and what data it would take.

    \b
    Examples:
      sevenfold evaluate-policy log.csv --action item --reward click --propensity p --policy uniform
      sevenfold evaluate-policy mail.csv --action arm --reward visit --propensity 0.3333 --policy always:Mens
      sevenfold evaluate-policy data --choices nurture/next --policy always:nothing
    """
    columns = {"action": action, "reward": reward, "propensity": propensity}
    if choices:
        show(_of_choices(file, choices, policy, level), out, as_json)
        return
    missing = [f"--{name}" for name, given in columns.items() if not given]
    if missing:
        raise click.UsageError(f"a file needs {', '.join(missing)}; a warehouse needs --choices")
    from sevenfold.learning.policies import evaluate_policy

    found = evaluate_policy(
        read(file), action=action, reward=reward, propensity=propensity, policy=policy, context=context,
        group=group, level=level,
    )  # fmt: skip
    show(found, out, as_json)


def _of_choices(source: Path, choices: str, policy: str, level: float) -> Answer:
    """A policy in place of the choices that a warehouse holds."""
    from sevenfold.commands.ask import opened
    from sevenfold.learning.action_model import model_of
    from sevenfold.learning.logged_choices import evaluate_choices

    kind, _, path = policy.partition(":")
    model = None
    if kind == "model":
        try:
            given = msgspec.json.decode(Path(path).read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            fix = "name a file that `sevenfold train-choices` wrote"
            raise InputError(f"The policy cannot be read: {error}", where=path, fix=fix) from error
        model = model_of({name: value for name, value in given.items() if name not in ("op", "policy")})
    with opened(str(source)) as warehouse:
        return evaluate_choices(warehouse, choices, policy, model=model, level=level)
