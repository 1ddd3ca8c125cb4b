"""The report: one file that stands alone, the same each time, readable in light and dark, with true words."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from rich.console import Console

from sevenfold.playback import Outcome, replay
from sevenfold.playback.summary import Summary
from sevenfold.report import words
from sevenfold.report.html import render, write_report
from sevenfold.report.terminal import print_summary
from tests.edges.replay import worlds


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("company")
    source = worlds.write(folder / "events.ndjson", list(worlds.company_events()))
    source.write_bytes(source.read_bytes() * 2 + b"nonsense\n")
    return replay(worlds.seven_stage(), [source], folder / "out")


@pytest.fixture(scope="module")
def page(company: Outcome) -> str:
    return write_report(company).read_text()


def test_it_needs_nothing_from_anywhere(page: str) -> None:
    assert not re.findall(r"(?:src|href)\s*=\s*\"(?!#)", page)
    assert not re.findall(r"@import|url\((?!#)", page)
    assert "<script" not in page


def test_it_is_the_same_each_time(company: Outcome, page: str) -> None:
    assert render(company.summary) == page


def test_every_drawing_is_well_formed_and_says_what_it_shows(page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) >= 12
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("role") == "img"
        assert root.get("aria-label")


def test_its_ink_follows_light_and_dark(page: str) -> None:
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert "var(--ink)" in drawing or "var(--soft)" in drawing
        assert "#000000" not in drawing
    assert "prefers-color-scheme: dark" in page


def test_it_says_what_is_seen_and_what_was_left_out(company: Outcome, page: str) -> None:
    for heading in (
        "People in each stage over time", "How far people ever came", "How long they stay", "Who moves where",
        "Health at the end", "Health over time", "Left out",
    ):  # fmt: skip
        assert f"<h3>{heading}</h3>" in page
    assert f"{company.summary.events:,} events" in page
    assert "bad row" in page
    assert "duplicate" in page


def test_names_of_the_workspace_cannot_break_the_page(tmp_path: Path) -> None:
    model = worlds.workspace()
    source = worlds.write(tmp_path / "<b>.ndjson", worlds.small_history())
    outcome = replay(model, [source], tmp_path / "out")
    outcome.summary.title = "<script>alert(1)</script>"
    found = render(outcome.summary)
    assert "<script" not in found
    assert "&lt;b&gt;.ndjson" in found


def test_nothing_to_show_is_a_page_too() -> None:
    empty = Summary(version="0", workspace="empty", title="", inputs=["a.ndjson"], log="log")
    assert "There were no events" in render(empty)


def test_the_terminal_shows_stages_moves_scores_and_events(company: Outcome) -> None:
    text = io.StringIO()
    print_summary(Console(file=text, width=120), company.summary)
    shown = text.getvalue()
    for part in (
        "median stay",
        "Moves, from the row to the column",
        "by stage over time",
        "Scores at the end",
    ):
        assert part in shown
    assert "left out: duplicate" in shown
    assert "dropped: bad row" in shown
    assert max(map(len, shown.splitlines())) <= 120


@pytest.mark.parametrize(
    ("days", "text"),
    [(0.0, "0 min"), (0.3, "7 h"), (1.26, "1.3 days"), (240.0, "240 days"), (1500, "1,500 days")],
)
def test_spans_are_said_in_the_unit_that_fits(days: float, text: str) -> None:
    assert words.span(days) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(1, 3, "33\u00a0%"), (1, 1000, "<1\u00a0%"), (0, 0, "–")]
)
def test_shares_never_pretend(part: int, whole: int, text: str) -> None:
    assert words.share(part, whole) == text
