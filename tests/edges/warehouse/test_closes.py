"""Scores of days reach a running service's warehouse, and are those that folding the log again would give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sevenfold.engine import Fold
from sevenfold.events.times import parse_ms
from sevenfold.library import load
from sevenfold.limits import WAREHOUSE_CLOSES_FILES_MAX
from sevenfold.log.base import Entry
from sevenfold.simulate.saas.company import SaasCompany
from sevenfold.warehouse.closes import FOLDER, ClosesWriter, files, take_closes
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.projector import Following, Projector
from sevenfold.workspace.models import Workspace

START = 1_704_067_200_000
SCORES = "SELECT number, time, of, subject, score, value, band, velocity FROM stored_scores ORDER BY ALL"
Raws = list[tuple[int, bytes]]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load("seven-stage")


@pytest.fixture(scope="module")
def company() -> Raws:
    events = SaasCompany(seed=5, accounts=3, days=24, start_ms=START).events()
    return sorted((parse_ms(event["timestamp"]) or 0, json.dumps(event).encode()) for event in events)


@pytest.fixture(scope="module")
def folded_again(workspace: Workspace, company: Raws) -> list[tuple[object, ...]]:
    """The rows as a replay gives them."""
    warehouse, fold = DuckWarehouse(threads=1), Fold(workspace)
    following = Following(Projector(warehouse, workspace), fold)
    for t, raw in company:
        first = fold.emitted
        effects = fold.events([(t, raw)])
        following.took_events([Entry("web", t, raw, t)])
        following.took_effects(first, effects)
    following.projector.flush()
    rows = warehouse.query(SCORES).to_pylist()
    assert len(rows) > 50
    return [tuple(row.values()) for row in rows]


def followed(
    folder: Path, workspace: Workspace, events: Raws, between: Callable[[Fold, int], Fold | None]
) -> list[tuple[object, ...]]:
    """The rows that a warehouse beside a running fold has; `between` may put another fold in its place."""
    warehouse, fold = DuckWarehouse(threads=1), Fold(workspace)
    writer = ClosesWriter(folder)
    writer.attach(fold)
    for place, (t, raw) in enumerate(events):
        fold.events([(t, raw)])
        writer.store()
        other = between(fold, place)
        if other is not None:
            fold, writer = other, ClosesWriter(folder)
            writer.attach(fold)
        if place % 97 == 0:
            take_closes(warehouse, folder)
    take_closes(warehouse, folder)
    assert files(folder / FOLDER) == []
    return [tuple(row.values()) for row in warehouse.query(SCORES).to_pylist()]


def test_a_running_service_has_the_scores_that_folding_again_gives(
    tmp_path: Path, workspace: Workspace, company: Raws, folded_again: list[tuple[object, ...]]
) -> None:
    assert followed(tmp_path, workspace, company, lambda fold, place: None) == folded_again


def test_a_restart_from_a_snapshot_leaves_no_row_out_and_repeats_none(
    tmp_path: Path, workspace: Workspace, company: Raws, folded_again: list[tuple[object, ...]]
) -> None:
    def restart(fold: Fold, place: int) -> Fold | None:
        return Fold.restore(workspace, fold.snapshot()) if place == 120 else None

    assert len(company) > 200
    assert followed(tmp_path, workspace, company, restart) == folded_again


def test_days_that_nobody_takes_do_not_fill_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    for day in range(WAREHOUSE_CLOSES_FILES_MAX + 3):
        (folder / f"{day:015d}.day").touch()
    writer = ClosesWriter(tmp_path)
    fold = Fold(load("seven-stage"))
    writer.attach(fold)
    fold.events([(START, b'{"type":"track","event":"Signed Up","userId":"u","messageId":"1"}')])
    fold.advance(START + 2 * 86_400_000)
    writer.store()
    held = files(folder)
    assert len(held) == WAREHOUSE_CLOSES_FILES_MAX and held[-1].stem > f"{START:015d}"
