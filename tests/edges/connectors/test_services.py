"""Connected services call `/in/{connector}`: their documents become events that conditions see, each once."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from tests.edges.connectors import support as s
from tests.edges.hooks.support import NOW, World


def told(world: World, path: str, content: bytes, headers: dict[str, str]) -> Any:
    async def story() -> Any:
        async with world.client() as client:
            return await client.post(path, content=content, headers=headers)

    return asyncio.run(story())


def changed(document: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made = copy.deepcopy(document)
    made["data"]["object"] |= fields
    return made


# ------------------------------------------------------------------------------------------------------ shops


def test_an_order_of_shopify_is_order_completed_with_its_products(world: World) -> None:
    content = s.body(s.ORDER)
    answer = told(world, "/in/shop", content, s.shopify("orders/create", content))
    assert answer.status_code == 200 and answer.json() == {
        "success": True,
        "events": 2,
        "known": 0,
        "refused": 0,
    }
    order = next(one for one in world.events if one.get("event") == "Order Completed")
    assert order["userId"] == "77" and order["timestamp"] == "2026-05-28T20:20:00.000Z"
    assert order["properties"] == {
        "order_id": "4501",
        "order_number": "#1001",
        "checkout_id": "tok-1",
        "total": 49.9,
        "revenue": 40,
        "subtotal": 40,
        "tax": 5,
        "shipping": 4.9,
        "discount": 2,
        "coupon": "SPRING",
        "currency": "EUR",
        "products": [
            {"product_id": "11", "sku": "CUP", "name": "Cup", "brand": "Potter", "price": 20, "quantity": 2},
            {"product_id": "12", "sku": "POT", "name": "Pot", "brand": "Potter", "price": 9.9, "quantity": 1},
        ],
    }
    person = asyncio.run(world.person("77"))
    assert person["traits"]["first_name"] == "Ada" and person["identifiers"]["email"] == ["ada@example.org"]


def test_the_same_order_again_and_under_another_event_id_is_one_order(world: World) -> None:
    content = s.body(s.ORDER)
    told(world, "/in/shop", content, s.shopify("orders/create", content))
    again = told(world, "/in/shop", content, s.shopify("orders/create", content))
    assert again.json()["known"] == 2
    other = told(world, "/in/shop", content, s.shopify("orders/create", content, event="ev-2"))
    assert other.json()["events"] == 1  # the identify call of another event; the order is known
    assert [one["event"] for one in world.events if one["type"] == "track"] == ["Order Completed"]


def test_a_secret_that_is_being_changed_is_taken_and_any_other_is_not(world: World) -> None:
    content = s.body(s.ORDER)
    old = s.shopify("orders/create", content, "the-secret-before")
    assert told(world, "/in/shop", content, old).status_code == 200
    wrong = s.shopify("orders/create", content, "guessed")
    assert told(world, "/in/shop", content, wrong).status_code == 401
    assert told(world, "/in/shop", content + b" ", old).status_code == 401
    assert told(world, "/in/shop", content, {}).status_code == 401


def test_a_refund_counts_what_was_given_back_and_a_fulfilment_ships_and_delivers(world: World) -> None:
    order = s.ORDER | {
        "refunds": [
            {
                "id": 9,
                "created_at": "2026-05-28T20:00:00Z",
                "transactions": [
                    {"kind": "refund", "status": "success", "amount": "9.90"},
                    {"kind": "refund", "status": "failure", "amount": "100.00"},
                    {"kind": "void", "amount": "7.00"},
                ],
            }
        ]
    }
    content = s.body(order)
    told(world, "/in/shop", content, s.shopify("orders/updated", content))
    parcel = {
        "id": 5,
        "order_id": 4501,
        "status": "success",
        "created_at": "2026-05-28T18:00:00Z",
        "email": "ada@example.org",
        "updated_at": "2026-05-28T19:00:00Z",
        "shipment_status": "delivered",
        "tracking_number": "T1",
    }
    content = s.body(parcel)
    told(world, "/in/shop", content, s.shopify("fulfillments/update", content, event="ev-3"))
    tracks = {one["event"]: one for one in world.events if one["type"] == "track"}
    assert tracks["Order Refunded"]["properties"]["total"] == 9.9
    assert set(tracks) == {"Order Refunded", "Order Shipped", "Order Delivered"}
    # The parcel knows the buyer by the e-mail address alone, and the order by both.
    assert "userId" not in tracks["Order Delivered"]
    found = asyncio.run(world.live.ask("lookup", value="ada@example.org", kind="email"))
    assert found == asyncio.run(world.live.ask("lookup", value="77", kind="user_id"))


def test_woocommerce_pings_and_an_order_counts_once_it_is_paid(world: World) -> None:
    assert told(world, "/in/woo", b"webhook_id=12", {}).json() == {"success": True, "events": 0}
    order = {
        "id": 7,
        "number": "7",
        "status": "pending",
        "currency": "EUR",
        "date_created_gmt": "2026-05-28T10:00:00",
        "date_paid_gmt": None,
        "total": "20.00",
        "customer_id": 0,
        "billing": {"email": "guest@example.org", "first_name": "Gus"},
        "line_items": [{"product_id": 3, "name": "Cup", "price": 20, "quantity": 1}],
        "refunds": [],
    }
    content = s.body(order)
    assert told(world, "/in/woo", content, s.woocommerce("order.created", content)).json()["events"] == 0
    content = s.body(order | {"status": "processing", "date_paid_gmt": "2026-05-28T10:05:00"})
    told(world, "/in/woo", content, s.woocommerce("order.updated", content))
    content = s.body(
        order
        | {
            "status": "completed",
            "date_paid_gmt": "2026-05-28T10:05:00",
            "date_completed_gmt": "2026-05-28T12:00:00",
        }
    )
    told(world, "/in/woo", content, s.woocommerce("order.updated", content))
    tracks = [one["event"] for one in world.events if one["type"] == "track"]
    assert tracks == ["Order Completed", "Order Shipped"]
    first = next(one for one in world.events if one.get("event") == "Order Completed")
    # A guest has no number of the shop's.
    assert "userId" not in first and first["context"]["traits"]["email"] == "guest@example.org"


# ----------------------------------------------------------------------------------------------------- Stripe


@pytest.mark.parametrize(
    ("document", "event", "properties"),
    [
        (
            s.SUBSCRIPTION,
            "Subscription Started",
            {"plan": "team", "amount": 1197, "seats": 3, "term_months": 12},
        ),
        (
            changed(s.SUBSCRIPTION, status="trialing", trial_end=NOW // 1_000),
            "Trial Started",
            {"plan": "team"},
        ),
        (s.INVOICE, "Invoice Paid", {"revenue": 19.99, "subscription_id": "sub_1"}),
        (s.INVOICE, "Subscription Renewed", {"amount": 19.99}),
        (s.INVOICE | {"type": "invoice.payment_failed"}, "Payment Failed", {"amount": 19.99}),
        (
            s.SUBSCRIPTION | {"type": "customer.subscription.deleted"},
            "Subscription Cancelled",
            {"plan": "team"},
        ),
    ],
)
def test_stripe_speaks_of_subscriptions_in_their_usual_words(
    world: World, document: dict[str, Any], event: str, properties: dict[str, Any]
) -> None:
    content = s.body(document)
    assert told(world, "/in/billing", content, s.stripe(content)).status_code == 200
    found = next(one for one in world.events if one.get("event") == event)
    assert properties.items() <= found["properties"].items()
    assert found["userId"] == "u1" and found["context"]["groupId"] == "acme"
    assert asyncio.run(world.live.ask("lookup", of="account", value="acme"))["id"]


@pytest.mark.parametrize(
    ("before", "now", "event"),
    [
        ({"status": "trialing"}, {}, "Subscription Started"),
        ({"cancel_at_period_end": False}, {"cancel_at_period_end": True}, "Cancellation Scheduled"),
        ({"items": 1}, {}, "Plan Upgraded"),
        ({"items": 2}, {}, "Plan Downgraded"),
        ({"items": 3}, {}, "Seat Added"),
        ({"default_payment_method": "pm_1"}, {}, None),
    ],
)
def test_what_an_updated_subscription_means(
    world: World, before: dict[str, Any], now: dict[str, Any], event: str | None
) -> None:
    if "items" in before:
        item = copy.deepcopy(s.SUBSCRIPTION["data"]["object"]["items"]["data"][0])
        # A month for 99 is a lower plan than a year for 399 a month would be; a year for 39,900 cents is
        # 33.25 a month.
        price = {1: {"unit_amount": 990}, 2: {"unit_amount": 990_00}, 3: {}}[before["items"]]
        item["price"] = item["price"] | price
        item["quantity"] = 2 if before["items"] == 3 else 3
        before = {"items": {"data": [item]}}
    document = changed(s.SUBSCRIPTION, **now)
    document["type"] = "customer.subscription.updated"
    document["data"]["previous_attributes"] = before
    content = s.body(document)
    assert told(world, "/in/billing", content, s.stripe(content)).status_code == 200
    assert [one.get("event") for one in world.events] == ([event] if event else [])


def test_an_amount_in_a_currency_without_cents_is_not_divided(world: World) -> None:
    content = s.body(changed(s.INVOICE, currency="jpy", amount_paid=1_999))
    told(world, "/in/billing", content, s.stripe(content))
    paid = next(one for one in world.events if one.get("event") == "Invoice Paid")
    assert paid["properties"]["revenue"] == 1_999


@pytest.mark.parametrize("at", [NOW - 301_000, NOW + 301_000])
def test_a_call_of_stripe_that_is_replayed_later_is_refused(world: World, at: int) -> None:
    content = s.body(s.INVOICE)
    assert told(world, "/in/billing", content, s.stripe(content, at)).status_code == 401
    assert world.events == []


def test_a_signature_among_several_is_enough_and_an_old_scheme_is_not(world: World) -> None:
    content = s.body(s.INVOICE)
    good = s.stripe(content)["Stripe-Signature"]
    two = good.replace(",v1=", ",v1=" + "0" * 64 + ",v1=")
    assert told(world, "/in/billing", content, {"Stripe-Signature": two}).status_code == 200
    only_old = good.replace("v1=", "v0=")
    assert told(world, "/in/billing", content, {"Stripe-Signature": only_old}).status_code == 401


# ------------------------------------------------------------------------------------------ help desk and CRM


def test_a_ticket_of_zendesk_has_its_rating_age_and_how_often_it_was_opened_again(world: World) -> None:
    content = s.body(s.TICKET)
    assert told(world, "/in/help", content, s.zendesk(content)).status_code == 200
    (solved,) = world.events
    assert solved["event"] == "Ticket Resolved" and solved["userId"] == "u1"
    expected = {
        "ticket_id": "35",
        "rating": 5,
        "reopens": 1,
        "age_hours": 24,
        "priority": "high",
        "via": "email",
    }
    assert solved["properties"] == expected


@pytest.mark.parametrize(
    ("event", "name"),
    [("opened", "Ticket Opened"), ("reopened", "Ticket Reopened"), ("rated", "CSAT Answered")],
)
def test_each_trigger_of_zendesk_is_an_event(world: World, event: str, name: str) -> None:
    content = s.body(s.TICKET | {"event": f"ticket.{event}"})
    told(world, "/in/help", content, s.zendesk(content))
    assert [one["event"] for one in world.events] == [name]


def test_zendesks_own_events_are_read_too(world: World) -> None:
    document = {
        "type": "zen:event-type:ticket.status_changed",
        "id": "01H",
        "time": s.ISO,
        "subject": "zen:ticket:35",
        "detail": {
            "id": "35",
            "requester_id": "900",
            "created_at": "2026-05-28T18:26:40Z",
            "priority": "HIGH",
        },
        "event": {"previous": "SOLVED", "current": "OPEN"},
    }
    content = s.body(document)
    told(world, "/in/help", content, s.zendesk(content))
    (found,) = world.events
    assert found["event"] == "Ticket Reopened" and found["anonymousId"] == "zendesk-900"
    assert found["properties"]["age_hours"] == 2


def test_a_call_of_zendesk_with_another_time_is_refused(world: World) -> None:
    content = s.body(s.TICKET)
    late = s.zendesk(content, "2026-05-28T20:20:00Z")
    assert told(world, "/in/help", content, late).status_code == 401
    moved = s.zendesk(content) | {"X-Zendesk-Webhook-Signature-Timestamp": "2026-05-28T20:26:41Z"}
    assert told(world, "/in/help", content, moved).status_code == 401


def test_hubspot_changes_the_traits_of_an_account(world: World) -> None:
    content = s.body(
        [
            {
                "eventId": 1,
                "subscriptionType": "company.propertyChange",
                "objectId": 501,
                "propertyName": "plan",
                "propertyValue": "team",
                "occurredAt": NOW - 5_000,
            }
        ]
    )
    assert told(world, "/in/hub", content, s.hubspot("/in/hub", content)).status_code == 200
    found = asyncio.run(world.live.ask("lookup", of="account", value="501"))
    account = asyncio.run(world.live.ask("profile", of="account", id=found["id"]))
    assert account["traits"]["plan"] == "team"
    elsewhere = s.hubspot("/in/other", content)
    assert told(world, "/in/hub", content, elsewhere).status_code == 401


def test_a_flow_of_salesforce_sends_a_bearer_and_a_record(world: World) -> None:
    record = {
        "attributes": {"type": "Account"},
        "Id": "001",
        "Account_Id__c": "acme",
        "Name": "Acme",
        "Plan__c": "team",
        "Annual_Contract_Value__c": 12000,
        "LastModifiedDate": "2026-05-28T20:00:00.000+0000",
    }
    content = s.body(record)
    assert told(world, "/in/force", content, {"Authorization": "Bearer nope"}).status_code == 401
    assert told(world, "/in/force", content, {"Authorization": f"Bearer {s.SECRET}"}).status_code == 200
    found = asyncio.run(world.live.ask("lookup", of="account", value="acme"))
    account = asyncio.run(world.live.ask("profile", of="account", id=found["id"]))
    assert account["traits"]["plan"] == "team"
