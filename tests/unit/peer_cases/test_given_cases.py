"""The cases that lie beside the project, where they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peer_cases.__main__ import outcomes

CASES = Path(__file__).resolve().parents[3] / ".." / "shared" / "cases"
GENERATED_EVENTS_MAX = 100_000
"""A load case of millions of users is for the command, not for every run of the tests."""


@pytest.mark.real_data
@pytest.mark.parametrize("file", ["dittofeed.json", "posthog_time.json"])
def test_no_case_fails_and_every_skip_says_why(file: str) -> None:
    path = CASES / file
    if not path.is_file():
        pytest.skip(f"{file} is not there (../shared/cases)")
    found = list(outcomes([path], generated_max=GENERATED_EVENTS_MAX))
    assert not [str(one) for one in found if one.verdict == "fail"]
    assert all(one.detail for one in found if one.verdict == "skip")
    assert any(one.verdict == "pass" for one in found)
