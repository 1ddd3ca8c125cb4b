"""WhatsApp through Meta's Cloud API: templates at any time, free words within 24 hours of what a person
wrote.

The address is a phone number in E.164, or a business-scoped user ID (`US.1A2b3C`) of somebody who shows no
number. Meta knows no idempotency key; it gives our id back in every status (`biz_opaque_callback_data`).
What people write is the event `WhatsApp Received`, which a workspace counts to know whether the window is
open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from ..limits import HOOK_ITEMS_MAX
from .base import Heard, Outgoing, Provider, Reply, Request, Result, Secret, UnverifiedError, provider
from .calling import Caller, unreadable
from .hooks import Ranks, country_of, keyword_of, track
from .signatures import equal, verify_hub
from .whatsapp_codes import by_code, refused

BODY_CHARS_MAX: Final = 4_096
_USER_ID: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_PHONE: Final = re.compile(r"\+?[1-9]\d{5,16}")


class WhatsAppSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """WhatsApp, Meta Cloud API."""

    access_token: Secret
    """A system user's token with `whatsapp_business_messaging`."""
    phone_number_id: str
    """The ID of the sending number, not the number itself."""
    app_secret: Secret | None = None
    """The Meta app's secret, which signs what Meta calls us with."""
    verify_token: Secret | None = None
    """A word of yours that Meta repeats when the hook is set up."""
    api_version: str = "v25.0"
    """The version of the Graph API."""
    language: str = "en"
    """The language of templates where neither payload nor message says another."""
    base_url: str = "https://graph.facebook.com"
    """Another address of the service: a region of its, or a proxy."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0
    """How long connecting and each wait for bytes may take, in seconds."""
    concurrency: Annotated[int, Meta(ge=1, le=500)] = 40
    """Messages on their way at the same time."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = 80.0
    """Messages a second: 80 for a number, 20 for one that is in the app as well, 1,000 on request."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""


class WhatsApp:
    """Sends to people on WhatsApp."""

    deduplicates = False

    def __init__(self, settings: WhatsAppSettings) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._settings = settings
        self._number = f"/{settings.api_version}/{settings.phone_number_id}"
        self._caller = Caller(
            settings.base_url,
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            headers={"Authorization": f"Bearer {settings.access_token}"},
            ca_file=settings.ca_file,
        )

    async def send(self, message: Outgoing) -> Result:
        told = self.message(message)
        if told is None:
            return Result(
                verdict="permanent",
                reason="bad_address",
                detail="neither a phone number nor a user ID",
                scope="recipient",
                suppress=True,
            )
        if told.get("type") == "text" and not told["text"]["body"]:
            return Result(verdict="permanent", reason="empty", detail="neither a text nor a template")
        if len(told.get("text", {}).get("body", "")) > BODY_CHARS_MAX:
            return Result(verdict="permanent", reason="too_large", detail=f"over {BODY_CHARS_MAX} characters")
        headers = {"Content-Type": "application/json"}
        answer = await self._caller.call(
            "POST", f"{self._number}/messages", msgspec.json.encode(told), headers
        )
        if isinstance(answer, Result):
            return answer
        if not answer.ok:
            return refused(answer, message.address)
        sent = answer.object().get("messages")
        first = sent[0] if isinstance(sent, list) and sent else None
        if not isinstance(first, Mapping) or not isinstance(first.get("id"), str):
            return unreadable(f"HTTP {answer.status} without a message's id")
        return Result(verdict="accepted", provider_id=first["id"])

    def message(self, message: Outgoing) -> dict[str, Any] | None:
        """What is posted; None when the address is none."""
        content, address = message.content, (message.address or "").replace(" ", "")
        told: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "biz_opaque_callback_data": message.effect,
        }
        if _USER_ID.fullmatch(address):
            told["recipient"] = address
        elif _PHONE.fullmatch(address):
            told["to"] = address
        else:
            return None
        payload = content.payload if isinstance(content.payload, Mapping) else {}
        if payload.get("template"):
            return told | {"type": "template", "template": self._template(payload, content.locale)}
        if payload.get("type"):
            kind = str(payload["type"])
            return told | {"type": kind, kind: payload.get(kind) or {}}
        return told | _free(message)

    def _template(self, payload: Mapping[str, Any], locale: str) -> dict[str, Any]:
        """An approved template: Meta's own object, or its name with `parameters` (of the body) and `language`
        beside it.
        """
        given = payload["template"]
        made = dict(given) if isinstance(given, Mapping) else {"name": str(given)}
        language = payload.get("language") or locale.replace("-", "_") or self._settings.language
        made.setdefault("language", {"code": str(language)})
        parameters = payload.get("parameters")
        if parameters and "components" not in made:
            body = (
                [_parameter(one) for one in parameters]
                if isinstance(parameters, list)
                else [
                    _parameter(value) | {"parameter_name": str(name)}
                    for name, value in dict(parameters).items()
                ]
            )
            made["components"] = [{"type": "body", "parameters": body}]
        return made

    async def check(self) -> Result:
        """Reads the sending number."""
        answer = await self._caller.call("GET", f"{self._number}?fields=id")
        if isinstance(answer, Result):
            return answer
        return Result(verdict="accepted") if answer.ok else refused(answer, None)

    async def close(self) -> None:
        await self._caller.close()


def _parameter(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {"type": "text", "text": str(value)}


def _free(message: Outgoing) -> dict[str, Any]:
    """Words of our own: a text, a picture with the text below it, or a text with one link as a button.
    Further buttons, and a link, are written below the text.
    """
    content = message.content
    buttons, text = list(content.buttons), content.body or content.text or ""
    first = buttons.pop(0) if len(buttons) == 1 or (buttons and not content.image) else None
    lines = [text, *(f"{one.label}: {one.link}" for one in buttons)]
    if content.link and content.link not in text:
        lines.append(content.link)
    text = "\n".join(line for line in lines if line)
    if first is not None:
        action = {"name": "cta_url", "parameters": {"display_text": first.label, "url": first.link}}
        made: dict[str, Any] = {"type": "cta_url", "body": {"text": text}, "action": action}
        if content.image:
            made["header"] = {"type": "image", "image": {"link": content.image}}
        return {"type": "interactive", "interactive": made}
    if content.image:
        return {"type": "image", "image": {"link": content.image, "caption": text}}
    return {"type": "text", "text": {"body": text, "preview_url": True}}


# --------------------------------------------------------------------------------------------------- it tells

_STATES: Final = {"sent": "sent", "delivered": "delivered", "read": "opened", "failed": "failed"}
_ORDER: Final = ("sent", "delivered", "read", "failed")


class WhatsAppInbound:
    """Hears what became of messages, what people write, and what they want no more."""

    def __init__(self, settings: WhatsAppSettings) -> None:
        self._secret = settings.app_secret or ""
        self._verify = settings.verify_token or ""
        self._ranks = Ranks(_ORDER)

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        if request.method == "GET":
            return [], self._handshake(request.query)
        if not self._secret:
            raise UnverifiedError("the channel has no `app_secret`", fix="set it to the Meta app's secret")
        verify_hub(self._secret, request.headers, request.body)
        try:
            told = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            return [], Reply(status=400, body=b"no JSON")
        heard: list[Heard] = []
        for value in _values(told):
            names = {_text(one, "wa_id"): one for one in _objects(value, "contacts")}
            for status in _objects(value, "statuses"):
                heard += self._status(status)
            for message in _objects(value, "messages"):
                heard += _received(message, names, request.received)
            for preference in _objects(value, "user_preferences"):
                heard += _preference(preference, request.received)
            for update in _objects(value, "user_id_update"):
                heard += _changed(update, request.received)
        return heard[:HOOK_ITEMS_MAX], Reply()

    def _handshake(self, query: Mapping[str, str]) -> Reply:
        told = query.get("hub.verify_token", "")
        if query.get("hub.mode") != "subscribe" or not self._verify or not equal(told, self._verify):
            raise UnverifiedError(
                "the verify token is another", fix="enter the channel's `verify_token` at Meta"
            )
        return Reply(body=query.get("hub.challenge", "")[:200].encode())

    def _status(self, status: Mapping[str, Any]) -> list[Heard]:
        ident, state = _text(status, "id"), _text(status, "status")
        if not ident or state not in _STATES or not self._ranks.news(ident, state):
            return []
        error = next(iter(_objects(status, "errors")), {})
        code = error.get("code")
        verdict = by_code(code, "") if isinstance(code, int) else None
        gone = verdict is not None and verdict.suppress
        recipient = _text(status, "recipient_id")
        return [
            Heard(
                key=f"{ident}:{state}",
                outcome="bounced" if gone else _STATES[state],
                effect=_text(status, "biz_opaque_callback_data"),
                provider_id=ident,
                address=_phone(recipient) or _text(status, "recipient_user_id"),
                reason=(verdict.reason if verdict is not None else f"meta_{code}") if code else "",
                permanent=gone,
                at=_at(status, 0),
                detail={"code": code} if code else {},
            )
        ]


def _received(message: Mapping[str, Any], names: Mapping[str, Any], received: int) -> list[Heard]:
    ident, sender = _text(message, "id"), _text(message, "from")
    if not ident:
        return []
    contact: Any = names.get(sender) or next(iter(names.values()), None)
    user = _text(message, "from_user_id") or _text(contact, "user_id")
    phone = _phone(sender)
    if _text(message, "type") == "system":
        # Nobody wrote it: it opens no window.
        return _changed({**message, "user_id": user, "wa_id": sender}, received)
    text = _said(message)
    keyword = keyword_of(text, country_of(phone))
    context = message.get("context")
    properties = {
        "text": text,
        "kind": _text(message, "type"),
        "keyword": keyword,
        "payload": _pressed(message),
        "in_reply_to": _text(context, "id") if isinstance(context, Mapping) else "",
    }
    at = _at(message, received)
    event = track(
        "WhatsApp Received", {"phone": phone, "whatsapp_id": user}, properties, at, f"whatsapp-{ident}"
    )
    heard = [Heard(key=ident, provider_id=ident, address=phone or user, at=at, event=event)]
    if keyword == "stop":
        out = Heard(
            key=f"{ident}:stop", outcome="unsubscribed", address=phone or user, at=at, reason="keyword"
        )
        heard.append(out)
    return heard


def _preference(preference: Mapping[str, Any], received: int) -> list[Heard]:
    phone, user = _phone(_text(preference, "wa_id")), _text(preference, "user_id")
    value, at = _text(preference, "value"), _at(preference, received)
    if value not in ("stop", "resume") or not (phone or user):
        return []
    key = f"preference:{phone or user}:{value}:{at}"
    properties = {"value": value, "category": _text(preference, "category")}
    event = track("WhatsApp Preference Changed", {"phone": phone, "whatsapp_id": user}, properties, at, key)
    heard = [Heard(key=key, address=phone or user, at=at, event=event)]
    if value == "stop":
        out = Heard(
            key=f"{key}:stop", outcome="unsubscribed", address=phone or user, at=at, reason="preference"
        )
        heard.append(out)
    return heard


def _changed(told: Mapping[str, Any], received: int) -> list[Heard]:
    """Somebody's number or user ID is another one now (`system` messages, `user_id_update`)."""
    ids, system = told.get("user_id"), told.get("system")
    user = _text(ids, "current") if isinstance(ids, Mapping) else _text(told, "user_id")
    phone, at = _phone(_text(told, "wa_id")), _at(told, received)
    new = _phone(_text(system, "wa_id") or _text(system, "new_wa_id"))
    properties = {
        "kind": _text(system, "type"),
        "phone": new,
        "previous_whatsapp_id": _text(ids, "previous"),
    }
    if not (phone or user):
        return []
    key = f"identity:{phone or user}:{new or user}:{at}"
    identifiers = {"phone": phone, "whatsapp_id": user}
    event = track("WhatsApp Identity Changed", identifiers, properties, at, key)
    return [Heard(key=key, address=phone or user, at=at, event=event)]


def _values(told: Any) -> Iterator[Mapping[str, Any]]:
    for entry in _objects(told, "entry"):
        for change in _objects(entry, "changes"):
            value = change.get("value")
            if isinstance(value, Mapping):
                yield value


def _objects(value: Any, name: str) -> list[Mapping[str, Any]]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _text(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found[:4_096] if isinstance(found, str) else ""


def _phone(digits: str) -> str:
    return f"+{digits.removeprefix('+')}" if _PHONE.fullmatch(digits) else ""


def _at(value: Mapping[str, Any], otherwise: int) -> int:
    found = str(value.get("timestamp", ""))
    return int(found) * 1000 if found.isascii() and found.isdigit() and len(found) <= 11 else otherwise


def _said(message: Mapping[str, Any]) -> str:
    """What somebody wrote or pressed, as text."""
    kind = _text(message, "type")
    part = message.get(kind)
    if kind == "interactive" and isinstance(part, Mapping):
        part = part.get(_text(part, "type"))
    return next(
        (found for name in ("body", "text", "title", "caption", "emoji") if (found := _text(part, name))), ""
    )


def _pressed(message: Mapping[str, Any]) -> str:
    """What a button or a list's row stands for."""
    part = message.get(_text(message, "type"))
    if _text(message, "type") == "interactive" and isinstance(part, Mapping):
        part = part.get(_text(part, "type"))
        return _text(part, "id")
    return _text(part, "payload")


provider(
    Provider(
        name="whatsapp",
        types=("whatsapp",),
        settings=WhatsAppSettings,
        adapter=WhatsApp,
        inbound=WhatsAppInbound,
        summary="WhatsApp through Meta's Cloud API; states, replies and preferences come back",
    )
)
