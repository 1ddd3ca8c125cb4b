"""Unmodified server clients, sent against a running server: each event arrives, and arrives once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.edges.ingest.clients import run_node
from tests.edges.ingest.serving import Served

EVENTS = 12
Drive = Callable[[Served], None]
RETRIED = pytest.mark.parametrize(
    "reply",
    [(429, {"Retry-After": "1"}), (503, {"Retry-After": "1"}), (500, {})],
    ids=["429", "503", "500"],
)


def drive_python(client: Any) -> None:
    client.identify("user-1", {"email": "ada@example.com"})
    for at in range(EVENTS):
        client.track("user-1", "Order Completed", {"order_id": f"o-{at}", "total": 27.5})
    client.group("user-1", "acct-1", {"name": "Initech"})
    client.track(anonymous_id="anon-2", event="Looked Around")
    client.flush()
    client.join()


def segment_python(server: Served, *, gzip: bool = False) -> None:
    from segment.analytics.client import Client

    drive_python(Client(server.key, host=server.url, gzip=gzip, upload_size=10, upload_interval=0.05))


def segment_python_gzip(server: Served) -> None:
    segment_python(server, gzip=True)


def rudder_python(server: Served) -> None:
    from rudderstack.analytics.client import Client

    drive_python(Client(server.key, host=server.url, upload_size=10, upload_interval=0.05))


def segment_node(server: Served) -> None:
    run_node("server_clients.js", "segment", server.url, server.key, str(EVENTS))


def rudder_node(server: Served) -> None:
    run_node("server_clients.js", "rudder", server.url, server.key, str(EVENTS))


CLIENTS = pytest.mark.parametrize("drive", [segment_python, rudder_python, segment_node, rudder_node])


@pytest.fixture(autouse=True)
def quiet_clients() -> None:
    """What the clients write about their retries is not about us."""
    for name in ("segment", "rudder", "backoff"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def arrived(server: Served) -> None:
    """Everything that `drive` sent is there, once."""
    events = server.events()
    assert len(events) == EVENTS + 3
    (identify,) = [event for event in events if event.type == "identify"]
    assert identify.traits["email"] == "ada@example.com"
    orders = [event.properties["order_id"] for event in events if event.event == "Order Completed"]
    assert sorted(orders) == sorted(f"o-{at}" for at in range(EVENTS))
    (group,) = [event for event in events if event.type == "group"]
    assert (group.group_id, group.traits["name"]) == ("acct-1", "Initech")
    (seen,) = [event for event in events if event.event == "Looked Around"]
    assert (seen.user_id, seen.anonymous_id) == (None, "anon-2")
    assert server.dropped() == []


@pytest.mark.parametrize(
    "drive", [segment_python, segment_python_gzip, rudder_python, segment_node, rudder_node]
)
def test_every_event_of_a_client_arrives_once(drive: Drive, server: Served) -> None:
    drive(server)
    arrived(server)
    assert set(server.script.seen) == {200}


@CLIENTS
@RETRIED
def test_a_client_that_is_asked_to_wait_sends_again_and_everything_is_there_once(
    drive: Drive, reply: tuple[int, dict[str, str]], server: Served
) -> None:
    server.script.replies.append(reply)
    drive(server)
    arrived(server)
    assert server.script.seen[0] == reply[0]


@CLIENTS
def test_a_client_whose_answer_was_lost_sends_again_and_everything_is_there_once(
    drive: Drive, server: Served
) -> None:
    server.script.lost = 1
    drive(server)
    arrived(server)
    assert server.ingest.counts["duplicate"] > 0
    assert server.script.seen[0] == 500


@pytest.mark.parametrize("drive", [segment_python, rudder_python])
def test_a_wrong_key_is_told_once_and_not_sent_again(drive: Drive, server: Served) -> None:
    server.key, right = "nobody", server.key
    try:
        drive(server)
    finally:
        server.key = right
    assert server.script.seen and set(server.script.seen) == {401}
    assert len(server.script.seen) <= 3, "a batch each, and none of them again"
    assert server.entries() == []
