"""What the history says is what the effects and the log say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold.effects import Effect
from sevenfold.events.dedup import message_key
from sevenfold.log.base import Entry, NewControl, NewEvents
from sevenfold.server.history import STATUSES, History, HistoryError, HistoryWriter
from sevenfold.server.live import Watched
from tests.edges.history.worlds import START, World

HOUR = 3_600_000


def test_pages_newest_first_cover_each_effect_once(world: World, history: History) -> None:
    for kind in (None, "stage", ["entered", "left"]):
        found: list[int] = []
        before = None
        while True:
            page = history.effects(kind=kind, before=before, limit=37)
            found += [one.number for one in page.items]
            if page.next is None:
                break
            before = page.next
        kinds = [kind] if isinstance(kind, str) else kind
        wanted = [n for n, one in enumerate(world.effects) if kinds is None or one.kind in kinds]
        assert found == wanted[::-1]


def test_pages_after_a_cursor_go_forward(world: World, history: History) -> None:
    found: list[int] = []
    after: int | None = -1
    while after is not None:
        page = history.effects(after=after, limit=100)
        found += [one.number for one in page.items]
        after = page.next
    assert found == list(range(len(world.effects)))
    assert history.effects(after=found[-1]).items == []


def test_a_subject_has_exactly_its_effects(world: World, history: History) -> None:
    effects = world.effects
    for subject in {one.subject for one in effects if one.subject}:
        wanted = [
            n for n, one in enumerate(effects)
            if one.subject == subject or one.data.get("recipient") == subject
        ]  # fmt: skip
        found, before = [], None
        while True:
            page = history.effects(subject=subject, before=before, limit=11)
            found += page.items
            before = page.next
            if before is None:
                break
        assert [one.number for one in found] == wanted[::-1]
        assert [one.data for one in found] == [msgspec.to_builtins(effects[n].data) for n in wanted[::-1]]
        stages = history.effects(subject=subject, kind="stage").items
        assert [one.number for one in stages] == [n for n in wanted[::-1] if effects[n].kind == "stage"]


def _people(folder: Path, effects: list[Effect]) -> History:
    writer = HistoryWriter(folder)
    writer.take_effects(Watched(0, effects))
    writer.close()
    return History(folder)


def test_who_was_merged_is_read_under_any_of_their_ids(tmp_path: Path) -> None:
    def about(subject: str, kind: str = "entered", **data: Any) -> Effect:
        return Effect(1, kind, "person", subject, "", data)

    a, b, c, d = "a" * 16, "b" * 16, "c" * 16, "d" * 16
    effects = [about(a), about(b), about(c), about(d), about(b, "merged", loser=c), about(b)]
    effects += [about(a, "merged", loser=b), about(a)]
    history = _people(tmp_path, effects)
    assert history.now(c) == a
    for one in (a, b, c):
        assert [found.number for found in history.effects(subject=one).items] == [7, 6, 5, 4, 2, 1, 0]
    assert [found.number for found in history.effects(subject=d).items] == [3]
    history.close()
    writer = HistoryWriter(tmp_path)
    writer.take_effects(Watched(8, [about(a, "unmerged", loser=b)]))
    writer.close()
    history = History(tmp_path)
    assert [found.number for found in history.effects(subject=c).items] == [6, 5, 4, 2, 1]
    assert [found.number for found in history.effects(subject=a).items] == [8, 7, 6, 0]
    history.close()


def test_a_message_is_shown_with_everything_told_about_it_in_order(world: World, history: History) -> None:
    told: dict[str, list[dict[str, Any]]] = {}
    for record in world.records:
        if record.control and record.control["op"] == "outcome":
            told.setdefault(record.control["effect"], []).append(record.control)
    sent = [one for one in world.effects if one.kind == "message"]
    assert sent
    for effect in sent:
        message = history.message(effect.data["effect"])
        assert message is not None
        assert message.outcomes is not None
        wanted = told[effect.data["effect"]]
        assert [one.outcome for one in message.outcomes] == [one["outcome"] for one in wanted]
        assert [one.machine for one in message.outcomes] == [bool(one.get("machine")) for one in wanted]
        assert message.outcomes[1].at == effect.time + 5
        assert message.data == msgspec.to_builtins(effect.data)
        accepted = [
            one.data["outcome"] for one in world.effects
            if one.kind == "outcome" and one.data["effect"] == message.effect and not one.data.get("machine")
        ]  # fmt: skip
        taken = [
            one.kind for one in world.effects
            if one.kind in ("revoked", "cancelled") and one.data["effect"] == message.effect
        ]  # fmt: skip
        assert message.status == max(["decided", *accepted, *taken], key=STATUSES.index)
    assert history.message("0" * 16) is None


def test_a_provider_s_id_leads_to_the_message_on_its_channel_alone(world: World, history: History) -> None:
    for effect in world.effects:
        if effect.kind == "message":
            ident, channel = effect.data["effect"], effect.data["channel"]
            assert history.effect_of(channel, f"p-{ident}") == ident
            assert history.effect_of("another", f"p-{ident}") is None
    assert history.effect_of("email", "nobody's") is None


@pytest.mark.parametrize(
    "wanted",
    [
        {"channel": "email"}, {"status": "bounced"}, {"decision": "held"}, {"reason": "quiet"},
        {"journey": "onboarding"}, {"journey": "onboarding", "status": "opened"}, {"template": "stall_page"},
        {},
    ],
)  # fmt: skip
def test_messages_are_found_by_what_they_are(world: World, history: History, wanted: dict[str, Any]) -> None:
    everything = history.messages(limit=1_000).items
    kinds = ("message", "webhook", "held", "deferred", "would_send", "would_call")
    assert len(everything) == sum(one.kind in kinds for one in world.effects)
    fitting = [one for one in everything if all(getattr(one, k) == v for k, v in wanted.items())]
    found, before = [], None
    while True:
        page = history.messages(**wanted, before=before, limit=5)
        found += page.items
        before = page.next
        if before is None:
            break
    assert found == fitting
    assert found or wanted.get("status") or wanted.get("template") or wanted.get("decision")


def test_messages_of_a_person_and_of_a_run_are_found(world: World, history: History) -> None:
    effects = [(n, one) for n, one in enumerate(world.effects) if one.kind in ("message", "held", "deferred")]
    person = next(one.subject for _, one in effects if one.of == "person")
    run = effects[0][1].data["run"]
    wanted = [n for n, one in effects if one.data.get("recipient", one.subject) == person]
    assert [one.number for one in history.messages(person=person).items] == wanted[::-1]
    wanted = [n for n, one in effects if one.data["run"] == run]
    assert [one.number for one in history.messages(run=run).items] == wanted[::-1]


def test_a_status_that_does_not_exist_is_refused(history: History) -> None:
    with pytest.raises(HistoryError, match="one of decided"):
        history.messages(status="lost")


def test_runs_say_where_they_are_and_how_they_ended(world: World, history: History) -> None:
    runs = {one.id: one for one in history.runs(limit=1_000).items}
    effects = world.effects
    assert set(runs) == {one.data["run"] for one in effects if one.kind == "run"}
    for ident, run in runs.items():
        moves = [one for one in effects if one.kind in ("step", "wait") and one.data.get("run") == ident]
        end = next((one for one in effects if one.kind == "ended" and one.data["run"] == ident), None)
        assert run.ended == (end.time if end else None)
        assert run.reason == (end.data["reason"] if end else None)
        if end is None and moves:
            assert (run.step, run.since) == (moves[-1].data["step"], moves[-1].time)
        assert history.run(ident) == run
    active = history.runs(active=True, limit=1_000).items
    assert {one.id for one in active} == {ident for ident, one in runs.items() if one.ended is None}
    some = next(iter(runs.values()))
    assert some in history.runs(subject=some.subject).items
    assert all(one.journey == some.journey for one in history.runs(journey=some.journey).items)
    assert history.run("0" * 16) is None


def test_tasks_say_who_has_them_and_what_became_of_them(tmp_path: Path) -> None:
    def about(kind: str, time: int, **data: Any) -> Effect:
        return Effect(time, kind, "account", "a" * 16, "churn_risk", {"task": "f" * 16, **data})

    effects = [
        about("task", 1, reason="quiet", title="Call them", owner="csm-1", due=50),
        about("task_assigned", 2, **{"from": "csm-1"}, to="csm-2", due=60),
        about("task_escalated", 3, level=1),
        about("task_overdue", 4),
        about("task_noted", 5, note="called"),
    ]
    history = _people(tmp_path, effects)
    task = history.task("f" * 16)
    assert task is not None
    assert (task.owner, task.due, task.level, task.overdue, task.closed) == ("csm-2", 60, 1, True, None)
    assert history.tasks(owner="csm-2", is_open=True).items == [task]
    history.close()
    writer = HistoryWriter(tmp_path)
    writer.take_effects(Watched(5, [about("task_closed", 9, outcome="saved")]))
    writer.close()
    history = History(tmp_path)
    closed = history.task("f" * 16)
    assert closed is not None
    assert (closed.closed, closed.outcome) == (9, "saved")
    assert history.tasks(is_open=True).items == []
    assert history.tasks(subject="a" * 16, kind="churn_risk", is_open=False).items == [closed]
    history.close()


def test_counts_are_those_of_the_effects_and_the_events(world: World, history: History) -> None:
    wanted: Counter[tuple[int, str, str, str]] = Counter()
    for one in world.effects:
        if one.kind in ("held", "deferred", "message"):
            wanted[one.time // HOUR, one.kind, one.data["channel"], one.data.get("reason", "")] += 1
        elif one.kind == "stage":
            wanted[one.time // HOUR, "stage", one.name, one.data["to"] or ""] += 1
    found = history.counts(["held", "deferred", "message", "stage"], 0)
    assert {(one.at, one.kind, one.name, one.what): one.count for one in found} == dict(wanted)
    by_day = history.counts(["stage"], 0, by_day=True)
    assert sum(one.count for one in by_day) == sum(one.kind == "stage" for one in world.effects)
    assert {one.at for one in by_day} == {one.at // 24 for one in found if one.kind == "stage"}
    events = history.counts(["events"], 0)
    assert sum(one.count for one in events) == sum(len(one.entries) for one in world.records)
    assert {one.name for one in events} == {"site"}
    late = max(one.at for one in found) * HOUR
    assert all(one.at * HOUR >= late for one in history.counts(["held", "message", "stage"], late))


def test_events_are_found_by_whom_they_name_as_the_fold_understands_it(
    world: World, history: History
) -> None:
    raw = [
        (record.position + index, msgspec.json.decode(entry.raw))
        for record in world.records for index, entry in enumerate(record.entries)
    ]  # fmt: skip
    users = Counter(event.get("userId") for _, event in raw if event.get("userId"))
    for user, count in users.most_common(5):
        wanted = [position for position, event in raw if event.get("userId") == user]
        found, before = [], None
        while True:
            page = history.events_of({"user_id": [f" {user} "]}, before=before, limit=17)
            found += page.items
            before = page.next
            if before is None:
                break
        assert [one.position for one in found] == wanted[::-1]
        assert found[0].event == dict(raw)[found[0].position]
        assert len(found) == count
    guests = [(p, e) for p, e in raw if not e.get("userId")]
    guest = guests[0][1]["anonymousId"]
    wanted = [p for p, e in guests if e["anonymousId"] == guest]
    assert [one.position for one in history.events_of({"anonymous_id": [guest]}).items] == wanted[::-1]
    assert history.events_of({"user_id": ["null", "nobody"], "no such kind": ["x"]}).items == []


def test_events_follow_the_rules_of_identity_that_are_in_force(tmp_path: Path) -> None:
    world = World()
    held = {"name": "w", "identity": {"default_region": "GB", "types": {"loyalty": {}}}}
    world.append([NewControl({"op": "workspace", "workspace": held}, START)])
    events: list[dict[str, Any]] = [
        {"type": "track", "event": "x", "userId": "null", "messageId": "1",
         "context": {"traits": {"email": " Ada@Example.org "}}},
        {"type": "identify", "userId": "-1", "messageId": "2", "traits": {"loyalty": "L-7"}},
        {"type": "identify", "anonymousId": "null", "messageId": "3", "traits": {"phone": "020 7946 0958"}},
        {"type": "alias", "userId": "new", "previousId": "old", "messageId": "4"},
    ]  # fmt: skip
    entries = [Entry("s", START, msgspec.json.encode(one), START) for one in events]
    world.append([NewEvents(entries, [message_key("s", one["messageId"]) for one in events])])
    writer = HistoryWriter(tmp_path)
    writer.take_records(world.records[:1])
    writer.close()
    writer = HistoryWriter(tmp_path)
    writer.take_records(world.records)
    writer.close()
    history = History(tmp_path, world.log)

    def positions(**wanted: str) -> list[int]:
        return [one.position for one in history.events_of({k: [v] for k, v in wanted.items()}).items]

    assert positions(email="ada@example.org") == [1]
    assert positions(loyalty="L-7") == [2]
    assert positions(phone="+442079460958") == [3]
    assert positions(user_id="old") == positions(user_id="new") == positions(anonymous_id="old") == [4]
    history.close()


def test_control_records_are_listed_without_what_is_long(tmp_path: Path) -> None:
    world = World()
    world.append([NewControl({"op": "channel", "name": "email", "on": False, "by": "ann"}, START)])
    world.append(
        [NewControl({"op": "list", "list": "vips", "by": "bob", "members": ["x" * 40] * 1_000}, START)]
    )
    world.append([NewControl({"op": "outcome", "effect": "a" * 16, "outcome": "sent"}, START)])
    writer = HistoryWriter(tmp_path)
    writer.take_records(world.records)
    writer.close()
    history = History(tmp_path)
    listed, channel = history.controls().items
    assert (channel.op, channel.by, channel.data["name"]) == ("channel", "ann", "email")
    assert (listed.by, listed.data["list"], listed.data["left_out"]) == ("bob", "vips", ["members"])
    assert [one.op for one in history.controls(by="ann").items] == ["channel"]
    assert [one.op for one in history.controls(op="list").items] == ["list"]
    assert [one.position for one in history.controls(after=0).items] == [1]
    history.close()


def test_many_outcomes_of_one_record_are_told_one_by_one(tmp_path: Path) -> None:
    world = World()
    told = [
        {"effect": f"{n:016x}", "outcome": "sent", "provider_id": f"p{n}", "latency_ms": n} for n in range(3)
    ]
    world.append([NewControl({"op": "outcomes", "outcomes": [*told, "nonsense"]}, START)])
    writer = HistoryWriter(tmp_path)
    writer.take_records(world.records)
    writer.close()
    history = History(tmp_path)
    for n in range(3):
        (one,) = history.outcomes(f"{n:016x}")
        assert (one.outcome, one.provider_id, one.data) == ("sent", f"p{n}", {"latency_ms": n})
    history.close()


def test_links_lead_somewhere_and_leases_wait_until_they_are_taken_back(tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path)
    writer.shelf.add_links("m1", [("l1", 0, "https://a.example/"), ("l2", 1, "https://b.example/")])
    writer.shelf.add_links("m1", [("l1", 0, "https://a.example/")])
    writer.shelf.add_lease("m1", "a" * 16, "web", {"kind": "banner", "text": "Hello"}, 10, 99)
    writer.shelf.add_lease("m2", "a" * 16, "web", {"kind": "modal"}, 5, None)
    writer.shelf.add_lease("m3", "b" * 16, "web", {"kind": "modal"}, 5, None)
    writer.commit()
    history = History(tmp_path)
    assert history.link("l2") == ("m1", "https://b.example/")
    assert history.link("l3") is None
    assert [one.effect for one in history.leases_of("a" * 16)] == ["m2", "m1"]
    writer.shelf.lease_answered("m1", "clicked", 50)
    writer.shelf.revoke_lease("m2")
    writer.shelf.add_lease("m2", "a" * 16, "web", {"kind": "modal"}, 5, None)
    writer.commit()
    (left,) = history.leases_of("a" * 16)
    assert (left.effect, left.content["text"], left.answered, left.answered_at) == (
        "m1",
        "Hello",
        "clicked",
        50,
    )
    writer.take_effects(Watched(0, [Effect(1, "merged", "person", "c" * 16, "", {"loser": "a" * 16})]))
    writer.close()
    assert [one.effect for one in history.leases_of("c" * 16)] == ["m1"]
    history.close()


def test_a_history_that_is_not_there_says_so(tmp_path: Path) -> None:
    history = History(tmp_path)
    with pytest.raises(HistoryError, match="no history yet"):
        history.effects()
    HistoryWriter(tmp_path).close()
    assert history.effects().items == []
    assert history.status()["through"] == 0
    with pytest.raises(HistoryError, match="log"):
        history.events_of({"user_id": ["u"]})
    history.close()
    with pytest.raises(HistoryError, match="closed"):
        history.effects()
