"""Twilio's message resource on loopback: checks what it is posted as the official OpenAPI describes it."""

from __future__ import annotations

from base64 import b64encode
from typing import Final
from urllib.parse import parse_qs

from tests.edges.channels.peers.http import Answered, Asked, HttpPeer

ACCOUNT: Final = "AC" + "0" * 32
TOKEN: Final = "twilio-token-0123456789abcdef"
FIELDS: Final = {
    *("To", "From", "MessagingServiceSid", "Body", "MediaUrl", "ContentSid", "ContentVariables"),
    *("StatusCallback", "ValidityPeriod", "SmartEncoded"),
}


def error(status: int, code: int, message: str, **headers: str) -> Answered:
    told = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return Answered(status, told | {"status": status}, headers)


class TwilioPeer(HttpPeer):
    """Takes messages for one account."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []

    def accept(self, asked: Asked) -> Answered:
        expected = "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != expected:
            return error(401, 20003, "Authenticate")
        account = f"/2010-04-01/Accounts/{ACCOUNT}"
        if asked.method == "GET" and asked.path == f"{account}.json":
            return Answered(200, {"sid": ACCOUNT, "status": "active"})
        if asked.method != "POST" or asked.path != f"{account}/Messages.json":
            return self.refuse(f"{asked.method} {asked.path}", error(404, 20404, "not found"))
        if asked.headers.get("content-type") != "application/x-www-form-urlencoded":
            return self.refuse("the body is a form", error(400, 20001, "no form"))
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if unknown := set(form) - FIELDS:
            return self.refuse(f"unknown fields {unknown}", error(400, 20001, "unknown"))
        if "To" not in form or not ({"From", "MessagingServiceSid"} & set(form)):
            return self.refuse("To and a sender", error(400, 21604, "To is required"))
        if not ({"Body", "MediaUrl", "ContentSid"} & set(form)) or len(form.get("Body", "")) > 1_600:
            return self.refuse("a body", error(400, 21602, "Message body is required."))
        if not 1 <= int(form.get("ValidityPeriod", "60")) <= 36_000:
            return self.refuse("validity", error(400, 21626, "validity"))
        self.forms.append(form)
        sid = f"SM{len(self.forms):032x}"
        return Answered(201, {"sid": sid, "status": "queued", "error_code": None, "to": form["To"]})
