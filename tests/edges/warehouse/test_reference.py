"""The pages that are made from the schema and the registry are fresh."""

from __future__ import annotations

from pathlib import Path

from sevenfold.commands import analyses_page
from sevenfold.warehouse import reference as tables_page

PAGES = Path(__file__).parents[3] / "docs" / "reference"


def test_the_page_of_tables_is_what_the_schema_says() -> None:
    made = "python -m sevenfold.warehouse.reference"
    assert (PAGES / "warehouse.md").read_text("utf-8") == tables_page.reference(), f"run: {made}"


def test_the_page_of_analyses_is_what_the_registry_says() -> None:
    made = "python -m sevenfold.commands.analyses_page"
    assert (PAGES / "analyses.md").read_text("utf-8") == analyses_page.reference(), f"run: {made}"
