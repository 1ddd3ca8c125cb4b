"""What alerts see, what people are told of it, and how often."""

from __future__ import annotations

import asyncio
import email
from pathlib import Path
from typing import Any

import pytest

from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.server.alerts import (
    AGAIN_MS,
    HOUR_MS,
    Alert,
    Alerts,
    Figures,
    Known,
    News,
    evaluate,
    tell,
    through_channel,
)
from sevenfold.server.history import Count, History, HistoryWriter
from sevenfold.server.inprocess import InProcess
from sevenfold.server.live import Watched
from sevenfold.workspace import models as m
from tests.edges.channels.peers.chat import BOT, SlackPeer
from tests.edges.channels.peers.smtp import SmtpPeer

HOUR = 500_000
NOW = HOUR * HOUR_MS + 1_234


def found(**changes: Any) -> list[str]:
    return [one.key for one in evaluate(Figures(**{"now": NOW, "status": {"fold_lag": 0}, **changes}))]


def counts(kind: str, name: str, what: str, count: int, at: int = HOUR) -> Count:
    return Count(at, kind, name, what, count)


def test_a_service_that_is_well_gives_no_alert() -> None:
    assert found() == []
    busy = [counts("message", "email", "", 500), counts("outcome", "email", "sent", 480)]
    busy += [counts("outcome", "email", "bounced", 20)]
    busy += [counts("events", "site", "", 9, at) for at in range(HOUR - 50, HOUR + 1)]
    assert found(counts=busy) == []


@pytest.mark.parametrize(
    ("status", "key"),
    [
        ({"fold_lag": 100_001}, "fold_lag"),
        ({"fold_connected": False}, "fold_away"),
        ({"delivery_connected": False}, "delivery_away"),
        ({"snapshot_error": "no room"}, "snapshots"),
        ({"delivery": {"history": {"error": "The disk is full"}}}, "history"),
        ({"delivery": {"sender": {"trouble": "x"}}}, "sender"),
        (
            {"delivery": {"sender": {"channels": {"email": {"state": "paused", "reason": "auth"}}}}},
            "paused email",
        ),
    ],
)
def test_each_trouble_of_the_process_is_an_alert_of_its_own(status: dict[str, Any], key: str) -> None:
    assert found(status=status) == [key]


def test_a_disk_is_nearly_full_by_bytes_or_by_share() -> None:
    assert found(disk_free_bytes=2 * 1024**3 - 1, disk_bytes=10 * 1024**3) == ["disk"]
    assert found(disk_free_bytes=40 * 1024**3, disk_bytes=1000 * 1024**3) == ["disk"]
    assert found(disk_free_bytes=60 * 1024**3, disk_bytes=1000 * 1024**3) == []


def test_messages_that_are_decided_and_not_sent_are_an_alert() -> None:
    assert found(counts=[counts("message", "email", "", 20)]) == ["stopped email"]
    assert found(counts=[counts("message", "email", "", 19)]) == []
    assert found(counts=[counts("message", "email", "", 20), counts("outcome", "email", "sent", 1)]) == []
    assert found(counts=[counts("message", "email", "", 20, HOUR - 2)]) == []


def test_many_failures_are_an_alert() -> None:
    bad = [counts("outcome", "email", "sent", 78), counts("outcome", "email", "failed", 22)]
    assert found(counts=bad) == ["errors email"]
    bad[1] = counts("outcome", "email", "failed", 19)
    assert found(counts=bad) == []


def test_a_source_that_is_never_silent_and_falls_silent_is_an_alert() -> None:
    usual = [counts("events", "site", "", 9, at) for at in range(HOUR - 50, HOUR - 2)]
    assert found(counts=usual) == ["silent site"]
    assert found(counts=usual, ignored=frozenset({"site"})) == []
    assert found(counts=[*usual, counts("events", "site", "", 1, HOUR - 1)]) == []
    now_and_then = [counts("events", "site", "", 9, at) for at in range(HOUR - 50, HOUR - 2, 3)]
    assert found(counts=now_and_then) == []


def test_people_are_told_once_again_after_a_day_and_when_it_is_over() -> None:
    alert, known, states = Alert("disk", "full", "x"), dict[str, Known](), []
    for looks in range(12):
        now = looks * AGAIN_MS // 4
        news, known = tell([alert] if looks < 9 else [], known, now)
        states += [(looks, one.state) for one in news]
    assert states == [(0, "new"), (4, "lasting"), (8, "lasting"), (10, "over")]
    assert known == {}


def test_what_flickers_is_told_once() -> None:
    alert, known, told = Alert("disk", "full", "x"), dict[str, Known](), 0
    for looks in range(20):
        news, known = tell([alert] if looks % 2 else [], known, looks)
        told += len(news)
    assert told == 1


def test_the_words_say_what_to_do_but_not_of_what_is_over() -> None:
    alert = Alert("disk", "The disk is nearly full", "1.0 GB are free.", "free some space")
    assert News("new", alert, 0).text() == (
        "Alert: The disk is nearly full\n1.0 GB are free.\nWhat to do: free some space"
    )
    assert "What to do" not in News("over", alert, 0).text()


def _smtp(port: int) -> DeliveryChannel:
    settings = {"host": "127.0.0.1", "port": port, "security": "none", "from": "ops@shop.test"}
    return DeliveryChannel(type="email", provider="smtp", settings=settings)


def _service(tmp_path: Path, channel: DeliveryChannel) -> tuple[InProcess, History, SetClock]:
    clock = SetClock(NOW)
    live = InProcess(m.Workspace(name="shop", channels={"ops": channel}), clock=clock)
    writer = HistoryWriter(tmp_path)
    data = {"effect": "a" * 16, "channel": "email"}
    effects = [
        Effect(NOW, "message", "person", "b" * 16, "j", {**data, "effect": f"{n:016x}"}) for n in range(30)
    ]
    writer.take_effects(Watched(0, effects))
    writer.close()
    return live, History(tmp_path), clock


def test_an_alert_arrives_by_e_mail(tmp_path: Path) -> None:
    async def run() -> None:
        with SmtpPeer() as peer:
            live, history, clock = _service(tmp_path, _smtp(peer.port))
            people = through_channel(live, clock, "ops", ["ann@shop.test", "bob@shop.test"])
            alerts = Alerts(live, history, tmp_path, clock, people, 1)
            (news,) = await alerts.look()
            assert news.alert.key == "stopped email"
            assert await alerts.look() == []
            history.close()
            assert [one.recipients for one in peer.taken] == [["ann@shop.test"], ["bob@shop.test"]]
            mail = email.message_from_bytes(peer.taken[0].content)
            assert mail["Subject"] == "Sevenfold: Nothing is sent on email"
            body: Any = mail.get_payload(decode=True) if not mail.is_multipart() else mail.get_payload()[0]
            assert "30 messages were decided" in (body.decode() if isinstance(body, bytes) else str(body))

    asyncio.run(run())


def test_an_alert_that_could_not_be_told_is_told_at_the_next_look(tmp_path: Path) -> None:
    async def run() -> None:
        live, history, clock = _service(tmp_path, _smtp(9))
        nowhere = through_channel(live, clock, "ops", ["ann@shop.test"])
        alerts = Alerts(live, history, tmp_path, clock, nowhere, 1)
        assert [one.state for one in await alerts.look()] == ["new"]
        assert [one.state for one in await alerts.look()] == ["new"]
        missing = Alerts(live, history, tmp_path, clock, through_channel(live, clock, "none", []), 1)
        assert [one.state for one in await missing.look()] == ["new"]
        assert missing.known == {}
        history.close()

    asyncio.run(run())


@pytest.mark.parametrize("addresses", [[], ["C0OTHER"]])
def test_an_alert_arrives_in_slack_where_the_settings_or_the_addresses_say(
    tmp_path: Path, addresses: list[str]
) -> None:
    async def run() -> None:
        with SlackPeer() as peer:
            secret = tmp_path / "token"
            secret.write_text(BOT)
            settings = {"bot_token": f"file:{secret}", "base_url": f"{peer.url}/api", "channel": "C0OPS"}
            slack = DeliveryChannel(type="slack", provider="slack", settings=settings)
            live, history, clock = _service(tmp_path, slack)
            alerts = Alerts(live, history, tmp_path, clock, through_channel(live, clock, "ops", addresses), 1)
            await alerts.look()
            history.close()
            (posted,) = peer.posted
            assert posted["channel"] == (addresses or ["C0OPS"])[0]
            assert "30 messages were decided" in str(posted)

    asyncio.run(run())


def test_an_alarm_is_looked_at_before_its_time(tmp_path: Path) -> None:
    async def run() -> None:
        alarm, told = asyncio.Event(), asyncio.Event()
        live, history, clock = _service(tmp_path, _smtp(9))

        async def people(news: Any) -> bool:
            told.set()
            return True

        alerts = Alerts(live, history, tmp_path, clock, people, 3_600_000, alarm)
        looking = asyncio.create_task(alerts.run())
        alarm.set()
        await asyncio.wait_for(told.wait(), 20)
        looking.cancel()
        history.close()

    asyncio.run(run())
