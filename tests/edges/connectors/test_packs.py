"""What connected services tell is what the packs ask for: their signals, stages and segments move."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from sevenfold.workspace.loading import load
from tests.edges.connectors import support as s
from tests.edges.hooks.support import World

PACKS = Path(__file__).parents[3] / "packs"


def pack(folder: Path, name: str) -> World:
    model = msgspec.structs.replace(load(PACKS / name), connectors=s.world(folder).live.workspace.connectors)
    return World(folder / name, model)


async def told(world: World, path: str, content: bytes, headers: dict[str, str]) -> None:
    async with world.client() as client:
        answer = await client.post(path, content=content, headers=headers)
    assert answer.status_code == 200 and answer.json()["refused"] == 0, answer.text


async def signals(world: World, of: str, value: str) -> Any:
    kind = {"kind": "user_id"} if of == "person" else {}
    found = await world.live.ask("lookup", of=of, value=value, **kind)
    profile = await world.live.ask("profile", of=of, id=found["id"])
    return profile["signals"]


def test_a_shop_fills_the_post_purchase_pack(tmp_path: Path) -> None:
    async def story() -> None:
        world = pack(tmp_path, "post-purchase")
        order = s.body(s.ORDER)
        await told(world, "/in/shop", order, s.shopify("orders/create", order))
        parcel = s.body(
            {
                "id": 5,
                "order_id": 4501,
                "status": "success",
                "created_at": "2026-05-28T20:21:00Z",
                "updated_at": "2026-05-28T20:22:00Z",
                "shipment_status": "delivered",
                "email": "ada@example.org",
            }
        )
        await told(world, "/in/shop", parcel, s.shopify("fulfillments/update", parcel, event="ev-2"))
        refund = {
            "id": 9,
            "created_at": "2026-05-28T20:25:00Z",
            "transactions": [{"kind": "refund", "amount": "9.90"}],
        }
        changed = s.body(s.ORDER | {"refunds": [refund]})
        await told(world, "/in/shop", changed, s.shopify("orders/updated", changed, event="ev-3"))
        found = await signals(world, "person", "77")
        assert (found["orders"], found["deliveries"], found["shipments"], found["refunds"]) == (1, 1, 1, 1)
        assert (found["spend"], found["refunded"]) == (49.9, 9.9)
        assert [one["name"] for one in found["last_products"]] == ["Cup", "Pot"]
        entity = await signals(world, "order", "4501")
        assert (entity["order_delivered"], entity["order_refunded"], entity["order_total"]) == (1, 1, 49.9)

    asyncio.run(story())


def test_billing_and_support_fill_the_seven_stage_pack(tmp_path: Path) -> None:
    async def story() -> None:
        world = pack(tmp_path, "seven-stage")
        for document in (
            s.SUBSCRIPTION,
            s.INVOICE,
            s.INVOICE | {"id": "evt_3", "type": "invoice.payment_failed"},
        ):
            content = s.body(document)
            await told(world, "/in/billing", content, s.stripe(content))
        for event in ("ticket.opened", "ticket.solved"):
            content = s.body(s.TICKET | {"event": event})
            await told(
                world, "/in/help", content, s.zendesk(content) | {"X-Zendesk-Webhook-Invocation-Id": event}
            )
        # Accounts close at ticks.
        world.clock.advance(2_000)
        await world.live.pass_time()
        person = await signals(world, "person", "u1")
        assert (
            person["subscriptions_started"],
            person["payments_failed_28d"],
            person["invoices_paid_90d"],
        ) == (1, 1, 1)
        assert (person["tickets_opened"], person["open_tickets"], person["ticket_rating"]) == (1, 0, 5)
        account = await signals(world, "account", "acme")
        assert (account["account_paid_subscriptions"], account["contract_months"]) == (1, 12)
        assert (account["renewals_120d"], account["payments_failed_7d"]) == (2, 1)
        assert account["account_tickets_resolved"] == 1

    asyncio.run(story())
