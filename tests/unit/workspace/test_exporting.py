"""Workspaces written back load to the same objects."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.workspace.exporting import ExportError, export, to_yaml
from sevenfold.workspace.loading import examine, load
from sevenfold.workspace.packs import pack_names, pack_path
from sevenfold.workspace.reading import read
from tests.unit.workspace.conftest import Make
from tests.unit.workspace.worlds import BASE

PLANS = """
plans:
  key: plan
  columns: {price: number, live: boolean, more: json, from: date}
  rows:
    - {plan: "007", price: 1.5, live: true, more: {a: [1, "x"]}, from: 2024-01-31}
    - {plan: 'a, "b"', price: 20}
"""


def test_a_workspace_survives_the_round_trip(make: Make) -> None:
    folder = make(
        {
            "workspace.yaml": "name: all\ntitle: 'yes: no'\n" + BASE,
            "catalogues.yaml": PLANS,
            "identity.yaml": 'blocked: ["null", "on", "1e5"]\ntypes: {email: {limit: 3, per: 30d}}',
        }
    )
    before = load(folder)
    written = export(before, folder.parent / "out")
    after = load(folder.parent / "out")
    assert after == before
    assert [list(getattr(after, s)) for s in ("signals", "segments")] == [
        list(getattr(before, s)) for s in ("signals", "segments")
    ]
    assert {path.name for path in written} >= {
        "workspace.yaml",
        "signals.yaml",
        "lifecycle.yaml",
        "health.yaml",
        "plans.csv",
    }


def test_what_a_workspace_extends_is_written_out_in_full(make: Make) -> None:
    make({"signals.yaml": "a: {kind: count, event: A}\nb: {kind: count, event: B}"}, "base")
    before = load(make({"workspace.yaml": "name: t\nextends: ../base", "signals.yaml": "b:"}, "top"))
    export(before, Path(make({}, "x")).parent / "out")
    after = load(Path(make({}, "x")).parent / "out")
    assert after == msgspec.structs.replace(before, extends=None)


@pytest.mark.parametrize("name", pack_names())
def test_every_pack_survives_the_round_trip(name: str, tmp_path: Path) -> None:
    loaded = examine(pack_path(name))
    if loaded.errors:
        pytest.skip(f"the pack has errors: {loaded.errors[0]}")
    export(loaded.workspace, tmp_path / "out")
    assert load(tmp_path / "out") == msgspec.structs.replace(loaded.workspace, extends=None)


def test_a_folder_that_holds_something_is_never_overwritten(make: Make) -> None:
    folder = make({})
    with pytest.raises(ExportError, match="not an empty folder"):
        export(load(folder), folder)


def test_a_file_in_the_way_is_explained(make: Make) -> None:
    folder = make({})
    with pytest.raises(ExportError):
        export(load(folder), folder / "workspace.yaml")
    with pytest.raises(ExportError, match="cannot write"):
        export(load(folder), folder / "workspace.yaml" / "below")


_PRINTABLE = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
_WORDS = st.sampled_from(
    [
        "on",
        "yes",
        "null",
        "~",
        "",
        "1e5",
        "0x1",
        "010",
        "2024-01-31",
        ".5",
        "1.",
        "<<",
        "=",
        "- a",
        "a: b",
        "#",
        "*a",
        "|",
        "1:30",
        "9" * 40,
    ]
)
_DATA = st.recursive(
    st.one_of(
        _PRINTABLE,
        _WORDS,
        st.booleans(),
        st.none(),
        st.integers(-(10**15), 10**15),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(_PRINTABLE, _WORDS).filter(bool), inner, max_size=3),
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.one_of(_PRINTABLE, _WORDS).filter(bool), _DATA, max_size=4))
def test_any_data_written_as_yaml_reads_back_the_same(data: dict[str, object]) -> None:
    node, problems = read(to_yaml(data).encode(), "f.yaml")
    assert problems == [] and node is not None
    assert node.plain() == data
