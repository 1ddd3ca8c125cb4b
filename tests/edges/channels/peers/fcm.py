"""Google's token endpoint and FCM's HTTP v1 on loopback, and a service account of their own."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.edges.channels.peers.http import Answered, Asked, HttpPeer

PROJECT: Final = "demo"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MESSAGE: Final = {
    *("token", "fid", "topic", "condition", "name", "notification", "data", "android", "apns", "webpush"),
    "fcm_options",
}


@lru_cache(maxsize=1)
def private_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def service_account(token_uri: str, pem: str | None = None) -> str:
    """The JSON of a key."""
    told = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "kid1",
        "private_key": pem or private_pem(),
        "client_email": "push@demo.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    return msgspec.json.encode(told).decode()


def error(status: int, name: str, code: str, message: str, **headers: str) -> Answered:
    details: list[dict[str, Any]] = []
    if code:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        details.append({"@type": kind, "errorCode": code})
    told = {"error": {"code": status, "message": message, "status": name, "details": details}}
    return Answered(status, told, headers)


class FcmPeer(HttpPeer):
    """Gives tokens for signed assertions, and takes messages that carry one."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.tokens = 0

    def account(self) -> str:
        return service_account(f"{self.url}/token")

    def accept(self, asked: Asked) -> Answered:
        if asked.path == "/token":
            return self._token(asked)
        if asked.path != f"/v1/projects/{PROJECT}/messages:send" or asked.method != "POST":
            return self.refuse(f"{asked.method} {asked.path}", error(404, "NOT_FOUND", "", "not found"))
        if not re.fullmatch(r"Bearer ya29\.\d+", asked.headers.get("authorization", "")):
            return self.refuse("a token", error(401, "UNAUTHENTICATED", "", "no token"))
        told = asked.json()
        message = told.get("message")
        if not isinstance(message, dict) or set(told) - {"message", "validate_only"}:
            return self._invalid("message")
        if unknown := set(message) - MESSAGE:
            return self._invalid(f"unknown fields {unknown}")
        if len({"token", "fid", "topic", "condition"} & set(message)) != 1:
            return self._invalid("one target")
        if any(not isinstance(value, str) for value in message.get("data", {}).values()):
            return self._invalid("data are texts")
        if not re.fullmatch(r"\d+s", message.get("android", {}).get("ttl", "1s")):
            return self._invalid("android.ttl")
        name = f"projects/{PROJECT}/messages/{len(self.messages) + 1}"
        if not told.get("validate_only"):
            self.messages.append(message)
        return Answered(200, {"name": name})

    def _invalid(self, why: str) -> Answered:
        return self.refuse(why, error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", why))

    def _token(self, asked: Asked) -> Answered:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        key = serialization.load_pem_private_key(private_pem().encode(), None)
        try:
            claims = jwt.decode(
                form.get("assertion", ""),
                key.public_key(),  # type: ignore[arg-type]
                algorithms=["RS256"],
                audience=[f"{self.url}/token", "https://oauth2.googleapis.com/token"],
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as problem:
            return Answered(400, {"error": "invalid_grant", "error_description": str(problem)})
        if form.get("grant_type") != GRANT or "scope" not in claims or claims["exp"] - claims["iat"] > 3_600:
            return self.refuse("the assertion", Answered(400, {"error": "invalid_request"}))
        self.tokens += 1
        told = {"access_token": f"ya29.{self.tokens}", "expires_in": 3_599, "token_type": "Bearer"}
        return Answered(200, told)
