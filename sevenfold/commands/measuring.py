"""Statistics of a file of one's own: `sevenfold measure experiment FILE ...`, and others. No workspace is
needed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq
from rich.table import Table

from sevenfold.commands.base import SevenfoldGroup, console, existing, json_option, new_folder, print_json
from sevenfold.errors import InputError
from sevenfold.measures.answer import Answer, plain

ROWS_SHOWN: Final = 20
"""Rows of each table that a terminal shows; `--json` and `--out` give all."""
COLUMNS_SHOWN: Final = 12
"""A table with more columns is turned: they stand below one another."""
TURNED_SHOWN: Final = 6
"""Rows of a turned table."""
Command = TypeVar("Command", bound=Callable[..., Any])
_UNITS = click.Choice(["day", "week", "month", "year"])
_level = click.option(
    "--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.9999), help="Confidence."
)


@click.group("measure", cls=SevenfoldGroup)
def measure_group() -> None:
    """Ask a file of your own: did it help, what are customers worth, is a score any good?

    FILE is CSV (also .gz), Parquet or NDJSON, a row a person, order or answer.
    """


def _shared(command: Command) -> Command:
    """The file, `--level`, `--out` and `--json`."""
    command = click.argument("file", type=existing(dir_okay=False))(command)
    command = _level(command)
    command = click.option("--out", type=new_folder(), help="Folder to write the tables to, as CSV.")(command)
    return json_option(command)


@measure_group.command("experiment")
@_shared
@click.option("--arm", required=True, help="Column that says which arm a row is in.")
@click.option("--metric", "metrics", required=True, multiple=True, help="Column to compare; may be repeated.")
@click.option("--control", default="", help="Which arm is the control; found by its name otherwise.")
@click.option("--covariate", "covariates", multiple=True, help="Column known before; may be repeated.")
@click.option("--denominator", default="", help="Column that makes ratios of the metrics: sum over sum.")
@click.option("--cluster", default="", help="Column with the account that was assigned whole.")
@click.option("--planned", multiple=True, help="ARM=SHARE that was planned; equal shares otherwise.")
@click.option("--once", is_flag=True, help="This is the only look, at the end: narrower intervals.")
@click.option("--winsorise", default=0.0, help="Share of the highest values to pull down, such as 0.01.")
@click.option("--days", default=0.0, help="How long rows have come in, to say how much longer it takes.")
@click.option("--worth", default=0.1, show_default=True, help="Smallest relative effect worth knowing.")
def experiment_command(
    file: Path, arm: str, metrics: tuple[str, ...], control: str, covariates: tuple[str, ...],
    denominator: str, cluster: str, planned: tuple[str, ...], once: bool, winsorise: float, days: float,
    worth: float, level: float, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Compare the arms of an experiment: a row a person.

    Intervals hold however often you look (`--once` if you look once, at the end). Sizes of the arms are
    checked, many metrics are allowed for, covariates narrow the intervals.

    \b
    Example:
      sevenfold measure experiment mail.csv --arm segment --metric visit --metric spend
    """
    from sevenfold.measures import experiments

    show(
        experiments.compare(
            read(file), arm=arm, metric=metrics, control=control, covariates=covariates, cluster=cluster,
            denominator=denominator, planned=_planned(planned), once=once, winsorise=winsorise, level=level,
            days=days, worth=worth,
        ), out, as_json,
    )  # fmt: skip


def _planned(pairs: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        arm, _, share = pair.rpartition("=")
        try:
            found[arm] = float(share)
        except ValueError as error:
            raise click.BadParameter(f"{pair!r} is not ARM=SHARE", param_hint="--planned") from error
    return found


@measure_group.command("counts")
@_shared
@click.option("--arm", required=True, help="Column that says which arm a row is.")
@click.option("--units", required=True, help="Column that counts units, such as impressions.")
@click.option("--hits", required=True, help="Column that counts hits among them, such as clicks.")
@click.option("--control", default="", help="Which arm is the control; found by its name otherwise.")
@click.option("--stratum", default="", help="Column with the test within which arms are compared.")
def counts_command(
    file: Path, arm: str, units: str, hits: str, control: str, stratum: str, level: float, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Compare arms of which only counts are left.

    \b
    Example:
      sevenfold measure counts headlines.csv --arm question --units impressions --hits clicks --stratum id
    """
    from sevenfold.measures import experiments

    found = experiments.compare_counts(
        read(file), arm=arm, units=units, hits=hits, control=control, stratum=stratum, level=level
    )
    show(found, out, as_json)


@measure_group.command("clv")
@_shared
@click.option("--customer", default="customer", show_default=True, help="Column with the customer.")
@click.option("--time", default="time", show_default=True, help="Column with the time or date.")
@click.option("--amount", default="", help="Column with the amount, to value customers as well.")
@click.option("--horizon", default=52.0, show_default=True, help="How far ahead, in units.")
@click.option("--unit", default="week", show_default=True, type=_UNITS)
@click.option("--until", default="", help="Date until which was observed; the last one otherwise.")
@click.option("--calibration-end", default="", help="Fit until this date, compare with what came after.")
@click.option("--discount", default=0.0, show_default=True, help="Rate a year.")
@click.option("--margin", default=1.0, show_default=True, help="Part of the amount that counts as value.")
def clv_command(
    file: Path, customer: str, time: str, amount: str, horizon: float, unit: str, until: str,
    calibration_end: str, discount: float, margin: float, level: float, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """What customers are worth: a row a purchase. BG/NBD and gamma-gamma, their assumptions checked.

    \b
    Example:
      sevenfold measure clv orders.csv --customer id --time date --amount sales --calibration-end 1997-09-30
    """
    from sevenfold.measures import clv

    show(
        clv.from_transactions(
            read(file), customer=customer, time=time, amount=amount, horizon=horizon, unit=unit, until=until,
            calibration_end=calibration_end, discount=discount, margin=margin, level=level,
        ), out, as_json,
    )  # fmt: skip


@measure_group.command("subscriptions")
@_shared
@click.option("--duration", default="", help="Column with how long, in units; goes with --left.")
@click.option("--left", default="", help="Column that says whether they left: yes or no.")
@click.option("--start", default="", help="Column with the first date, instead of --duration.")
@click.option("--end", default="", help="Column with the last date; empty: still there.")
@click.option("--until", default="", help="Date until which was observed; the last one otherwise.")
@click.option("--value", default="", help="Column with what one unit pays.")
@click.option("--by", default="", help="Column to split by.")
@click.option("--horizon", default=12.0, show_default=True, help="How far to look, in units.")
@click.option("--unit", default="month", show_default=True, type=_UNITS)
def subscriptions_command(
    file: Path, duration: str, left: str, start: str, end: str, until: str, value: str, by: str,
    horizon: float, unit: str, level: float, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """How long subscriptions last: a row a subscription. Kaplan-Meier and shifted beta-geometric.

    \b
    Example:
      sevenfold measure subscriptions telco.csv --duration tenure --left Churn --by Contract
    """
    from sevenfold.measures import clv

    show(
        clv.from_subscriptions(
            read(file), duration=duration, left=left, start=start, end=end, until=until, value=value, by=by,
            horizon=horizon, unit=unit, level=level,
        ), out, as_json,
    )  # fmt: skip


@measure_group.command("nps")
@_shared
@click.option("--answer", default="score", show_default=True, help="Column with answers from 0 to 10.")
@click.option("--weight", default="", help="Column with the weights of the survey.")
@click.option("--by", default="", help="Column to split by.")
def nps_command(
    file: Path, answer: str, weight: str, by: str, level: float, out: Path | None, as_json: bool
) -> None:
    """The Net Promoter Score with its interval: a row an answer.

    \b
    Example:
      sevenfold measure nps survey.csv --answer NETPRO
    """
    from sevenfold.measures import nps

    show(nps.from_frame(read(file), answer=answer, weight=weight, by=by, level=level), out, as_json)


@measure_group.command("calibration")
@_shared
@click.option("--score", required=True, help="Column with the score.")
@click.option("--outcome", required=True, help="Column with what came of it: yes or no.")
@click.option("--falling", is_flag=True, help="A low score foretells the outcome, as health does churn.")
@click.option("--bins", default=10, show_default=True, type=click.IntRange(2, 100))
def calibration_command(
    file: Path,
    score: str,
    outcome: str,
    falling: bool,
    bins: int,
    level: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """How well a score foretells an outcome: reliability curve, AUC, lift by decile. A row a case.

    \b
    Example:
      sevenfold measure calibration churn.csv --score predicted --outcome churned
    """
    from sevenfold.measures.shared import scoring

    found = scoring.from_frame(
        read(file), score=score, outcome=outcome, falling=falling, bins=bins, level=level
    )
    show(found, out, as_json)


@measure_group.command("frequency")
@_shared
@click.option("--sent", required=True, help="Column that says whether the message was sent: no for ghosts.")
@click.option("--before", required=True, help="Column with how many they had had in the days before.")
@click.option("--outcome", required=True, help="Column with what followed: a number, or yes and no.")
@click.option("--unit", default="", help="Column with whose moments go together.")
@click.option("--cost", default=0.0, show_default=True, help="What a message costs, in outcomes.")
def frequency_command(
    file: Path, sent: str, before: str, outcome: str, unit: str, cost: float, level: float, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """How many messages are enough: a row a moment at which one was decided, ghosts included.

    \b
    Example:
      sevenfold measure frequency moments.csv --sent sent --before messages_7d --outcome back
    """
    from sevenfold.learning.frequency import frequency

    found = frequency(
        read(file), sent=sent, before=before, outcome=outcome, unit=unit, cost=cost, level=level
    )
    show(found, out, as_json)


def read(path: Path) -> pa.Table:
    """A file as a table, by its name. Raises InputError."""
    name = path.name.lower().removesuffix(".gz")
    try:
        if name.endswith(".parquet"):
            return pq.read_table(path)
        if name.endswith((".ndjson", ".jsonl", ".json")):
            return pajson.read_json(pa.input_stream(str(path)))
        if name.endswith((".csv", ".tsv", ".txt")):
            parsing = pacsv.ParseOptions(delimiter="\t" if name.endswith(".tsv") else ",")
            return pacsv.read_csv(path, parse_options=parsing)
    except pa.ArrowException as error:
        raise InputError(f"It cannot be read: {error}", where=str(path)) from error
    raise InputError("What kind of file is it?", where=str(path), fix="name it .csv, .parquet or .ndjson")


def show(answer: Answer, out: Path | None, as_json: bool) -> None:
    """An answer for people or programs, its tables also as files."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, table in answer.tables.items():
            pacsv.write_csv(table, out / f"{name}.csv")
    if as_json:
        print_json(answer.to_json())
        return
    click.echo(answer.sentence)
    for doubt in answer.caveats:
        click.echo(f"! {doubt.sentence}")
    for name, table in answer.tables.items():
        console().print(_printed(name, table))


def _printed(name: str, table: pa.Table) -> Table:
    if table.num_columns > COLUMNS_SHOWN:
        return _turned(name, table)
    more = table.num_rows - ROWS_SHOWN
    shown = Table(title=name, caption=f"and {more:,} more" if more > 0 else None, title_justify="left")
    columns = [each for each in table.column_names if each != "sentence"]
    for column in columns:
        shown.add_column(column, justify="left" if pa.types.is_string(table[column].type) else "right")
    for row in table.slice(0, ROWS_SHOWN).to_pylist():
        shown.add_row(*(_cell(row[column]) for column in columns))
    return shown


def _turned(name: str, table: pa.Table) -> Table:
    """A wide table with its columns below one another, a few rows beside one another."""
    shown = Table(title=name, title_justify="left", show_header=False)
    rows = table.slice(0, TURNED_SHOWN).to_pylist()
    for column in table.column_names:
        if column != "sentence":
            shown.add_row(column, *(_cell(row[column]) for row in rows))
    return shown


def _cell(value: Any) -> str:
    value = plain(value)
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
