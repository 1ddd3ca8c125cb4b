"""What the seven-stage pack promises as a whole: an answer to every entry, three layers in every stage, a
source for every threshold, the calendar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sevenfold.journeys.plan import OnSegment, OnStage
from sevenfold.journeys.steps.intervention import Intervention
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace
from sevenfold.workspace.phases import in_week, standings
from sevenfold.workspace.reading import read

FOLDER = Path(__file__).resolve().parents[2] / "packs" / "seven-stage"
ANSWERED_ELSEWHERE = {
    ("customer", "renewal"): "the account's window, in which each class has its journey",
    ("account", "capture"): "nobody has come yet",
    ("account", "activation"): "the member's onboarding",
    ("account", "engagement"): "the member's first value",
    ("account", "retention"): "segment account_customers",
    ("account", "expansion"): "segment account_expansion_prompt",
    ("account", "advocacy"): "the member's thanks and suggestion",
    ("account", "renewal"): "segments likely_renew, renewal_at_risk, likely_churn, renewal_unknown",
}
"""Stages whose answer hangs on a segment or a member instead of the entry itself."""


@pytest.fixture(scope="module")
def pack() -> Workspace:
    return load(FOLDER)


def test_every_entry_into_a_stage_is_answered(pack: Workspace) -> None:
    triggers = [one for journey in pack.journeys.values() for one in journey.triggers]
    entries = {
        (one.lifecycle, one.stage) for one in triggers if isinstance(one, OnStage) and one.change == "entered"
    }
    segments = {one.segment for one in triggers if isinstance(one, OnSegment)}
    for name, lifecycle in pack.lifecycles.items():
        for stage in lifecycle.stages:
            answer = ANSWERED_ELSEWHERE.get((name, stage.name))
            assert answer is not None or (name, stage.name) in entries, (name, stage.name)
            named = (
                re.findall(r"\w+", answer.split(" ", 1)[1]) if answer and answer.startswith("segment") else []
            )
            assert set(named) <= segments


@pytest.mark.parametrize("stage", range(1, 8))
def test_every_stage_has_three_layers(pack: Workspace, stage: int) -> None:
    """One block at least that begins with a message and ends with a human."""
    (names,) = (
        {*names_in(path)} for path in FOLDER.glob(f"journeys/{stage}_*.yaml") if "accounts" not in path.name
    )
    blocks = [
        step
        for name in names
        for step in pack.journeys[name].steps.values()
        if isinstance(step, Intervention)
    ]
    assert any(block.message and block.in_app and block.human for block in blocks)


def names_in(path: Path) -> list[str]:
    node, _ = read(path.read_bytes(), path.name)
    assert node is not None
    return list(node.plain())


def conditions(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from conditions(one)
    elif value is not None:
        for field in ("all", "any", "not_"):
            yield from conditions(getattr(value, field, None))


NUMBER = re.compile(r"(?:[<>]=?|==) *-?\d+(?:\.\d+)?[a-z]*")
CERTAIN = re.compile(r"(?:>= *1|== *0|> *0|== *1)\b(?!\.)")
"""Whether there is one at all is no threshold."""


def test_every_threshold_of_a_segment_says_where_it_comes_from(pack: Workspace) -> None:
    files = {name: path for path in FOLDER.glob("segments/*.yaml") for name in names_in(path)}
    silent = []
    for name, segment in pack.segments.items():
        bounds = [one for text in conditions(segment.when) for one in NUMBER.findall(text)]
        if all(CERTAIN.search(one) for one in bounds):
            continue
        above = files[name].read_text().split(f"\n{name}:")[0]
        nearest = [segment.description, *re.findall(r"((?:^#.*\n?)+)", above, re.MULTILINE)[-1:]]
        if not re.search("judgement|framework|survey|own definition|measured", " ".join(nearest)):
            silent.append(name)
    assert not silent, silent


def test_the_set_up_follows_the_calendar_of_the_framework(pack: Workspace) -> None:
    found = standings(pack)
    assert [(one.when, one.name) for one in found] == [
        ("weeks 1-4", "start"), ("weeks 5-8", "habits"), ("weeks 9-12", "money"), ("from week 13", "voice"),
    ]  # fmt: skip
    assert all(one.is_live and one.phase.source and one.phase.goal for one in found)
    assert sorted(journey for one in found for journey in one.live) == sorted(pack.journeys)
    assert sorted(stage for one in found for stage in one.phase.stages) == sorted(
        f"{name}/{stage.name}" for name, lifecycle in pack.lifecycles.items() for stage in lifecycle.stages
    )
    assert (now := in_week(pack, 6)) is not None and now.name == "habits"
