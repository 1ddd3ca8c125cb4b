"""Log-in through an identity provider: a real little one on loopback, asked as a browser and a server ask."""

from __future__ import annotations

import json
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from sevenfold.channels.outside import permit
from sevenfold.limits import OIDC_FLOW_MS_MAX, OIDC_KEYS_KEPT_MS
from sevenfold.server.members import COOKIE
from sevenfold.server.members.oidc import FLOW_COOKIE
from tests.edges.server.console_world import Console

SECRET = "our secret at the provider"


class Provider:
    """An identity provider: description, keys, and codes that it gives tokens for once."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
        self.codes: dict[str, dict[str, Any]] = {}
        self.claims: dict[str, Any] = {}
        self.forged = False
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    self._say(200, provider.description())
                elif self.path == "/keys":
                    self._say(200, {"keys": [provider.key.as_dict(private=False)]})
                else:
                    self._say(404, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                status, found = provider.token(parse_qs(body), self.headers.get("authorization", ""))
                self._say(status, found)

            def _say(self, status: int, found: dict[str, Any]) -> None:
                raw = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library names it
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def authorize(self, url: str, **claims: Any) -> dict[str, str]:
        """Somebody agrees: what the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        code = f"code{len(self.codes)}"
        self.codes[code] = {**asked, "claims": claims}
        return {"state": asked["state"], "code": code}

    def token(self, form: dict[str, list[str]], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form["code"][0], None)
        user = b64decode(authorization.removeprefix("Basic ")).decode()
        challenge = urlsafe_b64encode(sha256(form["code_verifier"][0].encode()).digest()).decode().rstrip("=")
        if (
            asked is None
            or user != f"sevenfold:{SECRET}"
            or challenge != asked["code_challenge"]
            or form["redirect_uri"][0] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        now = self.claims["now"]()
        claims = {
            "iss": self.issuer,
            "aud": "sevenfold",
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **asked["claims"],
        }
        key = RSAKey.generate_key(2048, {"kid": "first"}) if self.forged else self.key
        made = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": made}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    permit("127.0.0.0/8")
    yield made
    permit("")
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def served(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("oidc")
    secret = folder / "client-secret"
    secret.write_text(f"{SECRET}\n")
    made = Console(
        folder / "data",
        public_url="https://console.example",
        oidc_issuer=provider.issuer,
        oidc_client_id="sevenfold",
        oidc_client_secret=f"file:{secret}",
        oidc_name="Example ID",
        oidc_role_claim="groups",
        oidc_roles="growth=editor,leads=publisher",
        oidc_domains="acme.example=viewer",
    )
    provider.claims["now"] = lambda: made.clock.now() // 1_000
    with made:
        yield made


@pytest.fixture
def console(served: Console, provider: Provider) -> Console:
    """Nobody is a member yet."""
    provider.forged = False
    for table in ("members", "sessions", "flows"):
        served.keys.store.execute(f"DELETE FROM {table}")
    return served


def begin(console: Console, back: str = "/") -> httpx.Response:
    found = console.raw("GET", "/api/session/oidc", params={"back": back})
    assert found.status_code == 303, found.text
    return found


def come_back(console: Console, begun: httpx.Response, brought: dict[str, str]) -> httpx.Response:
    headers = {
        "cookie": f"{FLOW_COOKIE}={begun.cookies[FLOW_COOKIE]}",
        # As a browser sends them that an identity provider has sent here.
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
    }
    return console.raw("GET", "/api/session/oidc/callback", params=brought, headers=headers)


def log_in(console: Console, provider: Provider, **claims: Any) -> httpx.Response:
    begun = begin(console)
    brought = provider.authorize(begun.headers["location"], **claims)
    return come_back(console, begun, brought)


def member(console: Console, found: httpx.Response) -> dict[str, Any]:
    assert found.status_code == 303 and "error" not in found.headers["location"], found.headers
    cookie = {"cookie": f"{COOKIE}={found.cookies[COOKIE]}"}
    shown: dict[str, Any] = console.raw("GET", "/api/session", headers=cookie).json()["member"]
    return shown


def test_the_page_of_log_in_offers_the_provider(console: Console) -> None:
    found = console.raw("GET", "/api/session").json()["provider"]
    assert found == {"name": "Example ID", "url": "/api/session/oidc"}


def test_somebody_of_a_known_domain_comes_in_and_back_to_their_page(
    console: Console, provider: Provider
) -> None:
    begun = begin(console, "/people?segment=vips")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://console.example/api/session/oidc/callback"]
    assert "Secure" in begun.headers["set-cookie"] and "HttpOnly" in begun.headers["set-cookie"]
    claims = {"email": "Ida@acme.example", "email_verified": True, "name": "Ida"}
    found = come_back(console, begun, provider.authorize(begun.headers["location"], **claims))
    assert found.headers["location"] == "/people?segment=vips"
    shown = member(console, found)
    assert (shown["email"], shown["name"], shown["role"]) == ("ida@acme.example", "Ida", "viewer")
    # The same person again, known by what the provider calls them, whatever their address is by now.
    again = member(console, log_in(console, provider, email="ida@elsewhere.example", email_verified=True))
    assert again["id"] == shown["id"]


def test_groups_of_the_provider_give_the_role_at_each_log_in(console: Console, provider: Provider) -> None:
    known = {"email": "ida@acme.example", "email_verified": True}
    first = member(console, log_in(console, provider, **known, groups=["growth", "leads"]))
    assert first["role"] == "publisher"
    assert member(console, log_in(console, provider, **known, groups=["growth"]))["role"] == "editor"


def test_somebody_who_was_invited_is_vouched_for_and_keeps_their_role(
    console: Console, provider: Provider
) -> None:
    made = console.members.add("otto@partner.example", "Otto", "admin", by="test")
    found = member(console, log_in(console, provider, email="otto@partner.example", email_verified=True))
    assert (found["id"], found["role"], found["provider"]) == (made.id, "admin", True)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "eve@elsewhere.example", "email_verified": True},
        {"email": "ida@acme.example", "email_verified": False},
        {"email": "ida@acme.example"},
        {"email_verified": True},
        {"email": "ida@notacme.example", "email_verified": True, "groups": ["others"]},
    ],
)
def test_nobody_comes_in_whom_no_rule_lets_in(
    console: Console, provider: Provider, claims: dict[str, Any]
) -> None:
    found = log_in(console, provider, **claims)
    assert found.headers["location"] == "/login?error=not_invited"
    assert COOKIE not in found.cookies and console.members.list() == []


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "somebody else"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"aud": ["sevenfold", "other"], "azp": "other"},
    ],
)
def test_a_token_that_is_not_for_this_log_in_is_not_believed(
    console: Console, provider: Provider, claims: dict[str, Any]
) -> None:
    found = log_in(console, provider, email="ida@acme.example", email_verified=True, **claims)
    assert found.headers["location"] == "/login?error=provider_failed"


def test_a_token_signed_by_somebody_else_is_not_believed(console: Console, provider: Provider) -> None:
    provider.forged = True
    found = log_in(console, provider, email="ida@acme.example", email_verified=True)
    assert found.headers["location"] == "/login?error=provider_failed"


def test_keys_that_the_provider_rolled_over_are_fetched_again(console: Console, provider: Provider) -> None:
    known = {"email": "ida@acme.example", "email_verified": True}
    member(console, log_in(console, provider, **known))
    provider.key = RSAKey.generate_key(2048, {"kid": "second", "use": "sig", "alg": "RS256"})
    assert console.clock.now() % OIDC_KEYS_KEPT_MS < OIDC_KEYS_KEPT_MS
    member(console, log_in(console, provider, **known))


def test_a_state_is_good_once_in_its_own_browser_and_in_time(console: Console, provider: Provider) -> None:
    known = {"email": "ida@acme.example", "email_verified": True}
    failed = "/login?error=provider_failed"
    begun, other = begin(console), begin(console)
    brought = provider.authorize(begun.headers["location"], **known)
    assert come_back(console, other, brought).headers["location"] == failed
    assert come_back(console, begun, brought).headers["location"] == failed
    begun = begin(console)
    brought = provider.authorize(begun.headers["location"], **known)
    member(console, come_back(console, begun, brought))
    assert come_back(console, begun, brought).headers["location"] == failed
    begun = begin(console)
    brought = provider.authorize(begun.headers["location"], **known)
    console.clock.advance(OIDC_FLOW_MS_MAX)
    assert come_back(console, begun, brought).headers["location"] == failed
    refused = {"state": begun.cookies[FLOW_COOKIE], "error": "access_denied"}
    assert come_back(console, begun, refused).headers["location"] == failed


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "people"])
def test_nobody_is_sent_to_another_site(console: Console, provider: Provider, back: str) -> None:
    begun = begin(console, back)
    brought = provider.authorize(begun.headers["location"], email="i@acme.example", email_verified=True)
    assert come_back(console, begun, brought).headers["location"] == "/"


def test_only_a_navigation_may_come_from_another_site(console: Console) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
    found = console.raw("GET", "/api/session/oidc/callback", headers=headers)
    assert found.json()["code"] == "cross_site"
