"""Documents as the services send them (shapes of their own reference pages), and their signatures by the
formulas that those pages give.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from tests.edges.hooks.support import BASE, NOW, World, workspace

SECRET = "a-shared-secret"
ISO = "2026-05-28T20:26:40Z"
"""NOW, as ISO 8601."""

CONNECTORS: dict[str, Any] = {
    "shop": {"type": "shopify", "settings": {"secret": "env:IN_SECRET", "previous_secret": "env:IN_OLD"}},
    "woo": {"type": "woocommerce", "settings": {"secret": "env:IN_SECRET"}},
    "billing": {"type": "stripe", "settings": {"secret": "env:IN_SECRET"}},
    "help": {"type": "zendesk", "settings": {"secret": "env:IN_SECRET"}},
    "hub": {"type": "hubspot", "settings": {"secret": "env:IN_SECRET"}},
    "force": {"type": "salesforce", "settings": {"secret": "env:IN_SECRET"}},
    "bookings": {
        "type": "webhook",
        "settings": {
            "secret": "env:IN_SECRET",
            "verify": "hmac",
            "header": "X-Signature",
            "prefix": "sha256=",
            "topic": "kind",
            "id": "header:X-Delivery",
        },
        "map": [
            {
                "match": "booking.*",
                "events": [
                    {
                        "event": "Booking Made",
                        "time": "made_at",
                        "user_id": {"column": "guest.id", "type": "string"},
                        "traits": {"email": "guest.email"},
                        "properties": {
                            "room": "room.name",
                            "nights": {"column": "nights", "type": "integer"},
                        },
                    }
                ],
            }
        ],
    },
}


def world(folder: Path) -> World:
    return World(folder, workspace(connectors=CONNECTORS))


def b64(content: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()


def hexed(content: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def shopify(topic: str, body: bytes, secret: str = SECRET, event: str = "ev-1") -> dict[str, str]:
    return {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": b64(body, secret), "X-Shopify-Event-Id": event}


def woocommerce(topic: str, body: bytes) -> dict[str, str]:
    return {
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Signature": b64(body),
        "X-WC-Webhook-Delivery-ID": "d-1",
    }


def stripe(body: bytes, at: int = NOW) -> dict[str, str]:
    seconds = str(at // 1_000)
    return {"Stripe-Signature": f"t={seconds},v1={hexed(seconds.encode() + b'.' + body)},v0=ignored"}


def zendesk(body: bytes, at: str = ISO) -> dict[str, str]:
    return {
        "X-Zendesk-Webhook-Signature": b64(at.encode() + body),
        "X-Zendesk-Webhook-Signature-Timestamp": at,
        "X-Zendesk-Webhook-Invocation-Id": "inv-1",
    }


def hubspot(path: str, body: bytes, at: int = NOW) -> dict[str, str]:
    content = b"POST" + (BASE + path).encode() + body + str(at).encode()
    return {"X-HubSpot-Signature-v3": b64(content), "X-HubSpot-Request-Timestamp": str(at)}


def body(document: Any) -> bytes:
    return json.dumps(document).encode()


ORDER: dict[str, Any] = {
    "id": 4501,
    "name": "#1001",
    "email": "ada@example.org",
    "created_at": "2026-05-28T16:20:00-04:00",
    "total_price": "49.90",
    "subtotal_price": "40.00",
    "total_tax": "5.00",
    "total_discounts": "2.00",
    "total_shipping_price_set": {"shop_money": {"amount": "4.90", "currency_code": "EUR"}},
    "currency": "EUR",
    "discount_codes": [{"code": "SPRING", "amount": "2.00"}],
    "checkout_token": "tok-1",
    "customer": {"id": 77, "email": "ada@example.org", "first_name": "Ada", "last_name": "L"},
    "shipping_address": {"country_code": "DE"},
    "line_items": [
        {
            "id": 1,
            "product_id": 11,
            "sku": "CUP",
            "title": "Cup",
            "price": "20.00",
            "quantity": 2,
            "vendor": "Potter",
        },
        {
            "id": 2,
            "product_id": 12,
            "sku": "POT",
            "title": "Pot",
            "price": "9.90",
            "quantity": 1,
            "vendor": "Potter",
        },
    ],
}
SUBSCRIPTION: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.subscription.created",
    "created": NOW // 1_000,
    "data": {
        "object": {
            "id": "sub_1",
            "object": "subscription",
            "customer": "cus_9",
            "status": "active",
            "currency": "eur",
            "metadata": {"user_id": "u1", "account_id": "acme"},
            "cancel_at_period_end": False,
            "items": {
                "data": [
                    {
                        "id": "si_1",
                        "quantity": 3,
                        "price": {
                            "id": "price_1",
                            "nickname": "team",
                            "unit_amount": 39900,
                            "currency": "eur",
                            "recurring": {"interval": "year", "interval_count": 1},
                        },
                    }
                ]
            },
        }
    },
}
INVOICE: dict[str, Any] = {
    "id": "evt_2",
    "type": "invoice.paid",
    "created": NOW // 1_000,
    "data": {
        "object": {
            "id": "in_1",
            "customer": "cus_9",
            "customer_email": "ada@example.org",
            "amount_paid": 1999,
            "amount_due": 1999,
            "currency": "usd",
            "billing_reason": "subscription_cycle",
            "parent": {
                "subscription_details": {
                    "subscription": "sub_1",
                    "metadata": {"user_id": "u1", "account_id": "acme"},
                }
            },
        }
    },
}
TICKET: dict[str, Any] = {
    "event": "ticket.solved",
    "ticket": {
        "id": 35,
        "priority": "high",
        "via": "email",
        "created_at": "2026-05-27T20:26:40Z",
        "rating": "good",
        "reopens": 1,
        "requester": {"email": "ada@example.org", "external_id": "u1"},
        "organization": {"external_id": "acme"},
    },
}
