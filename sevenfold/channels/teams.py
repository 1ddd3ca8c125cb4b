"""Microsoft Teams: adaptive cards to the webhook of a workflow (Power Automate, "when a Teams webhook
request is received"), or of one of the connectors before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from .base import Outgoing, Provider, Result, Secret, provider
from .calling import Answer, by_status, unreadable
from .http import OutsideCaller, web_url
from .outside import Outside

BODY_BYTES_MAX: Final = 28 * 1024
"""What Teams takes of a message."""
_CARD: Final = "application/vnd.microsoft.card.adaptive"


class TeamsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Microsoft Teams workflow webhook."""

    url: Secret
    """The workflow's address. It holds a signature: who knows it can write there."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 20.0
    """How long connecting and each wait for bytes may take, in seconds."""
    concurrency: Annotated[int, Meta(ge=1, le=100)] = 4
    """Messages on their way at the same time."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = 4.0
    """Messages a second; Teams takes four of a webhook."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""


def card(message: Outgoing) -> dict[str, Any]:
    """What is posted. A payload that is an adaptive card (or its `body`, as a list) is the card; one with
    `attachments` is the whole message.
    """
    content, payload = message.content, message.content.payload
    if isinstance(payload, Mapping) and "attachments" in payload:
        return {"type": "message", **payload}
    inner: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
    }
    if isinstance(payload, Mapping):
        inner |= payload
    elif isinstance(payload, list | tuple):
        inner["body"] = list(payload)
    else:
        inner["body"] = _body(message)
        links = [(one.label, one.link) for one in content.buttons]
        if content.link and not links:
            links = [(content.title or content.link, content.link)]
        if links:
            inner["actions"] = [
                {"type": "Action.OpenUrl", "title": label, "url": link} for label, link in links
            ]
    body = inner.get("body")
    if isinstance(body, list) and body and isinstance(body[0], Mapping):
        # Our id stays findable in what was posted.
        inner["body"] = [{"id": message.effect, **body[0]}, *body[1:]]
    attachment = {"contentType": _CARD, "contentUrl": None, "content": inner}
    return {"type": "message", "attachments": [attachment]}


def _body(message: Outgoing) -> list[dict[str, Any]]:
    content = message.content
    made: list[dict[str, Any]] = []
    if content.title:
        made.append({"type": "TextBlock", "text": content.title, "weight": "Bolder", "size": "Medium"})
    text = content.body or content.text
    if text:
        made.append({"type": "TextBlock", "text": text})
    for block in made:
        block["wrap"] = True
    if content.image:
        made.append({"type": "Image", "url": content.image, "altText": content.title or ""})
    evidence = message.data.get("evidence")
    if message.data.get("task") and isinstance(evidence, Mapping) and evidence:
        facts = [{"title": str(name), "value": str(value)} for name, value in evidence.items()]
        made.append({"type": "FactSet", "facts": facts[:20]})
    return made


class Teams:
    """Posts to a workflow."""

    deduplicates = False

    def __init__(self, settings: TeamsSettings, *, outside: Outside | None = None) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._url = web_url(settings.url)
        self._caller = OutsideCaller(
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            ca_file=settings.ca_file,
            outside=outside,
        )

    async def send(self, message: Outgoing) -> Result:
        told = card(message)
        content = told["attachments"][0].get("content") if told.get("attachments") else None
        if isinstance(content, Mapping) and not content.get("body") and not content.get("actions"):
            return Result(verdict="permanent", reason="empty", detail="the message has no text")
        body = msgspec.json.encode(told)
        if len(body) > BODY_BYTES_MAX:
            detail = f"{len(body)} bytes, at most {BODY_BYTES_MAX}"
            return Result(verdict="permanent", reason="too_large", detail=detail)
        answer = await self._caller.call("POST", self._url, body, {"Content-Type": "application/json"})
        if isinstance(answer, Result):
            refused = answer.verdict == "permanent"
            return (
                msgspec.structs.replace(answer, verdict="config_error", scope="account")
                if refused
                else answer
            )
        return _verdict(answer, message)

    async def check(self) -> Result:
        """Nothing can be asked of a workflow without running it."""
        return Result(
            verdict="accepted", detail="only a message shows whether Teams still knows the workflow"
        )

    async def close(self) -> None:
        await self._caller.close()


def _verdict(answer: Answer, message: Outgoing) -> Result:
    text = answer.text().strip()
    if answer.ok:
        # A workflow says nothing (202), or JSON where it ends in an answer; the connectors said 1. An error
        # of Teams behind a connector came as HTTP 200 and a sentence.
        if text in ("", "1") or answer.json() is not None:
            return Result(
                verdict="accepted", provider_id=answer.headers.get("x-ms-workflow-run-id") or message.effect
            )
        if "429" in text:
            return Result(verdict="throttled", reason="rate", detail="HTTP 429 behind it", scope="account")
        return unreadable(f"HTTP {answer.status} in words that say nothing")
    error = answer.object().get("error")
    code = str(error.get("code") or "") if isinstance(error, Mapping) else ""
    # Not its words, which may repeat the card.
    words = f"HTTP {answer.status} {code if code.isalnum() else ''}".strip()[:100]
    if answer.status in (404, 405, 410):
        return Result(verdict="config_error", reason="gone", detail=words, scope="account")
    if answer.status == 413:
        return Result(verdict="permanent", reason="too_large", detail=words)
    if answer.status == 400 and "WorkflowTriggerIsNotEnabled" in text:
        return Result(
            verdict="config_error", reason="gone", detail="the workflow is switched off", scope="account"
        )
    return by_status(answer, words)


provider(
    Provider(
        name="teams",
        types=("teams",),
        settings=TeamsSettings,
        adapter=Teams,
        summary="Microsoft Teams: adaptive cards to a workflow's webhook",
    )
)
