"""What people press in Slack: buttons of a task's outcomes, and all others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from ..limits import HOOK_ITEMS_MAX
from .base import Heard, Reply, Request, UnverifiedError
from .hooks import track
from .http import OutsideCaller
from .outside import Outside
from .signatures import verify_slack

OURS: Final = "sevenfold:"
"""What the `block_id` of a message's first block begins with; the effect's id follows."""
TASK: Final = "sevenfold_task:"
"""What the `action_id` of a task's button begins with; the outcome follows."""
ANSWERS: Final = "https://hooks.slack.com"
"""Where Slack takes answers to what was pressed."""
_SAYING_MAX: Final = 20
_SAYING_S: Final = 5.0


class SlackInbound:
    """Hears buttons. Those of a task's outcomes are control records, any other is a click and the event
    `Slack Button Clicked` of the person with that `slack_id`.
    """

    def __init__(
        self, signing_secret: str | None, *, answers: str = ANSWERS, outside: Outside | None = None
    ) -> None:
        self._secret = signing_secret or ""
        self._answers, self._outside = answers, outside
        self._saying: set[asyncio.Task[None]] = set()

    async def hear(self, request: Request) -> tuple[Sequence[Heard], Reply]:
        if not self._secret:
            fix = "set it to the Slack app's signing secret"
            raise UnverifiedError("the channel has no `signing_secret`", fix=fix)
        verify_slack(self._secret, request.headers, request.body, request.received)
        told = _told(request)
        if told.get("type") == "url_verification":
            challenge = str(told.get("challenge") or "")[:500]
            return [], Reply(body=challenge.encode())
        if told.get("type") != "block_actions":
            return [], Reply()
        effect = _effect(told)
        actions = told.get("actions")
        found = [one for one in actions if isinstance(one, Mapping)] if isinstance(actions, list) else []
        user = told.get("user")
        person = user if isinstance(user, Mapping) else {}
        heard: list[Heard] = []
        for action in found[:HOOK_ITEMS_MAX]:
            heard += _pressed(action, person, effect, request.received)
        closing = [one.control["outcome"] for one in heard if one.control is not None]
        if closing:
            self._say(str(told.get("response_url") or ""), closing[0])
        return heard, Reply()

    def _say(self, url: str, outcome: str) -> None:
        """Tells who pressed that it was taken, in a line that only they see. Slack has no other way to answer
        a button; where it does not work nothing is lost.
        """
        if url.startswith(f"{self._answers}/") and len(self._saying) < _SAYING_MAX:
            task = asyncio.create_task(self._post(url, outcome))
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)

    async def _post(self, url: str, outcome: str) -> None:
        text = f":white_check_mark: *{outcome.replace('_', ' ')}* was passed on."
        told = {"response_type": "ephemeral", "replace_original": False, "text": text}
        caller = OutsideCaller(timeout_s=_SAYING_S, concurrency=1, outside=self._outside)
        try:
            await caller.call("POST", url, msgspec.json.encode(told), {"Content-Type": "application/json"})
        finally:
            await caller.close()


def _told(request: Request) -> Mapping[str, Any]:
    """The JSON of a call, which interactivity wraps into a form."""
    body = request.body
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            body = parse_qs(body.decode(), max_num_fields=10).get("payload", [""])[0].encode()
        except (UnicodeDecodeError, ValueError):
            return {}
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return told if isinstance(told, Mapping) else {}


def _effect(told: Mapping[str, Any]) -> str:
    message = told.get("message")
    blocks = message.get("blocks") if isinstance(message, Mapping) else None
    for block in blocks if isinstance(blocks, list) else []:
        ident = block.get("block_id") if isinstance(block, Mapping) else None
        if isinstance(ident, str) and ident.startswith(OURS):
            return ident.removeprefix(OURS)
    return ""


def _pressed(action: Mapping[str, Any], person: Mapping[str, Any], effect: str, received: int) -> list[Heard]:
    name, value = str(action.get("action_id") or ""), str(action.get("value") or "")[:2_000]
    who = str(person.get("id") or "")
    key = f"{who}:{name}:{action.get('action_ts') or received}"
    if name.startswith(TASK):
        control = _closing(value, str(person.get("username") or person.get("name") or who))
        return [Heard(key=key, effect=effect, control=control)] if control is not None else []
    heard = []
    if effect:
        heard.append(Heard(key=f"{key}:click", outcome="clicked", effect=effect, detail={"button": name}))
    if who:
        properties = {"action": name, "value": value, "effect": effect}
        event = track("Slack Button Clicked", {"slack_id": who}, properties, received, f"slack-{key}")
        heard.append(Heard(key=key, event=event))
    return heard


def _closing(value: str, who: str) -> dict[str, Any] | None:
    """The control record of a button of `_outcomes`."""
    try:
        told = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return None
    if not isinstance(told, Mapping) or not isinstance(told.get("task"), str):
        return None
    return {
        "op": "task",
        "action": "close",
        "task": told["task"],
        "outcome": str(told.get("outcome") or ""),
        "by": f"{who} (Slack)"[:200],
    }
