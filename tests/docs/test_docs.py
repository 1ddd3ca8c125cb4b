"""What the documents show is run: the tutorial's code, the commands of the README and the guides."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sevenfold.cli import main
from tests.docs.blocks import blocks, run_python

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", *GUIDES]


def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    for code in blocks(ROOT / "docs" / "tutorial.md", "python"):
        run_python(code, scope, "docs/tutorial.md")


def files(page: Path) -> dict[str, str]:
    """Files that a page shows: a line with the name in backquotes and a colon, then the block."""
    pattern = r"`([\w./-]+\.(?:yaml|csv|ndjson|json|mjml|liquid))`:\n\n```\w+\n(.*?)^```"
    return dict(re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", [PAGES[0], *GUIDES], ids=lambda page: page.stem)
def test_commands_of_a_page_run_and_print_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in files(page).items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    commands = 0
    for block in blocks(page, "console"):
        output: list[str] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                commands += 1
                output = _run(line.removeprefix("$ "))
            elif line.strip() and line.strip() != "...":
                printed = "\n".join(output)
                assert " ".join(line.split()) in output, f"{page.name} shows {line!r}; printed:\n{printed}"
    assert commands or not blocks(page, "console")
    if page.stem == "README":
        scope: dict[str, Any] = {}
        for code in blocks(page, "python"):
            run_python(code, scope, page.name)


def _run(line: str) -> list[str]:
    """The lines a `sevenfold` command prints, with single spaces; other commands are not run."""
    program, *args = shlex.split(line)
    if program != "sevenfold":
        return []
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, f"{line}\n{result.output}"
    return [" ".join(one.split()) for one in result.output.splitlines()]


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=str)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
