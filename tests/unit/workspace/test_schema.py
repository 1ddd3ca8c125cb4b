"""The schemas for editors and the reference page say what the models say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from sevenfold.workspace import models
from sevenfold.workspace.layers import FILES
from sevenfold.workspace.packs import pack_names, pack_path
from sevenfold.workspace.problems import PackError
from sevenfold.workspace.reading import read
from sevenfold.workspace.reference import page, write
from sevenfold.workspace.schema import KINDS, schema
from tests.unit.workspace.worlds import BASE

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def plain(text: str) -> Any:
    node, _ = read(text.encode(), "f.yaml")
    assert node is not None
    return node.plain()


def messages(kind: str, given: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(schema(kind)).iter_errors(given)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_schema_is_a_valid_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(kind))


def test_the_schemas_accept_what_loads() -> None:
    given = plain(BASE)
    assert messages("workspace", {"name": "x", **given}) == []
    for section in ("entities", "traits", "catalogues", "signals", "segments", "lifecycles", "scores"):
        assert messages(section, given[section]) == []
    assert messages("acquisition", given["acquisition"]) == []


@pytest.mark.parametrize("name", pack_names())
def test_the_schemas_accept_the_packs(name: str) -> None:
    for path in pack_path(name).rglob("*.yaml"):
        home = next(folder for folder in path.parents if (folder / "workspace.yaml").exists())
        relative = path.relative_to(home)
        stem = relative.parts[0].removesuffix(".yaml")
        node, problems = read(path.read_bytes(), str(relative))
        if node is not None and not problems:
            assert messages(FILES.get(stem, "workspace"), node.plain()) == [], relative


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("signals", "a: {kind: cuont, event: A}"),
        ("signals", "a: {kind: count, event: A, windw: 7d}"),
        ("signals", "a: {kind: count}"),
        ("segments", "a: {when: 3}"),
        ("workspace", "title: x"),
        ("workspace", "name: x\nunknown: 3"),
        ("traits", "a: {type: integer}"),
    ],
)
def test_the_schemas_refuse_what_does_not_load(kind: str, text: str) -> None:
    assert messages(kind, plain(text)) != []


def test_an_empty_object_is_allowed_because_it_removes_one() -> None:
    assert messages("signals", {"a": None}) == []
    assert messages("workspace", {"name": "x", "segments": {"a": None}}) == []


def test_an_unknown_kind_of_file_is_explained() -> None:
    with pytest.raises(PackError, match="did you mean `signals`"):
        schema("signal")


def test_the_page_has_every_object_and_field() -> None:
    text = page()
    for class_ in get_args(models.Signal):
        assert f"### kind: {class_.__struct_config__.tag}\n" in text
    for name in ("Stage", "Score", "Measure", "Weights", "AcquisitionRule", "Catalogue", "IdentifierType"):
        assert f"### {name}\n" in text
    assert "| `exit_to` |" in text and "| `from` |" in text


def test_the_committed_reference_is_fresh(tmp_path: Path) -> None:
    for path in write(tmp_path):
        committed = DOCS / path.name
        assert committed.is_file() and committed.read_text() == path.read_text(), (
            f"{path.name} is stale; run `python -m sevenfold.workspace.reference`"
        )
