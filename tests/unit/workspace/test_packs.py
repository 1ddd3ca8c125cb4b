"""Packs are found by name and copied to start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.workspace import packs
from sevenfold.workspace.loading import load
from sevenfold.workspace.problems import PackError
from tests.unit.workspace.conftest import Make


@pytest.fixture
def pack(make: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make({"workspace.yaml": "name: mine", "traits.yaml": "plan: {}", ".hidden": "x"}, "packs/mine")
    (folder.parent / "no_pack").mkdir()
    monkeypatch.setattr(packs, "_PLACES", (folder.parent / "absent", folder.parent))
    return folder


def test_packs_are_listed_by_name(pack: Path) -> None:
    assert packs.pack_names() == ["mine"]
    assert packs.pack_path("mine") == pack


def test_an_unknown_pack_is_explained(pack: Path) -> None:
    with pytest.raises(PackError, match="did you mean `mine`"):
        packs.pack_path("mein")
    with pytest.raises(PackError, match="unknown pack"):
        packs.pack_path("../packs/mine")


def test_without_any_packs_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "_PLACES", (tmp_path / "absent",))
    assert packs.pack_names() == []
    with pytest.raises(PackError, match="no packs are installed"):
        packs.pack_path("mine")


def test_a_pack_is_copied_to_a_new_or_empty_folder_and_loads_there(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty", "deep/new"):
        written = packs.init("mine", tmp_path / name)
        assert [path.name for path in written] == ["traits.yaml", "workspace.yaml"]
        assert load(tmp_path / name).name == "mine"


def test_a_folder_that_holds_something_is_refused_and_left_alone(pack: Path, tmp_path: Path) -> None:
    target = tmp_path / "used"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(PackError, match="not an empty folder"):
        packs.init("mine", target)
    assert [path.name for path in target.iterdir()] == ["notes.txt"]


def test_a_file_in_the_way_is_refused(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(PackError, match="not an empty folder"):
        packs.init("mine", tmp_path / "file")
    with pytest.raises(PackError, match="cannot write"):
        packs.init("mine", tmp_path / "file" / "below")
