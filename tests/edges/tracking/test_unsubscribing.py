"""One click unsubscribes (RFC 8058), a scanner's visit does not, and people choose what they want."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold.effects import Effect
from sevenfold.server.tokens import CONFIRM, PREFERENCES, UNSUBSCRIBE, About
from sevenfold.server.tracking.confirming import confirmation_url
from sevenfold.server.tracking.wording import BUILT_IN, NAMES, Words, accepted, chosen
from tests.edges.hooks.support import BASE, CONSENT, World, workspace

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def about(effect: Effect, **more: Any) -> About:
    data = effect.data
    given = {
        "effect": data["effect"],
        "person": effect.subject,
        "channel": "mail",
        "category": data["category"],
    }
    return About(**{**given, **more})


async def said(world: World, channel: str = "mail") -> dict[str | None, str | None]:
    person = await world.person()
    statuses = (await world.live.ask("consent", id=person["id"]))["statuses"]
    return {one["category"]: one["status"] for one in statuses if one["channel"] == channel}


def boxes(text: str) -> dict[str, bool]:
    """The boxes of a page by what they send, and whether they are ticked."""
    found = re.findall(r'<input type="checkbox" name="in" value="(\w+)"( checked)?( disabled)?>', text)
    return {value: bool(on) for value, on, _ in found}


def value(channel: str, category: str) -> str:
    return f"{channel}\n{category}".encode().hex()


@pytest.mark.parametrize("how", ["form", "multipart", "nothing"])
def test_one_click_is_enough_without_cookies_redirects_or_questions(world: World, how: str) -> None:
    async def story() -> None:
        effect = await world.send()
        path = f"/u/{world.back.tokens.sign(UNSUBSCRIBE, about(effect))}"
        async with world.client() as client:
            if how == "multipart":
                answer = await client.post(path, files={"List-Unsubscribe": (None, "One-Click")})
            else:
                answer = await client.post(path, data=ONE_CLICK if how == "form" else None)
        assert answer.status_code == 200 and answer.text == "" and "set-cookie" not in answer.headers
        assert await said(world) == {None: None, "orders": None, "care": "out", "offers": None}
        # The next message of the category is held, and says why.
        await world.event("Signed Up")
        held = [one for one in world.effects if one.kind == "held"]
        assert [one.data["reason"] for one in held] == ["no_consent"]

    asyncio.run(story())


def test_who_looks_is_asked_and_stays_subscribed(world: World) -> None:
    async def story() -> None:
        effect = await world.send()
        path = f"/u/{world.back.tokens.sign(UNSUBSCRIBE, about(effect))}"
        async with world.client() as client:
            for ask in (client.get, client.head):
                answer = await ask(path)
                assert answer.status_code in (200, 405)
            answer = await client.get(path)
            assert "Getting &lt;the&gt; most" in answer.text and 'method="post"' in answer.text
            assert await said(world) == {None: None, "orders": None, "care": None, "offers": None}
            done = await client.post(path, data={"page": "1"})
        assert "You will get no more of these" in done.text
        assert (await said(world))["care"] == "out"

    asyncio.run(story())


@pytest.mark.parametrize("category", ["", "orders", "gone"])
def test_a_message_of_no_category_or_one_that_cannot_be_refused_means_all_of_the_channel(
    world: World, category: str
) -> None:
    async def story() -> None:
        effect = await world.send()
        token = world.back.tokens.sign(UNSUBSCRIBE, about(effect, category=category))
        async with world.client() as client:
            await client.post(f"/u/{token}", data=ONE_CLICK)
        assert set((await said(world)).values()) == {"out"}
        assert set((await said(world, "text")).values()) == {None}

    asyncio.run(story())


@pytest.mark.parametrize("path", ["/u/x", "/preferences/x.y", "/confirm/zzz", "/u/%00"])
def test_an_address_that_was_not_made_here_changes_nothing(world: World, path: str) -> None:
    async def story() -> None:
        await world.send()
        before = world.live.log.next_position
        async with world.client() as client:
            shown, sent = await client.get(path), await client.post(path, data=ONE_CLICK)
        assert shown.status_code == sent.status_code == 404 and "not valid" in shown.text
        assert world.live.log.next_position == before

    asyncio.run(story())


def test_a_token_for_one_thing_is_worth_nothing_for_another(world: World) -> None:
    async def story() -> None:
        effect = await world.send()
        token = world.back.tokens.sign(UNSUBSCRIBE, about(effect))
        async with world.client() as client:
            assert (await client.get(f"/preferences/{token}")).status_code == 404
            assert (await client.post(f"/confirm/{token}")).status_code == 404

    asyncio.run(story())


def test_a_form_beyond_the_bound_is_refused(world: World) -> None:
    async def story() -> None:
        token = world.back.tokens.sign(UNSUBSCRIBE, about(await world.send()))
        async with world.client() as client:
            answer = await client.post(f"/u/{token}", content=b"a=" + b"x" * 70_000)
        assert answer.status_code == 413

    asyncio.run(story())


# ------------------------------------------------------------------------------------------------ preferences


def test_the_page_shows_what_holds_and_takes_what_is_chosen(world: World) -> None:
    async def story() -> None:
        effect = await world.send()
        path = f"/preferences/{world.back.tokens.sign(PREFERENCES, about(effect))}"
        async with world.client() as client:
            page = await client.get(path)
            assert page.status_code == 200 and "set-cookie" not in page.headers
            before = boxes(page.text)
            assert before[value("mail", "care")] and not before[value("mail", "offers")]
            assert before[value("mail", "orders")]
            assert "a…a@example.org" in page.text and "ada@" not in page.text
            wanted = [value("mail", "offers"), value("text", "offers"), value("text", "care")]
            shown = [one for one in before if not one.endswith(b"orders".hex())]
            saved = await client.post(path, data={"do": "save", "in": wanted, "shown": shown})
        assert "Please confirm" in saved.text
        # The mail reached them, so that its address is confirmed; the number is not.
        assert await said(world) == {None: None, "orders": None, "care": "out", "offers": "confirmed"}
        assert (await said(world, "text"))["offers"] == "pending"
        assert boxes(saved.text)[value("mail", "offers")] and not boxes(saved.text)[value("mail", "care")]

    asyncio.run(story())


def test_a_box_that_was_not_on_the_page_is_not_refused_and_what_is_required_stays(world: World) -> None:
    async def story() -> None:
        effect = await world.send()
        path = f"/preferences/{world.back.tokens.sign(PREFERENCES, about(effect))}"
        async with world.client() as client:
            answer = await client.post(
                path, data={"do": "save", "shown": [value("mail", "orders"), "zz", "00"]}
            )
        assert "Nothing was changed" in answer.text
        assert set((await said(world)).values()) == {None}

    asyncio.run(story())


def test_everything_can_be_stopped_at_once_and_paused(world: World) -> None:
    async def story() -> None:
        effect = await world.send()
        path = f"/preferences/{world.back.tokens.sign(PREFERENCES, about(effect))}"
        async with world.client() as client:
            paused = await client.post(path, data={"do": "pause"})
            assert "30 days" in paused.text
            assert (await world.person())["traits"]["paused_until"].startswith("2026-06-27")
            stopped = await client.post(path, data={"do": "all_off"})
        assert "nothing more" in stopped.text
        assert set((await said(world)).values()) == {"out"} == set((await said(world, "page")).values())

    asyncio.run(story())


def test_a_pause_is_offered_only_where_the_workspace_knows_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path, workspace(traits={"hello_was": {"type": "string"}}))
        path = f"/preferences/{world.back.tokens.sign(PREFERENCES, about(await world.send()))}"
        async with world.client() as client:
            assert 'value="pause"' not in (await client.get(path)).text
            answer = await client.post(path, data={"do": "pause"})
        assert "Nothing was changed" in answer.text

    asyncio.run(story())


def test_the_page_is_closed_to_everything_but_its_own_form(world: World) -> None:
    async def story() -> None:
        path = f"/preferences/{world.back.tokens.sign(PREFERENCES, about(await world.send()))}"
        async with world.client() as client:
            page = await client.get(path)
        policy = page.headers["content-security-policy"]
        assert (
            "default-src 'none'" in policy
            and "form-action 'self'" in policy
            and "frame-ancestors 'none'" in policy
        )
        assert "unsafe" not in policy and "<script" not in page.text
        assert (
            page.headers["referrer-policy"] == "no-referrer" and page.headers["cache-control"] == "no-store"
        )

    asyncio.run(story())


def test_what_people_and_workspaces_write_is_text(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>{{ 7 * 7 }}{% raw %}'
    consent = {**CONSENT, "categories": {"care": {"title": evil, "description": evil, "default": "opt_out"}}}
    model = workspace(
        title=evil,
        consent=consent,
        templates={
            "hello": {
                "channel": "mail",
                "category": "care",
                "subject": "x",
                "text": "x {{ links.unsubscribe }}",
            }
        },
    )

    async def story() -> None:
        world = World(tmp_path, model)
        effect = await world.send(email='"<b>"@example.org')
        path = f"/preferences/{world.back.tokens.sign(PREFERENCES, about(effect))}"
        async with world.client() as client:
            page = await client.get(path, headers={"accept-language": evil}, params={"lang": evil})
        assert "<script" not in page.text and "49" not in page.text.replace(evil, "")
        assert html.escape(evil, quote=False)[:12] in page.text or "&#34;" in page.text

    asyncio.run(story())


@pytest.mark.parametrize(
    ("locale", "header", "words", "direction"),
    [
        ("de", "", "Ihre Einstellungen", "ltr"),
        ("de-AT", "", "Mehr davon haben", "ltr"),
        ("", "fr-CA;q=0.9, es;q=0.5", "Vos préférences", "ltr"),
        ("", "tlh, ar;q=0.3", "تفضيلاتك", "rtl"),
        ("", "zz", "Your preferences", "ltr"),
    ],
)
def test_the_page_speaks_the_language_of_the_person_or_of_their_browser(
    world: World, locale: str, header: str, words: str, direction: str
) -> None:
    async def story() -> None:
        effect = await world.send()
        if locale:
            await world.back.inbox.say({"user_id": "u1"}, "identify", {"locale": locale})
        path = f"/preferences/{world.back.tokens.sign(PREFERENCES, about(effect))}"
        async with world.client() as client:
            page = await client.get(path, headers={"accept-language": header})
        assert words in page.text and f'dir="{direction}"' in page.text

    asyncio.run(story())


def test_a_workspace_may_say_it_in_words_and_languages_of_its_own() -> None:
    texts = {
        "en": {"preferences": "Your post"},
        "nl": {"preferences": "Uw voorkeuren", "channel.mail": "Per post"},
    }
    consent = msgspec.structs.replace(workspace().consent, texts=texts)
    assert Words(consent, "en")("preferences") == "Your post"
    assert Words(consent, chosen(consent, accepted("nl-BE"))).channel("mail", "email") == "Per post"
    assert Words(consent, "nl")("save") == "Save"
    assert all(set(one) == set(NAMES) and all(one.values()) for one in BUILT_IN.values())


def test_a_second_opt_in_counts_once_somebody_confirms_and_not_when_a_scanner_looks(world: World) -> None:
    async def story() -> None:
        effect = await world.send()
        url = confirmation_url(world.back.tokens, BASE, about(effect, category="offers"))
        path = url.removeprefix(BASE)
        async with world.client() as client:
            page = await client.get(path)
            assert "New things &amp; offers" in page.text
            assert (await said(world))["offers"] is None
            done = await client.post(path, data={"page": "1"})
        assert "That is confirmed" in done.text
        assert (await said(world))["offers"] == "confirmed"
        assert CONFIRM in path

    asyncio.run(story())
