"""Meta's Graph API on loopback: WhatsApp messages, and users of custom audiences."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import parse_qs

from tests.edges.channels.peers.http import Answered, Asked, HttpPeer

TOKEN: Final = "EAAG-meta-token-0123456789"
NUMBER: Final = "106540352242922"
AUDIENCE: Final = "23851234567890"
HASH: Final = re.compile(r"[0-9a-f]{64}")
MESSAGE: Final = {
    *("messaging_product", "recipient_type", "to", "recipient", "type", "biz_opaque_callback_data"),
    *("text", "template", "image", "interactive", "document", "video", "location"),
}


def error(status: int, code: int, message: str, details: str = "", **headers: str) -> Answered:
    told: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    if details:
        told["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return Answered(status, {"error": told}, headers)


class GraphPeer(HttpPeer):
    """One phone number and one audience."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.members: set[tuple[str, ...]] = set()

    def accept(self, asked: Asked) -> Answered:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return error(401, 190, "Invalid OAuth access token.")
        parts = asked.path.strip("/").split("/")
        if not re.fullmatch(r"v\d+\.\d", parts[0]):
            return self.refuse("a version", error(400, 2635, "version"))
        if asked.method == "GET":
            return Answered(200, {"id": parts[1]})
        if parts[1:] == [NUMBER, "messages"]:
            return self._message(asked.json())
        if parts[1:] == [AUDIENCE, "users"]:
            return self._users(asked)
        return self.refuse(asked.path, error(400, 100, "Unsupported post request"))

    def _message(self, told: dict[str, Any]) -> Answered:
        kind = told.get("type", "text")
        wrong = (
            "unknown fields"
            if set(told) - MESSAGE
            else "messaging_product"
            if told.get("messaging_product") != "whatsapp"
            else "to or recipient"
            if ("to" in told) == ("recipient" in told)
            else kind
            if not told.get(kind)
            else ""
        )
        if kind == "template":
            template = told["template"]
            wrong = wrong or ("" if template.get("name") and template["language"].get("code") else "template")
        if kind == "text":
            wrong = wrong or ("" if 0 < len(told["text"]["body"]) <= 4_096 else "text.body")
        if kind == "interactive":
            inner = told["interactive"]
            wrong = wrong or ("" if inner.get("type") and "action" in inner and "body" in inner else kind)
        if wrong:
            return self.refuse(wrong, error(400, 100, "Invalid parameter", wrong))
        self.messages.append(told)
        contact = {"input": told.get("to", ""), "wa_id": told.get("to", "").lstrip("+")}
        sent = {"id": f"wamid.{len(self.messages)}", "message_status": "accepted"}
        return Answered(200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]})

    def _users(self, asked: Asked) -> Answered:
        form = parse_qs(asked.body.decode())
        payload = json.loads(form["payload"][0]) if "payload" in form else {}
        schema, data = payload.get("schema"), payload.get("data")
        known = {"EMAIL_SHA256", "PHONE_SHA256", "EMAIL", "PHONE", "EXTERN_ID"}
        if not isinstance(schema, list) or not set(schema) <= known or not isinstance(data, list):
            return self.refuse("schema and data", error(400, 100, "schema"))
        if len(data) > 10_000 or any(len(row) != len(schema) for row in data):
            return self.refuse("rows", error(400, 100, "rows"))
        if any(value and not HASH.fullmatch(value) for row in data for value in row):
            return self.refuse("not hashed", error(400, 100, "hash"))
        rows = {tuple(row) for row in data}
        self.members = self.members | rows if asked.method == "POST" else self.members - rows
        self.calls.append((asked.method, payload))
        told = {"audience_id": AUDIENCE, "num_received": len(data), "num_invalid_entries": 0}
        return Answered(200, told | {"session_id": "1"})
