"""A push service and the browsers behind it on loopback: it keeps to RFC 8030 and 8292, they decrypt by
http_ece.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

import http_ece
import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sevenfold.channels.vapid import b64, unb64
from tests.edges.channels.peers.http import Answered, Asked, HttpPeer


class Browser:
    """One subscription with its private key."""

    def __init__(self, endpoint: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.endpoint = endpoint
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.subscription = {"endpoint": endpoint, "keys": {"p256dh": b64(point), "auth": b64(self.auth)}}

    @property
    def address(self) -> str:
        return msgspec.json.encode(self.subscription).decode()

    def read(self, body: bytes) -> bytes:
        plain: bytes = http_ece.decrypt(
            body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"
        )
        return plain


class PushService(HttpPeer):
    """Takes messages for its browsers, signed with the key they subscribed with."""

    def __init__(self, public_key: str) -> None:
        super().__init__()
        self._public = public_key
        self.browsers: dict[str, Browser] = {}
        self.shown: list[dict[str, Any]] = []

    def browser(self) -> Browser:
        path = f"/wpush/v2/{len(self.browsers)}"
        self.browsers[path] = Browser(self.url + path)
        return self.browsers[path]

    def accept(self, asked: Asked) -> Answered:
        browser = self.browsers.get(asked.path)
        if browser is None:
            return Answered(410, {"errno": 106, "message": "No such subscription"})
        if why := self._unsigned(asked):
            self.complaints.append(why)
            return Answered(401, {"errno": 109, "message": why})
        if not asked.headers.get("ttl", "").isdigit() or asked.headers.get("content-encoding") != "aes128gcm":
            return self.refuse("TTL and Content-Encoding", Answered(400, {"errno": 111}))
        if asked.headers.get("urgency") not in ("very-low", "low", "normal", "high"):
            return self.refuse("Urgency", Answered(400, {"errno": 115}))
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", asked.headers.get("topic", "a")):
            return self.refuse("Topic", Answered(400, {"errno": 113}))
        if len(asked.body) > 4_096:
            return self.refuse("too large", Answered(413, {"errno": 104}))
        self.shown.append(msgspec.json.decode(browser.read(asked.body)))
        return Answered(
            201, b"", {"Location": f"{self.url}/m/{len(self.shown)}", "TTL": asked.headers["ttl"]}
        )

    def _unsigned(self, asked: Asked) -> str:
        found = re.fullmatch(r"vapid t=([\w.-]+), ?k=([\w-]+)", asked.headers.get("authorization", ""))
        if not found:
            return "no VAPID token"
        token, public = found.groups()
        if public != self._public:
            return "the VAPID credentials do not correspond to the credentials of the subscription"
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(public))
        try:
            # The times of a set clock are not today's; the span is what the RFC bounds.
            claims = jwt.decode(
                token, key, algorithms=["ES256"], audience=self.url, options={"verify_exp": False}
            )
        except jwt.InvalidTokenError as error:
            return str(error)
        if not str(claims.get("sub", "")).startswith(("mailto:", "https:")) or "exp" not in claims:
            return "sub and exp"
        return "" if urlsplit(claims["aud"]).path == "" else "aud is an origin"
