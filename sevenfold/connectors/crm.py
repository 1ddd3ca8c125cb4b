"""HubSpot and Salesforce: owners, contracts, plans and renewals in; what each signs, and what its rows look
like.

HubSpot's app webhooks are signed (version 3). Salesforce signs nothing by itself: a flow that calls out sends
a secret as `Authorization: Bearer`. Both are also fetched by a schedule (`fetching`), and written back to
(`writing`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from ..channels.base import Request, Secret
from ..importers.values import iso
from . import verify
from .documents import Document
from .services import Service, documents_in, service
from .translate import News

_MS: Final = re.compile(r"[0-9]{13}")


class HubSpotSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`secret` is the app's client secret, which signs webhooks; `token` a private app's access token, for
    fetching and writing. `objects` is what is fetched; `account` the company's field that holds our account
    id.
    """

    secret: Secret = ""
    previous_secret: Secret = ""
    token: Secret = ""
    base_url: str = "https://api.hubapi.com"
    objects: str = "companies,deals"
    account: str = "account_id"


class SalesforceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`secret` is what a flow sends as bearer; `client_id` and `client_secret` those of a connected app with
    the client credentials flow, at `base_url` (https://COMPANY.my.salesforce.com). `query` is the SOQL that
    is fetched, one for each of `objects` (`query_OBJECT` would be longer than a line; see the guide).
    """

    secret: Secret = ""
    previous_secret: Secret = ""
    client_id: Secret = ""
    client_secret: Secret = ""
    base_url: str = ""
    version: str = "v62.0"
    account: str = "Account_Id__c"
    query: str = ""


def _hubspot(settings: HubSpotSettings, request: Request) -> None:
    verify.hubspot((settings.secret, settings.previous_secret), request)


def _salesforce(settings: SalesforceSettings, request: Request) -> None:
    verify.bearer((settings.secret, settings.previous_secret), request)


def _hubspot_news(settings: HubSpotSettings, request: Request) -> News:
    documents = tuple(as_object(one, settings.account) for one in documents_in(request.body))
    topic = str(documents[0].get("subscriptionType", "")) if documents else ""
    return News(topic=topic, id=_digest(request.body), received=iso(request.received), documents=documents)


def _salesforce_news(settings: SalesforceSettings, request: Request) -> News:
    documents = documents_in(request.body)
    kinds = [one.get("attributes") for one in documents]
    topic = next((str(one.get("type", "")) for one in kinds if isinstance(one, Mapping)), "")
    rows = tuple(with_account(one, settings.account) for one in documents)
    return News(topic=topic, id=_digest(request.body), received=iso(request.received), documents=rows)


def as_object(document: Document, account: str) -> Document:
    """A change of one property (`company.propertyChange`) as the object with that property alone, as fetching
    gives it; with `account`, our id of the company where it is known, else HubSpot's.
    """
    name, value = document.get("propertyName"), document.get("propertyValue")
    at = document.get("occurredAt")
    found: dict[str, Any] = {
        **document,
        "id": str(document.get("id") or document.get("objectId") or ""),
        "updatedAt": iso(at) if type(at) is int and 0 < at < 1 << 45 else document.get("updatedAt"),
    }
    if isinstance(name, str):
        if isinstance(value, str) and _MS.fullmatch(value) and "date" in name:
            value = iso(int(value))
        found["properties"] = {name: value}
    properties = found.get("properties")
    known = properties.get(account) if isinstance(properties, Mapping) else None
    found["account"] = known or found["id"]
    return found


def with_account(document: Document, account: str) -> Document:
    """A record with `account`: our id of the account where the record has it, else Salesforce's."""
    related = document.get("Account")
    inner = related if isinstance(related, Mapping) else {}
    found = document.get(account) or inner.get(account) or document.get("AccountId") or document.get("Id")
    return {**document, "account": found}


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


service(
    Service(
        name="hubspot",
        settings=HubSpotSettings,
        verify=_hubspot,
        news=_hubspot_news,
        summary="Owner, contract, plan and renewals from HubSpot; health and tasks to it",
    )
)
service(
    Service(
        name="salesforce",
        settings=SalesforceSettings,
        verify=_salesforce,
        news=_salesforce_news,
        summary="Owner, contract, plan and renewals from Salesforce; health and tasks to it",
    )
)
