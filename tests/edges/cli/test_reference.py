"""The reference page of the command line is what the commands say of themselves."""

from __future__ import annotations

from pathlib import Path

from sevenfold.commands.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "run `python -m sevenfold.commands.reference`"
