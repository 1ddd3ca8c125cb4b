"""What a page is given of a message: blocks in which nothing can run, a kind, and no secrets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.limits import INAPP_HTML_LEVELS_MAX
from sevenfold.server.history import Lease
from sevenfold.server.inapp.content import kind_of, shown
from sevenfold.server.inapp.markup import TAGS, blocks_of


def walk(blocks: list[Any], depth: int = 1) -> list[tuple[int, str, dict[str, str]]]:
    found = []
    for block in blocks:
        if isinstance(block, list):
            found.append((depth, block[0], block[1]))
            found += walk(block[2:], depth + 1)
    return found


PIECES = (
    *("<p>", "</p>", "<script>", "x()", "</script>", "<a href='javascript:x()'>", "</a>", "<b", ">", "<div>"),
    *("<img src=x onerror=x()>", "<svg onload=x()>", "<style>", "*{}", "</style>", "&lt;script&gt;", "<!--"),
    *("-->", "text", "<math><mtext>", "<form action=x>", "<iframe src=x>", "<a href='https://a.example/'>"),
    "<p style='x'>",
)
HOSTILE = st.lists(st.sampled_from(PIECES)).map("".join)


@given(HOSTILE | st.text())
def test_whatever_the_html_nothing_in_its_blocks_can_run(html: str) -> None:
    for depth, tag, attributes in walk(blocks_of(html)):
        assert tag in TAGS and depth <= INAPP_HTML_LEVELS_MAX
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "id", "class")]
        for name in ("href", "src"):
            assert (
                not attributes.get(name, "").lower().lstrip().startswith(("javascript", "data", "vbscript"))
            )


def test_blocks_say_what_the_html_said() -> None:
    found = blocks_of("<p>It is <b>ready</b>: <a href='/report'>look</a><br>now</p>&amp; on")
    link = ["a", {"href": "/report", "rel": "noopener noreferrer"}, "look"]
    assert found == [["p", {}, "It is ", ["b", {}, "ready"], ": ", link, ["br", {}], "now"], "& on"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"channel": "in_app", "title": "x"}, "banner"),
        ({"channel": "in_app", "buttons": [{}]}, "modal"),
        ({"channel": "popup"}, "modal"),
        ({"payload": {"kind": "inbox"}}, "inbox"),
        ({"payload": {"kind": "tooltip"}}, None),
        ({"payload": {"kind": "tour", "steps": ["x"]}}, None),
        ({"payload": {"kind": "tour", "steps": [{"anchor": "#a"}]}}, "tour"),
        ({"payload": {"kind": "unheard of"}}, None),
        ({"payload": {"kind": ["modal"]}}, None),
        ({"payload": "modal", "channel": "in_app"}, "banner"),
    ],
)
def test_a_message_is_of_the_kind_its_payload_says(content: dict[str, Any], kind: str | None) -> None:
    assert kind_of(content) == kind


def test_a_page_learns_the_names_of_actions_and_nothing_else_of_them() -> None:
    content = {
        "template": "upgrade",
        "title": "Upgrade?",
        "buttons": [{"name": "go", "label": "Go", "link": "#"}, {"name": "no", "label": "No", "link": "#"}],
        "payload": {"kind": "modal", "actions": {"go": {"url": "https://billing.internal/x"}}, "times": 1},
        "digest": "d",
        "journey": "j",
    }
    lease = Lease("e1", "product", content, 1_000, 61_000, None, None)
    found = shown(lease, {"journey": "expansion", "step": "ask", "address": "secret"}, 31_000)
    assert found == {
        "id": "e1", "kind": "modal", "ttl_ms": 30_000, "payload": {"times": 1}, "template": "upgrade",
        "journey": "expansion", "step": "ask", "title": "Upgrade?",
        "buttons": [{"name": "go", "label": "Go", "link": "#", "action": True}, content["buttons"][1]],
    }  # fmt: skip


def test_what_is_too_large_is_not_shown() -> None:
    lease = Lease("e1", "product", {"channel": "in_app", "title": "x" * 70_000}, 0, None, None, None)
    assert shown(lease, {}, 0) is None


def test_links_lead_where_they_lead_for_the_page_tells_of_clicks_itself() -> None:
    followed = "https://events.example/l/" + "0a" * 10
    content = {
        "channel": "in_app",
        "html": f'<p><a href="{followed}">look</a></p>',
        "link": followed,
        "payload": {"steps": [{"link": followed}], "other": "https://events.example/l/" + "1b" * 10},
        "links": [{"id": "0a" * 10, "index": 0, "url": "https://app.example/?a=1&b=2"}],
    }
    found = shown(Lease("e1", "product", content, 0, None, None, None), {}, 0)
    assert found is not None
    link = "https://app.example/?a=1&b=2"
    assert found["blocks"] == [["p", {}, ["a", {"href": link, "rel": "noopener noreferrer"}, "look"]]]
    assert found["link"] == found["payload"]["steps"][0]["link"] == link
    assert found["payload"]["other"].endswith("1b")
