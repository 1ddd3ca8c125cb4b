"""What names in conditions mean, and what is said about those that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.profiles.expressions import AllOf, AnyOf, ExpressionError, NotOf, parse
from sevenfold.workspace.models import Group
from sevenfold.workspace.names import (
    Derived,
    Names,
    Reference,
    condition,
    derived,
    join_path,
    parse_name,
    split_path,
)
from sevenfold.workspace.problems import UnknownNameError, WrongSubjectError
from tests.unit.workspace.worlds import workspace

NAMES = Names(workspace())


@pytest.mark.parametrize(
    ("text", "of", "kind", "type_"),
    [
        ("logins", "person", "signal", "count"),
        ("spent", "person", "signal", "number"),
        ("quiet", "person", "signal", "clock"),
        ("in_stage", "person", "signal", "clock"),
        ("visits", "person", "signal", "count"),
        ("visits.current", "person", "signal", "duration"),
        ("visits.events", "person", "signal", "count"),
        ("steps", "person", "signal", "count"),
        ("steps.setup", "person", "signal", "boolean"),
        ("steps.stalled", "person", "signal", "boolean"),
        ("steps.next", "person", "signal", "text"),
        ("used.top", "person", "signal", "text"),
        ("used.unused", "person", "signal", "count"),
        ("reply", "person", "signal", "text"),
        ("source", "person", "signal", "text"),
        ("source.intent", "person", "signal", "number"),
        ("team", "account", "signal", "count"),
        ("order_total", "order", "signal", "number"),
        ("trait.plan", "person", "trait", "text"),
        ("trait.seats", "person", "trait", "number"),
        ("trait.renewal", "person", "trait", "date"),
        ("trait.beta", "person", "trait", "boolean"),
        ("trait.extras", "person", "trait", "json"),
        ("trait.tier", "account", "trait", "text"),
        ("trait.value", "account", "trait", "number"),
        ("segment.active", "person", "segment", "boolean"),
        ("stage.main", "person", "stage", "text"),
        ("score.health", "person", "score", "score"),
        ("band.health", "person", "band", "text"),
        ("velocity.health", "person", "velocity", "text"),
    ],
)
def test_a_name_has_a_kind_and_a_type(text: str, of: str, kind: str, type_: str) -> None:
    found = NAMES.resolve(parse_name(text), of)
    assert (found.kind, found.of, found.type, found.via_account) == (kind, of, type_, False)


def test_account_before_a_name_leads_to_the_account_of_a_person() -> None:
    found = NAMES.resolve(parse_name("account.team"), "person")
    assert found == Reference("signal", "account", "team", None, "count", True)
    assert NAMES.resolve(parse_name("account.trait.arr"), "person").type == "number"
    assert NAMES.resolve(parse_name("account.segment.big"), "person").of == "account"


def test_where_sees_properties_and_nothing_else() -> None:
    assert NAMES.resolve(parse_name("property.plan"), "person", where=True).type == "any"
    assert NAMES.resolve(parse_name("property.a['odd key']"), "person", where=True).name == 'a["odd key"]'
    with pytest.raises(UnknownNameError, match=r"property\.plan"):
        NAMES.resolve(parse_name("plan"), "person", where=True)


def test_an_acquisition_rule_sees_page_campaign_property_and_trait() -> None:
    for text in ("page.path", "campaign.source", "property.plan", "trait.plan"):
        assert NAMES.resolve(parse_name(text), "person", acquisition=True).name in text
    for text in ("page.colour", "logins", "segment.active"):
        with pytest.raises(UnknownNameError):
            NAMES.resolve(parse_name(text), "person", acquisition=True)


@pytest.mark.parametrize(
    ("text", "of", "said"),
    [
        ("login", "person", "unknown signal `login` (did you mean `logins`?)"),
        ("Logins", "person", "did you mean `logins`?"),
        ("plan", "person", "did you mean `trait.plan`?"),
        ("active", "person", "did you mean `segment.active`?"),
        ("main", "person", "did you mean `stage.main`?"),
        ("health", "person", "did you mean `score.health`?"),
        ("trait.plann", "person", "unknown trait `plann` of person (did you mean `plan`?)"),
        ("trait.city", "person", "declare it: traits: {city: {type: string, of: person}}"),
        ("segment.activ", "person", "unknown segment `activ` (did you mean `active`?)"),
        ("stage.mian", "person", "unknown lifecycle `mian` (did you mean `main`?)"),
        ("band.helth", "person", "unknown score `helth` (did you mean `health`?)"),
        ("visits.curent", "person", "signal `visits` has no part `.curent` (did you mean `current`?)"),
        ("logins.x", "person", "signal `logins` has no part `.x`"),
        ("property.x", "person", "known only inside `where`"),
        ("page.path", "person", "known only in the acquisition table"),
        ("stage", "person", "must be `stage.NAME`"),
        ("trait.a.b", "person", "must be `trait.NAME`"),
        ("account.account.team", "person", "says `account.` twice"),
    ],
)
def test_an_unknown_name_is_explained(text: str, of: str, said: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        NAMES.resolve(parse_name(text), of)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "of", "said"),
    [
        ("team", "person", "signal `team` is of account, not of person (write `account.team`)"),
        ("segment.big", "person", "write `account.segment.big`"),
        ("trait.tier", "person", "write `account.trait.tier`"),
        ("logins", "account", "is of person, not of account"),
        ("account.team", "account", "write `team`"),
        ("account.team", "order", "only a person has an account"),
        ("order_total", "person", "is of order, not of person"),
    ],
)
def test_a_name_of_another_kind_of_subject_is_explained(text: str, of: str, said: str) -> None:
    with pytest.raises(WrongSubjectError) as caught:
        NAMES.resolve(parse_name(text), of)
    assert said in str(caught.value)


def test_a_date_is_a_date_trait_or_else_a_date_signal() -> None:
    names = Names(workspace("signals: {bought: {kind: last, event: Buy, property: on, type: date}}"))
    assert names.date("renewal", "person").kind == "trait"
    assert names.date("trait.renewal", "person").kind == "trait"
    assert names.date("bought", "person").kind == "signal"
    for text in ("plan", "logins", "nothing"):
        with pytest.raises(UnknownNameError):
            names.date(text, "person")


def test_a_rollup_has_the_type_of_what_it_adds() -> None:
    names = Names(
        workspace("""
        signals:
          sum: {kind: rollup, of: account, aggregate: sum, signal: spent}
          most: {kind: rollup, of: account, aggregate: max, signal: visits.previous}
          mean: {kind: rollup, of: account, aggregate: average, signal: logins}
          heads: {kind: rollup, of: account, aggregate: count, when: logins > 0}
          weighed: {kind: rollup, of: account, aggregate: sum, signal: team, over: accounts, weight: arr}
          round: {kind: rollup, of: account, aggregate: sum, signal: round, over: accounts}
        """)
    )
    types = [names.parts(name)[None] for name in ("sum", "most", "mean", "heads", "weighed", "round")]
    assert types == ["number", "duration", "number", "count", "number", "number"]


def test_a_score_history_is_a_slope_in_numbers_or_points() -> None:
    text = "signals: {{h: {{kind: score_history, score: health, measure: {}}}}}"
    assert Names(workspace(text.format("slope"))).parts("h") == {None: "number"}
    assert Names(workspace(text.format("min"))).parts("h") == {None: "score"}


def test_a_tree_of_conditions_becomes_one_node() -> None:
    tree = Group(all_=["logins > 2", Group(any_=["beta", Group(not_="old")])])
    assert condition(tree) == AllOf((parse("logins > 2"), AnyOf((parse("beta"), NotOf(parse("old"))))))
    with pytest.raises(ExpressionError):
        condition(Group(not_="a >"))


def test_a_group_with_two_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Group(all_=["a"], any_=["b"])


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        ("$stage main/customer", Derived("stage", "main", "customer")),
        ("$segment high value", Derived("segment", "high value")),
        ("$left active", Derived("left", "active")),
        ("Signed In", None),
        ("$other", None),
    ],
)
def test_derived_events_are_told_from_others(event: str, meaning: Derived | None) -> None:
    assert derived(event) == meaning


@pytest.mark.parametrize("text", ["logins > 2", "3", "'x'", "a b", ""])
def test_a_field_that_holds_more_than_a_name_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_name(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plan", ("plan",)),
        ("address.city", ("address", "city")),
        ('$["odd key"]', ("odd key",)),
        ("$.a.b", ("a", "b")),
        ("a['b.c'].d", ("a", "b.c", "d")),
        ('products["0"]', ("products", "0")),
        ("$", ()),
    ],
)
def test_a_path_is_split_at_dots_and_brackets(text: str, parts: tuple[str, ...]) -> None:
    assert split_path(text) == parts


@pytest.mark.parametrize("text", ["", ".", "a..b", "a[", "a[0]", 'a["b', "a.", "[x]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        split_path(text)


@given(st.lists(st.text(alphabet="ab .-$_[]é'", min_size=1, max_size=6), max_size=4).map(tuple))
def test_joining_and_splitting_a_path_gives_it_back(parts: tuple[str, ...]) -> None:
    assert split_path(join_path(parts)) == parts
