from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

import msgspec
import polars as pl
import pytest

from sevenfold.simulate import Message, Shop, ShopParameters, SimulationError
from tests.unit.simulate.worlds import DAY_MS, every, lines, lived


def ms(event: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)


def people(shop: Shop) -> pl.DataFrame:
    table = pl.from_arrow(shop.truth()["people"])
    assert isinstance(table, pl.DataFrame)
    return table


@pytest.fixture(scope="module")
def year() -> tuple[Shop, list[dict[str, Any]]]:
    shop = Shop(3, 600, 300)
    return shop, list(shop.events())


def test_the_same_seed_gives_the_same_bytes_and_more_customers_change_nobody() -> None:
    fewer = lines(Shop(2, 60, 100))
    assert fewer == lines(Shop(2, 60, 100))
    more = lines(Shop(2, 80, 100))
    kept = set(fewer)
    assert [line for line in more if line in kept] == fewer


def test_events_are_valid_ordered_and_unique(year: tuple[Shop, list[dict[str, Any]]]) -> None:
    _, events = year
    times = [ms(event) for event in events]
    assert times == sorted(times)
    assert len({event["messageId"] for event in events}) == len(events)
    for event in events:
        assert event["type"] in {"track", "page", "identify"}
        assert "groupId" not in event["context"]


def test_the_whole_life_happens(year: tuple[Shop, list[dict[str, Any]]]) -> None:
    _, events = year
    names = {event.get("event") or event.get("name") for event in events}
    assert names >= {
        "Home", "Category", "FAQ", "Returns", "Product Viewed", "Products Searched", "Product Added",
        "Cart Viewed",
        "Checkout Started", "Order Completed", "Order Shipped", "Order Delivered", "Order Cancelled",
        "Order Refunded",
        "Return Requested", "Ticket Opened", "Ticket Resolved", "NPS Answered", "CSAT Answered",
        "Product Reviewed",
        "Email Delivered",
        "Email Opened", "Referral Link Shared",
    }  # fmt: skip


def test_an_order_says_what_was_bought_and_leads_to_its_delivery(
    year: tuple[Shop, list[dict[str, Any]]],
) -> None:
    shop, events = year
    orders = {e["properties"]["order_id"]: e for e in events if e.get("event") == "Order Completed"}
    for order in orders.values():
        said = order["properties"]
        assert said["total"] == pytest.approx(sum(p["price"] * p["quantity"] for p in said["products"]))
        assert said["items"] == sum(p["quantity"] for p in said["products"])
    delivered = {e["properties"]["order_id"]: ms(e) for e in events if e.get("event") == "Order Delivered"}
    assert all(ms(orders[name]) < at for name, at in delivered.items())
    end = shop.start_ms + (shop.days - 45) * DAY_MS
    cancelled = {e["properties"]["order_id"] for e in events if e.get("event") == "Order Cancelled"}
    early = {name for name, order in orders.items() if ms(order) < end} - cancelled
    assert len(early & delivered.keys()) > 0.99 * len(early)


def test_half_buy_again_within_ninety_days_and_each_in_a_rhythm_of_their_own(
    year: tuple[Shop, list[dict[str, Any]]],
) -> None:
    shop, events = year
    bought = people(shop).filter(pl.col("first_order_ms") < shop.start_ms + (shop.days - 90) * DAY_MS)
    again = (bought["second_order_ms"] - bought["first_order_ms"] < 90 * DAY_MS).fill_null(value=False)
    assert 0.35 < float(again.cast(pl.Float64).mean()) < 0.60  # type: ignore[arg-type]
    at: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.get("event") == "Order Completed":
            at[event["userId"]].append(ms(event))
    often = people(shop).filter(pl.col("orders") >= 4)
    mean = [(max(at[name]) - min(at[name])) / DAY_MS / (len(at[name]) - 1) for name in often["user_id"]]
    frame = often.with_columns(pl.Series("mean_gap", mean))
    assert frame.select(pl.corr("gap_days", "mean_gap", method="spearman")).item() > 0.35


def test_some_say_after_a_resolved_ticket_how_satisfied_they_are(
    year: tuple[Shop, list[dict[str, Any]]],
) -> None:
    _, events = year
    ratings = {
        e["properties"]["ticket_id"]: e["properties"]["rating"]
        for e in events
        if e.get("event") == "Ticket Resolved"
    }
    answers = [e["properties"] for e in events if e.get("event") == "CSAT Answered"]
    assert 0.2 * len(ratings) < len(answers) < 0.5 * len(ratings)
    assert all(abs(answer["score"] - ratings[answer["ticket_id"]]) <= 1 for answer in answers)


def test_drifting_customers_open_and_visit_less_before_they_are_gone(
    year: tuple[Shop, list[dict[str, Any]]],
) -> None:
    shop, events = year
    drifting = people(shop).filter(pl.col("gone_ms").is_not_null() & (pl.col("first_order_ms").is_not_null()))
    gone = dict(drifting.select("user_id", "gone_ms").iter_rows())
    near, far = Counter[str](), Counter[str]()
    for event in events:
        name = event.get("event", event["type"])
        if name in {"Email Opened", "Product Viewed"} and event.get("userId") in gone:
            away = (gone[event["userId"]] - ms(event)) / DAY_MS
            (near if away < 14 else far)[name] += 1 if away < 28 else 0
    assert near["Email Opened"] < 0.7 * far["Email Opened"]
    assert near["Product Viewed"] < 0.7 * far["Product Viewed"]


def test_messages_bring_back_the_persuadable_only() -> None:
    rules = ShopParameters(drift=0.01)
    quiet, loud = Shop(5, 600, 120, parameters=rules), Shop(5, 600, 120, parameters=rules)
    for _ in quiet.events():
        pass
    lived(loud, every(5, "reengagement"))

    def orders(shop: Shop) -> dict[str, float]:
        bought = people(shop).filter(pl.col("first_order_ms").is_not_null() & pl.col("parent_id").is_null())
        return dict(bought.group_by("response_type").agg(pl.col("orders").sum()).iter_rows())

    before, after = orders(quiet), orders(loud)
    assert after["persuadable"] > 1.03 * before["persuadable"]
    assert after["put_off"] < 0.97 * before["put_off"]
    assert after["sure_thing"] == before["sure_thing"]
    assert after["lost_cause"] == before["lost_cause"]


def test_where_nothing_works_messages_leave_only_their_receipts() -> None:
    plain = lines(Shop(6, 100, 120, no_effect=True))
    told = Shop(6, 100, 120, no_effect=True)
    after = lived(told, every(4, "reengagement", "push"))
    assert {event["event"] for event in after if "-m" in event["messageId"]} >= {
        "Push Delivered",
        "Push Opened",
    }
    assert [msgspec.json.encode(event) for event in after if "-m" not in event["messageId"]] == plain


def test_it_refuses_to_message_somebody_unknown() -> None:
    shop = Shop(1, 5, 5)
    with pytest.raises(SimulationError):
        shop.respond("nobody", Message("m", "email", "winback", shop.start_ms))
