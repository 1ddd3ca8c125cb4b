"""What a button of a message sets off on the server: a call of a signed endpoint, or a checkout.

A template says what its buttons do, under `payload.actions` by the button's name; the page knows the name
only:

* `{url, data?}`: a POST of JSON, signed as Standard Webhooks says with the channel's `action_secret`. Whoever
  is called answers 2xx, perhaps with `{url}` (where the person goes next) or `{message}` (what they read).
* `{price, quantity?, mode?, success_url, cancel_url}`: a session of Stripe's checkout, opened with the
  channel's `stripe_key`; the person goes to it.

The id of a call is made of the message's and the action's, so that a double click is one call to whoever
keeps to the specification, and to Stripe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from ...channels.base import ChannelError, Result
from ...channels.calling import Answer, Caller
from ...channels.http import OutsideCaller, web_url
from ...channels.in_app import InAppSettings
from ...channels.signatures import Signer
from ...errors import SevenfoldError
from ...limits import INAPP_ACTION_ANSWER_CHARS_MAX, INAPP_ACTIONS_PER_MINUTE_MAX
from ..errors import ConflictError, RateLimitedError
from ..secrets import look_up
from .content import actions_of

if TYPE_CHECKING:
    from ..history import Lease, Message
    from ..services import Services

_MINUTE_MS: Final = 60_000
_MODES: Final = ("payment", "subscription")


class ActionError(SevenfoldError):
    """What a button should have done was not done."""

    code = "action_failed"


class Done(Struct, omit_defaults=True):
    """What a page is told of an action that worked."""

    success: bool
    url: str = ""
    message: str = ""


class Actions:
    """Does what buttons ask for."""

    def __init__(self, services: Services) -> None:
        self._live, self._clock = services.live, services.clock
        self._recent: dict[str, list[int]] = {}

    async def act(self, person: str, user: str, lease: Lease, message: Message, name: str) -> Done:
        """Does an action of a message for a person. Raises ActionError, ConflictError (there is no such
        action), RateLimitedError, and what a wrong setting raises.
        """
        action = actions_of(lease.content).get(name)
        if not isinstance(action, Mapping):
            raise ConflictError("the message has no such action", where="action")
        self._bounded(person)
        settings = self._settings(lease.channel)
        ident = f"{lease.effect}.{name}"
        if action.get("price"):
            return await self._checkout(settings, action, ident, person, user)
        account = await self._live.ask("account_of", person=person)
        told = {
            "type": "inapp.action",
            "timestamp": self._clock.now(),
            "data": {
                "action": name,
                "person": person,
                "user_id": user or None,
                "account": account,
                "message": lease.effect,
                "journey": message.journey,
                "template": message.template,
                "data": action.get("data"),
            },
        }
        return await self._call(settings, str(action.get("url") or ""), ident, told)

    def _bounded(self, person: str) -> None:
        now = self._clock.now()
        recent = [at for at in self._recent.get(person, ()) if now - at < _MINUTE_MS]
        if len(recent) >= INAPP_ACTIONS_PER_MINUTE_MAX:
            raise RateLimitedError(_MINUTE_MS / 1000)
        if len(self._recent) > 10_000:
            self._recent.clear()
        self._recent[person] = [*recent, now]

    def _settings(self, channel: str) -> InAppSettings:
        """Those of the message's channel, their secrets looked up."""
        model = self._live.workspace.channels.get(channel)
        given = dict(model.settings) if model is not None else {}
        found = {
            key: look_up(value) if isinstance(value, str) and value.startswith(("env:", "file:")) else value
            for key, value in given.items()
        }
        return msgspec.convert(found, InAppSettings, strict=False)

    async def _call(self, settings: InAppSettings, url: str, ident: str, told: dict[str, Any]) -> Done:
        if not settings.action_secret:
            raise ChannelError("the channel has no `action_secret` to sign actions with", where="settings")
        body = msgspec.json.encode(told)
        headers = Signer([settings.action_secret]).headers(ident, self._clock.now() // 1000, body)
        caller = OutsideCaller(timeout_s=settings.timeout_s, concurrency=1)
        try:
            answer = await caller.call(
                "POST", web_url(url), body, {**headers, "Content-Type": "application/json"}
            )
        finally:
            await caller.close()
        return _done(answer, "url")

    async def _checkout(
        self, settings: InAppSettings, action: Mapping[str, Any], ident: str, person: str, user: str
    ) -> Done:
        if not settings.stripe_key:
            raise ChannelError("the channel has no `stripe_key` to open a checkout with", where="settings")
        mode = action.get("mode") or "subscription"
        if mode not in _MODES:
            raise ActionError("the action's `mode` is payment or subscription", where="mode")
        form = {
            "mode": mode,
            "line_items[0][price]": str(action["price"]),
            "line_items[0][quantity]": str(action.get("quantity") or 1),
            "success_url": str(action.get("success_url") or ""),
            "cancel_url": str(action.get("cancel_url") or ""),
            "client_reference_id": user or person,
        }
        content = urlencode({name: value for name, value in form.items() if value}).encode()
        headers = {
            "Authorization": f"Bearer {settings.stripe_key}",
            "Idempotency-Key": ident,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        caller = Caller(settings.stripe_url, timeout_s=settings.timeout_s, concurrency=1)
        try:
            answer = await caller.call("POST", "/v1/checkout/sessions", content, headers)
        finally:
            await caller.close()
        return _done(answer, "url", needed=True)


def _done(answer: Answer | Result, field: str, *, needed: bool = False) -> Done:
    """What somebody's answer means to the page."""
    if isinstance(answer, Result):
        raise ActionError(f"nobody answered: {answer.reason}")
    if not answer.ok:
        raise ActionError(f"it was refused with HTTP {answer.status}")
    told = answer.object()
    url, message = told.get(field), told.get("message")
    if needed and not url:
        raise ActionError("the answer names no page to go to")
    if url is not None:
        url = web_url(str(url)) if str(url).startswith("http") else ""
    return Done(
        True,
        url=url or "",
        message=str(message)[:INAPP_ACTION_ANSWER_CHARS_MAX] if isinstance(message, str) else "",
    )
