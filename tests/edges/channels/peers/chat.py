"""Slack's Web API and incoming webhooks, and a Teams workflow, on loopback."""

from __future__ import annotations

from typing import Any, Final

from tests.edges.channels.peers.http import Answered, Asked, HttpPeer

BOT: Final = "xoxb-slack-bot-token-0123456789"
HOOK: Final = "/services/T0/B0/slackhooksecret"
FLOW: Final = "/workflows/1/triggers/manual/paths/invoke"
BLOCKS: Final = {"section", "header", "image", "actions", "divider", "context"}


class SlackPeer(HttpPeer):
    """One workspace with a bot and a webhook."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[dict[str, Any]] = []

    def accept(self, asked: Asked) -> Answered:
        if asked.path == HOOK:
            problem = self._problem(asked.json())
            if problem:
                return self.refuse(problem, Answered(400, problem))
            self.posted.append(asked.json())
            return Answered(200, "ok", {"Content-Type": "text/html"})
        if asked.headers.get("authorization") != f"Bearer {BOT}":
            return Answered(200, {"ok": False, "error": "invalid_auth"})
        if asked.path == "/api/auth.test":
            return Answered(200, {"ok": True, "team": "Shop", "user_id": "U0"})
        if asked.path != "/api/chat.postMessage" or "json" not in asked.headers.get("content-type", ""):
            return self.refuse(asked.path, Answered(200, {"ok": False, "error": "unknown_method"}))
        told = asked.json()
        problem = self._problem(told) or ("" if told.get("channel") else "channel_not_found")
        if problem:
            return self.refuse(problem, Answered(200, {"ok": False, "error": problem}))
        self.posted.append(told)
        ts = f"1503435956.{len(self.posted):06d}"
        return Answered(200, {"ok": True, "channel": told["channel"], "ts": ts, "message": {"text": "hi"}})

    def _problem(self, told: dict[str, Any]) -> str:
        blocks = told.get("blocks", [])
        if not told.get("text") and not blocks:
            return "no_text"
        fine = len(blocks) <= 50 and all(one.get("type") in BLOCKS for one in blocks)
        for one in blocks:
            text = one.get("text", {}).get("text", "x")
            fine = fine and 0 < len(text) <= (150 if one["type"] == "header" else 3_000)
            for element in one.get("elements", []):
                label = element.get("text", {}).get("text", "")
                fine = fine and 0 < len(label) <= 75 and len(element.get("action_id", "")) <= 255
                fine = fine and len(element.get("value", "")) <= 2_000
        names = [one["block_id"] for one in blocks if "block_id" in one]
        return "" if fine and len(names) == len(set(names)) else "invalid_blocks"


class TeamsPeer(HttpPeer):
    """One workflow, called with its signature."""

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[dict[str, Any]] = []

    def accept(self, asked: Asked) -> Answered:
        if asked.path != FLOW or "sig=teamssignature" not in asked.query:
            return Answered(401, {"error": {"code": "AuthorizationFailed"}})
        told = asked.json()
        inner = told["attachments"][0]
        card = inner["content"]
        right = (
            told["type"] == "message"
            and inner["contentType"] == "application/vnd.microsoft.card.adaptive"
            and card["type"] == "AdaptiveCard"
            and card["version"] in ("1.2", "1.3", "1.4", "1.5")
            and all("type" in one for one in card["body"])
        )
        if not right or len(asked.body) > 28 * 1024:
            return self.refuse("no card", Answered(400, {"error": {"code": "InvalidRequest"}}))
        self.cards.append(card)
        return Answered(202, b"", {"x-ms-workflow-run-id": f"0858{len(self.cards)}"})
