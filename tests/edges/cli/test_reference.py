"""The pages of the command line and of settings are what commands and the table say of themselves."""

from __future__ import annotations

from pathlib import Path

from sevenfold.commands import settings_page
from sevenfold.commands.reference import reference

PAGES = Path(__file__).parents[3] / "docs" / "reference"


def test_the_page_is_up_to_date() -> None:
    assert (PAGES / "cli.md").read_text() == reference(), "run `python -m sevenfold.commands.reference`"


def test_the_page_of_settings_is_up_to_date() -> None:
    found = (PAGES / "settings.md").read_text()
    assert found == settings_page.reference(), "run `python -m sevenfold.commands.settings_page`"
