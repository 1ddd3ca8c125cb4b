"""The paths under `/v1/inapp`: who is shown what, what pages may tell, and what buttons may set off."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import httpx
import pytest
from standardwebhooks import Webhook

from sevenfold.channels import outside
from sevenfold.clock import SetClock
from sevenfold.limits import INAPP_STREAMS_PER_PERSON_MAX, INAPP_TOKEN_MS
from sevenfold.server.errors import UnauthorizedError
from sevenfold.server.inapp import proof_of, proof_secret
from sevenfold.server.inapp.visitors import Visitor, Visitors
from sevenfold.server.secrets import SecretBox
from sevenfold.server.tokens import About, Tokens
from tests.browser.site import Site, workspace

SECRET = "whsec_" + "c2VjcmV0" * 5


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.events, trust_env=False, timeout=5) as client:
        yield client


class Browser:
    """What a page does, without a page."""

    count = 0

    def __init__(self, site: Site, client: httpx.Client, anonymous: str = "") -> None:
        Browser.count += 1
        self.site, self.client = site, client
        self.anonymous = anonymous or f"visitor-{id(site)}-{Browser.count}"

    def send(self, event: str, **more: Any) -> None:
        one = {"type": "track", "event": event, "anonymousId": self.anonymous, **more}
        answer = self.client.post("/v1/batch", json={"writeKey": self.site.key, "batch": [one]})
        assert answer.status_code == 200

    def start(self, **more: Any) -> httpx.Response:
        body = {"writeKey": self.site.key, "anonymousId": self.anonymous, **more}
        return self.client.post("/v1/inapp/start", content=json.dumps(body))

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(f"/v1/inapp/{path}", content=json.dumps(body))

    def shown(self, name: str) -> tuple[str, str]:
        """Sets off a message; its id, and a token."""
        self.send(f"Show {name}")
        started = self.start().json()
        return started["leases"]["fresh"][-1]["id"], started["token"]


@pytest.fixture
def browser(site: Site, client: httpx.Client) -> Browser:
    return Browser(site, client)


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["success"] is False and answer.json()["message"]
    assert answer.headers["access-control-allow-origin"] == "*"


# ------------------------------------------------------------------------------------------ who is shown what


def test_a_key_that_is_none_opens_nothing(browser: Browser) -> None:
    refused(browser.start(writeKey="wk_none"), 401, "unauthorized")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"writeKey": 1}', b"[" * 5_000, b'"' + b"x" * 20_000 + b'"']
)
def test_a_body_that_is_none_is_refused(client: httpx.Client, body: bytes) -> None:
    for path in ("start", "outcome", "act", "push"):
        answer = client.post(f"/v1/inapp/{path}", content=body)
        assert answer.status_code in (400, 413) and answer.json()["code"] in ("invalid", "too_large")
        assert answer.headers["access-control-allow-origin"] == "*"


def test_somebody_else_sees_nothing_and_can_tell_nothing(
    site: Site, client: httpx.Client, browser: Browser
) -> None:
    effect, _ = browser.shown("banner")
    other = Browser(site, client)
    other.send("Looked")
    started = other.start().json()
    assert started["leases"]["active"] == []
    before = site.outcomes()
    for path, more in (("outcome", {"outcomes": ["clicked"]}), ("act", {"action": "upgrade"})):
        refused(other.post(path, token=started["token"], lease=effect, **more), 409, "conflict")
    assert site.outcomes() == before


def test_a_user_id_alone_opens_nothing_and_with_its_proof_everything(
    site: Site, client: httpx.Client, browser: Browser
) -> None:
    user = f"user of {browser.anonymous}"
    browser.send("Signed Up", userId=user)
    browser.shown("inbox_one")
    stranger = Browser(site, client)
    stranger.send("Looked")
    assert stranger.start(userId=user).json()["leases"]["active"] == []
    refused(stranger.start(userId=user, proof="0" * 64), 403, "proof_required")
    refused(stranger.start(userId=user, proof="é"), 403, "proof_required")
    proof = proof_of(proof_secret(site.services.secrets, "site"), user)
    assert len(stranger.start(userId=user, proof=proof).json()["leases"]["active"]) == 1
    other_source = proof_of(proof_secret(site.services.secrets, "other"), user)
    refused(stranger.start(userId=user, proof=other_source), 403, "proof_required")


def test_with_the_setting_whoever_is_logged_in_must_be_proven(tmp_path: Path) -> None:
    with (
        Site(tmp_path, inapp_require_proof=True) as site,
        httpx.Client(base_url=site.events, trust_env=False) as client,
    ):
        visitor = Browser(site, client)
        visitor.shown("inbox_one")
        victim, thief = Browser(site, client), Browser(site, client)
        victim.send("Signed Up", userId="victim")
        victim.send("Show inbox_one", userId="victim")
        # Anybody can say in an event that they are somebody else.
        thief.send("Signed In", userId="victim")
        refused(thief.start(), 403, "proof_required")
        refused(thief.start(userId="victim"), 403, "proof_required")
        proof = proof_of(proof_secret(site.services.secrets, "site"), "victim")
        assert len(victim.start(userId="victim", proof=proof).json()["leases"]["active"]) == 1


def test_a_token_opens_for_half_an_hour_and_only_if_it_is_ours(site: Site) -> None:
    clock = SetClock(1_000_000)
    services = site.services.__class__(
        **{name: getattr(site.services, name) for name in site.services.__struct_fields__ if name != "clock"},
        clock=clock,
    )
    visitors, visitor = Visitors(services), Visitor("site", "a1")
    token = visitors.sign(visitor)
    clock.advance(INAPP_TOKEN_MS - 1)
    assert visitors.read(token) == visitor
    clock.advance(1)
    with pytest.raises(UnauthorizedError):
        visitors.read(token)
    ours = Tokens(site.services.secrets.key("tokens"))
    for wrong in (
        "",
        "x",
        "x.y",
        ours.sign("open", About(data='["site","a1",""]')),
        Tokens(b"x" * 32).sign("inapp", About()),
    ):
        with pytest.raises(UnauthorizedError):
            visitors.read(wrong)


def test_a_wrong_token_opens_no_line(client: httpx.Client) -> None:
    for path in ("stream", "poll"):
        for query in ("", "?token=x", "?token=" + "x" * 5_000, "?token=x&after=9e99"):
            refused(client.get(f"/v1/inapp/{path}{query}"), 401, "unauthorized")


def test_before_there_is_a_history_a_page_is_asked_to_come_again(tmp_path: Path) -> None:
    with Site(tmp_path) as site, httpx.Client(base_url=site.events, trust_env=False) as client:
        browser = Browser(site, client)
        browser.send("Looked")
        site.history.path = tmp_path / "none" / "history.sqlite"
        refused(browser.start(), 503, "unavailable")


# ------------------------------------------------------------------------------------------------ the line


@contextmanager
def listening(
    client: httpx.Client, token: str, after: int = 0, last: str = ""
) -> Iterator[Callable[[], dict[str, Any]]]:
    headers = {"Last-Event-ID": last} if last else {}
    with client.stream(
        "GET", "/v1/inapp/stream", params={"token": token, "after": after}, headers=headers
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream"), answer.read()
        lines = answer.iter_lines()

        def following() -> dict[str, Any]:
            found: dict[str, Any] = {}
            for line in lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    found["id"] = value
                elif name == "data":
                    return {**found, **json.loads(value)}
            raise AssertionError("the stream ended")

        yield following


def test_a_message_comes_on_the_line_and_goes_when_it_is_taken_back(browser: Browser) -> None:
    browser.send("Looked")
    token = browser.start().json()["token"]
    with listening(browser.client, token) as following:
        assert following()["active"] == []
        browser.send("Show inbox_one")
        come = following()
        assert [one["title"] for one in come["fresh"]] == ["Your first report is ready"]
        browser.send("Hide inbox_one")
        gone = following()
        assert gone["active"] == gone["fresh"] == []


def test_a_line_goes_on_where_it_was(browser: Browser) -> None:
    first, token = browser.shown("inbox_one")
    with listening(browser.client, token) as following:
        seen = following()
        assert [one["id"] for one in seen["fresh"]] == [first]
    time.sleep(0.002)
    second, _ = browser.shown("inbox_two")
    with listening(browser.client, token, last=str(int(seen["id"]) + 1)) as following:
        again = following()
        assert set(again["active"]) == {first, second} and [one["id"] for one in again["fresh"]] == [second]
    polled = browser.client.get(
        "/v1/inapp/poll", params={"token": token, "after": int(seen["id"]) + 1}
    ).json()
    assert polled["active"] == again["active"]


def test_one_person_holds_few_lines(browser: Browser) -> None:
    browser.send("Looked")
    token = browser.start().json()["token"]
    held = [listening(browser.client, token) for _ in range(INAPP_STREAMS_PER_PERSON_MAX)]
    try:
        for one in held:
            one.__enter__()()
        answer = browser.client.get("/v1/inapp/stream", params={"token": token})
        refused(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 0
        assert browser.client.get("/v1/inapp/poll", params={"token": token}).status_code == 200
    finally:
        for one in held:
            one.__exit__(None, None, None)
    # Lines that were let go make room.
    for _ in range(100):
        with browser.client.stream("GET", "/v1/inapp/stream", params={"token": token}) as answer:
            if answer.status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("there is no room again")


# ------------------------------------------------------------------------------------------ what became of it


def test_what_is_closed_is_not_shown_again_and_a_click_does_not_close(site: Site, browser: Browser) -> None:
    effect, token = browser.shown("banner")
    for outcome in ("delivered", "opened", "clicked"):
        assert browser.post("outcome", token=token, lease=effect, outcomes=[outcome]).json() == {
            "success": True
        }
    assert browser.start().json()["leases"]["active"] == [effect]
    assert browser.post("outcome", token=token, lease=effect, outcomes=["closed"]).status_code == 200
    assert browser.start().json()["leases"]["active"] == []
    told = [(what, reason) for ident, what, reason in site.outcomes() if ident == effect]
    assert told == [("delivered", None), ("opened", None), ("clicked", None), ("delivered", "closed")]
    refused(browser.post("outcome", token=token, lease=effect, outcomes=["closed"]), 409, "conflict")


def test_a_page_tells_only_what_a_page_can_know(site: Site, browser: Browser) -> None:
    effect, token = browser.shown("banner")
    before = site.outcomes()
    for outcome in ("bounced", "complained", "sent", "failed", ""):
        refused(browser.post("outcome", token=token, lease=effect, outcomes=[outcome]), 400, "invalid")
    assert site.outcomes() == before


def test_a_journey_that_was_cut_short_takes_back_what_it_said(tmp_path: Path) -> None:
    import msgspec

    from sevenfold.workspace.models import Workspace

    definition = msgspec.to_builtins(workspace())
    say = {"kind": "message", "template": "inbox_one", "expires": "1h"}
    stay = {"kind": "wait", "for": "1h"}
    ways = {
        "over": {"say": say},
        "exit": {"say": say, "out": {"kind": "exit", "reason": "enough"}},
        "goal": {"say": say, "stay": stay},
        "kept": {"say": {**say, "revoke": False}, "stay": stay},
    }
    definition["journeys"] = {
        name: {
            "triggers": [{"kind": "event", "event": "Begin"}],
            "goals": {"done": {"event": "Done"}},
            "steps": steps,
        }
        for name, steps in ways.items()
    }
    with (
        Site(tmp_path, msgspec.convert(definition, Workspace)) as site,
        httpx.Client(base_url=site.events, trust_env=False) as client,
    ):
        browser = Browser(site, client)
        browser.send("Begin")
        started = browser.start().json()
        assert sorted(one["journey"] for one in started["leases"]["fresh"]) == sorted(ways)
        for effect in started["leases"]["active"]:
            browser.post("outcome", token=started["token"], lease=effect, outcomes=["delivered"])
        browser.send("Done")
        left = browser.start().json()["leases"]["fresh"]
        assert sorted(one["journey"] for one in left) == ["exit", "kept", "over"]


def test_a_click_on_a_notification_counts_for_its_own_person_only(
    site: Site, client: httpx.Client, browser: Browser
) -> None:
    effect, _ = browser.shown("banner")
    body = {"writeKey": site.key, "effect": effect, "outcome": "clicked"}
    stranger = Browser(site, client)
    stranger.send("Looked")
    for anonymous in (stranger.anonymous, "nobody"):
        refused(browser.post("push", anonymousId=anonymous, **body), 409, "conflict")
    refused(
        browser.post("push", anonymousId=browser.anonymous, **{**body, "effect": "0" * 16}), 409, "conflict"
    )
    assert browser.post("push", anonymousId=browser.anonymous, **body).status_code == 200
    assert (effect, "clicked", None) in site.outcomes()


# ------------------------------------------------------------------------------------------------ the actions


class Billing(http.server.BaseHTTPRequestHandler):
    """Whoever sells the next plan."""

    heard: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []
    answer: ClassVar[tuple[int, Any]] = (200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, content = self.answer
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def billing() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Billing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    Billing.heard, Billing.answer = [], (200, {"url": "https://pay.example/c/1", "message": "One moment."})
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def within() -> Iterator[None]:
    before = outside.in_force()
    outside.permit("127.0.0.0/8")
    yield
    outside._in_force = before


@contextmanager
def upgrading(
    tmp_path: Path, action: dict[str, Any], settings: dict[str, Any]
) -> Iterator[tuple[Site, Browser, str, str]]:
    import msgspec

    from sevenfold.workspace.models import Workspace

    definition = msgspec.to_builtins(workspace())
    definition["templates"]["upgrade"]["payload"] = {"actions": {"upgrade": action}}
    definition["channels"]["product"]["settings"] = settings
    with (
        Site(tmp_path, msgspec.convert(definition, Workspace)) as site,
        httpx.Client(base_url=site.events, trust_env=False, timeout=5) as client,
    ):
        (tmp_path / "action-secret").write_text(SECRET)
        browser = Browser(site, client)
        browser.send("Looked", context={"groupId": "acme"})
        effect, token = browser.shown("upgrade")
        yield site, browser, effect, token


def test_one_click_calls_a_signed_endpoint(tmp_path: Path, billing: str, within: None) -> None:
    action = {"url": billing + "/upgrade", "data": {"plan": "pro"}}
    with upgrading(tmp_path, action, {"action_secret": f"file:{tmp_path}/action-secret"}) as (
        _,
        browser,
        effect,
        token,
    ):
        answer = browser.post("act", token=token, lease=effect, action="upgrade")
        assert answer.json() == {"success": True, "url": "https://pay.example/c/1", "message": "One moment."}
        ((path, headers, body),) = Billing.heard
        told = Webhook(SECRET).verify(body, headers)
        assert path == "/upgrade" and headers["webhook-id"] == f"{effect}.upgrade"
        assert told["data"]["action"] == "upgrade" and told["data"]["data"] == {"plan": "pro"}
        assert told["data"]["message"] == effect and told["data"]["journey"] == "show_upgrade"
        refused(browser.post("act", token=token, lease=effect, action="other"), 409, "conflict")
        Billing.answer = (500, {"message": "broken"})
        refused(browser.post("act", token=token, lease=effect, action="upgrade"), 400, "action_failed")
        Billing.answer = (200, {"url": "javascript:x()"})
        assert browser.post("act", token=token, lease=effect, action="upgrade").json() == {"success": True}
        codes = {
            browser.post("act", token=token, lease=effect, action="upgrade").status_code for _ in range(12)
        }
        assert codes == {200, 429}


def test_an_action_reaches_no_private_address(tmp_path: Path, billing: str) -> None:
    action = {"url": billing + "/upgrade"}
    with upgrading(tmp_path, action, {"action_secret": f"file:{tmp_path}/action-secret"}) as (
        _,
        browser,
        effect,
        token,
    ):
        refused(browser.post("act", token=token, lease=effect, action="upgrade"), 400, "action_failed")
        assert Billing.heard == []


def test_one_click_opens_a_checkout(tmp_path: Path, billing: str) -> None:
    (tmp_path / "stripe").write_text("sk_test_123")
    action = {"price": "price_1", "quantity": 3, "success_url": "https://app.example/thanks"}
    settings = {"stripe_key": f"file:{tmp_path}/stripe", "stripe_url": billing}
    with upgrading(tmp_path, action, settings) as (_, browser, effect, token):
        answer = browser.post("act", token=token, lease=effect, action="upgrade")
        assert answer.json()["url"] == "https://pay.example/c/1"
        ((path, headers, body),) = Billing.heard
        assert path == "/v1/checkout/sessions" and headers["authorization"] == "Bearer sk_test_123"
        assert headers["idempotency-key"] == f"{effect}.upgrade"
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        assert form["line_items[0][price]"] == "price_1" and form["line_items[0][quantity]"] == "3"
        assert form["mode"] == "subscription" and form["client_reference_id"]
        Billing.answer = (400, {"error": {"message": "No such price"}})
        refused(browser.post("act", token=token, lease=effect, action="upgrade"), 400, "action_failed")


def test_an_action_needs_a_proof_of_who_is_logged_in(tmp_path: Path, billing: str, within: None) -> None:
    action = {"url": billing + "/upgrade"}
    with upgrading(tmp_path, action, {"action_secret": f"file:{tmp_path}/action-secret"}) as (
        site,
        browser,
        effect,
        token,
    ):
        browser.send("Signed In", userId="u1")
        refused(browser.post("act", token=token, lease=effect, action="upgrade"), 403, "proof_required")
        assert Billing.heard == []
        proof = proof_of(proof_secret(site.services.secrets, "site"), "u1")
        proven = browser.start(userId="u1", proof=proof).json()["token"]
        assert browser.post("act", token=proven, lease=effect, action="upgrade").status_code == 200
        assert json.loads(Billing.heard[0][2])["data"]["user_id"] == "u1"


def test_the_proof_secret_of_a_source_is_its_own() -> None:
    box = SecretBox(b"x" * 32)
    assert proof_secret(box, "web") != proof_secret(box, "app") and len(proof_secret(box, "web")) == 64
