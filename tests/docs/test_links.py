"""Documents lead somewhere: links, headings, and the files and tests that the tour and the decisions name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for top in (*ROOT.glob("*.md"), *(p for p in ROOT.iterdir() if p.is_dir() and p.name[0] != "."))
    for page in ([top] if top.is_file() else top.rglob("*.md"))
    if "node_modules" not in page.parts
)
TOUR = [ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs" / "decisions").glob("0*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its code blocks, which may show anything."""
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


@cache
def anchors(page: Path) -> frozenset[str]:
    """What `#...` may say: the headings of a page as GitHub writes them."""
    headings = re.findall(r"^#+ +(.*)$", prose(page), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for inline, defined in LINK.findall(prose(page)):
        target = inline or defined
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_relative_to(ROOT), f"{named(page)} links out of the project: {target}"
        assert found.exists(), f"{named(page)} links to {target}"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{named(page)} links to {target}, which has no such heading"


@cache
def known_tests() -> frozenset[str]:
    """The names of all test functions."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        found.update(re.findall(r"^\s*def (test_\w+)", path.read_text("utf-8"), re.MULTILINE))
    return frozenset(found)


@pytest.mark.parametrize("page", TOUR, ids=named)
def test_the_files_and_tests_that_a_page_names_exist(page: Path) -> None:
    for name in re.findall(r"`([^`\n]+)`", prose(page)):
        if re.fullmatch(r"test_\w+", name):
            assert name in known_tests(), f"{named(page)} names the test {name}"
        elif re.fullmatch(r"(sevenfold|tests|packs|docs|examples|bench)/[\w./-]*", name):
            assert (ROOT / name).exists(), f"{named(page)} names {name}"
