"""Each use case of the orchestration pack works alone, and any of them together."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from sevenfold.workspace.loading import examine, load
from sevenfold.workspace.packs import init, pack_path, use_cases
from sevenfold.workspace.problems import PackError

CASES = use_cases("orchestration")


@pytest.mark.parametrize("case", CASES)
def test_a_use_case_loads_alone_without_errors_or_warnings(case: str) -> None:
    found = examine(pack_path("orchestration") / "use-cases" / case)
    assert [str(problem) for problem in found.problems] == []
    assert found.workspace.journeys


def test_the_pack_is_its_six_use_cases_and_nothing_else() -> None:
    whole = load(pack_path("orchestration")).journeys
    parts = [load(pack_path("orchestration") / "use-cases" / case).journeys for case in CASES]
    assert len(CASES) == 6
    assert sorted(whole) == sorted(name for part in parts for name in part)


@pytest.mark.parametrize("pair", list(combinations(CASES, 2))[::4], ids="+".join)
def test_use_cases_that_are_taken_out_of_the_pack_work_together(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    files = init("orchestration", tmp_path / "mine", pair)
    found = examine(tmp_path / "mine")
    assert [str(problem) for problem in found.problems] == []
    taken = {path.parent.name for path in files if path.name == "journeys.yaml"}
    assert taken == set(pair)


def test_a_use_case_that_does_not_exist_is_refused_with_the_likely_one(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="welcom") as caught:
        init("orchestration", tmp_path / "mine", ["welcom"])
    assert caught.value.fix == "did you mean `welcome`?"
    with pytest.raises(PackError) as whole:
        init("lending", tmp_path / "mine", ["welcome"])
    assert whole.value.fix == "it is taken whole"
    assert not (tmp_path / "mine").exists()
