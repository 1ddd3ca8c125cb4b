"""Recommendations: the code says whose it is, clicks and sign-ups are traced to the advocate, and nobody
recommends themselves.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.messages.policy import Referrals as Model
from sevenfold.server.referral_codes import code_of, person_of, same_company, same_mailbox
from sevenfold.server.tracking.referrals import Referrals, own
from tests.edges.hooks.support import BASE, World, workspace

KEY = b"k" * 32
CHROME = {"user-agent": "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/142.0 Safari/537"}
PROGRAMME = {"destination": "https://shop.test/welcome?x=1"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    signals = {"came": {"kind": "count", "event": "Referral Signed Up"}}
    thanks = {
        "triggers": [{"kind": "event", "event": "Referral Signed Up"}],
        "steps": {
            "thank": {"kind": "update_trait", "set": {"thanked": True}, "next": "end"},
            "end": {"kind": "exit"},
        },
    }
    traits = {"referred_by": {"type": "string"}, "thanked": {"type": "boolean"}}
    segments = {"advocates": {"when": "came >= 1"}, "recommended": {"when": "exists trait.referred_by"}}
    model = workspace(
        referrals=PROGRAMME, signals=signals, segments=segments, traits=traits, journeys={"thanks": thanks}
    )
    return World(tmp_path, model)


@given(st.binary(min_size=8, max_size=8))
def test_a_code_says_whose_it_is_in_any_spelling(raw: bytes) -> None:
    code = code_of(KEY, raw.hex())
    assert person_of(KEY, code) == person_of(KEY, code.lower()) == raw.hex()
    assert person_of(KEY, code.replace("0", "O").replace("1", "l")) == raw.hex()
    assert person_of(KEY, f"{code[:10]}-{code[10:]}") == raw.hex()
    assert person_of(b"other" * 8, code) is None


@given(st.text(max_size=24))
def test_nobody_makes_up_a_code(text: str) -> None:
    assert person_of(KEY, text) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada@example.org", "ADA+shop@example.org", True),
        ("a.d.a@gmail.com", "ada@googlemail.com", True),
        ("a.da@example.org", "ada@example.org", False),
        ("", "", False),
    ],
)
def test_a_mailbox_under_another_spelling_is_the_same(one: str, other: str, same: bool) -> None:
    assert same_mailbox(one, other) is same


def test_a_company_is_a_domain_that_not_everybody_has() -> None:
    assert same_company("a@acme.test", "b@ACME.test")
    assert not same_company("a@gmail.com", "b@gmail.com") and not same_company("", "")


@pytest.mark.parametrize(
    ("theirs", "news", "guard", "why"),
    [
        ({"email": ["a@x.test"]}, {"email": ["a+1@x.test"]}, ["person"], "person"),
        ({"phone": ["+491"]}, {"phone": ["+491"]}, ["person"], "person"),
        ({"anonymous_id": ["web-1"]}, {"anonymous_id": ["web-9", "web-1"]}, ["device"], "device"),
        ({"anonymous_id": ["web-1"]}, {}, ["person"], ""),
        ({"email": ["a@x.test"]}, {"email": ["b@x.test"]}, ["person", "device"], ""),
        ({"email": ["a@x.test"]}, {"email": ["b@x.test"]}, ["email_domain"], "email_domain"),
        ({"email": ["a@gmail.com"]}, {"email": ["b@gmail.com"]}, ["email_domain"], ""),
    ],
)
def test_what_counts_as_recommending_oneself(
    theirs: dict[str, list[str]], news: dict[str, list[str]], guard: list[str], why: str
) -> None:
    model = msgspec.convert({**PROGRAMME, "guard": guard}, Model)
    assert own(model, "p1", "p2", theirs, news, "web-0") == why
    assert own(model, "p1", "p1", {}, {}, "") == ("person" if "person" in guard else "")


async def link_of(world: World, programme: Referrals, user: str = "u1") -> str:
    return programme.url_of((await world.person(user))["id"]).removeprefix(BASE)


def named(world: World, name: str) -> list[dict[str, Any]]:
    return [one for one in world.events if one.get("event") == name]


def test_a_click_counts_for_the_advocate_and_leads_on_with_the_code(world: World) -> None:
    async def story() -> None:
        await world.event("Visited", "u1", context={"traits": {"email": "ada@example.org"}})
        path = await link_of(world, Referrals(world.back))
        async with world.client() as client:
            answer = await client.get(path, headers=CHROME, follow_redirects=False)
            await client.get(path, headers={"user-agent": "curl/8"}, follow_redirects=False)
            strange = await client.get("/r/ZZZZZZZZZZZZZZZZZZZZ", headers=CHROME, follow_redirects=False)
        assert answer.status_code == 302
        code = path.removeprefix("/r/")
        assert answer.headers["location"] == f"https://shop.test/welcome?x=1&ref={code}&utm_medium=referral"
        assert strange.headers["location"] == "https://shop.test/welcome?x=1"
        assert [one["userId"] for one in named(world, "Referral Link Clicked")] == ["u1"]

    asyncio.run(story())


@pytest.mark.parametrize("how", ["property", "landing"])
def test_a_sign_up_is_traced_to_the_advocate_once(world: World, how: str) -> None:
    async def story() -> None:
        await world.event("Visited", "u1", context={"traits": {"email": "ada@example.org"}})
        programme = Referrals(world.back)
        await programme.step()
        code = (await link_of(world, programme)).removeprefix("/r/")
        more: dict[str, Any] = {"context": {"traits": {"email": "bob@example.org"}}, "anonymousId": "web-7"}
        if how == "property":
            more["properties"] = {"referral_code": code}
        else:
            page = {"page": {"url": f"https://shop.test/?ref={code}", "search": f"?a=1&ref={code}"}}
            await world.event("Looked", "", anonymousId="web-7", context=page)
        await world.event("Signed Up", "u2", **more)
        while await programme.step():
            pass
        world.back.store.keep_mark("referrals", 0)
        await programme.step()  # as after a crash
        (signed,) = named(world, "Referral Signed Up")
        assert signed["userId"] == "u1" and signed["properties"] == {"code": code, "referred": "u2"}
        advocate, friend = await world.person("u1"), await world.person("u2")
        assert advocate["segments"] == ["advocates"] and advocate["traits"]["thanked"] is True
        assert friend["traits"]["referred_by"] == "u1" and "recommended" in friend["segments"]

    asyncio.run(story())


@pytest.mark.parametrize("how", ["device", "mailbox"])
def test_who_recommends_themselves_is_refused_with_the_reason(world: World, how: str) -> None:
    async def story() -> None:
        anonymous = "web-1"
        await world.event(
            "Visited", "u1", anonymousId=anonymous, context={"traits": {"email": "ada@example.org"}}
        )
        programme = Referrals(world.back)
        await programme.step()
        code = (await link_of(world, programme)).removeprefix("/r/")
        email = "ada+2@example.org" if how == "mailbox" else "other@example.org"
        await world.event(
            "Signed Up",
            "u2",
            anonymousId=anonymous if how == "device" else "web-2",
            properties={"referral_code": code},
            context={"traits": {"email": email}},
        )
        await programme.step()
        assert named(world, "Referral Signed Up") == []
        (refused,) = named(world, "Referral Refused")
        assert refused["properties"]["reason"] == ("person" if how == "mailbox" else "device")

    asyncio.run(story())


def test_a_workspace_without_a_programme_looks_for_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        async with world.client() as client:
            assert (await client.get("/r/ABC", follow_redirects=False)).status_code == 404
        assert await Referrals(world.back).step() is False

    asyncio.run(story())
