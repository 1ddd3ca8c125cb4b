"""Stripe: signed events of subscriptions, invoices and checkouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from ..channels.base import Request, Secret
from ..importers.values import iso
from . import verify
from .documents import Document, at_path
from .services import Service, UnreadableError, documents_in, service
from .translate import News

_WHOLE: Final = frozenset({
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
})  # fmt: skip
"""Currencies without a smaller unit (docs.stripe.com/currencies, "zero-decimal")."""
_MONTHS: Final = {"day": 1 / 30, "week": 7 / 30, "month": 1, "year": 12}


class StripeSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`secret` is the endpoint's signing secret (`whsec_...`)."""

    secret: Secret
    previous_secret: Secret = ""


def _verify(settings: StripeSettings, request: Request) -> None:
    verify.stripe((settings.secret, settings.previous_secret), request)


def _news(settings: StripeSettings, request: Request) -> News:
    documents = documents_in(request.body)
    first = documents[0] if documents else {}
    kind, id_ = first.get("type"), first.get("id")
    if not isinstance(kind, str) or not isinstance(id_, str):
        raise UnreadableError("this is no event of Stripe", where="body")
    return News(topic=kind, id=id_, received=iso(request.received), documents=documents[:1])


def completed(topic: str, document: Document) -> Document:
    """An event with `money` (amounts of its object in units of the currency), `plan` (name, quantity, months)
    and, for an updated subscription, `change` (started, upgraded, downgraded, seats_added, seats_removed,
    cancelling).
    """
    thing = at_path(document, ("data", "object"))
    if not isinstance(thing, Mapping):
        return document
    unit = 1 if str(thing.get("currency", "")).upper() in _WHOLE else 100
    money = {name: value / unit for name, value in thing.items() if type(value) is int}
    now = _plan(thing)
    before = at_path(document, ("data", "previous_attributes"))
    before = before if isinstance(before, Mapping) else {}
    if now["amount"] is not None:
        money["plan"] = now["amount"] / unit
    if type(before.get("amount_refunded")) is int and "amount_refunded" in money:
        money["refunded_now"] = money["amount_refunded"] - before["amount_refunded"] / unit
    elif "amount_refunded" in money:
        money["refunded_now"] = money["amount_refunded"]
    return {**document, "money": money, "plan": now, "change": _change(thing, before, now)}


def _plan(thing: Mapping[str, Any]) -> dict[str, Any]:
    """What a subscription costs a month's term, by its first item; older ones have a `plan` of their own."""
    item = at_path(thing, ("items", "data", "0"))
    item = item if isinstance(item, Mapping) else thing
    price = item.get("price") or item.get("plan") or thing.get("plan")
    price = price if isinstance(price, Mapping) else {}
    quantity = item.get("quantity", thing.get("quantity"))
    quantity = quantity if type(quantity) is int else 1
    amount = price.get("unit_amount", price.get("amount"))
    interval = at_path(price, ("recurring", "interval")) or price.get("interval")
    count = at_path(price, ("recurring", "interval_count")) or price.get("interval_count") or 1
    months = _MONTHS.get(interval) if isinstance(interval, str) else None
    return {
        "name": at_path(price, ("metadata", "plan"))
        or price.get("nickname")
        or price.get("lookup_key")
        or price.get("id"),
        "quantity": quantity,
        "months": round(months * count, 2) if months is not None and type(count) is int else None,
        "amount": amount * quantity if type(amount) is int else None,
        "single": amount if type(amount) is int else None,
    }


def _change(thing: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    if before.get("status") in ("trialing", "incomplete") and thing.get("status") == "active":
        return "started"
    if before.get("cancel_at_period_end") is False and thing.get("cancel_at_period_end") is True:
        return "cancelling"
    if "items" not in before and "plan" not in before and "quantity" not in before:
        return None
    # What is not in `previous_attributes` is as it was.
    was = _plan({**thing, **before})
    if was["single"] is not None and now["single"] is not None and was["single"] != now["single"]:
        # A year costs more than a month without being a higher plan.
        month, earlier = now["single"] / (now["months"] or 1), was["single"] / (was["months"] or 1)
        return "upgraded" if month > earlier else "downgraded"
    if was["quantity"] != now["quantity"]:
        return "seats_added" if now["quantity"] > was["quantity"] else "seats_removed"
    return None


service(
    Service(
        name="stripe",
        settings=StripeSettings,
        verify=_verify,
        news=_news,
        prepare=completed,
        summary="Subscriptions, invoices and checkouts of Stripe",
    )
)
