"""The console's files: kept for ever where their names say their content, compressed beforehand, and one page
for every place."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from sevenfold.server import console_files

HTML = {"accept": "text/html,application/xhtml+xml"}
PAGE = "<!doctype html><title>Sevenfold</title>"
SCRIPT = "export const long = true; " * 40


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient[Any]]:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "mark.svg").write_text("<svg/>")
    (tmp_path / "assets" / "page-1a2b.js").write_text(SCRIPT)
    (tmp_path / "assets" / "page-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT.encode(), mtime=0))
    (tmp_path / "assets" / "page-1a2b.js.br").write_bytes(b"compressed otherwise")
    monkeypatch.setattr(console_files, "_PLACES", (tmp_path,))
    with served() as found:
        yield found


def served() -> TestClient[Any]:
    services: Any = None
    return TestClient(Litestar([console_files.router(services)], logging_config=None))


def test_the_page_is_asked_for_each_time_and_what_it_names_never_again(client: TestClient[Any]) -> None:
    page = client.get("/", headers=HTML)
    assert (page.status_code, page.text, page.headers["cache-control"]) == (200, PAGE, "no-cache")
    asset = client.get("/assets/page-1a2b.js", headers={"accept-encoding": "identity"})
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-type"].startswith("text/javascript") and asset.text == SCRIPT
    assert client.get("/mark.svg").headers["content-type"].startswith("image/svg+xml")


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [("gzip", "gzip"), ("gzip, br", "br"), ("deflate", None), ("", None), ("brotli", None)],
)
def test_an_asset_comes_compressed_as_the_browser_can_read_it(
    client: TestClient[Any], accepted: str, sent: str | None
) -> None:
    with client.stream("GET", "/assets/page-1a2b.js", headers={"accept-encoding": accepted}) as reply:
        assert reply.headers.get("content-encoding") == sent
        assert reply.headers["vary"] == "Accept-Encoding"
        raw = b"".join(reply.iter_raw())
    assert raw == {"gzip": gzip.compress(SCRIPT.encode(), mtime=0), "br": b"compressed otherwise"}.get(
        sent or "", SCRIPT.encode()
    )


@pytest.mark.parametrize("place", ["/people", "/people/38969f7b0b3ec1ea", "/settings/keys", "/setup"])
def test_every_place_of_the_console_is_the_page(client: TestClient[Any], place: str) -> None:
    assert client.get(place, headers=HTML).text == PAGE


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/v1/nothing", "/people.php", "/assets/gone.js", "/a/b/c/d/e/f/g/h/i/j"]
)
def test_what_is_no_place_of_the_console_is_not_there(client: TestClient[Any], path: str) -> None:
    reply = client.get(path, headers=HTML)
    assert reply.status_code == 404 and reply.json()["code"] == "not_found"


def test_a_program_that_asks_for_no_page_gets_none(client: TestClient[Any]) -> None:
    assert client.get("/people", headers={"accept": "application/json"}).status_code == 404


@pytest.mark.parametrize("path", ["/../secret", "/..%2fsecret", "/assets/..%2f..%2fsecret", "/assets/%2e%2e"])
def test_nothing_outside_the_folder_is_served(client: TestClient[Any], tmp_path: Path, path: str) -> None:
    (tmp_path.parent / "secret").write_text("four quiet rivers")
    assert "four quiet rivers" not in client.get(path).text


def test_no_script_of_others_runs_in_the_page(client: TestClient[Any]) -> None:
    policy = client.get("/", headers=HTML).headers["content-security-policy"]
    assert (
        "script-src 'self';" in policy and "frame-ancestors 'none'" in policy and "unsafe-eval" not in policy
    )


def test_a_checkout_that_was_not_built_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_files, "_PLACES", (tmp_path / "nowhere",))
    with served() as client:
        assert "make console" in client.get("/", headers=HTML).text


def test_what_is_built_while_it_serves_is_served_at_once(client: TestClient[Any], tmp_path: Path) -> None:
    assert client.get("/", headers=HTML).text == PAGE
    (tmp_path / "assets" / "page-9z.js").write_text("new")
    assert client.get("/assets/page-9z.js").status_code == 404
    os.utime(tmp_path / "index.html", ns=(1, 1))
    assert client.get("/assets/page-9z.js").text == "new"
