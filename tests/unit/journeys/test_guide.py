"""The guide to journeys: its workspace checks clean, and its mistakes are told as it shows them."""

from __future__ import annotations

from pathlib import Path

from sevenfold.engine import Fold
from sevenfold.workspace.loading import examine
from tests.docs.blocks import blocks, run_python
from tests.docs.test_docs import files

PAGE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "journeys.md"


def write(folder: Path, also: str = "") -> Path:
    """The guide's workspace in a folder, with its mistakes as one more file of journeys."""
    for name, text in files(PAGE).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if also:
        (folder / "mistakes.yaml").rename(folder / "shop" / "journeys" / also)
    return folder / "shop"


def test_the_guides_workspace_has_nothing_wrong(tmp_path: Path) -> None:
    loaded = examine(write(tmp_path))
    assert [str(problem) for problem in loaded.problems] == []
    Fold(loaded.workspace)


def test_the_guides_mistakes_are_told_as_it_shows_them(tmp_path: Path) -> None:
    problems = examine(write(tmp_path, "mistakes.yaml")).problems
    told = [f"{one.severity}: {one}".replace(f"{tmp_path}/shop/journeys/", "") for one in problems]
    shown = [line for block in blocks(PAGE, "text") for line in block.splitlines()]
    assert told == shown


def test_the_guides_code_does_what_it_says() -> None:
    for code in blocks(PAGE, "python"):
        run_python(code, {}, PAGE.name)
