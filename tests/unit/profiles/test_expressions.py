"""The expression language: what it reads, what it refuses, and that nothing can break it."""

from __future__ import annotations

import contextlib
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.limits import EXPRESSION_CHARS_MAX
from sevenfold.profiles.expressions import (
    AllOf,
    AnyOf,
    Compare,
    Duration,
    Exists,
    ExpressionError,
    Linear,
    Literal,
    Member,
    Name,
    NotOf,
    TextTest,
    Truth,
    names,
    parse,
    parse_duration,
    parse_linear,
)

A, B = Name(("a",)), Name(("b",))


def number(value: int | str) -> Literal:
    return Literal(Fraction(value))


def test_it_reads_a_comparison_with_a_number() -> None:
    assert parse("logins_7d >= 3") == Compare(">=", Name(("logins_7d",)), number(3))


def test_it_reads_a_comparison_with_a_duration() -> None:
    assert parse("a > 14d") == Compare(">", A, Literal(Duration(14 * 86_400_000)))


def test_numbers_are_exact() -> None:
    assert parse("a == 0.1") == Compare("==", A, number("1/10"))


def test_a_negative_number_is_a_constant() -> None:
    assert parse("a > -5") == Compare(">", A, number(-5))


def test_and_binds_tighter_than_or_and_not_tightest() -> None:
    assert parse("a or b and not a") == AnyOf((Truth(A), AllOf((Truth(B), NotOf(Truth(A))))))


def test_parentheses_group() -> None:
    assert parse("(a or b) and a") == AllOf((AnyOf((Truth(A), Truth(B))), Truth(A)))


def test_a_chain_means_both_comparisons() -> None:
    assert parse("40 <= a < 60") == AllOf((Compare("<=", number(40), A), Compare("<", A, number(60))))


def test_in_and_not_in_take_lists_of_constants() -> None:
    inside = Member(A, ("x", Fraction(2), True))
    assert parse("a in ('x', 2, true)") == inside
    assert parse("a not in ('x', 2, true)") == NotOf(inside)


@pytest.mark.parametrize("op", ["contains", "starts_with", "ends_with", "matches"])
def test_text_tests_take_a_quoted_text(op: str) -> None:
    assert parse(f"a {op} 'it\\'s'") == TextTest(op, A, "it's")


def test_missing_is_the_negation_of_exists() -> None:
    assert parse("exists a") == Exists(A)
    assert parse("missing a") == NotOf(Exists(A))


def test_names_may_have_parts_and_odd_ones_stand_in_brackets() -> None:
    assert parse("account.trait['Odd key'].x").operand == Name(("account", "trait", "Odd key", "x"))  # type: ignore[union-attr]


def test_sums_are_linear() -> None:
    expected = Linear(((Fraction(2), A), (Fraction(-3), B)), Fraction(1, 2))
    assert parse("2 * a - b * 3 + 0.5 > 0") == Compare(">", expected, number(0))


def test_constants_on_both_sides_of_a_name_multiply() -> None:
    assert parse_linear("2 * a * 3") == Linear(((Fraction(6), A),), Fraction(0))
    assert parse_linear("(a + 1) * 2 * 3") == Linear(((Fraction(6), A),), Fraction(6))


def test_double_negation_cancels() -> None:
    assert parse("not not a") == Truth(A)
    assert parse("a > --5") == Compare(">", A, number(5))


def test_names_lists_every_name_in_written_order() -> None:
    tree = parse("a > 1 and (b in ('x') or exists c) and not d.e and 2 * f + g < h and i contains 'z'")
    assert [str(name) for name in names(tree)] == ["a", "b", "c", "d.e", "f", "g", "h", "i"]


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "ends too early"),
        ("a >", 4, "ends too early"),
        ("a > 3 b", 7, "left over"),
        ("a & b", 3, "no meaning"),
        ("3", 2, "not a condition"),
        ("'x'", 4, "not a condition"),
        ("a + b", 6, "not a condition"),
        ("a * b > 1", 7, "cannot be multiplied"),
        ("a in (b)", 8, "constants only"),
        ("a in ()", 7, "expected a name"),
        ("a contains b", 12, "quoted text"),
        ("(a", 3, "expected `)`"),
        ("a.", 3, "follow the dot"),
        ("a[3]", 3, "in the brackets"),
        ("and", 1, "expected a name"),
        ("(a or b) > 3", 13, "cannot be compared"),
        ("a = 3", 3, "no meaning"),
        ("a > 'x", 5, "no meaning"),
    ],
)
def test_what_it_cannot_read_is_refused_with_the_column(text: str, column: int, said: str) -> None:
    with pytest.raises(ExpressionError, match="column") as caught:
        parse(text)
    assert said in str(caught.value)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90s", 90_000),
        ("30m", 1_800_000),
        ("1.5h", 5_400_000),
        ("7d", 604_800_000),
        ("1w", 604_800_000),
        ("5ms", 5),
    ],
)
def test_durations_are_whole_milliseconds(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text", ["", "7", "d", "7 d", "-7d", "7y", "0.0001s", "1e3s", "9" * 5_000 + "d", "7dd"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_duration(text)


def test_an_expression_that_is_too_long_is_refused() -> None:
    with pytest.raises(ExpressionError, match="characters"):
        parse("a or " * EXPRESSION_CHARS_MAX + "a")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2_000,
        "(" * 39 + "a" + ")" * 39,
        "not " * 900 + "a",
        "-" * 3_000 + "1 > a",
        "a or " * 700 + "a",
        "(" + "a+" * 900 + "a)" + "*9" * 1_000 + ">1",
        "9*" * 1_900 + "a>1",
        "((((a+a)*9+a)*9+a)*9+a)*9>1",
        "a<" * 1_900 + "a",
        "a." * 1_900 + "a",
        "'" * 3_999,
        "\\" * 100,
        "a['" * 500,
    ],
    ids=lambda text: text[:12],
)
def test_long_and_deep_expressions_are_read_or_refused_quickly(text: str) -> None:
    start = time.monotonic()
    with contextlib.suppress(ExpressionError):
        parse(text)
    assert time.monotonic() - start < 1


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_an_expression_error(text: str) -> None:
    try:
        parse(text)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1


_PIECES = st.sampled_from(
    [
        "a",
        "b.c",
        "x['y z']",
        "1",
        "0.5",
        "7d",
        "'t'",
        '"u"',
        "true",
        "false",
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        ",",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "exists",
        "missing",
        "contains",
        "matches",
        "[",
        "]",
        ".",
        "²",
        "٣d",
    ]
)


@given(st.lists(_PIECES, max_size=40).map(" ".join))
def test_no_mixture_of_tokens_raises_anything_but_an_expression_error(text: str) -> None:
    for reader in (parse, parse_linear, parse_duration):
        try:
            reader(text)
        except ExpressionError:
            continue


_ATOMS = st.sampled_from(["a > 1", "b == 'x'", "c in ('x', 'y')", "exists d", "e", "f < 7d", "not g"])
_TREES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " and ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " or ".join(parts) + ")"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=12,
)


@given(_TREES)
def test_spaces_and_outer_parentheses_change_nothing(text: str) -> None:
    assert parse(text) == parse(f"  ( {text} )  ")
