"""YAML texts become trees that know their lines, and hostile ones become problems."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.limits import WORKSPACE_FILE_BYTES_MAX
from sevenfold.workspace.reading import read


def plain(text: str) -> object:
    node, problems = read(text.encode(), "a.yaml")
    assert node is not None and problems == [], problems
    return node.plain()


def codes(text: str | bytes) -> list[str]:
    return [p.code for p in read(text.encode() if isinstance(text, str) else text, "a.yaml")[1]]


@pytest.mark.parametrize(
    "text", ["on", "off", "yes", "no", "y", "n", "2024-01-31", "010", "0x1F", "1_000", "1:30", "=", "089"]
)
def test_what_looks_like_a_text_stays_a_text(text: str) -> None:
    assert plain(f"{text}: {text}") == {text: text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
    ],
)
def test_numbers_truth_and_nothing_are_typed(text: str, value: object) -> None:
    assert plain(f"x: {text}") == {"x": value}


def test_a_quoted_number_is_a_text() -> None:
    assert plain("x: '1'\ny: \"true\"\nz: !!str 5") == {"x": "1", "y": "true", "z": "5"}


def test_keys_are_always_texts() -> None:
    assert plain("1: a\ntrue: b\n2024-01-01: c") == {"1": "a", "true": "b", "2024-01-01": "c"}


def test_every_value_and_key_knows_its_line() -> None:
    node, _ = read(b"a:\n  b: 1\n\n  c:\n    - x\n    - y\n", "a.yaml")
    assert node is not None
    assert node.value["a"].keys == {"b": 2, "c": 4}
    assert [item.line for item in node.value["a"].value["c"].value] == [5, 6]


def test_a_key_given_twice_is_an_error_that_names_both_lines_and_keeps_the_first() -> None:
    node, problems = read(b"a: 1\nb: 2\na: 3\n", "f.yaml")
    assert node is not None and node.plain() == {"a": 1, "b": 2}
    assert [(p.code, p.line, p.suggestion) for p in problems] == [
        ("duplicate_key", 3, "the first one is in line 1")
    ]


def test_an_alias_repeats_its_anchor() -> None:
    assert plain("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    start = time.monotonic()
    assert codes("\n".join(lines)) == ["too_large"]
    assert time.monotonic() - start < 2


def test_an_alias_inside_its_own_anchor_is_refused() -> None:
    assert codes("a: &x [1, *x]") == ["alias_refused"]


def test_an_alias_without_an_anchor_is_refused() -> None:
    assert codes("a: *nothing") != []


def test_merge_keys_are_refused_with_advice() -> None:
    (problem,) = read(b"a: &x {k: 1}\nb:\n  <<: *x\n", "f.yaml")[1]
    assert (problem.code, problem.line, problem.suggestion) == ("alias_refused", 3, "write the fields out")


@pytest.mark.parametrize(
    "text", ["x: !!python/object/apply:os.system [ls]", "x: !custom 3", "x: !!set {a, b}", "x: !!int '3'"]
)
def test_tags_never_make_objects(text: str) -> None:
    assert codes(text) == ["wrong_type"]


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan", "1e400", "9" * 30])
def test_numbers_must_be_finite(text: str) -> None:
    assert codes(f"x: {text}") == ["bad_number"]


def test_deep_nesting_is_refused() -> None:
    assert codes("[" * 500 + "]" * 500) == ["too_large"]


def test_a_file_that_is_too_large_is_refused() -> None:
    assert codes(b"#" * (WORKSPACE_FILE_BYTES_MAX + 1)) == ["too_large"]


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"a: [1", b"a: b: c", b"\tx: 1", b"a: 'x", b"- a\nb: 1", b"a: \x00"]
)
def test_what_is_no_yaml_is_one_problem(data: bytes) -> None:
    assert codes(data) == ["file_unreadable"]


def test_a_syntax_error_names_the_line() -> None:
    (problem,) = read(b"a: 1\nb: [1, 2\nc: 3\n", "f.yaml")[1]
    assert problem.file == "f.yaml" and problem.line in (2, 3)


def test_a_second_document_is_refused() -> None:
    assert codes("a: 1\n---\nb: 2") == ["file_unreadable"]


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert plain("# nothing here\n") == {}


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_give_a_tree_or_problems(data: bytes) -> None:
    node, problems = read(data, "f.yaml")
    assert node is not None or problems


_YAML = st.text(alphabet="ab: -[]{}&*!|>'\"\n#?,<%@`~.0123456789\tonyes", max_size=120)


@given(_YAML)
def test_no_text_like_yaml_does_anything_but_give_a_tree_or_problems(text: str) -> None:
    node, problems = read(text.encode(), "f.yaml")
    assert node is not None or problems
    if node is not None:
        node.plain()
