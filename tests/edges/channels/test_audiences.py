"""Advertising audiences: digests of who agreed, kept up to date by differences."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator, Sequence
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.channels.audience_networks import (
    GoogleAudience,
    GoogleAudienceSettings,
    MetaAudience,
    MetaAudienceSettings,
)
from sevenfold.channels.audience_platforms import (
    Audience,
    AudienceFile,
    AudienceFileSettings,
    AudienceWebhook,
    AudienceWebhookSettings,
    Platform,
    Synchronised,
    synchronise,
)
from sevenfold.channels.audiences import (
    Batch,
    FileLedger,
    Member,
    Row,
    applied,
    as_csv,
    hashed,
    plan,
    rows_of,
)
from sevenfold.channels.base import Adapter, ChannelError, Outgoing
from sevenfold.channels.outside import Outside
from sevenfold.messages.rendered import Rendered
from tests.edges.channels.conformance import (
    ADDRESS,
    RETRY_AFTER_S,
    AdapterConformance,
    Behaviour,
    Stand,
    send,
)
from tests.edges.channels.conformance import outgoing as email
from tests.edges.channels.peers.data_manager import LIST, DataManagerPeer
from tests.edges.channels.peers.fcm import private_pem, service_account
from tests.edges.channels.peers.graph import AUDIENCE, TOKEN, GraphPeer, error
from tests.edges.channels.peers.http import Answered, Hang, HangUp
from tests.edges.channels.peers.receiver import Receiver
from tests.edges.channels.test_webhook import SECRET

LOOPBACK = Outside((ip_network("127.0.0.0/8"),))


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def row(number: int) -> Row:
    return Row(digest(f"{number}@shop.test"), "")


# ---------------------------------------------------------------------------------------------------- digests


@pytest.mark.parametrize(
    ("written", "google", "meta"),
    [
        (" Ada@Shop.Test ", "ada@shop.test", "ada@shop.test"),
        ("cloudy.sanfrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com", None),
        ("a.b@GoogleMail.com", "ab@googlemail.com", "a.b@googlemail.com"),
        ("user.name+NYC@Example.com", "user.name+nyc@example.com", "user.name+nyc@example.com"),
        ("a b@shop.test", "ab@shop.test", ""),
    ],
)
def test_addresses_are_written_as_each_platform_wants_before_they_are_hashed(
    written: str, google: str, meta: str | None
) -> None:
    assert hashed(written, None, "google") == Row(digest(google))
    expected = written if meta is None else meta
    assert hashed(written, None, "meta") == (Row(digest(expected)) if expected else None)


def test_numbers_have_a_plus_for_google_and_none_for_meta() -> None:
    assert hashed(None, "0170 1234567", "google", "DE") == Row("", digest("+491701234567"))
    assert hashed(None, "+49 170 1234567", "meta") == Row("", digest("491701234567"))


def test_what_is_no_address_is_nobody() -> None:
    assert hashed("ada", "12", "google") is None
    assert hashed(None, None, "meta") is None


def test_who_did_not_agree_is_in_no_audience() -> None:
    members = [
        Member(email="yes@shop.test", consented=True),
        Member(email="no@shop.test"),
        Member(phone="+491701234567", consented=False),
        Member(consented=True),
    ]
    assert rows_of(members, "google") == {Row(digest("yes@shop.test"))}


# ---------------------------------------------------------------------------------------------- differences


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)), st.integers(1, 7))
def test_a_plan_makes_of_one_audience_the_other_in_small_enough_batches(
    before: set[int], after: set[int], size: int
) -> None:
    ledger, desired = {row(one) for one in before}, {row(one) for one in after}
    batches = list(plan(desired, ledger, size))
    assert all(0 < len(one.rows) <= size for one in batches)
    # Nobody is told twice, removals come first, and doing it again does nothing.
    told = [one for batch in batches for one in batch.rows]
    assert sorted(told) == sorted(ledger ^ desired)
    changes = [one.change for one in batches]
    assert changes == sorted(changes, reverse=True)
    now = ledger
    for batch in batches:
        now = applied(now, batch)
    assert now == desired
    assert not list(plan(desired, now, size))


def test_two_people_with_one_address_are_one_row_that_stays_until_both_left() -> None:
    both = [Member(email="home@shop.test", consented=True)] * 2
    ledger = rows_of(both, "meta")
    assert not list(plan(rows_of(both[:1], "meta"), ledger))
    assert [one.change for one in plan(set(), ledger)] == ["remove"]


def test_a_ledger_survives_a_crash_in_the_middle_of_a_line(tmp_path: Path) -> None:
    file = tmp_path / "data" / "ledger"
    ledger = FileLedger(file)
    ledger.took(Batch("add", (row(1), row(2))))
    ledger.took(Batch("remove", (row(1),)))
    with file.open("ab") as end:
        end.write(b'{"change":"add","rows":[["')
    assert FileLedger(file).rows == {row(2)}
    # It was made short and whole again.
    assert file.read_bytes().count(b"\n") == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"@" not in file.read_bytes()


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger"
    file.write_bytes(b"nonsense\n")
    with pytest.raises(ChannelError, match="damaged"):
        FileLedger(file)


def test_a_file_for_uploading_has_the_columns_of_the_platform() -> None:
    rows = [row(2), Row("", "ff")]
    assert as_csv(rows, "google") == f"Email,Phone\n,ff\n{row(2).email},\n".encode()
    assert as_csv(rows, "meta").startswith(b"email,phone\n")


# ------------------------------------------------------------------------------------------------- platforms


@pytest.fixture
def manager() -> Iterator[DataManagerPeer]:
    with DataManagerPeer() as made:
        yield made


@pytest.fixture
def graph() -> Iterator[GraphPeer]:
    with GraphPeer() as made:
        yield made


def google(peer: DataManagerPeer, **changes: Any) -> GoogleAudience:
    given = {"service_account": peer.account(), "account_id": "1234567890", "audience_id": LIST}
    return GoogleAudience(msgspec.convert(given | {"base_url": peer.url} | changes, GoogleAudienceSettings))


def meta(peer: GraphPeer, **changes: Any) -> MetaAudience:
    given = {"access_token": TOKEN, "audience_id": AUDIENCE, "base_url": peer.url} | changes
    return MetaAudience(msgspec.convert(given, MetaAudienceSettings))


def member(number: int = 0, payload: Any = None, address: str | None = None) -> Outgoing:
    payload = {"email": f"{number}-{ADDRESS}"} if payload is None else payload
    content = Rendered(template="", digest="", channel="ads", locale="", payload=payload)
    return email(number, address=address, content=content)


class AudienceStand(Stand):
    absent = {  # noqa: RUF012
        "effect": "a platform is given nothing but digests",
        "bad_recipient": "a platform never says whom it knows",
    }

    def message(self, number: int = 0) -> Outgoing:
        return member(number)


class GoogleStand(AudienceStand):
    short_s = 1.5  # a token is fetched within it, too
    secrets = (private_pem(), "ya29.1")

    def __init__(self, peer: DataManagerPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return Audience(google(self.peer, base_url=url, timeout_s=self.short_s if impatient else 5.0), None)

    def behave(self, how: Behaviour) -> None:
        def said(status: int, name: str, **headers: str) -> Answered:
            told = {"error": {"code": status, "status": name, "message": name}}
            return Answered(status, told, headers)

        answers: dict[str, Any] = {
            "permanent": said(400, "INVALID_ARGUMENT"),
            "transient": said(503, "UNAVAILABLE"),
            "throttled": said(429, "RESOURCE_EXHAUSTED", **{"Retry-After": str(RETRY_AFTER_S)}),
            "auth": said(403, "PERMISSION_DENIED"),
            "garbage": Answered(200, "<html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        before = self.peer.accept

        def once(asked: Any) -> Answered:
            # The first call fetches a token; the fault is for the one after.
            if asked.path == "/token":
                self.peer.next(answers[how])
                self.peer.accept = before  # type: ignore[method-assign]
            return before(asked)

        self.peer.accept = once  # type: ignore[method-assign]

    def taken(self) -> Sequence[str]:
        return [one[0] for one in self.peer.members]

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def bad_credentials(self) -> Adapter | None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = service_account(f"{self.peer.url}/token", other.decode())
        return Audience(google(self.peer, service_account=account), None)


class MetaStand(AudienceStand):
    secrets = (TOKEN,)

    def __init__(self, peer: GraphPeer) -> None:
        self.peer = peer

    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        url = self.peer.url if port is None else f"http://127.0.0.1:{port}"
        return Audience(meta(self.peer, base_url=url, timeout_s=self.short_s if impatient else 5.0), None)

    def behave(self, how: Behaviour) -> None:
        answers: dict[str, Any] = {
            "permanent": error(400, 100, "Invalid parameter"),
            "transient": error(500, 2, "Service temporarily unavailable"),
            "throttled": error(400, 80007, "too many calls", **{"Retry-After": str(RETRY_AFTER_S)}),
            "auth": error(401, 190, "expired"),
            "garbage": Answered(200, "<html>"),
            "hang": Hang(),
            "hang_up": HangUp(),
        }
        self.peer.next(answers[how])

    def taken(self) -> Sequence[str]:
        return [one[0] for one in self.peer.members]

    def complaints(self) -> Sequence[str]:
        return self.peer.complaints

    def bad_credentials(self) -> Adapter | None:
        return Audience(meta(self.peer, access_token="wrong"), None)


class _Conformance(AdapterConformance):
    def test_a_key_that_was_taken_is_not_taken_twice(self, stand: Stand) -> None:
        first, second = send(stand.adapter(), stand.message(), stand.message())
        assert (first.verdict, second.verdict) == ("accepted", "accepted")
        assert len(stand.taken()) == 1


class TestGoogleAudience(_Conformance):
    """Everything that every adapter must do."""

    @pytest.fixture
    def stand(self, manager: DataManagerPeer) -> GoogleStand:
        return GoogleStand(manager)


class TestMetaAudience(_Conformance):
    """Everything that every adapter must do."""

    @pytest.fixture
    def stand(self, graph: GraphPeer) -> MetaStand:
        return MetaStand(graph)


def run(platform: Platform, desired: set[Row], ledger: FileLedger) -> Synchronised:
    return asyncio.run(synchronise(platform, desired, ledger))


def closed(platform: Platform, desired: set[Row], ledger: FileLedger) -> Synchronised:
    async def work() -> Synchronised:
        try:
            return await synchronise(platform, desired, ledger)
        finally:
            await platform.close()

    return asyncio.run(work())


def test_an_audience_becomes_what_is_desired_and_a_second_time_nothing_is_sent(
    manager: DataManagerPeer, tmp_path: Path
) -> None:
    ledger = FileLedger(tmp_path / "ledger")
    first = closed(google(manager), {row(n) for n in range(10_005)}, ledger)
    assert first == Synchronised(10_005, 0)
    assert [one["rows"] for one in manager.calls] == [10_000, 5]
    again = closed(google(manager), {row(n) for n in range(10_005)}, FileLedger(tmp_path / "ledger"))
    assert again == Synchronised()
    changed = closed(google(manager), {row(n) for n in range(3, 10_006)}, FileLedger(tmp_path / "ledger"))
    assert changed == Synchronised(1, 3)
    assert [one["verb"] for one in manager.calls[2:]] == ["remove", "ingest"]
    assert manager.members == {(row(n).email,) for n in range(3, 10_006)}
    assert not manager.complaints


def test_a_synchronisation_goes_on_where_it_ended(graph: GraphPeer, tmp_path: Path) -> None:
    platform = meta(graph)
    platform.batch_rows = 2  # type: ignore[misc]
    desired = {row(n) for n in range(5)}

    async def twice() -> list[Synchronised]:
        found = []
        await platform.change(Batch("add", ()))
        graph.next(Answered(200, "garbage"))
        for _ in range(2):
            found.append(await synchronise(platform, desired, FileLedger(tmp_path / "ledger")))
        await platform.close()
        return found

    first, second = asyncio.run(twice())
    assert first.result is not None
    assert (first.added, first.result.verdict) == (0, "unknown")
    assert second == Synchronised(5, 0)
    assert graph.members == {tuple(one) for one in desired}


def test_a_flagged_audience_stops_and_is_shown(graph: GraphPeer, tmp_path: Path) -> None:
    flagged = {"error": {"message": "Invalid parameter", "code": 100, "error_subcode": 1713230}}
    graph.next(Answered(400, flagged), Answered(200, {"operation_status": {"code": 471}}))
    platform = meta(graph)

    async def work() -> list[str]:
        found = await synchronise(platform, {row(1)}, FileLedger(tmp_path / "ledger"))
        check = await platform.check()
        await platform.close()
        assert found.result is not None
        return [found.result.verdict, found.result.reason, check.verdict, check.reason]

    assert asyncio.run(work()) == ["config_error", "flagged", "config_error", "flagged"]


def test_meta_is_told_digests_in_rows_of_two_columns(graph: GraphPeer) -> None:
    payload = {"action": "add", "email": "Ada@Shop.test", "phone": "+49 170 1234567"}
    remove = payload | {"action": "remove"}
    send(Audience(meta(graph), None), member(payload=payload), member(payload=remove))
    expected = {"schema": ["EMAIL", "PHONE"], "data": [[digest("ada@shop.test"), digest("491701234567")]]}
    assert graph.calls == [("POST", expected), ("DELETE", expected)]
    assert not graph.members


def test_a_step_adds_whom_its_payload_or_the_channels_address_names(graph: GraphPeer) -> None:
    results = send(
        Audience(meta(graph), None),
        member(payload={}, address="ada@shop.test"),
        member(payload={}, address="+491701234567"),
        member(payload={"action": "replace"}, address="ada@shop.test"),
        member(payload={"email": "nobody"}),
    )
    assert [one.verdict for one in results] == ["accepted", "accepted", "permanent", "permanent"]
    assert graph.members == {(digest("ada@shop.test"), ""), ("", digest("491701234567"))}


def test_a_file_holds_who_is_in_the_audience_and_nobody_readably(tmp_path: Path) -> None:
    file = tmp_path / "audience.csv"
    made = AudienceFileSettings(path=str(file), dialect="meta")
    send(Audience(AudienceFile(made), None), member(1), member(2), member(1))
    remove = {"email": f"1-{ADDRESS}", "action": "remove"}
    results = send(Audience(AudienceFile(made), None), member(payload=remove), member(payload=remove))
    assert {one.verdict for one in results} == {"accepted"}
    assert file.read_text() == f"email,phone\n{digest(f'2-{ADDRESS}')},\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_pauses_the_channel(tmp_path: Path) -> None:
    (tmp_path / "no_folder").write_text("a file")
    made = AudienceFileSettings(path=str(tmp_path / "no_folder" / "audience.csv"))
    (result,) = send(Audience(AudienceFile(made), None), member())
    assert (result.verdict, result.reason) == ("config_error", "unwritable")


def test_a_webhook_is_told_changes_in_signed_calls_that_fit(tmp_path: Path) -> None:
    with Receiver(SECRET) as peer:
        given = {"url": peer.url, "secret": SECRET, "audience": "churned"}
        platform = AudienceWebhook(msgspec.convert(given, AudienceWebhookSettings), outside=LOOPBACK)
        rows = {Row(digest(str(n)), digest(f"+{n}")) for n in range(150)}
        found = closed(platform, rows, FileLedger(tmp_path / "ledger"))
        assert found == Synchronised(150, 0)
        told = list(peer.taken.values())
    assert [one["type"] for one in told] == ["audience.add"] * 2
    assert [len(one["data"]["members"]) for one in told] == [100, 50]
    assert told[0]["data"]["audience"] == "churned"
    assert set(told[0]["data"]["members"][0]) == {"email_sha256", "phone_sha256"}
    assert not peer.complaints
