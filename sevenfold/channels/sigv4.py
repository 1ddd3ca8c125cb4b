"""Amazon's Signature Version 4 for one request, as its documentation describes it; the tests compare it with
botocore's.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlsplit

from msgspec import Struct

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Credentials(Struct, frozen=True):
    """A key of the account; `session_token` where it is a temporary one."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


def headers(
    credentials: Credentials, method: str, url: str, body: bytes, *, region: str, service: str, at: int
) -> dict[str, str]:
    """The headers that sign a JSON request, besides `Host`, which the client sends. `url` has no query; `at`
    ms UTC.
    """
    stamp = f"{_EPOCH + timedelta(milliseconds=at):%Y%m%dT%H%M%SZ}"
    parts = urlsplit(url)
    signed = {"content-type": "application/json", "host": parts.netloc, "x-amz-date": stamp}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    canonical = canonical_request(method, parts.path, signed, body)
    to_sign = "\n".join((ALGORITHM, stamp, scope, sha256(canonical.encode()).hexdigest()))
    key = b"AWS4" + credentials.secret_access_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    signed["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={_names(signed)}, Signature={signature}"
    )
    del signed["host"]
    return signed


def canonical_request(method: str, path: str, signed: Mapping[str, str], body: bytes) -> str:
    """The text of a request that is signed. Every path segment is encoded twice, as all services but S3
    want.
    """
    lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in sorted(signed.items()))
    encoded = quote(path or "/", safe="/-_.~")
    return "\n".join((method, encoded, "", lines, _names(signed), sha256(body).hexdigest()))


def _names(signed: Mapping[str, str]) -> str:
    return ";".join(sorted(signed))
