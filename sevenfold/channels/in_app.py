"""Messages shown in the product and on the site: leases that the browser snippet fetches, so nothing is sent.

What a channel of these types says of itself is how the actions of its messages are signed and paid for.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .base import Provider, Secret, provider


class InAppSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Messages in the product, and pop-ups on the site."""

    action_secret: Secret | None = None
    """Signs the calls that actions of messages make, as Standard Webhooks says: `whsec_...`."""
    stripe_key: Secret | None = None
    """Opens Stripe's checkout for actions that name a price: `sk_...` or a restricted `rk_...`."""
    stripe_url: str = "https://api.stripe.com"
    timeout_s: Annotated[float, Meta(gt=0, le=20)] = 8.0
    """How long an action may take; somebody is waiting in front of it."""


provider(
    Provider(
        name="in_app",
        types=("in_app", "popup"),
        settings=InAppSettings,
        summary="shown in the product or on the site by the browser snippet",
    )
)
