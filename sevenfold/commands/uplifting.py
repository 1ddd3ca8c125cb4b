"""Commands about effects of actions: whom an action changes, whether choosing beats one action for all, and
what a bandit would have saved.
"""

from __future__ import annotations

from pathlib import Path

import click

from sevenfold.commands.base import existing, json_option, new_folder
from sevenfold.commands.measuring import read, show

_level = click.option(
    "--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.9999), help="Confidence."
)
_seed = click.option("--seed", default=0, show_default=True, help="Of what is drawn: folds and bootstraps.")
_out = click.option("--out", type=new_folder(), help="Folder to write the tables to, as CSV.")
_models = click.option(
    "--models", default="auto", show_default=True, type=click.Choice(["auto", "trees", "linear"]),
    help="What regressions are; auto takes trees from 5,000 cases on.",
)  # fmt: skip


@click.command("uplift")
@click.argument("file", type=existing(dir_okay=False))
@click.option("--treatment", required=True, help="Column that says which arm a row was in.")
@click.option("--outcome", required=True, help="Column with what came of it: a number, or yes and no.")
@click.option("--feature", "features", required=True, multiple=True, help="Column known before; repeat it.")
@click.option("--control", default="", help="The arm without the action; found by its name otherwise.")
@click.option("--arm", default="", help="The arm to ask about, where there are several.")
@click.option("--propensity", default="", help="Column with the chance of treatment, or one number.")
@click.option("--cluster", default="", help="Column with the account whose people go together.")
@click.option("--id", "ident", default="", help="Column that names people, for the table `people`.")
@click.option("--learner", default="dr", show_default=True, type=click.Choice(["t", "x", "dr"]))
@_models
@click.option("--worth", default=0.1, show_default=True, help="Smallest effect worth an action, relative.")
@click.option(
    "--lists", type=new_folder(), help="Folder for one CSV a class, as `sevenfold list import` reads it."
)
@_level
@_seed
@_out
@json_option
def uplift_command(
    file: Path, treatment: str, outcome: str, features: tuple[str, ...], control: str, arm: str,
    propensity: str, cluster: str, ident: str, learner: str, models: str, worth: float, lists: Path | None,
    level: float, seed: int, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Whom an action changes: persuadable, sure thing, lost cause, do not disturb.

    FILE is CSV (also .gz), Parquet or NDJSON, a row a person whom chance treated or did not. Nobody is told
    apart unless the ranking finds those who change beyond doubt, on people it had not seen.

    \b
    Example:
      sevenfold uplift mail.csv --treatment segment --arm "Womens E-Mail" --outcome visit --feature recency
    """
    from sevenfold.learning.uplift import class_lists, uplift

    found = uplift(
        read(file), treatment=treatment, outcome=outcome, features=features, control=control, arm=arm,
        propensity=propensity, cluster=cluster, name=ident, learner=learner, models=models, worth=worth,  # type: ignore[arg-type]
        level=level, seed=seed,
    )  # fmt: skip
    if lists is not None:
        lists.mkdir(parents=True, exist_ok=True)
        for name, text in class_lists(found).items():
            (lists / f"{name}.csv").write_text(text, encoding="utf-8")
    show(found, out, as_json)


@click.command("learn-policy")
@click.argument("file", type=existing(dir_okay=False))
@click.option("--action", required=True, help="Column with the action that was taken.")
@click.option("--reward", required=True, help="Column with what came of it: a number, or yes and no.")
@click.option("--context", required=True, multiple=True, help="Column known before; repeat it.")
@click.option("--propensity", default="", help="Column with the action's probability, or one number.")
@click.option("--group", default="", help="Column that says whose decisions go together.")
@_models
@click.option("--held-out", default=0.5, show_default=True, help="Share of the decisions that judges.")
@_level
@_seed
@_out
@json_option
def learn_policy_command(
    file: Path, action: str, reward: str, context: tuple[str, ...], propensity: str, group: str, models: str,
    held_out: float, level: float, seed: int, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Whether choosing by what is known of people beats the best single action.

    FILE has a row a decision that chance made. A policy is learned on one half and judged on the other,
    beside each action for everybody; that it beats the best of them is only said beyond doubt.

    \b
    Example:
      sevenfold learn-policy mail.csv --action segment --reward visit --context recency --context history
    """
    from sevenfold.learning.policy_learning import learn_policy

    found = learn_policy(
        read(file), action=action, reward=reward, context=context, propensity=propensity, group=group,
        models=models, held_out=held_out, level=level, seed=seed,  # type: ignore[arg-type]
    )  # fmt: skip
    show(found, out, as_json)


@click.command("bandit-regret")
@click.argument("file", type=existing(dir_okay=False))
@click.option("--test", required=True, help="Column that names the test.")
@click.option("--arm", required=True, help="Column that names the arm.")
@click.option("--shown", required=True, help="Column with how often it was shown.")
@click.option("--hits", required=True, help="Column with the hits among them.")
@click.option("--rounds", default=50, show_default=True, type=click.IntRange(2, 10_000))
@_level
@_seed
@_out
@json_option
def bandit_regret_command(
    file: Path, test: str, arm: str, shown: str, hits: str, rounds: int, level: float, seed: int,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """What a bandit would have lost in past tests, against splitting them evenly.

    FILE has a row an arm of a test, with how often it was shown and the hits. Each test is played again in
    rounds, at the rates that were measured.

    \b
    Example:
      sevenfold bandit-regret headlines.csv --test id --arm question --shown impressions --hits clicks
    """
    from sevenfold.learning.regret import bandit_regret

    found = bandit_regret(
        read(file), test=test, arm=arm, shown=shown, hits=hits, rounds=rounds, level=level, seed=seed
    )
    show(found, out, as_json)
