"""A mapping that cannot be understood is refused with the line and the likely fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.errors import InputError, MappingError
from sevenfold.importers.mapping import load_mapping, parse_mapping
from sevenfold.importers.read import Inputs

GOOD = """\
source: shop
files:
  - match: "orders*"
    events:
      - event: Order Completed
        time: at
        user_id: customer
"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("user_id", "userid"), "mapping:5, files[0].events[0].*did you mean `user_id`"),
        (("source: shop\n", ""), "missing required field `source`"),
        (("event: Order Completed", "name: x"), "missing required field `event`"),
        (("time: at", "time: 5"), "mapping:6, files[0].events[0].time"),
        (("time: at", "time: {column: at, type: date}"), "files[0].events[0].time.type"),
        (("    events:", "    zone: Mars/Olympus\n    events:"), "mapping:4, files[0].zone.*Mars/Olympus"),
        (("time: at", "time: at\n        where: {total: {abve: 3}}"), "did you mean `above`"),
        (("source: shop", "source: [shop"), "no YAML"),
    ],
)
def test_it_says_where_and_how_to_fix(change: tuple[str, str], expected: str) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(MappingError) as caught:
        parse_mapping(text)
    for part in expected.split(".*"):
        assert part in str(caught.value)


def test_a_missing_mapping_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="Cannot read"):
        load_mapping(tmp_path / "nowhere.yaml")


def test_a_file_that_the_mapping_does_not_know_is_said(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("a\n1\n")
    with pytest.raises(MappingError, match=r"visits\.csv.*'orders\*'"):
        Inputs([tmp_path / "visits.csv"], parse_mapping(GOOD))


def test_a_table_without_a_mapping_is_said(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("a\n1\n")
    with pytest.raises(MappingError, match="write a mapping"):
        Inputs([tmp_path / "visits.csv"], None)


def test_no_file_at_all_is_said() -> None:
    with pytest.raises(InputError, match="name at least one"):
        Inputs([], None)


def test_a_lookup_that_nobody_defined_is_said(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("at,customer\n2024-01-01,1\n")
    text = GOOD.replace("user_id: customer", "user_id: {column: customer, lookup: people.id}")
    inputs = Inputs([tmp_path / "orders.csv"], parse_mapping(text))
    with pytest.raises(MappingError, match=r"people\.id"):
        list(inputs.events(lambda row: None))


def test_the_examples_are_sound() -> None:
    folder = Path(__file__).resolve().parents[3] / "examples" / "mappings"
    examples = sorted(folder.glob("*.yaml"))
    assert len(examples) >= 6
    for path in examples:
        assert load_mapping(path).source
