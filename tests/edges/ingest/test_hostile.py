"""What nobody sends by accident: bombs, floods, drips and broken HTTP. The server answers, and goes on."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import resource
import socket
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from sevenfold.limits import REQUEST_BYTES_MAX, REQUEST_HEADERS_BYTES_MAX
from sevenfold.server.ingest import body as bodies
from sevenfold.server.ingest import protocol
from sevenfold.server.ingest.body import unpacked
from sevenfold.server.ingest.errors import EncodingError, TooLargeError
from tests.edges.ingest.serving import Served, basic

ROOT = Path(__file__).resolve().parents[3]
CONNECTIONS = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 1_000


def still_well(server: Served) -> None:
    """Somebody else's event is taken at once."""
    event = {"event": "Signed In", "userId": "u", "messageId": str(time.monotonic_ns())}
    assert server.post("/v1/track", event).body["accepted"] == 1


def head(server: Served, *lines: str) -> bytes:
    named = ["POST /v1/batch HTTP/1.1", "Host: x", f"Authorization: {basic(server.key)}", *lines]
    return "\r\n".join(named).encode() + b"\r\n\r\n"


def said(server: Served, *sent: bytes, pause_s: float = 0, wait_s: float = 10) -> bytes:
    """What comes back on one connection, until it is closed or quiet."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait_s) as connection:
        found = b""
        try:
            for part in sent:
                connection.sendall(part)
                time.sleep(pause_s)
            while chunk := connection.recv(65_536):
                found += chunk
                if b"\r\n\r\n" in found and found.endswith(b"}"):
                    break
        except (TimeoutError, ConnectionError):
            pass
        return found


# --- size ---------------------------------------------------------------------------------------------------


def test_a_gzip_bomb_is_stopped_when_it_has_grown_too_large() -> None:
    bomb = gzip.compress(b" " * 8 * REQUEST_BYTES_MAX, 6)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            unpacked(bomb, b"gzip")
        assert tracemalloc.get_traced_memory()[1] < 4 * REQUEST_BYTES_MAX
    finally:
        tracemalloc.stop()


def test_a_chain_of_gzip_files_is_stopped() -> None:
    began = time.process_time()
    with pytest.raises((EncodingError, TooLargeError)):
        unpacked(gzip.compress(b"") * 300_000, b"gzip")
    assert time.process_time() - began < 1


@pytest.mark.parametrize("packed", [True, False])
def test_a_request_that_is_too_large_is_400_and_told_so(packed: bool, server: Served) -> None:
    large = b'{"batch":[' + b" " * REQUEST_BYTES_MAX + b"]}"
    answer = server.post("/v1/batch", gzip.compress(large) if packed else large)
    assert (answer.status, answer.body["code"]) == (400, "request_too_large")
    still_well(server)


def test_a_body_that_grows_without_saying_how_large_it_is_is_stopped(server: Served) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    found = said(server, head(server, "Transfer-Encoding: chunked"), *[chunk] * 12, b"0\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 400 ") and b"request_too_large" in found
    still_well(server)


def test_what_is_read_at_the_same_time_is_bounded(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "REQUESTS_READING_BYTES_MAX", 200_000)
    found = said(server, head(server, "Content-Length: 1000000"), b" " * 500_000, b" " * 500_000, pause_s=0.2)
    assert found.startswith(b"HTTP/1.1 429 ") and b"retry-after: 1" in found
    assert server.ingest.statistics()["reading_bytes"] == 0
    still_well(server)


@pytest.mark.parametrize("value", ["-1", "x", "99999999999999999999", "1e9", "+5"])
def test_a_content_length_that_is_nonsense_is_refused(value: str, server: Served) -> None:
    found = said(server, head(server, f"Content-Length: {value}"), b"{}", wait_s=2)
    assert not found or found.startswith(b"HTTP/1.1 400 ")
    still_well(server)


# --- content ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"batch":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"batch":[' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
        b'{"batch":[{"context":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}]}",
        b'{"batch":[{"type":"track","event":"A","userId":"u","properties":{"a":' + b"9" * 500_000 + b"}}]}",
        b'{"batch":[{"userId":' + b"9" * 5_000 + b'},{"userId":1e999},{"sentAt":-1e308}]}',
        b'{"batch":["' + b"\\" * 200_001 + b'"]}',
        b'{"batch":["\xff\xfe\xfd"]}',
        b'{"batch":[{"userId":"\\ud800"}]}',
        b"\xef\xbb\xbf" + b'{"batch":[]}',
        b'{"batch":[]}' * 3,
        b'{"batch":[],"batch":[{}]}',
        b'{"batch":[1],"sentAt":NaN}',
        b'{"batch":[{}],"context":{"ip":{"a":[]}},"writeKey":{"a":1},"integrations":[1]}',
        b"\x00" * 1_000,
        b"\x1f\x8b" + b"\x00" * 1_000,
    ],
)
def test_any_content_is_answered_200_or_400(body: bytes, server: Served) -> None:
    for path in ("/v1/batch", "/v1/track", "/v1/t", "/batch/", "/e/", "/api/s/page"):
        answer = server.post(path, body)
        assert answer.status in (200, 400, 401), (path, answer.raw)
        assert isinstance(answer.body, dict)
    still_well(server)


@pytest.mark.parametrize("type_", ["track", "identify", "group"])
def test_numbers_that_are_none_reach_no_log(type_: str, server: Served) -> None:
    for number in ("NaN", "-Infinity", "1e400", "9" * 30):
        values = f'{{"a":{number}}}'
        body = f'{{"userId":"u","groupId":"g","event":"A","traits":{values},"properties":{values}}}'
        answer = server.post(f"/v1/{type_}", body.encode())
        assert answer.body.get("code") == "not_json" or len(answer.body["refused"]) == 1
    assert server.entries() == []


# --- HTTP ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10,
        b"POST /v1/track HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/track HTTP/9.9\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_400_in_the_shape_of_all_errors(sent: bytes, server: Served) -> None:
    found = said(server, sent, wait_s=2)
    status, _, rest = found.partition(b"\r\n")
    assert status.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401")), found
    shape = json.loads(rest.partition(b"\r\n\r\n")[2])
    assert shape["success"] is False and shape["code"] and shape["message"]
    still_well(server)


@pytest.mark.parametrize("origin", [b"https://a\x7f", b"https://\xff", b"x" * 5_000, b"a b", b""])
@pytest.mark.parametrize("method", [b"POST", b"OPTIONS", b"GET"])
def test_an_origin_that_is_none_is_not_sent_back(method: bytes, origin: bytes, server: Served) -> None:
    sent = method + b" /v1/t HTTP/1.1\r\nHost: x\r\nOrigin: " + origin + b"\r\nContent-Length: 0\r\n"
    found = said(server, sent + b"Connection: close\r\n\r\n", wait_s=3)
    assert found.startswith((b"HTTP/1.1 204", b"HTTP/1.1 400", b"HTTP/1.1 401")), found
    assert b"access-control-allow-origin" not in found


@pytest.mark.parametrize("where", ["one header", "many headers", "path"])
def test_headers_that_are_too_large_are_400(where: str, server: Served) -> None:
    long = "x" * (REQUEST_HEADERS_BYTES_MAX + 1)
    lines = {
        "one header": f"POST /v1/track HTTP/1.1\r\nX: {long}",
        "many headers": "POST /v1/track HTTP/1.1\r\n" + "X: y\r\n" * REQUEST_HEADERS_BYTES_MAX,
        "path": f"POST /{long}",
    }[where]
    found = said(server, lines.encode(), wait_s=2)
    assert found.startswith(b"HTTP/1.1 400 ") and b"headers_too_large" in found
    still_well(server)


def test_requests_that_follow_one_another_at_once_are_all_answered(server: Served) -> None:
    parts = b""
    for at in range(5):
        body = json.dumps(
            {"batch": [{"type": "track", "event": "A", "userId": "u", "messageId": f"p{at}"}]}
        ).encode()
        parts += head(server, f"Content-Length: {len(body)}") + body
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(parts)
        found = b""
        while found.count(b'"accepted":1') < 5:
            found += connection.recv(65_536)
    assert found.count(b"HTTP/1.1 200 OK") == 5


# --- time ---------------------------------------------------------------------------------------------------


def test_a_body_that_drips_is_given_up(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "REQUEST_BODY_S_MAX", 0.5)
    began = time.monotonic()
    found = said(server, head(server, "Content-Length: 1000"), *[b" "] * 3, pause_s=0.1)
    assert found.startswith(b"HTTP/1.1 400 ") and b"request_too_slow" in found
    assert b"connection: close" in found and time.monotonic() - began < 5
    still_well(server)


@pytest.mark.parametrize("begin", [b"", b"POST /v1/track HTTP/1.1\r\nX-Slow: "])
def test_headers_that_drip_are_given_up(
    begin: bytes, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_HEADERS_S_MAX", 0.4)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        began = time.monotonic()
        try:
            for _ in range(30):
                if begin:
                    connection.sendall(begin)
                    begin = b"x"
                connection.settimeout(0.1)
                try:
                    if connection.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
        except ConnectionError:
            pass
        assert time.monotonic() - began < 2.5
    still_well(server)


def test_more_connections_than_there_is_room_for_are_asked_to_come_again(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS_ITEMS_MAX", 3)
    held = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(3)]
    try:
        time.sleep(0.1)
        found = said(server, wait_s=2)
        assert found.startswith(b"HTTP/1.1 503 ") and b"retry-after" in found
    finally:
        for connection in held:
            connection.close()
    time.sleep(0.1)
    still_well(server)


def test_thousands_of_connections_at_once_are_all_served(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 200:
        pytest.skip("the system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    command = [sys.executable, "-m", "bench.ingest_server", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        try:
            started = json.loads(server.stdout.readline())
            answers = asyncio.run(post_from_everywhere(started["port"], started["key"]))
            assert answers == {"200 OK": CONNECTIONS}
            server.stdin.write("\n")
            server.stdin.flush()
            assert json.loads(server.stdout.readline())["events"] == CONNECTIONS
        finally:
            server.stdin.close()


async def post_from_everywhere(port: int, key: str) -> dict[str, int]:
    """Opens all connections, then sends one event over each; gives how often which status came back."""
    opened: list[Any] = []
    gate = asyncio.Semaphore(200)

    async def connect() -> None:
        async with gate:
            opened.append(await asyncio.open_connection("127.0.0.1", port))

    await asyncio.gather(*(connect() for _ in range(CONNECTIONS)))
    found: dict[str, int] = {}

    async def post(at: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"event": "A", "userId": f"u{at}", "messageId": f"m{at}", "type": "track"}).encode()
        named = f"Authorization: {basic(key)}\r\nContent-Length: {len(body)}"
        lines = f"POST /v1/track HTTP/1.1\r\nHost: x\r\n{named}"
        writer.write(lines.encode() + b"\r\n\r\n" + body)
        status = (await reader.readline()).decode().strip().removeprefix("HTTP/1.1 ")
        found[status] = found.get(status, 0) + 1
        writer.close()

    await asyncio.gather(*(post(at, *pair) for at, pair in enumerate(opened)))
    return found
