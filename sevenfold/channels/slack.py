"""Slack: messages into channels and to people, with buttons that write what became of a task.

Two ways in: `slack`, a bot's token (Web API `chat.postMessage`), and `slack_webhook`, an incoming webhook
of one channel. Texts are Slack's mrkdwn. Slack has no idempotency key; our id goes along as the first block's
`block_id`, and comes back with every button that is pressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from .base import Outgoing, Provider, Result, Secret, provider
from .calling import Answer, Caller, by_status, said, unreadable
from .http import OutsideCaller, web_url
from .outside import Outside
from .slack_actions import OURS, TASK, SlackInbound

SECTION_CHARS_MAX: Final = 3_000
TEXT_CHARS_MAX: Final = 40_000
BLOCKS_MAX: Final = 50
_BUTTONS_MAX: Final = 25

_ACCOUNT: Final = {
    *("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"),
    *("no_permission", "org_login_required", "ekm_access_denied", "team_access_not_granted", "access_denied"),
    *("not_allowed_token_type", "enterprise_is_restricted", "two_factor_setup_required", "invalid_token"),
    *("action_prohibited", "no_active_hooks", "no_service", "no_service_id", "no_team", "team_disabled"),
}
_PASSING: Final = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "rollup_error"}
_WHERE: Final = {
    *("channel_not_found", "user_not_found", "users_not_found", "is_archived", "channel_is_archived"),
    *("not_in_channel", "cannot_dm_bot", "user_disabled", "user_is_bot", "messages_tab_disabled"),
    *("restricted_action", "as_user_not_supported"),
}


class SlackSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Slack app with a bot token."""

    bot_token: Secret
    """`xoxb-...`, with the scope `chat:write` (and `chat:write.public` for channels it is no member of)."""
    signing_secret: Secret | None = None
    """The app's signing secret; buttons are heard with it."""
    channel: str = ""
    """Where messages go that name nobody: a channel's or a person's ID, or #name."""
    base_url: str = "https://slack.com/api"
    """Another address of the service: a region of its, or a proxy."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """How long connecting and each wait for bytes may take, in seconds."""
    concurrency: Annotated[int, Meta(ge=1, le=100)] = 4
    """Messages on their way at the same time."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = 1.0
    """Messages a second. Slack allows about one a second in each channel."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""


class SlackWebhookSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Slack incoming webhook: one channel, no token."""

    url: Secret
    """`https://hooks.slack.com/services/...`. Who knows it can write there."""
    signing_secret: Secret | None = None
    """The app's signing secret; buttons are heard with it."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """How long connecting and each wait for bytes may take, in seconds."""
    concurrency: Annotated[int, Meta(ge=1, le=100)] = 4
    """Messages on their way at the same time."""
    rate_per_s: Annotated[float, Meta(gt=0)] | None = 1.0
    """Messages a second at most."""
    ca_file: str = ""
    """A file of certificate authorities to trust besides the usual ones."""


# -------------------------------------------------------------------------------------------------- messages


def posted(message: Outgoing) -> dict[str, Any]:
    """`text` and `blocks` of a message. A payload that is a list is the blocks, one that is an object is
    taken as it is; else the text, picture, buttons with links, and for a task a button for each outcome.
    """
    content, payload = message.content, message.content.payload
    text = (content.body or content.title or content.text or "")[:TEXT_CHARS_MAX]
    made: dict[str, Any] = {}
    if isinstance(payload, Mapping):
        made = dict(payload)
        blocks = list(made.get("blocks") or [])
        text = str(made.get("text") or text)
    elif isinstance(payload, list | tuple):
        blocks = list(payload)
    else:
        blocks = _blocks(message, text)
    blocks += _outcomes(message)
    if text:
        made["text"] = text
    if blocks:
        first = dict(blocks[0])
        first.setdefault("block_id", OURS + message.effect)
        made["blocks"] = [first, *blocks[1:]][:BLOCKS_MAX]
    return made


def _blocks(message: Outgoing, text: str) -> list[dict[str, Any]]:
    content = message.content
    made: list[dict[str, Any]] = []
    if content.title and content.body:
        made.append({"type": "header", "text": _plain(content.title, 150)})
    for start in range(0, len(text), SECTION_CHARS_MAX):
        part = text[start : start + SECTION_CHARS_MAX]
        made.append({"type": "section", "text": {"type": "mrkdwn", "text": part}})
    if content.image:
        alt = (content.title or "picture")[:2_000]
        made.append({"type": "image", "image_url": content.image, "alt_text": alt})
    buttons = [
        {"type": "button", "text": _plain(one.label, 75), "url": one.link, "action_id": f"link:{one.name}"}
        for one in content.buttons
    ]
    if content.link and not buttons:
        made.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{content.link}>"}})
    if buttons:
        made.append({"type": "actions", "elements": buttons[:_BUTTONS_MAX]})
    return made


def _outcomes(message: Outgoing) -> list[dict[str, Any]]:
    """A button for each outcome of the task that a message is about."""
    task, outcomes = message.data.get("task"), message.data.get("outcomes")
    if not isinstance(task, str) or not isinstance(outcomes, list | tuple) or not outcomes:
        return []
    elements = [
        {
            "type": "button",
            "text": _plain(str(one).replace("_", " ").capitalize(), 75),
            "action_id": f"{TASK}{one}"[:255],
            "value": msgspec.json.encode({"task": task, "outcome": str(one)}).decode(),
        }
        for one in outcomes[:_BUTTONS_MAX]
    ]
    return [{"type": "actions", "elements": elements}]


def _plain(text: str, chars: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:chars] or "…", "emoji": True}


# --------------------------------------------------------------------------------------------------- Web API


class Slack:
    """Posts with a bot's token."""

    deduplicates = False

    def __init__(self, settings: SlackSettings) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._channel = settings.channel
        self._caller = Caller(
            settings.base_url,
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            headers={
                "Authorization": f"Bearer {settings.bot_token}",
                "Content-Type": "application/json;charset=utf-8",
            },
            ca_file=settings.ca_file,
        )

    async def send(self, message: Outgoing) -> Result:
        where = message.address or self._channel
        if not where:
            detail = "neither the person nor the channel says where"
            return Result(verdict="permanent", reason="no_address", detail=detail, scope="recipient")
        told = posted(message)
        if "text" not in told and "blocks" not in told:
            return Result(verdict="permanent", reason="empty", detail="the message has no text")
        body = msgspec.json.encode({"channel": where} | told)
        answer = await self._caller.call("POST", "/chat.postMessage", body)
        if isinstance(answer, Result):
            return answer
        said_ = answer.object()
        if answer.ok and said_.get("ok") is True:
            return Result(
                verdict="accepted", provider_id=f"{said_.get('channel') or where}:{said_.get('ts') or ''}"
            )
        if answer.ok and not isinstance(said_.get("error"), str):
            return unreadable(f"HTTP {answer.status} without `ok`")
        return _refused(answer, str(said_.get("error") or ""), message)

    async def check(self) -> Result:
        """Asks Slack whose token it is."""
        answer = await self._caller.call("POST", "/auth.test", b"{}")
        if isinstance(answer, Result):
            return answer
        told = answer.object()
        if told.get("ok") is True:
            return Result(verdict="accepted")
        if answer.ok and not isinstance(told.get("error"), str):
            return unreadable(f"HTTP {answer.status} without `ok`")
        return _refused(answer, str(told.get("error") or ""), None)

    async def close(self) -> None:
        await self._caller.close()


def _refused(answer: Answer, error: str, message: Outgoing | None) -> Result:
    """What one of Slack's errors means; it says them with HTTP 200, or as the whole body of a webhook."""
    wait = answer.retry_after_s()
    words = said(error or f"HTTP {answer.status}", message.address if message is not None else None)
    if error in ("ratelimited", "rate_limited", "message_limit_exceeded") or answer.status == 429:
        return Result(verdict="throttled", reason="rate", detail=words, scope="account", retry_after_s=wait)
    if error in _ACCOUNT:
        return Result(verdict="config_error", reason="auth", detail=words, scope="account")
    if error in _PASSING:
        return Result(
            verdict="transient", reason="provider", detail=words, scope="account", retry_after_s=wait
        )
    if error in _WHERE:
        if message is None or not message.address:
            return Result(verdict="config_error", reason="channel", detail=words, scope="account")
        return Result(
            verdict="permanent", reason="bad_address", detail=words, scope="recipient", suppress=True
        )
    if answer.ok or answer.status == 400:
        return Result(verdict="permanent", reason="rejected", detail=words)
    if answer.status in (404, 410):
        return Result(verdict="config_error", reason="gone", detail=words, scope="account")
    return by_status(answer, words)


# --------------------------------------------------------------------------------------------------- webhook


class SlackWebhook:
    """Posts to an incoming webhook."""

    deduplicates = False

    def __init__(self, settings: SlackWebhookSettings, *, outside: Outside | None = None) -> None:
        self.concurrency, self.rate_per_s = settings.concurrency, settings.rate_per_s
        self._url = web_url(settings.url)
        self._caller = OutsideCaller(
            timeout_s=settings.timeout_s,
            concurrency=settings.concurrency,
            ca_file=settings.ca_file,
            outside=outside,
        )

    async def send(self, message: Outgoing) -> Result:
        told = posted(message)
        if "text" not in told and "blocks" not in told:
            return Result(verdict="permanent", reason="empty", detail="the message has no text")
        headers = {"Content-Type": "application/json;charset=utf-8"}
        answer = await self._caller.call("POST", self._url, msgspec.json.encode(told), headers)
        if isinstance(answer, Result):
            refused = answer.verdict == "permanent"
            return (
                msgspec.structs.replace(answer, verdict="config_error", scope="account")
                if refused
                else answer
            )
        text = answer.text().strip()
        if answer.ok:
            return (
                Result(verdict="accepted", provider_id=message.effect)
                if text == "ok"
                else unreadable(f"HTTP {answer.status} that does not say ok")
            )
        # No message chooses where this goes: what is wrong with the place is wrong with the setting.
        error = text if len(text) <= 60 and text.replace("_", "").isalnum() else ""
        return _refused(answer, error, msgspec.structs.replace(message, address=None))

    async def check(self) -> Result:
        """Nothing can be asked of a webhook without writing to its channel."""
        return Result(verdict="accepted", detail="only a message shows whether Slack still knows the webhook")

    async def close(self) -> None:
        await self._caller.close()


provider(
    Provider(
        name="slack",
        types=("slack",),
        settings=SlackSettings,
        adapter=Slack,
        inbound=lambda settings: SlackInbound(settings.signing_secret),
        summary="Slack by a bot's token: any channel or person, and buttons that are heard",
    )
)
provider(
    Provider(
        name="slack_webhook",
        types=("slack",),
        settings=SlackWebhookSettings,
        adapter=SlackWebhook,
        inbound=lambda settings: SlackInbound(settings.signing_secret),
        summary="Slack by an incoming webhook: one channel",
    )
)
