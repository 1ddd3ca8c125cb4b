"""`sevenfold ask NAME`: every analysis of the warehouse, its flags made from the fields of its question."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin
from urllib.parse import quote

import click
import msgspec
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from sevenfold.commands.api import connected, service_options
from sevenfold.commands.base import SevenfoldGroup, console, existing, json_option, new_folder, print_json
from sevenfold.errors import InputError
from sevenfold.limits import WAREHOUSE_SQL_ROWS_MAX
from sevenfold.measures import (
    Answer,
    Question,
    Saved,
    ask,
    ask_saved,
    find,
    find_saved,
    names,
    question_from,
    read_saved,
)
from sevenfold.measures.answer import plain
from sevenfold.measures.registry import Analysis
from sevenfold.warehouse.base import Warehouse

_FILES: Final = (".parquet", ".csv", ".ndjson", ".jsonl", ".gz")
EXPORTED: Final = click.Choice(["parquet", "csv"])


class AskGroup(SevenfoldGroup):
    """A command for each analysis of the registry, made when it is asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`--saved NAME` is another way to write `saved NAME`."""
        return super().parse_args(ctx, ["saved", *args[1:]] if args[:1] == ["--saved"] else args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*names(), *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = self.commands.get(cmd_name)
        if own is not None:
            return own
        return command_of(cmd_name) if cmd_name in names() else None


@click.group("ask", cls=AskGroup)
def ask_group() -> None:
    """Ask what happened and whether it helped: funnels, retention, paths, cohorts, lift, and others.

    SOURCE is the folder that a replay wrote, a warehouse file, or a table of events (Parquet, CSV or NDJSON
    with the columns timestamp, event and user_id). Without it a running service is asked.

    \b
    Examples:
      sevenfold ask funnel out/spring --steps "Signed Up" --steps "Report Run" --within 14d
      sevenfold ask retention events.parquet --unit week
      sevenfold ask trends --event "Order Completed" --measure value
    """


def command_of(name: str) -> click.Command:
    """The command of one analysis."""
    found = find(name)
    parameters: list[click.Parameter] = [click.Argument(["source"], required=False)]
    parameters += [_option(field) for field in msgspec.structs.fields(found.question)]

    def run(
        source: str | None, url: str | None, key: str | None, out: Path | None, as_json: bool, **given: Any
    ) -> None:
        fields = {
            one: list(value) if isinstance(value, tuple) else value
            for one, value in given.items()
            if value is not None and value != ()
        }
        question = question_from(name, fields, strict=False)
        answer = answered(question, name, source, url, key)
        show(answer, out, as_json)

    command = click.Command(name, callback=run, params=parameters, help=_help(name, found))
    command = service_options(json_option(command))
    return click.option("--out", type=new_folder(), help="Folder to write the tables to, as CSV.")(command)


def _help(name: str, found: Analysis) -> str:
    """What the analysis says of itself, and how it is asked with the flags it needs."""
    needed = (one for one in msgspec.structs.fields(found.question) if one.required)
    flags = "".join(f" --{one.encode_name.replace('_', '-')} {one.encode_name.upper()}" for one in needed)
    return f"{found.text or 'An analysis.'}\n\n\b\nExample:\n  sevenfold ask {name} out/spring{flags}"


def _option(field: msgspec.structs.FieldInfo) -> click.Option:
    """The flag of a field of a question."""
    flag = f"--{field.encode_name.replace('_', '-')}"
    kind, default = field.type, field.default
    shown = f"default {default}" if default not in (msgspec.NODEFAULT, "", (), None, False) else ""
    if kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=shown)
    if get_origin(kind) is Literal:
        return click.Option([flag], type=click.Choice([str(one) for one in get_args(kind)]), help=shown)
    if get_origin(kind) is tuple:
        return click.Option([flag], multiple=True, help=f"May be repeated. {shown}".strip())
    return click.Option([flag], help=shown, required=field.required)


def answered(question: Question, name: str, source: str | None, url: str | None, key: str | None) -> Answer:
    """The answer of a warehouse at hand, or of a running service."""
    if source is not None:
        with opened(source) as warehouse:
            return ask(warehouse, question)
    fields = {k: v for k, v in msgspec.to_builtins(question).items() if k != "analysis"}
    with connected(url, key) as api:
        return Answer.of_json(api.post(f"/api/ask/{name}", fields), question)


@contextmanager
def opened(source: str) -> Iterator[Warehouse]:
    """The warehouse of a source. Raises InputError."""
    from sevenfold.warehouse.duck import open_warehouse
    from sevenfold.warehouse.of_frame import warehouse_of

    path = Path(source)
    warehouse: Warehouse
    if source.startswith(("clickhouse", "chdb", "http")):
        from sevenfold.warehouse.clickhouse import ClickHouseWarehouse

        warehouse = ClickHouseWarehouse(source)
    elif path.suffix in _FILES and path.is_file():
        warehouse = warehouse_of(_table(path))
    else:
        warehouse = open_warehouse(path)
    try:
        yield warehouse
    finally:
        warehouse.close()


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        if path.name.removesuffix(".gz").endswith((".ndjson", ".jsonl")):
            return pajson.read_json(path)
        return pacsv.read_csv(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"The file cannot be read: {error}", where=str(path), fix="is it a table?"
        ) from error


def show(answer: Answer, out: Path | None, as_json: bool) -> None:
    """An answer for people or for programs, its tables also as files."""
    from sevenfold.commands import measuring
    from sevenfold.report.plots import plot

    picture = None if as_json else plot(answer, console().width)
    if picture is not None:
        click.echo(answer.sentence + "\n")
        console().print(picture)
        for doubt in answer.caveats:
            click.echo(f"! {doubt.sentence}")
        answer = Answer(
            question=answer.question, sentence="", estimates=answer.estimates, tables=answer.tables
        )
    measuring.show(answer, out, as_json)


@ask_group.command("saved")
@click.argument("name")
@click.argument("source", required=False)
@click.option("--questions", type=existing(dir_okay=False), help="Where SOURCE is asked: the file with them.")
@service_options
@click.option("--out", type=new_folder(), help="Folder to write the tables to, as CSV.")
@json_option
def saved_command(
    name: str, source: str | None, questions: Path | None, url: str | None, key: str | None,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Answer a question that is kept under a name; also written `sevenfold ask --saved NAME`.

    A running service keeps them (`PUT /api/questions/NAME`) and answers. With SOURCE the question is asked
    there; it comes from the service, or from a file: `questions.json` of a data folder.

    \b
    Example:
      sevenfold ask --saved weekly
      sevenfold ask saved weekly out/spring --questions data/questions.json
    """
    if questions is not None and source is None:
        fix = "name a replay's folder, a warehouse file or a table; or leave --questions out"
        raise InputError("A file of questions needs something to ask", where="--questions", fix=fix)
    if source is None:
        with connected(url, key) as api:
            held = api.get(f"/api/questions/{quote(name, safe='')}/answer")
        question = question_from(held["question"]["analysis"], held["question"])
        show(Answer.of_json(held, question), out, as_json)
        return
    if questions is not None:
        kept = read_saved(questions.read_bytes())
    else:
        with connected(url, key) as api:
            kept = {one["name"]: msgspec.convert(one, Saved) for one in api.get("/api/questions")}
    with opened(source) as warehouse:
        show(ask_saved(warehouse, find_saved(kept, name)), out, as_json)


@ask_group.command("sql")
@click.argument("source")
@click.argument("query")
@click.option("--rows", default=1_000, show_default=True, type=click.IntRange(1, WAREHOUSE_SQL_ROWS_MAX))
@json_option
def sql_command(source: str, query: str, rows: int, as_json: bool) -> None:
    """Answer one SELECT over the tables of a warehouse: read only, bounded in time and memory.

    \b
    Example:
      sevenfold ask sql out/spring "SELECT name, COUNT(*) FROM events GROUP BY name"
    """
    with opened(source) as warehouse:
        table = warehouse.select(query, rows=rows)
    if as_json:
        print_json([{key: plain(value) for key, value in row.items()} for row in table.to_pylist()])
        return
    pacsv.write_csv(table, sys.stdout.buffer)


@ask_group.command("export")
@click.argument("source")
@click.argument("table")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--form", type=EXPORTED, help="Otherwise as the file's name says.")
@json_option
def export_command(
    source: str, table: str, file: Path, form: Literal["parquet", "csv"] | None, as_json: bool
) -> None:
    """Write a table of a warehouse to a Parquet or CSV file.

    \b
    Example:
      sevenfold ask export out/spring events events.parquet
    """
    chosen: Literal["parquet", "csv"] = form or ("parquet" if file.suffix == ".parquet" else "csv")
    with opened(source) as warehouse:
        rows = warehouse.export(table, file, chosen)
    if as_json:
        print_json({"table": table, "rows": rows, "file": str(file)})
    else:
        click.echo(f"{rows:,} rows of {table}: {file}")
