"""Offers: a code for each subject and run, until the pool is empty; redemption, expiry, cost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.engine import ControlError
from sevenfold.journeys.code_pool import CodePool, made_code
from sevenfold.journeys.offers import OfferError, written_codes
from sevenfold.journeys.people import OfferPool
from sevenfold.journeys.times import NEVER

from .office import DAY, NINE, World, workspace

POOL: dict[str, Any] = {"codes": ["A-1", "A-2"], "cost": 5, "redeemed": "Redeemed", "code_property": "coupon"}


def world(pool: dict[str, Any] | None = None, **journey: Any) -> World:
    """A journey that gives everybody who stalls a code."""
    steps = {
        "say": {"kind": "message", "template": "hello", "offer": "gift", "on": {"no_code": "none"}},
        "end": {"kind": "exit"},
        "none": {"kind": "exit", "reason": "no code left"},
    }
    base = {"triggers": [{"kind": "event", "event": "Stalled"}], "re_entry": {"unlimited": 9}, "steps": steps}
    return World(workspace(offers={"gift": POOL | (pool or {})}, journeys={"help": base | journey}))


def stall(office: World, t: int, user: str) -> None:
    office.identify(t, user, email=f"{user}@example.com")
    office.track(t, user, "Stalled")


# ------------------------------------------------------------------------------------------------ the pool


def test_codes_are_given_in_written_order_and_a_run_keeps_its_own() -> None:
    pool = CodePool("gift", ["b", "a", "b"], None)
    assert [pool.take(run, "person", 1, 0, NEVER) for run in ("r1", "r2", "r1", "r3")] == [
        "b",
        "a",
        "b",
        None,
    ]
    assert pool.left == 0


def test_made_codes_depend_on_pool_and_run_alone_and_never_collide() -> None:
    one, other = CodePool("gift", [], "HI-"), CodePool("gift", [], "HI-")
    assert one.take("r1", "person", 1, 0, NEVER) == other.take("r1", "person", 9, 9, NEVER)
    code = made_code("HI-", "gift", "r2")
    other.given[code] = other.given[str(other.of_run("r1"))]
    assert other.take("r2", "person", 2, 0, NEVER) not in (code, None)
    assert one.left is None


def test_a_code_is_redeemed_once_whatever_its_case_and_not_after_its_end() -> None:
    pool = CodePool("gift", ["Abc", "d"], None)
    pool.take("r1", "person", 1, 0, NEVER)
    pool.take("r2", "person", 1, 0, 10)
    found = [pool.redeem(code, t) for code, t in ((" aBC ", 5), ("ABC", 6), ("d", 10), ("x", 1), ("d", 9))]
    assert [None if one is None else one.status for one in found] == [
        "redeemed",
        "again",
        "expired",
        None,
        "redeemed",
    ]


def test_codes_added_later_come_after_the_others_and_known_ones_are_not_added() -> None:
    pool = CodePool("gift", ["a", "b"], None)
    pool.take("r1", "person", 1, 0, NEVER)
    assert pool.add(["A", "b", "c", "c"]) == 1
    assert [pool.take(run, "person", 1, 0, NEVER) for run in ("r2", "r3", "r4")] == ["b", "c", None]


@given(st.lists(st.sampled_from("abcdef"), max_size=12), st.integers(0, 6))
def test_a_pool_goes_on_from_what_it_wrote_down(runs: list[str], size: int) -> None:
    codes = [f"c{place}" for place in range(size)]
    whole, parted = CodePool("gift", codes, None), CodePool("gift", codes, None)
    for run in runs:
        again = CodePool("gift", codes, None)
        again.load(parted.dump())
        parted = again
        assert whole.take(run, "person", 1, 0, NEVER) == parted.take(run, "person", 1, 0, NEVER)
        assert whole.left == parted.left


def test_codes_that_were_given_stay_given_when_the_workspace_writes_others() -> None:
    before = CodePool("gift", ["a", "b"], None)
    before.take("r1", "person", 1, 0, NEVER)
    after = CodePool("gift", ["c", "a"], None)
    after.load(before.dump())
    assert (after.take("r1", "person", 1, 0, NEVER), after.take("r2", "person", 1, 0, NEVER)) == ("a", "c")
    assert after.left == 0


def test_a_catalogues_column_is_a_pool_and_a_pool_without_codes_is_an_error() -> None:
    model = workspace(
        catalogues={"codes": {"key": "code", "rows": [{"code": "x"}, {"code": 7}, {"code": ""}]}}
    )
    assert written_codes("gift", OfferPool(catalogue="codes"), model.catalogues) == ["x", "7"]
    for pool in (OfferPool(), OfferPool(catalogue="none"), OfferPool(codes=["x" * 65])):
        with pytest.raises(OfferError):
            written_codes("gift", pool, model.catalogues)


# -------------------------------------------------------------------------------------------------- in runs


def test_a_message_carries_its_code_and_says_when_it_ends() -> None:
    office = world({"expires": "7d"})
    stall(office, NINE, "u")
    assert office.data("message")[0]["offer"] == {"pool": "gift", "code": "A-1", "expires": NINE + 7 * DAY}
    [given_] = office.data("offer_given")
    assert (given_["code"], given_["cost"], given_["left"], given_["journey"]) == ("A-1", 5.0, 1, "help")


def test_when_the_pool_is_empty_the_run_goes_the_way_of_no_code() -> None:
    office = world()
    for at, user in enumerate("uvw"):
        stall(office, NINE + at, user)
    assert [message["offer"]["code"] for message in office.data("message")] == ["A-1", "A-2"]
    assert office.data("held")[0]["reason"] == "no_code"
    assert office.data("ended")[-1]["reason"] == "no code left"
    office.control(NINE + 9, "codes", offer="gift", codes=["A-3"])
    stall(office, NINE + 10, "w")
    assert office.data("message")[-1]["offer"]["code"] == "A-3"


def test_a_message_that_is_held_takes_no_code() -> None:
    office = world()
    office.track(NINE, "nobody", "Stalled")
    assert office.data("held")[0]["reason"] == "unreachable" and not office.of("offer_given")


def test_ghosts_take_no_codes_but_run_out_with_the_others() -> None:
    office = world(holdout=100)
    stall(office, NINE, "u")
    assert office.of("would_send") and not office.of("offer_given")
    empty = world({"codes": ["A-1"]}, holdout=100)
    offers: Any = empty.fold.journeys.services["offers"]  # type: ignore[union-attr]
    offers.pools["gift"].take("somebody", "person", 9, 0, NEVER)
    stall(empty, NINE, "u")
    assert empty.data("step")[0]["outcome"] == "no_code"


def test_redeeming_is_attributed_to_the_run_and_says_who_else_used_it() -> None:
    office = world({"expires": "1d"})
    stall(office, NINE, "u")
    stall(office, NINE + 1, "v")
    office.track(NINE + 2, "w", "Redeemed", coupon="a-1")
    office.track(NINE + 3, "u", "Redeemed", coupon="A-1")
    office.track(NINE + 2 * DAY, "v", "Redeemed", coupon="A-2")
    office.track(NINE + 2 * DAY, "v", "Redeemed", coupon="B-9")
    [redeemed], refused = office.data("offer_redeemed"), office.data("offer_refused")
    assert redeemed["run"] == office.data("run")[0]["run"]
    assert (redeemed["cost"], redeemed["by_other"], redeemed["after"]) == (5.0, True, 2)
    assert [one["reason"] for one in refused] == ["again", "expired"]


def test_after_a_merge_and_a_restart_a_code_is_still_its_owners() -> None:
    office = world()
    stall(office, NINE, "u")
    stall(office, NINE + 1, "v")
    office.control(NINE + 2, "merge", members=["u", "v"])
    office.again()
    office.track(NINE + 3, "u", "Redeemed", coupon="A-2")
    assert office.data("offer_redeemed")[0]["by_other"] is False


def test_codes_come_by_control_records_only_for_a_pool_of_written_codes() -> None:
    office = world()
    for record in (
        {"offer": "none", "codes": ["x"]},
        {"offer": "gift", "codes": "x"},
        {"offer": "gift", "codes": [""]},
    ):
        with pytest.raises(ControlError):
            office.control(NINE, "codes", **record)
