"""A mapping is data: it reads paths of plain JSON and runs nothing, whatever is written into it or sent to
it.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sevenfold.connectors.documents import at_path, rows_of
from sevenfold.connectors.model import Connector
from sevenfold.connectors.services import SERVICES, service_of
from sevenfold.connectors.translate import (
    News,
    Translator,
    doubts,
    identified,
    named,
    shipped,
    stand_in,
    translator,
)
from sevenfold.workspace.checking import check
from sevenfold.workspace.exporting import export
from sevenfold.workspace.loading import examine
from tests.edges.connectors import support as s
from tests.edges.hooks.support import World, workspace

MADE = {"event": "Booking Made", "time": "$received", "user_id": "u", "properties": {"x": "x"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


def booked(document: Any, **rule: Any) -> list[dict[str, Any]]:
    """The events of a document by one rule."""
    model = msgspec.convert({"type": "webhook", "map": [{"events": [MADE | rule]}]}, Connector)
    news = News(topic="", id="n1", received=s.ISO, documents=(document,))
    return [msgspec.json.decode(one) for one in translator("bookings", model).events(news).events]


def test_a_mapped_webhook_checks_its_signature_and_takes_its_topic_and_id(tmp_path: Path) -> None:
    world = s.world(tmp_path)
    document = {
        "kind": "booking.new",
        "made_at": s.ISO,
        "guest": {"id": 5, "email": "ada@example.org"},
        "nights": "3",
        "room": {"name": "Blue"},
    }
    content = s.body(document)
    headers = {"X-Signature": f"sha256={s.hexed(content)}", "X-Delivery": "d-77"}

    async def story() -> list[Any]:
        async with world.client() as client:
            good = await client.post("/in/bookings", content=content, headers=headers)
            bare = await client.post(
                "/in/bookings", content=content, headers={"X-Signature": s.hexed(content)}
            )
            other = content.replace(b"booking.new", b"invoice.ok ")
            signed = {"X-Signature": f"sha256={s.hexed(other)}"}
            ignored = await client.post("/in/bookings", content=other, headers=signed)
            broken = await client.post(
                "/in/bookings", content=b"{", headers={"X-Signature": f"sha256={s.hexed(b'{')}"}
            )
            return [good, bare, ignored, broken]

    good, bare, ignored, broken = asyncio.run(story())
    assert [one.status_code for one in (good, bare, ignored, broken)] == [200, 401, 200, 400]
    assert ignored.json()["events"] == 0
    (event,) = world.events
    assert event["properties"] == {"room": "Blue", "nights": 3} and event["userId"] == "5"
    assert event["messageId"].startswith("d-77:") and event["timestamp"] == "2026-05-28T20:26:40.000Z"


@pytest.mark.parametrize(
    "path",
    [
        "__class__.__mro__",
        "u.__class__",
        "x.0.__globals__",
        "{{ 7 * 7 }}",
        "{% for a in b %}",
        "$(id)",
        "../../etc/passwd",
        "x[0]",
        "lambda: 1",
        "__import__('os').system('true')",
        ".",
        "|",
        "....",
        "a" * 5_000,
    ],
)
def test_a_path_that_looks_like_code_is_a_path_that_leads_nowhere(path: str) -> None:
    (event,) = booked({"u": "u1", "x": ["a"]}, properties={"found": path})
    assert event.get("properties", {}) == {}


@pytest.mark.parametrize(
    "value",
    ["{{ settings.secret }}", "${jndi:ldap://x}", "'; DROP TABLE news; --", "<script>", "\x00", "%s%n"],
)
def test_a_value_that_looks_like_code_stays_a_value(value: str) -> None:
    (event,) = booked({"u": "u1", "x": value})
    assert event["properties"]["x"] == value


def test_yaml_that_would_make_objects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text("name: shop\n")
    mark = tmp_path / "mark"
    (tmp_path / "connectors.yaml").write_text(f"shop: !!python/object/apply:os.system ['touch {mark}']\n")
    assert examine(tmp_path).errors
    assert not mark.exists()


def test_deep_and_wide_documents_end_at_a_bound() -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"x": deep}
    assert len(booked({"u": "u1"} | deep)) == 1
    items = [{"n": one} for one in range(20_000)]
    rows = rows_of([{"items": items}], "items", ["item.n"])
    assert len(rows.numbers) == 10_000


@settings(max_examples=60, deadline=None)
@given(document=st.dictionaries(st.text(max_size=6), JSON, max_size=5))
def test_any_document_gives_events_or_bad_rows_and_never_an_error(document: dict[str, Any]) -> None:
    for kind in ("shopify", "woocommerce", "stripe", "zendesk", "hubspot", "salesforce"):
        model = Connector(type=kind)  # type: ignore[arg-type]
        service = service_of(model)
        for part in shipped(kind):
            topic = part.match.replace("*", "x")
            news = News(topic=topic, id="n", received=s.ISO, documents=(document,))
            translator("any", model, service.prepare).events(news)


@settings(max_examples=100, deadline=None)
@given(document=JSON, path=st.lists(st.text(max_size=5), max_size=5))
def test_a_path_gives_what_is_there_or_nothing(document: Any, path: list[str]) -> None:
    found = at_path(document, path)
    if path and found is not None:
        assert json.dumps(found) in json.dumps(document) or isinstance(found, float)


def test_a_list_inside_a_document_becomes_rows() -> None:
    documents = [{"id": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}, {"id": 2, "lines": []}]
    rows = rows_of(documents, "lines", ["id", "item.sku", "nothing|id"])
    assert rows.columns == {"id": [1, 1, 2], "item.sku": ["a", "b", None], "nothing|id": [1, 1, 2]}


def test_who_has_no_id_of_ours_has_the_same_one_wherever_they_come_from() -> None:
    event = {"type": "track", "event": "X", "traits": {"email": "Ada@Example.org"}}
    made = msgspec.json.decode(identified(msgspec.json.encode(event)))
    assert made["anonymousId"] == stand_in("ada@example.org") and "ada" not in made["anonymousId"]
    assert made["context"]["traits"]["email"] == "Ada@Example.org" and "traits" not in made


def test_the_e_mail_address_of_an_account_is_nobodys() -> None:
    event = {"type": "group", "groupId": "acme", "traits": {"email": "office@acme.test"}}
    made = msgspec.json.decode(identified(msgspec.json.encode(event)))
    assert made["anonymousId"] == stand_in("account acme")


@pytest.mark.parametrize(
    ("connector", "code", "words"),
    [
        ({"type": "shopify", "settings": {"secret": "in-clear"}}, "wrong_value", "for everybody to read"),
        ({"type": "shopify", "settings": {}}, "wrong_value", "needs the setting `secret`"),
        (
            {"type": "shopify", "settings": {"secret": "env:X", "sercet": "env:Y"}},
            "wrong_value",
            "no setting `sercet`",
        ),
        ({"type": "webhook", "settings": {"secret": "env:X"}}, "wrong_value", "needs a mapping"),
        (
            {
                "type": "webhook",
                "settings": {"secret": "env:X"},
                "zone": "Mars/Base",
                "map": [{"events": [MADE]}],
            },
            "wrong_value",
            "no zone",
        ),
        (
            {"type": "stripe", "settings": {"secret": "env:X"}, "schedule": "FREQ=DAILY"},
            "wrong_value",
            "nothing is fetched",
        ),
        (
            {
                "type": "sql",
                "settings": {"url": "env:X", "query": "SELECT 1"},
                "map": [{"events": [MADE | {"message_id": ["u"]}]}],
            },
            "missing_field",
            "needs a schedule",
        ),
        (
            {
                "type": "sql",
                "settings": {"url": "env:X", "query": "SELECT 1"},
                "schedule": "FREQ=NOW",
                "map": [{"events": [MADE | {"message_id": ["u"]}]}],
            },
            "wrong_value",
            "FREQ=NOW",
        ),
        (
            {
                "type": "webhook",
                "settings": {"secret": "env:X"},
                "map": [{"events": [MADE | {"user_id": ""}]}],
            },
            "wrong_value",
            "without a name",
        ),
        (
            {
                "type": "webhook",
                "settings": {"secret": "env:X"},
                "map": [{"events": [MADE | {"user_id": {"column": "u", "lookup": "t.x"}}]}],
            },
            "wrong_value",
            "no tables",
        ),
        (
            {
                "type": "sql",
                "settings": {"url": "env:X", "query": "SELECT 1"},
                "schedule": "FREQ=DAILY",
                "map": [{"events": [MADE]}],
            },
            "missing_field",
            "nothing says which event a row is",
        ),
        (
            {"type": "shopify", "settings": {"secret": "env:X"}, "write": {"key": "id"}},
            "wrong_value",
            "nothing is written",
        ),
    ],
)
def test_check_finds_what_is_wrong_with_a_connector(connector: dict[str, Any], code: str, words: str) -> None:
    problems = [
        one for one in check(workspace(connectors={"one": connector})) if one.field.startswith("connectors")
    ]
    assert [one.code for one in problems] == [code] and words in problems[0].message
    assert "in-clear" not in str(problems[0])


def test_every_type_of_connector_is_known_and_its_shipped_mapping_is_right() -> None:
    for kind in ("shopify", "woocommerce", "stripe", "zendesk", "hubspot", "salesforce"):
        model = Connector(type=kind)  # type: ignore[arg-type]
        assert doubts(model) == [] and service_of(model).verify is not None
        names = [rule.name for part in named(list(shipped(kind))) for rule in part.events]
        assert len(set(names)) == len(names), "a name makes message ids, and stands once"
    assert set(SERVICES) == {
        *msgspec.json.schema(Connector)["$defs"]["Connector"]["properties"]["type"]["enum"]
    }


def test_one_rule_of_our_own_can_stand_beside_the_shipped_ones() -> None:
    model = msgspec.convert(
        {"type": "shopify", "map": [{"match": "app/*", "events": [MADE]}], "and_ours": True}, Connector
    )
    assert isinstance(translator("shop", model), Translator)
    assert len(translator("shop", model)._parts) == 1 + len(shipped("shopify"))


def test_nothing_of_the_environment_is_read_by_a_mapping(world: World) -> None:
    (event,) = booked({"u": "u1"}, properties={"secret": {"value": "env:IN_SECRET"}})
    assert event["properties"]["secret"] == "env:IN_SECRET" and os.environ["IN_SECRET"] == s.SECRET


def test_connectors_are_exported_and_read_again_as_they_were(tmp_path: Path) -> None:
    model = workspace(connectors=s.CONNECTORS)
    for name, one in model.connectors.items():
        translator(name, one)  # which changes nothing of the definition
    again = msgspec.json.decode(msgspec.json.encode(model), type=type(model))
    assert again == workspace(connectors=s.CONNECTORS)
    export(model, tmp_path / "out")
    text = (tmp_path / "out" / "connectors.yaml").read_text()
    assert "env:IN_SECRET" in text and s.SECRET not in text
    loaded = examine(tmp_path / "out")
    assert not loaded.errors, loaded.errors
    assert loaded.workspace.connectors == model.connectors
