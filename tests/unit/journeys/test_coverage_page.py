"""The page that says which test proves which rule names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/explain/journeys-coverage.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", PAGE, re.MULTILINE)


def test_every_rule_is_proved_by_a_test_or_a_scenario_that_exists() -> None:
    assert len(ROWS) > 60
    missing = []
    for _, named in ROWS:
        path, _, test = named.partition("::")
        file = ROOT / path if test else ROOT / "tests/scenarios" / path
        if not file.is_file() or (test and f"def {test}(" not in file.read_text("utf-8")):
            missing.append(named)
    assert not missing


def test_no_rule_stands_twice() -> None:
    rules = [rule for rule, _ in ROWS]
    assert len(rules) == len(set(rules))
