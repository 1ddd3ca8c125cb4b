"""Digests: due by the calendar, true as of that time, through a real mail server and a Slack webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email import message_from_bytes, policy
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from sevenfold.channels.base import Adapter
from sevenfold.channels.outside import Outside
from sevenfold.channels.registry import make_adapter
from sevenfold.channels.slack import SlackWebhook, SlackWebhookSettings
from sevenfold.clock import SetClock
from sevenfold.events.times import parse_ms
from sevenfold.journeys.zones import zone
from sevenfold.measures import Saved, ask, question_from
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.server.alerts import Figures, evaluate
from sevenfold.server.audit import Audit
from sevenfold.server.inprocess import InProcess
from sevenfold.server.measures.digest_store import Digest, DigestStore
from sevenfold.server.measures.digests import Digests, digest_id, failing
from sevenfold.server.measures.saved import saved_questions
from sevenfold.server.measures.schedule import ScheduleError, following, last_due, rule_of
from sevenfold.warehouse.duck import DuckWarehouse
from sevenfold.warehouse.of_frame import warehouse_of
from sevenfold.workspace.models import Workspace
from tests.edges.channels.peers.chat import HOOK, SlackPeer
from tests.edges.channels.peers.http import Answered
from tests.edges.channels.peers.smtp import Fault, SmtpPeer

LOOPBACK = Outside((ip_network("127.0.0.0/8"),))
DAY = 86_400_000


def at(text: str) -> int:
    found = parse_ms(text)
    assert found is not None
    return found


MONDAY = at("2024-03-11T08:00:00Z")
"""09:00 in Berlin."""


@pytest.fixture(scope="module")
def warehouse() -> Iterator[DuckWarehouse]:
    rows = [
        (at("2024-03-05T10:00:00Z") + k * 3_600_000, name, f"u{k % 20}")
        for k in range(120)
        for name in (["Signed Up", "Report Run"] if k % 3 == 0 else ["Signed Up"])
    ]
    times, names, users = zip(*rows, strict=True)
    made = warehouse_of(pa.table({"timestamp": list(times), "event": list(names), "user_id": list(users)}))
    yield made
    made.close()


class World:
    """Digests over one service, whose channels are a mail server and a webhook on loopback."""

    def __init__(self, folder: Path, warehouse: DuckWarehouse, mail: SmtpPeer, slack: SlackPeer) -> None:
        self.folder, self.clock = folder, SetClock(MONDAY - 3 * DAY)
        self.behind = False
        self.mail, self.slack = mail, slack
        self.warehouse = warehouse
        channels = {
            "mail": DeliveryChannel(
                type="email", provider="smtp",
                settings={"host": "127.0.0.1", "port": mail.port, "security": "none", "from": "hi@shop.test"},
            ),
            "team": DeliveryChannel(
                type="slack", provider="slack_webhook", settings={"url": slack.url + HOOK}
            ),
        }  # fmt: skip
        self.live = InProcess(
            Workspace(name="shop", timezone="Europe/Berlin", channels=channels), clock=self.clock
        )
        self.audit = Audit(None, self.clock)
        for name, fields in {
            "sign-ups": {"analysis": "trends", "event": "Signed Up", "unit": "day"},
            "first report": {"analysis": "funnel", "steps": ["Signed Up", "Report Run"]},
        }.items():
            question = msgspec.to_builtins(question_from(str(fields["analysis"]), dict(fields)))
            saved_questions(folder, keep=Saved(name=name, question=question))
        self.begin()

    def begin(self) -> None:
        self.digests = Digests(
            self.live, self.ask, DigestStore(self.folder), self.folder, self.clock, self.audit, self.make
        )
        self.digests.recover()

    async def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "analysis" in asked:
            return ask(self.warehouse, question_from(asked["analysis"], dict(asked["fields"]))).to_json()
        return {"position": 0 if self.behind else 1 << 40, "number": 1 << 40, "time": 0}

    def make(self, model: DeliveryChannel) -> Adapter:
        if model.type == "slack":
            return SlackWebhook(msgspec.convert(model.settings, SlackWebhookSettings), outside=LOOPBACK)
        return make_adapter(model, lambda reference: reference)

    def keep(self, channel: str = "mail", **more: Any) -> None:
        to = () if channel == "team" else ("ada@shop.test", "bob@shop.test")
        given = {"name": "weekly", "questions": ("sign-ups", "first report"), "channel": channel, "to": to}
        given |= {"schedule": "weekly monday 09:00", **more}
        self.digests.keep(Digest(**given))

    def step(self, now: int) -> None:
        self.clock.set(now)
        asyncio.run(self.digests.step())

    def noted(self) -> list[tuple[str, str]]:
        return [(one.action, one.result) for one in reversed(self.audit.entries(action="digest.*"))]


@pytest.fixture
def world(tmp_path: Path, warehouse: DuckWarehouse) -> Iterator[World]:
    with SmtpPeer() as mail, SlackPeer() as slack:
        yield World(tmp_path, warehouse, mail, slack)


def told(world: World) -> list[Any]:
    return [message_from_bytes(one.content, policy=policy.default) for one in world.mail.taken]


def test_a_digest_goes_out_when_its_time_has_come_and_once(world: World) -> None:
    world.keep()
    world.step(MONDAY - 1)
    assert told(world) == []
    world.step(MONDAY)
    world.step(MONDAY + 60_000)
    assert sorted(one["to"] for one in told(world)) == ["ada@shop.test", "bob@shop.test"]
    mail = told(world)[0]
    assert mail["subject"] == "Weekly"
    plain = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    # 4 Mar 09:00 to 11 Mar 09:00 in Berlin holds all 120 hours; 40 of them have a report.
    assert "4 Mar 2024 09:00 to 11 Mar 2024 09:00 (Europe/Berlin)" in plain
    assert "20 of 20 people (100.0%) came from Signed Up to Report Run." in plain
    assert "Report Run" in html and "<table" in html and "background:#3f6fa8" in html
    assert "<script" not in html and "http" not in html.partition("<body")[2]
    assert world.noted() == [("digest.sent", "ok")] * 2
    world.step(MONDAY + 7 * DAY)
    assert len(world.mail.taken) == 4


def test_the_content_is_of_the_time_it_was_due_and_the_same_however_late_it_is_made(world: World) -> None:
    world.keep()
    first, _ = asyncio.run(world.digests.content(world.digests.store.digests()["weekly"][0], MONDAY))
    world.behind = True
    world.step(MONDAY + 5_000)
    assert told(world) == [], "the warehouse has not everything yet"
    world.behind = False
    world.step(MONDAY + 3_600_000)
    assert len(told(world)) == 2
    assert world.digests.store.content("weekly", MONDAY) == first


def test_slack_gets_the_same_answers_as_blocks(world: World) -> None:
    world.keep("team", title="Last <week>")
    world.step(MONDAY)
    (posted,) = world.slack.posted
    texts = [one["text"]["text"] for one in posted["blocks"]]
    assert texts[0] == "Last <week>"
    assert any("*first report*" in one and "(100.0%)" in one for one in texts)
    assert any(one.startswith("```") and "█" in one for one in texts)
    assert posted["blocks"][0]["block_id"].endswith(digest_id("weekly", MONDAY, ""))


def test_what_is_refused_for_now_is_tried_again_and_what_is_refused_for_ever_is_told(world: World) -> None:
    world.keep(to=("ada@shop.test",))
    world.mail.next(Fault("recipient", "451 later"))
    world.step(MONDAY)
    assert failing(world.digests.store)["weekly"].startswith("1 of 1 deliveries did not succeed")
    alerts = evaluate(Figures(now=MONDAY, status={}, digests=failing(world.digests.store)))
    assert [one.key for one in alerts] == ["digest weekly"]
    world.step(MONDAY + 9_000)
    assert told(world) == []
    world.step(MONDAY + 10_000)
    assert len(told(world)) == 1
    assert failing(world.digests.store) == {}
    assert [action for action, _ in world.noted()] == ["digest.failed", "digest.sent"]
    world.mail.next(Fault("recipient", "550 nobody of that name"))
    world.step(MONDAY + 7 * DAY)
    world.step(MONDAY + 8 * DAY)
    assert len(told(world)) == 1
    assert "weekly" in failing(world.digests.store)


def test_a_crash_after_the_claim_leaves_it_unknown_and_nothing_goes_out_twice(world: World) -> None:
    world.keep(to=("ada@shop.test",))
    world.step(MONDAY)
    (run,) = world.digests.store.runs()
    # As a crash between the server's yes and our note would leave it.
    world.digests.store._store.execute("UPDATE deliveries SET state = 'claimed'")
    world.digests.store._store.execute("UPDATE runs SET state = 'ready'")
    world.begin()
    world.step(MONDAY + 60_000)
    (run,) = world.digests.store.runs()
    assert [one.state for one in run.deliveries] == ["unknown"] and run.state == "done"
    assert len(told(world)) == 1
    assert "interrupted" in failing(world.digests.store)["weekly"]


def test_after_a_long_stop_only_the_last_due_time_is_sent_and_the_others_are_counted(world: World) -> None:
    world.keep(to=("ada@shop.test",))
    world.step(MONDAY + 15 * DAY)
    (run,) = world.digests.store.runs()
    assert (run.due, run.missed) == (MONDAY + 14 * DAY, 2)
    assert len(told(world)) == 1


def test_a_question_that_is_gone_is_said_in_the_digest_and_alerted(world: World) -> None:
    world.keep(to=("ada@shop.test",))
    saved_questions(world.folder, forget="first report")
    world.step(MONDAY)
    (mail,) = told(world)
    assert "This could not be answered." in mail.get_body(("plain",)).get_content()
    assert "No question is kept as 'first report'" in failing(world.digests.store)["weekly"]


def test_a_hook_that_is_down_does_not_hold_up_other_digests(world: World) -> None:
    world.keep("team")
    world.keep(name="by-mail", to=("ada@shop.test",))
    world.slack.next(Answered(500, "oops"))
    world.step(MONDAY)
    assert len(told(world)) == 1
    assert list(failing(world.digests.store)) == ["weekly"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("weekly monday 09:00", "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0"),
        ("Weekly Thu 7:30", "FREQ=WEEKLY;BYDAY=TH;BYHOUR=7;BYMINUTE=30;BYSECOND=0"),
        ("weekdays 08:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8;BYMINUTE=0;BYSECOND=0"),
        ("monthly last 18:00", "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=18;BYMINUTE=0;BYSECOND=0"),
        ("FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=2", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=2"),
    ],
)
def test_schedules_are_written_as_people_say_them(text: str, rule: str) -> None:
    assert rule_of(text) == rule


@pytest.mark.parametrize("text", ["", "weekly", "weekly t 09:00", "daily 24:00", "monthly 31 09:00", "09:00"])
def test_a_schedule_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        rule_of(text)


def test_a_schedule_keeps_its_hour_when_clocks_change() -> None:
    berlin = zone("Europe/Berlin")
    before = following("daily 09:00", berlin, at("2024-03-30T00:00:00Z"))
    after = following("daily 09:00", berlin, at("2024-03-31T00:00:00Z"))
    assert (before, after) == (at("2024-03-30T08:00:00Z"), at("2024-03-31T07:00:00Z"))
    assert last_due("daily 09:00", berlin, at("2024-03-30T00:00:00Z"), at("2024-03-31T07:00:00Z")) == (
        after,
        1,
    )
