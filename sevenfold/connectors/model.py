"""What a workspace says of its connectors: `connectors.yaml`, one object each.

shop:
  type: shopify
  settings: {secret: env:SHOPIFY_SECRET}
bookings:
  type: webhook
  settings: {verify: hmac, secret: env:BOOKINGS_SECRET, header: X-Signature, encoding: hex, prefix: "sha256="}
  map:
    - match: "booking.*"
      events:
        - {event: Booking Made, time: made_at, user_id: guest.id, properties: {room: room.name}}
nightly:
  type: sql
  settings: {url: env:WAREHOUSE_URL, query: SELECT * FROM invoices}
  schedule: FREQ=DAILY;BYHOUR=3
  map: [{events: [{event: Invoice Paid, time: paid_at, user_id: customer, message_id: [id]}]}]
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from ..importers.mapping import Rule
from ..workspace.base import Model

Kind = Literal[
    "shopify",
    "woocommerce",
    "stripe",
    "zendesk",
    "hubspot",
    "salesforce",
    "mailbox",
    "webhook",
    "sql",
    "file",
]
"""What a connector may be."""
SCHEDULE_START: Final = 4 * 86_400_000
"""Where schedules begin to count, as a wall time: the first Monday of 1970."""


class Part(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Rules for the webhooks of some topics, or for the rows of some files. ``match`` is a pattern with ``*``
    of the topic (or the file's name); ``each`` the list inside the document of which every item is a row of
    its own, whose columns are then ``item.NAME``.
    """

    events: list[Rule]
    """The rules; a document or row may become several events."""
    match: str = "*"
    each: str | None = None
    format: Literal["csv", "ndjson", "parquet"] | None = None
    delimiter: str = ","
    encoding: str = "utf-8"


class Owner(Model, frozen=True, kw_only=True):
    """What is written to a CRM. ``health`` is the field of its company (account) that holds a score,
    ``score`` which one; ``tasks`` whether tasks for people become tasks there; ``key`` the field of a company
    that holds our account id.
    """

    key: str
    score: str | None = None
    health: str | None = None
    band: str | None = None
    """The field that holds the score's band."""
    tasks: bool = False


class Connector(Model, frozen=True, kw_only=True):
    """A service that is connected. ``map`` says how its documents become events; without it the shipped
    mapping of its type is used, and ``and_ours: true`` uses both. ``source`` (default: the connector's name)
    is the source that its events carry. ``zone`` is that of times without one. ``schedule`` (RRULE) is for
    what is fetched.
    """

    type: Kind
    """Which service it is."""
    settings: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    source: str | None = None
    """The source that its events carry; by default the connector's name."""
    map: list[Part] = msgspec.field(default_factory=list)
    and_ours: bool = False
    zone: str = "UTC"
    schedule: str | None = None
    write: Owner | None = None
    description: str = ""
