"""A loopback server that plays HubSpot, Salesforce and a place with files."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "pat-eu1-token"


class Crm:
    """What it holds, and what it was asked."""

    def __init__(self) -> None:
        self.companies: dict[str, dict[str, Any]] = {}
        self.deals: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.accounts: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.busy = 0
        self.token = TOKEN

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any, dict[str, str]]:
        url = urlsplit(path)
        if url.path in self.files:
            return 200, self.files[url.path], {}
        if url.path == "/moved":
            return 302, b"", {"location": "/data.ndjson"}
        if url.path == "/services/oauth2/token":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            good = form == {"grant_type": "client_credentials", "client_id": "cid", "client_secret": "cs&="}
            return (200, {"access_token": self.token}, {}) if good else (400, {"error": "invalid_client"}, {})
        if headers.get("authorization") != f"Bearer {self.token}":
            return 401, {"message": "no"}, {}
        if self.busy:
            self.busy -= 1
            return 429, {"message": "rate"}, {"retry-after": "0"}
        content = json.loads(body) if body else None
        self.calls.append((method, url.path, content))
        if url.path.startswith("/crm/v3/objects/"):
            return self._hubspot(method, url.path.removeprefix("/crm/v3/objects/").split("/"), content)
        return self._salesforce(method, url.path, parse_qs(url.query), content)

    def _hubspot(self, method: str, parts: list[str], content: Any) -> tuple[int, Any, dict[str, str]]:
        held = {"companies": self.companies, "deals": self.deals, "tasks": self.tasks}[parts[0]]
        if method == "POST" and parts[1:] == ["search"]:
            assert content["limit"] <= 200
            (rule,) = content["filterGroups"][0]["filters"]
            fits = [
                {"id": ident, "properties": one, "updatedAt": one["hs_lastmodifieddate"]}
                for ident, one in held.items()
                if (rule["operator"] == "EQ" and one.get(rule["propertyName"]) == rule["value"])
                or (rule["operator"] == "GTE" and _ms(one["hs_lastmodifieddate"]) >= int(rule["value"]))
            ]
            at = int(content.get("after") or 0)
            page: dict[str, Any] = {"total": len(fits), "results": fits[at : at + content["limit"]]}
            if at + content["limit"] < len(fits):
                page["paging"] = {"next": {"after": str(at + content["limit"])}}
            return 200, page, {}
        if method == "POST":
            ident = str(900 + len(held))
            held[ident] = content["properties"] | {"links": content.get("associations")}
            return 201, {"id": ident}, {}
        if method == "PATCH" and parts[1] in held:
            held[parts[1]] |= content["properties"]
            return 200, {"id": parts[1]}, {}
        return 404, {"message": "none"}, {}

    def _salesforce(
        self, method: str, path: str, query: dict[str, list[str]], content: Any
    ) -> tuple[int, Any, dict[str, str]]:
        if path.endswith("/query"):
            text = query["q"][0]
            asked = re.search(r"Account_Id__c = '((?:[^'\\]|\\.)*)'", text)
            rows = self.accounts
            if asked is not None:
                key = re.sub(r"\\(.)", r"\1", asked[1])
                rows = [one for one in self.accounts if one.get("Account_Id__c") == key]
            return 200, {"totalSize": len(rows), "done": True, "records": rows}, {}
        if method == "POST" and path.endswith("/sobjects/Task"):
            self.tasks["T1"] = content
            return 201, {"id": "T1", "success": True}, {}
        if method == "PATCH":
            kind, ident = path.rsplit("/", 2)[1:]
            if kind == "Task":
                self.tasks[ident] |= content
            else:
                next(one for one in self.accounts if one["Id"] == ident).update(content)
            return 204, None, {}
        return 404, [{"errorCode": "NOT_FOUND"}], {}


def _ms(text: str) -> int:
    from sevenfold.events.times import parse_ms

    found = parse_ms(text)
    assert found is not None
    return found


@contextmanager
def playing(crm: Crm) -> Iterator[str]:
    """The address of the server while it runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, content, more = crm.answer(self.command, self.path, headers, body)
            raw = (
                content
                if isinstance(content, bytes)
                else b""
                if content is None
                else json.dumps(content).encode()
            )
            self.send_response(status)
            for name, value in {**more, "content-length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - as the base class calls them

        def log_message(self, *args: Any) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET

    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
