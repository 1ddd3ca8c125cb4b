"""The page of each pack is what the pack says of itself."""

from __future__ import annotations

from pathlib import Path

from sevenfold.report.workspace_page import pages

PACKS = Path(__file__).parents[2] / "docs" / "packs"


def test_the_pages_of_the_packs_are_up_to_date() -> None:
    written = {path.stem: path.read_text(encoding="utf-8") for path in PACKS.glob("*.md")}
    assert written == pages(), "run `python -m sevenfold.report.workspace_page`"
