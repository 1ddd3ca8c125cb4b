"""Which release of the time zone data decides stands in the log."""

from __future__ import annotations

import msgspec

from sevenfold.engine import Fold
from sevenfold.engine.definition import UNDEFINED, record_of
from sevenfold.journeys.zones import info, tz_version
from sevenfold.workspace.models import Workspace

START = 1_772_442_000_000
WORKSPACE = msgspec.convert({"name": "world", "timezone": "Europe/Berlin"}, Workspace)


def test_a_definition_brings_the_release_that_decides() -> None:
    fold = Fold(UNDEFINED)
    fold.tell(START, record_of(WORKSPACE))
    assert fold.tz == tz_version()
    assert Fold.restore(None, fold.snapshot()).tz == tz_version()


def test_another_release_is_told_once_and_kept_over_other_definitions() -> None:
    fold = Fold(UNDEFINED)
    fold.tell(START, {**record_of(WORKSPACE), "tz": "2020a"})
    upgrade = {"op": "fold_version", "tz": "2020b"}
    told = [*fold.tell(START + 1, upgrade), *fold.tell(START + 2, upgrade)]
    assert [(e.kind, e.name, e.data) for e in told] == [("time_zones", "2020b", {"before": "2020a"})]
    without = {key: value for key, value in record_of(WORKSPACE).items() if key != "tz"}
    fold.tell(START + 3, without)
    assert fold.tz == "2020b"


def test_days_close_by_the_pinned_data_and_not_by_the_machines() -> None:
    fold = Fold(WORKSPACE)
    assert fold.closer.zone is info("europe/berlin")
