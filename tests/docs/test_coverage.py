"""Every promise has a proof, and every scenario proves a promise: docs/explain/coverage."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "explain" / "coverage").glob("*.md"))
SCENARIOS = sorted([*ROOT.glob("tests/scenarios/*/*.yaml"), *ROOT.glob("packs/*/scenarios/*.yaml")])


class Row(NamedTuple):
    page: str
    promise: str
    pack: str
    proofs: tuple[str, ...]


def name_of(path: Path) -> str:
    """The pack's folder and the file, as rows name a scenario."""
    folder = path.parents[1] if path.parent.name == "scenarios" else path.parent
    return f"{folder.name}/{path.stem}"


@cache
def rows() -> tuple[Row, ...]:
    """The rows of all tables, without their two heading lines."""
    found = []
    for page in PAGES:
        lines = [line for line in page.read_text("utf-8").splitlines() if line.startswith("|")][2:]
        for line in lines:
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 3, f"{page.name}: a row has three cells: {line}"
            found.append(Row(page.name, cells[0], cells[1], tuple(re.findall(r"`([^`]+)`", cells[2]))))
    return tuple(found)


@cache
def known_tests() -> frozenset[str]:
    sources = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    return frozenset(
        name for text in sources for name in re.findall(r"^\s*def (test_\w+)", text, re.MULTILINE)
    )


def test_no_promise_is_without_a_proof() -> None:
    assert [row.promise for row in rows() if not row.proofs] == []


def test_every_promise_names_its_section() -> None:
    wrong = [row.promise for row in rows() if not re.search(rf"\({row.page[0]}(, [^()]+)?\)$", row.promise)]
    assert wrong == []


def test_every_pack_named_exists() -> None:
    packs = {path.parent.name for path in ROOT.glob("packs/**/workspace.yaml")} | {"-"}
    named = {pack.strip() for row in rows() for pack in row.pack.split(",")}
    assert named <= packs


def test_every_proof_named_exists() -> None:
    known = {name_of(path) for path in SCENARIOS} | known_tests()
    assert sorted({f"{row.page}: {one}" for row in rows() for one in row.proofs if one not in known}) == []


@pytest.mark.parametrize("path", SCENARIOS, ids=name_of)
def test_every_scenario_proves_a_promise(path: Path) -> None:
    assert any(name_of(path) in row.proofs for row in rows()), f"add {name_of(path)} to docs/explain/coverage"
