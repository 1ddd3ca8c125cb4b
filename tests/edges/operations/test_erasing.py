"""A person who asks for it is gone everywhere, and everybody else goes on as if they had never been."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Awaitable
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold import snapshots
from sevenfold.clock import SetClock
from sevenfold.effects import Effect
from sevenfold.engine import Fold
from sevenfold.engine.definition import UNDEFINED
from sevenfold.engine.erasure import ERASED
from sevenfold.events.dedup import message_key
from sevenfold.events.reasons import Reason
from sevenfold.events.steps import Dropped
from sevenfold.log.base import Entry, NewControl, NewEvents
from sevenfold.log.memory import MemoryLog
from sevenfold.log.sqlite import SqliteLog
from sevenfold.server.history import History, HistoryWriter
from sevenfold.server.inprocess import InProcess
from sevenfold.server.keys import Keys
from sevenfold.server.live import Watched
from sevenfold.server.personal import FOLDER, Certificate, Eraser, Pending, verify
from sevenfold.server.personal_export import export_person
from sevenfold.server.questions import QuestionError
from sevenfold.server.secrets import SecretBox
from sevenfold.snapshots import Recovered, fold_record, records_from
from sevenfold.workspace import models as m

DAY = 86_400_000
START = 1_704_067_200_000

WORKSPACE: dict[str, Any] = {
    "name": "shop",
    "channels": {"mail": {"type": "email", "address": "email"}},
    "traits": {"city": {"type": "string"}, "arr": {"type": "number", "of": "account"}},
    "entities": {"order": {"key": "order_id"}},
    "signals": {
        "visits_7d": {"kind": "count", "event": "Visited", "window": "7d"},
        "spend": {"kind": "sum", "event": "Bought", "property": "total"},
        "account_visits": {"kind": "count", "of": "account", "event": "Visited"},
        "buyers": {"kind": "rollup", "of": "account", "aggregate": "count", "when": "spend > 0"},
    },
    "segments": {
        "regulars": {"when": "visits_7d >= 2"},
        "in_paris": {"when": 'trait.city == "Paris"'},
        "vips": {"manual": True},
    },
    "templates": {"hello": {"channel": "email", "subject": "Hello", "text": "Hello {{ traits.city }}"}},
    "journeys": {
        "welcome": {
            "triggers": [{"kind": "segment", "segment": "regulars"}],
            "re_entry": "after_exit",
            "steps": {
                "say": {"kind": "message", "template": "hello"},
                "hold": {"kind": "wait", "for": "20d"},
                "again": {"kind": "message", "template": "hello"},
            },
        }
    },
}


def workspace() -> m.Workspace:
    return msgspec.convert(WORKSPACE, m.Workspace)


def event(day: float, user: str | None, name: str, **more: Any) -> tuple[int, dict[str, Any]]:
    time = START + round(day * DAY)
    who = {"userId": user} if user else {}
    return time, {
        "type": "track",
        "event": name,
        "timestamp": time,
        "messageId": f"{user}{name}{time}",
        **who,
        **more,
    }


def identify(day: float, user: str, **traits: Any) -> tuple[int, dict[str, Any]]:
    return event(day, user, "", type="identify", traits=traits)


ACME = {"context": {"groupId": "acme"}}
LIFE = [
    event(0.1, None, "Visited", anonymousId="phone-1"),
    identify(0.2, "ada", email="Ada@Secret.example", city="Zanzibar", anonymous="no"),
    event(0.3, "ada", "Visited", anonymousId="phone-1"),
    identify(0.4, "bob", email="bob@shop.example", city="Paris"),
    event(0.5, "ada", "", type="group", groupId="acme", traits={"arr": 12, "contact": "ada@secret.example"}),
    event(0.6, "bob", "", type="group", groupId="acme"),
    event(0.7, "ada", "Visited"),
    event(0.8, "bob", "Visited"),
    event(1.0, "ada", "Bought", properties={"total": 30, "note": "call ada@secret.example"}),
    event(1.1, "ada", "Ordered", properties={"order_id": "o-secret"}),
    event(1.2, "bob", "Bought", properties={"total": 5}),
    event(1.3, "cleo", "Visited", properties={}),
    event(2.0, "ada", "Visited"),
    event(2.5, "bob", "Visited"),
]
AFTER = [
    event(9.0, "bob", "Visited"),
    event(9.5, "cleo", "Visited"),
    event(9.6, "cleo", "Visited", properties={"order_id": "o-2"}),
    event(9.7, "dora", "Visited"),
    event(9.8, "dora", "Visited", **ACME),
    event(30.0, "bob", "Visited"),
]
SECRETS = [b"ada@secret", b"Ada@Secret", b"ADA@secret", b"Zanzibar", b"phone-1", b"o-secret", b'"ada"']


class Shop:
    """A small service in a folder: log, fold, history, snapshots."""

    def __init__(self, folder: Path, *, memory: bool = False) -> None:
        self.folder, self.clock = folder, SetClock(START)
        self.log: Any = MemoryLog(self.clock) if memory else SqliteLog(folder / "log", self.clock)
        self.writer = HistoryWriter(folder)
        self.told: list[Effect] = []
        self.live = InProcess(workspace(), clock=self.clock, log=self.log, take=self._take)
        self.history = History(folder, self.log)
        self.secrets = SecretBox.of_folder(folder)
        (folder / "snapshots").mkdir(exist_ok=True)
        self.eraser = Eraser(
            live=self.live, log=self.log, history=self.history, folder=folder, secrets=self.secrets,
            snapshots_folder=folder / "snapshots", clock=self.clock, ask_snapshot=self.snapshot,
        )  # fmt: skip

    def _take(self, watched: Watched) -> None:
        self.told += watched.effects
        self.writer.take_effects(watched)

    async def while_projecting(self, work: Awaitable[Any]) -> Any:
        """The history is written beside it, as the delivery process does."""

        async def project() -> None:
            while True:
                self.project()
                await asyncio.sleep(0.01)

        projecting = asyncio.create_task(project())
        try:
            return await work
        finally:
            projecting.cancel()

    async def erase(self, person: str) -> Certificate:
        found: Certificate = await self.while_projecting(self.eraser.erase(person, "ann"))
        return found

    def snapshot(self) -> None:
        path = snapshots.path_of(self.folder / "snapshots", self.log.next_position)
        if not path.exists():
            snapshots.write(self.live.fold, path).wait()

    def project(self) -> None:
        self.writer.take_records(self.log.read(self.writer.position, 10_000))
        self.writer.commit()

    async def happen(self, events: list[tuple[int, dict[str, Any]]]) -> None:
        for time, one in events:
            self.clock.set(time)
            entry = Entry("site", time, json.dumps(one).encode(), time)
            await self.live.append([NewEvents([entry], [message_key("site", one["messageId"])])])
        self.project()

    async def control(self, **record: Any) -> None:
        await self.live.control(record)
        self.project()

    async def id_of(self, user: str) -> str:
        found: str = (await self.live.ask("lookup", value=user))["id"]
        return found

    def close(self) -> None:
        self.history.close()
        self.writer.close()
        self.log.close()

    def bytes(self) -> bytes:
        """Everything on the disk, segments of the log unpacked."""
        held = b"".join(p.read_bytes() for p in sorted(self.folder.rglob("*")) if p.is_file())
        for record in self.log.read(0, 10_000):
            held += b"".join(entry.raw for entry in record.entries) + msgspec.json.encode(record.control)
        for path in (self.folder / "snapshots").iterdir():
            held += _unpacked(path)
        return held


def _unpacked(path: Path) -> bytes:
    import zstandard

    from sevenfold.state import _frames

    data = memoryview(path.read_bytes())
    found = b""
    for frame in _frames(data):
        found += zstandard.ZstdDecompressor().stream_reader(frame).read()
        if found.endswith(b"\x91\xa3end"):
            break
    return found


async def lived(folder: Path, *, memory: bool = False) -> Shop:
    shop = Shop(folder, memory=memory)
    await shop.happen(LIFE[:6])
    shop.snapshot()
    await shop.control(op="list", list="vips", members=["ada", {"email": "new@shop.example"}, "eve"])
    await shop.control(op="consent", person={"email": "ada@secret.example"}, status="in", channel="mail")
    await shop.control(op="suppress", address="ada@secret.example", channel="mail", reason="manual")
    await shop.happen(LIFE[6:])
    message = next((one for one in shop.told if one.kind == "message"), None)
    if message is not None:
        await shop.control(op="outcome", effect=message.data["effect"], outcome="claimed")
    keys = Keys(folder, shop.clock)
    keys.store.execute(
        "INSERT INTO answers VALUES ('k', 'r', 'o', x'00', 1, 200, ?)", (b'{"email":"ada@secret.example"}',)
    )
    keys.close()
    shop.log.add_dead_letters([
        Dropped(Reason.NO_EVENT_NAME, "", b'{"userId":"x","traits":{"email":"ADA@secret.example"}}'),
        Dropped(Reason.NO_EVENT_NAME, "", b'{"userId":"bob"}'),
    ])  # fmt: skip
    return shop


def refolded(log: Any) -> tuple[Fold, list[Effect]]:
    found, told = Recovered(Fold(UNDEFINED)), []
    for record in records_from(log, 0):
        told += fold_record(found, record)
    return found.fold, told


def test_nothing_of_an_erased_person_is_left_on_the_disk(tmp_path: Path) -> None:
    async def run() -> None:
        shop = await lived(tmp_path)
        before = shop.bytes()
        assert all(one in before for one in SECRETS)
        certificate = await shop.erase(await shop.id_of("ada"))
        after = shop.bytes()
        assert [one for one in SECRETS if one in after] == []
        assert b"bob@shop.example" in after
        assert verify(shop.secrets, certificate)
        assert not verify(shop.secrets, msgspec.structs.replace(certificate, by="somebody else"))
        removed = certificate.removed
        assert removed["log"] == {"events": 8, "records": 8, "controls": 3}
        assert removed["dead_letters"] == {"rows": 1}
        assert removed["server"] == {"answers": 1, "notes": 0}
        assert removed["history"]["effects"] > 0
        assert removed["state"]["identifiers"] == 3
        assert removed["state"]["entities"] == 1
        assert removed["snapshots"]["files"] >= 1
        assert shop.eraser.certificates() == [certificate]
        assert list((tmp_path / FOLDER).glob("*.pending")) == []
        with pytest.raises(QuestionError):
            await shop.id_of("ada")
        with pytest.raises(QuestionError):
            await shop.live.ask("profile", of="person", id=certificate.subject)
        assert shop.history.effects(subject=certificate.subject).items == []
        assert shop.history.events_of({"user_id": ["ada"]}).items == []
        assert [one.dropped.raw for one in shop.log.dead_letters()] == [b'{"userId":"bob"}']
        shop.close()

    asyncio.run(run())


def test_the_rewritten_log_folds_to_the_state_of_the_fold_that_erased(tmp_path: Path) -> None:
    async def run() -> None:
        shop = await lived(tmp_path, memory=True)
        await shop.erase(await shop.id_of("ada"))
        erased = len(shop.told)
        await shop.happen(AFTER)
        fold, told = refolded(shop.log)
        assert told[erased:] == shop.told[erased:]
        assert len(told) == len(shop.told)
        assert fold.emitted == shop.live.fold.emitted
        assert fold.seq == shop.live.fold.seq
        for of in ("person", "account"):
            assert fold.subjects(of) == shop.live.fold.subjects(of)
        assert "o-secret" not in fold.entity_rows["order"]
        shop.close()

    asyncio.run(run())


def test_a_snapshot_after_an_erasure_goes_on_as_the_fold_does(tmp_path: Path) -> None:
    async def run() -> None:
        shop = await lived(tmp_path, memory=True)
        await shop.erase(await shop.id_of("ada"))
        erased = len(shop.told)
        again = Fold.restore(None, shop.live.fold.snapshot())
        await shop.happen(AFTER)
        found = Recovered(again, shop.log.next_position - len(AFTER))
        told = [
            one for record in records_from(shop.log, found.position) for one in fold_record(found, record)
        ]
        assert told == shop.told[erased:]
        assert again.subjects("person") == shop.live.fold.subjects("person")
        shop.close()

    asyncio.run(run())


def test_a_suppressed_address_stays_suppressed_and_nothing_owed_is_sent(tmp_path: Path) -> None:
    async def run() -> None:
        shop = await lived(tmp_path, memory=True)
        await shop.happen([event(3, "bob", "Visited")])
        told = len(shop.told)
        await shop.erase(await shop.id_of("ada"))
        kinds = [one.kind for one in shop.told[told:]]
        assert kinds[-1] == ERASED
        assert "ended" in kinds
        fold, _ = refolded(shop.log)
        for one in (shop.live.fold, fold):
            desk: Any = one.journeys.services["messages"] if one.journeys else None
            channel = desk.channels.named["mail"]
            assert desk.suppressions.reason(channel, "ada@secret.example") == "manual"
            assert all(owed.row for owed in desk.book._owed.values())
        shop.close()

    asyncio.run(run())


def test_whoever_comes_back_is_somebody_new(tmp_path: Path) -> None:
    async def run() -> None:
        shop = await lived(tmp_path)
        before = await shop.id_of("ada")
        await shop.erase(before)
        await shop.happen([identify(12, "ada", email="ada@secret.example"), event(12.1, "ada", "Visited")])
        after = await shop.id_of("ada")
        assert after != before
        profile = await shop.live.ask("profile", of="person", id=after)
        assert profile["signals"]["visits_7d"] == 1
        assert len(shop.history.events_of({"user_id": ["ada"]}).items) == 2
        assert shop.log.append([NewEvents(
            [Entry("site", START, json.dumps(LIFE[2][1]).encode())],
            [message_key("site", LIFE[2][1]["messageId"])],
        )])[0].duplicates == (0,)  # fmt: skip
        shop.close()

    asyncio.run(run())


@pytest.mark.parametrize("step", ["_pin", "_new_snapshot", "_remove", "_certificate"])
def test_an_erasure_that_was_interrupted_is_finished_later(tmp_path: Path, step: str) -> None:
    async def run() -> None:
        shop = await lived(tmp_path)
        person = await shop.id_of("ada")

        def stop(*_: Any) -> Any:
            raise KeyboardInterrupt

        setattr(shop.eraser, step, stop)
        with pytest.raises(KeyboardInterrupt):
            await shop.erase(person)
        assert next((tmp_path / FOLDER).iterdir()).stat().st_mode & 0o077 == 0
        delattr(shop.eraser, step)
        (certificate,) = await shop.while_projecting(shop.eraser.resume())
        assert verify(shop.secrets, certificate)
        assert [one for one in SECRETS if one in shop.bytes()] == []
        assert await shop.while_projecting(shop.eraser.resume()) == []
        shop.close()

    asyncio.run(run())


@pytest.mark.parametrize("heard", [True, False])
def test_a_crash_around_the_moment_when_the_fold_is_told_loses_nothing(tmp_path: Path, heard: bool) -> None:
    async def run() -> None:
        shop = await lived(tmp_path)
        person, control = await shop.id_of("ada"), shop.live.control

        async def stop(record: dict[str, Any]) -> Any:
            if heard:
                await control(record)
            raise KeyboardInterrupt

        shop.live.control = stop  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            await shop.erase(person)
        shop.live.control = control  # type: ignore[method-assign]
        (certificate,) = await shop.while_projecting(shop.eraser.resume())
        assert verify(shop.secrets, certificate)
        assert [one for one in SECRETS if one in shop.bytes()] == []
        assert list((tmp_path / FOLDER).glob("*.pending")) == []
        shop.close()

    asyncio.run(run())


def test_people_who_became_one_are_erased_as_one(tmp_path: Path) -> None:
    async def run() -> None:
        shop = await lived(tmp_path)
        await shop.happen([identify(3, "ada.second", email="second@secret.example")])
        await shop.happen([event(3.1, "ada", "", type="alias", previousId="ada.second")])
        certificate = await shop.erase(await shop.id_of("ada"))
        assert certificate.removed["state"]["merged_profiles"] >= 1
        assert [one for one in [*SECRETS, b"second@"] if one in shop.bytes()] == []
        await shop.happen(AFTER)
        _, told = refolded(shop.log)
        assert len(told) == len(shop.told)
        assert told[-3:] == shop.told[-3:]
        shop.close()

    asyncio.run(run())


def test_a_certificate_names_nobody_but_can_be_asked_about_somebody(tmp_path: Path) -> None:
    from sevenfold.server.personal import PURPOSE, digest_of

    async def run() -> None:
        shop = await lived(tmp_path)
        certificate = await shop.erase(await shop.id_of("ada"))
        key = shop.secrets.key(PURPOSE)
        assert digest_of(key, "email\0ada@secret.example") in certificate.named
        assert digest_of(key, "email\0bob@shop.example") not in certificate.named
        shop.close()

    asyncio.run(run())


def test_an_export_has_everything_about_a_person_and_nobody_else(tmp_path: Path) -> None:
    async def run() -> None:
        shop = await lived(tmp_path)
        packed = BytesIO()
        person = await shop.id_of("ada")
        counts = await export_person(shop.live, shop.history, shop.clock, person, packed)
        with zipfile.ZipFile(packed) as archive:
            names = archive.namelist()
            profile = json.loads(archive.read("profile.json"))
            events = [json.loads(line) for line in archive.read("events.ndjson").splitlines()]
            decisions = json.loads(archive.read("decisions.json"))
            whole = b"".join(archive.read(name) for name in names)
        assert profile["traits"]["city"] == "Zanzibar"
        assert profile["identifiers"]["email"] == ["ada@secret.example"]
        assert [one["event"]["messageId"] for one in events] == [
            one["messageId"] for _, one in reversed(LIFE)
            if one.get("userId") == "ada" or one.get("anonymousId") == "phone-1"
        ]  # fmt: skip
        assert counts["events"] == len(events)
        assert {one["subject"] for one in decisions} <= set(shop.history.subjects_of(person))
        assert b"bob@shop.example" not in whole
        assert {"consent.json", "messages.json", "tasks.json", "runs.json", "README.txt"} <= set(names)
        shop.close()

    asyncio.run(run())


def test_a_pending_erasure_reads_back(tmp_path: Path) -> None:
    pending = Pending("a", ["a"], {"email": ["x"]}, 5, 6, "ann", {"number": 3})
    assert msgspec.json.decode(msgspec.json.encode(pending), type=Pending) == pending


def test_an_event_that_says_it_is_a_tombstone_is_refused_at_the_door() -> None:
    fold = Fold(workspace())
    found = fold.intake.accept(b'{"type":"erased","takes":5,"userId":"u","messageId":"1"}', START, "site")
    assert isinstance(found, Dropped)


def test_nobody_cannot_be_erased(tmp_path: Path) -> None:
    async def run() -> None:
        shop = await lived(tmp_path)
        with pytest.raises(QuestionError):
            await shop.erase("0" * 16)
        with pytest.raises(Exception, match="no such person"):
            await shop.live.control({"op": "erase", "person": {"user_id": "nobody"}})
        await shop.live.append([NewControl({"op": "erased", "takes": "x"})])
        shop.close()

    asyncio.run(run())
