"""The command that recommends products and content to each person."""

from __future__ import annotations

from pathlib import Path

import click

from sevenfold.commands.base import Time, existing, json_option, new_folder
from sevenfold.commands.measuring import read, show
from sevenfold.errors import InputError


@click.command("recommend-products")
@click.argument("file", type=existing(dir_okay=False))
@click.option("--person", required=True, help="Column that names people.")
@click.option("--item", required=True, help="Column that names products, articles, pages.")
@click.option("--time", required=True, help="Column with the time or date.")
@click.option("--basket", default="", help="Column with the order or visit; a person's day otherwise.")
@click.option("--category", default="", help="Column with the item's category.")
@click.option("--count", default=10, show_default=True, type=click.IntRange(1, 100), help="Items each.")
@click.option("--again", is_flag=True, help="Also what they have taken already.")
@click.option("--split", default="", help="Measure: learn until this date, compare with what came after.")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="NDJSON to write: identify calls.",
)
@click.option("--trait", default="recommended", show_default=True, help="The trait that --to sets.")
@click.option("--at", type=Time(), help="The time of those calls; needed with --to.")
@click.option(
    "--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.9999), help="Confidence."
)
@click.option("--out", type=new_folder(), help="Folder to write the tables to, as CSV.")
@json_option
def recommend_products_command(
    file: Path, person: str, item: str, time: str, basket: str, category: str, count: int, again: bool,
    split: str, to: Path | None, trait: str, at: int | None, level: float, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Recommend products or content: what goes with what each person took, else what is popular.

    FILE has a row an item that somebody bought or read. With --split it is measured, against what is popular.
    With --to the items become a trait of each person, which templates can name:
    {% for id in person.recommended %}{{ catalogue.products[id].name }}{% endfor %}

    \b
    Examples:
      sevenfold recommend-products orders.csv --person customer --item sku --time date --split 2026-01-01
      sevenfold recommend-products orders.csv --person customer --item sku --time date --to out.ndjson --at
      2026-03-01
    """
    from sevenfold.learning.recommendations import as_events, recommend_products

    found = recommend_products(
        read(file), person=person, item=item, time=time, basket=basket, category=category, count=count,
        again=again, split=split, level=level,
    )  # fmt: skip
    if to is not None:
        if split or at is None:
            raise InputError("--to needs --at, and no --split", fix="--at 2026-03-01")
        to.write_bytes(as_events(found, trait, at))
    show(found, out, as_json)
