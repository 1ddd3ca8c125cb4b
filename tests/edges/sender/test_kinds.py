"""What is not an e-mail to somebody: leases of the product, calls of webhooks, notices to people who act."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from sevenfold.channels.base import Outgoing, Result
from sevenfold.messages.templates import version_of
from sevenfold.server.sender.versions import FolderVersions
from sevenfold.server.tokens import OPEN, UNSUBSCRIBE, Tokens
from sevenfold.workspace.models import Workspace
from tests.edges.sender.test_sending import BROKEN, sending
from tests.edges.sender.world import (
    ACCEPTED,
    DAY,
    HOUR,
    MINUTE,
    SECRETS,
    START,
    TRANSIENT,
    Provider,
    World,
    journey,
    mail,
    run,
    workspace,
)

TOKENS = Tokens(SECRETS.key("tokens"))


# ------------------------------------------------------------------------------------------- leases


def in_product(**step: Any) -> Workspace:
    """`Go` shows a tip in the product, then waits a day."""
    steps = {
        "tip": {"kind": "message", "template": "tip", "expires": "2h", **step},
        "rest": {"kind": "wait", "for": "1d"},
    }
    return workspace(
        channels={"app": {"type": "in_app"}},
        templates={"tip": {"channel": "app", "title": "Hi {{ person.email }}", "body": "Look"}},
        journeys={"go": {**journey("Go"), "steps": steps, "exits": [{"event": "Left", "reason": "left"}]}},
    )


def test_what_is_shown_in_the_product_waits_there_and_is_sent() -> None:
    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        ((effect, lease),) = world.shelf.leases.items()
        assert effect == world.messages[0]
        assert lease["content"]["title"] == "Hi ada@example.com"
        assert (lease["since"], lease["until"]) == (START, START + 2 * HOUR)
        assert lease["person"] == next(one.subject for one in world.effects if one.kind == "created")

    world = sending(work, World(in_product()))
    assert world.outcomes() == ["sent"]
    assert world.provider.calls == []


def test_what_nobody_saw_is_expired_and_shown_no_more() -> None:
    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(3 * HOUR)
        world.shelf.commit()

    world = sending(work, World(in_product()))
    assert world.outcomes() == ["sent", "expired"]
    assert world.shelf.leases == {}


def test_what_was_seen_does_not_expire() -> None:
    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        await world.live.control({"op": "outcome", "effect": world.messages[0], "outcome": "delivered"})
        await world.time.advance(3 * HOUR)

    assert sending(work, World(in_product())).outcomes() == ["sent", "delivered"]


def test_what_a_run_took_back_is_shown_no_more() -> None:
    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()
        await world.event("ada", "Left")
        await world.time.advance(3 * HOUR)
        world.shelf.commit()

    world = sending(work, World(in_product()))
    assert [one.kind for one in world.effects if one.kind in ("revoked",)] == ["revoked"]
    assert world.outcomes() == ["sent"]
    assert world.shelf.leases == {}


def test_leases_are_ended_by_the_next_sender_too() -> None:
    async def go() -> None:
        world = World(in_product())
        async with world.running():
            await world.event("ada")
            await world.time.settle()
        world.new_sender()
        async with world.running():
            await world.time.advance(3 * HOUR)
        assert world.outcomes() == ["sent", "expired"]

    run(go())


# --------------------------------------------------------------------------------- links and tokens


def test_links_are_stored_before_it_is_told_that_the_message_was_sent() -> None:
    html = '<p><a href="https://shop.example/a">a</a><a href="{{ links.unsubscribe }}">no</a></p>'
    news = {**mail(transactional=False), "html": html, "category": "tips"}
    consent = {"categories": {"tips": {"default": "opt_out"}}}
    world = World(workspace(templates={"news": news}, consent=consent))
    known: list[bool] = []

    async def work(world: World) -> None:
        append = world.live.append

        async def seen(new: Any) -> Any:
            known.append(bool(world.shelf.links))
            return await append(new)

        await world.event("ada", "News")
        world.live.append = seen  # type: ignore[method-assign]  # to look at the moment of telling
        await world.time.settle()

    sending(work, world)
    (sent,) = world.provider.accepted
    assert known == [True]
    assert sent.content.html is not None
    ((link, place, url),) = world.shelf.links[sent.effect]
    assert (place, url) == (0, "https://shop.example/a")
    assert f"https://shop.example/l/{link}" in sent.content.html
    pixel = sent.content.html.partition("https://shop.example/o/")[2].partition(".gif")[0]
    assert TOKENS.read(OPEN, pixel).effect == sent.effect
    leave = (
        sent.content.headers["List-Unsubscribe"].removeprefix("<https://shop.example/u/").removesuffix(">")
    )
    about = TOKENS.read(UNSUBSCRIBE, leave)
    assert (about.person, about.channel, about.category) == (sent.person, "email", "tips")


def test_a_workspace_that_follows_nobody_gets_plain_links() -> None:
    html = '<p><a href="https://shop.example/a">a</a></p>'
    found = workspace(messaging={"tracking": False}, templates={"hello": {**mail(), "html": html}})

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()

    world = sending(work, World(found))
    (sent,) = world.provider.accepted
    assert sent.content.html == html or "/l/" not in (sent.content.html or "")
    assert "/o/" not in (sent.content.html or "")


# --------------------------------------------------------------------------------- calls of webhooks


def calling(**step: Any) -> Workspace:
    """`Go` calls another system and waits for what becomes of it."""
    on = {"sent": "yes", "failed": "no"}
    steps = {
        "call": {"kind": "webhook", "on": on, **step},
        "yes": {"kind": "exit", "reason": "it worked"},
        "no": {"kind": "exit", "reason": "it failed"},
    }
    return workspace(
        channels={"crm": {"type": "webhook", "provider": "webhook"}},
        templates={
            "ticket": {"channel": "crm", "payload": {"who": "{{ person.email }}", "n": "{{ event.n }}"}}
        },
        journeys={"go": {**journey("Go"), "steps": steps}},
    )


def ended(world: World) -> list[str]:
    return [one.data["reason"] for one in world.effects if one.kind == "ended"]


def test_a_call_carries_what_the_template_makes_and_its_run_goes_on() -> None:
    async def work(world: World) -> None:
        await world.event("ada", n=3)
        await world.time.settle()

    world = sending(work, World(calling(channel="crm", template="ticket")))
    ((_, call),) = world.provider.calls
    assert call.content.payload == {"who": "ada@example.com", "n": 3}
    assert call.channel == "crm" and call.effect
    assert ended(world) == ["it worked"]


def test_a_call_to_an_address_of_the_step_needs_no_channel() -> None:
    names: list[str] = []
    provider = Provider(Result(verdict="permanent", reason="http_404"))

    def make(name: str, model: Any) -> Any:
        names.append(f"{name}:{model.type}")
        provider.time = world.time
        return provider

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.settle()

    step = {"url": "https://crm.example/in", "method": "PUT", "payload": {"a": 1}}
    world = World(calling(**step), make)
    sending(work, world)
    ((_, call),) = provider.calls
    assert (call.data["url"], call.data["method"]) == ("https://crm.example/in", "PUT")
    assert call.content.payload == {"a": 1}
    assert names == [":webhook"]
    assert ended(world) == ["it failed"]


# -------------------------------------------------------------------------------------------- notices


def tasks(channel: dict[str, Any], **kind: Any) -> Workspace:
    """`Go` makes a task for the first of two people."""
    steps = {"help": {"kind": "task", "task": "help", "reason": "stuck"}}
    team = [
        {"email": "kim@team.example", "role": "care", "phone": "+4930123456"},
        {"email": "lou@team.example", "role": "care"},
    ]
    return workspace(
        channels={"team": channel},
        catalogues={"team": {"key": "email", "rows": team}},
        people={"catalogue": "team"},
        tasks={"help": {"title": "Help needed", "channel": "team", "owners": [{"role": "care"}], **kind}},
        templates={
            "notice": {
                "channel": "email",
                "subject": "{{ step.title }}",
                "text": "For {{ person.email }}",
                "transactional": True,
            }
        },
        journeys={"go": {**journey("Go"), "steps": steps}},
    )


def test_a_task_is_told_to_its_owner() -> None:
    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(MINUTE)

    world = sending(work, World(tasks({"type": "email"})))
    (sent,) = world.provider.accepted
    assert sent.address == "kim@team.example"
    assert sent.content.subject == "Help needed"
    assert "stuck" in (sent.content.text or "")
    assert world.outcomes() == ["claimed", "sent"]


def test_a_task_may_be_told_by_a_template_of_its_own() -> None:
    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(MINUTE)

    world = sending(work, World(tasks({"type": "email"}, template="notice")))
    (sent,) = world.provider.accepted
    assert (sent.content.subject, sent.content.text) == ("Help needed", "For kim@team.example")


def test_a_channel_of_the_team_needs_no_address() -> None:
    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(MINUTE)

    world = sending(work, World(tasks({"type": "slack"})))
    (sent,) = world.provider.accepted
    assert sent.address is None and "Help needed" in (sent.content.body or "")
    assert sent.data["task"] and sent.data["outcomes"]


def test_of_several_who_are_told_only_those_who_missed_it_are_told_again() -> None:
    first: list[str] = []

    def answer(message: Outgoing) -> Result:
        if message.address == "lou@team.example" and not first:
            first.append(message.effect)
            return TRANSIENT
        return ACCEPTED

    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(HOUR)
        await world.live.pass_time()
        await world.time.advance(5 * MINUTE)

    world = World(tasks({"type": "email"}, escalate=[{"after": "1h", "role": "care"}]), Provider(answer))
    sending(work, world)
    escalation = next(one for one in world.effects if one.kind == "task_escalated").data
    told = [one for one in world.provider.accepted if one.effect.startswith(escalation["id"])]
    assert sorted(one.address or "" for one in told) == sorted(escalation["to"])
    assert len({one.effect for one in told}) == len(told) == 2
    assert world.outcomes(escalation["id"]) == ["claimed", "rate_limited", "claimed", "sent"]


def test_an_owner_without_an_address_is_reported() -> None:
    async def work(world: World) -> None:
        await world.event("ada")
        await world.time.advance(MINUTE)

    world = sending(work, World(tasks({"type": "sms", "address": "trait.mobile"})))
    assert world.provider.calls == []
    assert world.outcomes() == ["failed"]


# ------------------------------------------------------------------------------------------- versions


def test_versions_are_found_again_after_a_restart(tmp_path: Path) -> None:
    found = workspace(templates={"hello": mail(subject="Old")})
    version = version_of("hello", found.templates["hello"], found.partials)
    FolderVersions(tmp_path).keep(version)
    again = FolderVersions(tmp_path).find(version.digest)
    assert again == version
    assert FolderVersions(tmp_path).find("0" * 32) is None


def test_a_damaged_version_counts_as_none(tmp_path: Path) -> None:
    found = workspace()
    version = version_of("hello", found.templates["hello"], found.partials)
    FolderVersions(tmp_path).keep(version)
    (tmp_path / f"{version.digest}.json").write_bytes(msgspec.json.encode({"name": "x"}))
    assert FolderVersions(tmp_path).find(version.digest) is None


def test_a_message_whose_version_is_gone_is_not_sent_with_another() -> None:
    provider = Provider([BROKEN])
    provider.works = BROKEN
    world = World(workspace(), provider)

    async def go() -> None:
        from sevenfold.engine.definition import record_of

        async with world.running():
            await world.event("ada")
            await world.time.settle()
        newer = workspace(templates={"hello": mail(subject="New")})
        await world.live.control(record_of(newer))
        provider.works = ACCEPTED
        # A sender that has seen only the newer definition.
        world.new_sender()
        async with world.running():
            await world.time.advance(DAY // 2)

    run(go())
    assert provider.accepted == []
    assert world.outcomes()[-1] == "render_error"
