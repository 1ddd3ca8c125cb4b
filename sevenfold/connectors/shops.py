"""Shopify and WooCommerce: HMAC-SHA256 of the body, in base64.

Neither signs a time. A call that is repeated gives the same message ids, so it changes nothing, however late
it comes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from ..channels.base import Request, Secret
from ..importers.values import iso
from . import verify
from .documents import Document
from .services import Service, documents_in, service
from .translate import News

_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


class ShopSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`secret` signs the calls; while it is changed, `previous_secret` is still taken."""

    secret: Secret
    previous_secret: Secret = ""


def _shopify(settings: ShopSettings, request: Request) -> None:
    given = request.headers.get("x-shopify-hmac-sha256", "")
    verify.signed((settings.secret, settings.previous_secret), request.body, given, encoding="base64")


def _shopify_news(settings: ShopSettings, request: Request) -> News:
    headers = request.headers
    id_ = headers.get("x-shopify-event-id") or headers.get("x-shopify-webhook-id") or _digest(request.body)
    return News(
        topic=headers.get("x-shopify-topic", ""),
        id=id_,
        received=iso(request.received),
        documents=documents_in(request.body),
    )


def with_refunds(topic: str, document: Document) -> Document:
    """A Shopify order with the `amount` of each refund: what its transactions gave back, as text in units."""
    refunds = document.get("refunds")
    if not isinstance(refunds, list):
        return document
    return {
        **document,
        "refunds": [{**one, "amount": _given_back(one)} for one in refunds if isinstance(one, Mapping)],
    }


def _given_back(refund: Mapping[str, Any]) -> str:
    total = Decimal(0)
    for one in refund.get("transactions") or ():
        if (
            isinstance(one, Mapping)
            and one.get("kind") == "refund"
            and one.get("status") in (None, "success")
        ):
            try:
                amount = Decimal(str(one.get("amount")))
            except InvalidOperation:
                continue
            total += amount if amount.is_finite() else 0
    return str(total)


def _woocommerce(settings: ShopSettings, request: Request) -> None:
    if _is_ping(request):
        return
    given = request.headers.get("x-wc-webhook-signature", "")
    verify.signed((settings.secret, settings.previous_secret), request.body, given, encoding="base64")


def _is_ping(request: Request) -> bool:
    """What WooCommerce sends, unsigned, when a webhook is saved. It tells nothing, so nothing is believed."""
    return "x-wc-webhook-topic" not in request.headers and _PING.fullmatch(request.body) is not None


def _woocommerce_news(settings: ShopSettings, request: Request) -> News | None:
    if _is_ping(request):
        return None
    headers = request.headers
    return News(
        topic=headers.get("x-wc-webhook-topic", ""),
        id=headers.get("x-wc-webhook-delivery-id") or _digest(request.body),
        received=iso(request.received),
        documents=documents_in(request.body),
    )


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


service(
    Service(
        name="shopify",
        settings=ShopSettings,
        verify=_shopify,
        news=_shopify_news,
        prepare=with_refunds,
        summary="Orders, customers, checkouts, refunds and fulfilments of a Shopify shop",
    )
)
service(
    Service(
        name="woocommerce",
        settings=ShopSettings,
        verify=_woocommerce,
        news=_woocommerce_news,
        summary="Orders, refunds and customers of a WooCommerce shop",
    )
)
