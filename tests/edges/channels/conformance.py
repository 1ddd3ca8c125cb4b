"""What every adapter must do, whoever its provider is.

A channel's tests subclass `AdapterConformance` and give a fixture `stand`: the adapter, a real peer on
loopback, and the ways to make the peer behave. Every way to fail that a provider has must end in the right
word, because the sender acts on nothing else: who is suppressed, what is sent again, which channel is paused.
"""

from __future__ import annotations

import asyncio
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Literal

import msgspec
import pytest

from sevenfold.channels.base import Adapter, Outgoing, Result
from sevenfold.messages.rendered import Rendered

Behaviour = Literal[
    "permanent",
    "bad_recipient",
    "transient",
    "throttled",
    "auth",
    "garbage",
    "hang",
    "hang_up",
]
"""How a peer answers the next message instead of taking it.

`permanent`: never this message. `bad_recipient`: no such address. `transient`: not now. `throttled`: too
many, come back in `RETRY_AFTER_S`. `auth`: who are you. `garbage`: it says yes (HTTP 200, or the protocol's
success) in words that mean nothing. `hang`: takes the message and never answers. `hang_up`: takes it and ends
the connection.
"""
RETRY_AFTER_S = 7
ADDRESS = "ada.lovelace+secret@customer.test"
EFFECT = "5f0c9a1be2d34c77"
SUBJECT = "Grüße & <Gewürze> ✓"
WORDS = "Your confidential order of seventeen cups"


class Stand(ABC):
    """An adapter and its peer, while a test runs.

    `secrets` are texts that must never be seen again; `absent` names what the peer cannot show, each with the
    reason, which the skipped test says. `short_s` is the time-out of adapters made with `impatient`.
    """

    secrets: ClassVar[tuple[str, ...]] = ()
    absent: ClassVar[dict[str, str]] = {}
    suppresses: ClassVar[bool] = True
    """Whether a refused recipient is to be left alone from now on."""
    short_s: float = 0.4

    @abstractmethod
    def adapter(self, *, impatient: bool = False, port: int | None = None) -> Adapter:
        """A new adapter that speaks to the peer, or to a port of loopback. `impatient`: with `short_s` as its
        time-out.
        """

    @abstractmethod
    def behave(self, how: Behaviour) -> None:
        """How the peer answers the next message; after that it takes messages again."""

    @abstractmethod
    def taken(self) -> Sequence[str]:
        """Effect ids (idempotency key, tag, header) of the messages the peer took, in order of arrival."""

    def complaints(self) -> Sequence[str]:
        """What the peer found wrong with requests that were meant to be right."""
        return ()

    def message(self, number: int = 0) -> Outgoing:
        """A message that the peer takes; `number` tells several apart."""
        return outgoing(number)

    def bad_credentials(self) -> Adapter | None:
        """An adapter whose credentials the peer does not know; None where there are none."""
        return None


def outgoing(number: int = 0, **changes: Any) -> Outgoing:
    """An e-mail to `ADDRESS`."""
    effect = EFFECT if not number else f"{number:016x}"
    content = Rendered(
        template="order",
        digest="00",
        channel="email",
        locale="de",
        subject=SUBJECT,
        html=f"<p>{WORDS}</p>",
        text=WORDS,
        from_="Café Gewürz <hello@shop.test>",
        headers={
            "List-Unsubscribe": f"<https://go.shop.test/u/{'t' * 160}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    made = Outgoing(
        effect=effect,
        channel="mail",
        address=ADDRESS,
        person="p1",
        content=content,
        expires=None,
        data={"journey": "welcome", "step": "hello", "template": "order", "category": "news"},
    )
    return msgspec.structs.replace(made, **changes) if changes else made


@asynccontextmanager
async def closing(adapter: Adapter) -> AsyncIterator[Adapter]:
    try:
        yield adapter
    finally:
        await adapter.close()


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """What `work` gives; it may take 20 s."""

    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await work()

    return asyncio.run(bounded())


def send(adapter: Adapter, *messages: Outgoing) -> list[Result]:
    """Sends one after the other, closes, and gives the results."""

    async def work() -> list[Result]:
        async with closing(adapter) as open_:
            return [await open_.send(one) for one in messages]

    found: list[Result] = run(work)
    return found


class AdapterConformance:
    """Subclass it with a fixture `stand`."""

    # ------------------------------------------------------------------------------------------ it works

    def test_it_hands_a_message_over_and_says_the_providers_id(self, stand: Stand) -> None:
        (result,) = send(stand.adapter(), stand.message())
        assert result.verdict == "accepted", result
        assert not stand.complaints()
        if "provider_id" not in stand.absent:
            assert result.provider_id
            assert "\n" not in result.provider_id

    def test_the_message_carries_our_id(self, stand: Stand) -> None:
        needs(stand, "effect")
        send(stand.adapter(), stand.message(), stand.message(1))
        assert list(stand.taken()) == [stand.message().effect, stand.message(1).effect]

    def test_a_check_reaches_nobody(self, stand: Stand) -> None:
        async def work() -> Result:
            async with closing(stand.adapter()) as adapter:
                return await adapter.check()

        result: Result = run(work)
        assert result.verdict == "accepted", result
        assert not stand.taken()

    def test_a_check_finds_wrong_credentials(self, stand: Stand) -> None:
        needs(stand, "auth")
        adapter = stand.bad_credentials()
        assert adapter is not None, "say `auth` in `absent` where there are no credentials"

        async def work() -> Result:
            async with closing(adapter):
                return await adapter.check()

        result: Result = run(work)
        assert (result.verdict, result.scope) == ("config_error", "account"), result

    def test_many_at_once_are_each_handed_over_once(self, stand: Stand) -> None:
        messages = [stand.message(number) for number in range(1, 21)]

        async def work() -> list[Result]:
            async with closing(stand.adapter()) as adapter:
                gate = asyncio.Semaphore(adapter.concurrency)

                async def one(message: Outgoing) -> Result:
                    async with gate:
                        return await adapter.send(message)

                return await asyncio.gather(*map(one, messages))

        results: list[Result] = run(work)
        assert {result.verdict for result in results} == {"accepted"}, results
        if "effect" not in stand.absent:
            assert sorted(stand.taken()) == sorted(message.effect for message in messages)

    def test_more_at_once_than_it_takes_wait_for_their_turn(self, stand: Stand) -> None:
        messages = [stand.message(number) for number in range(1, 31)]

        async def work() -> list[Result]:
            async with closing(stand.adapter()) as adapter:
                return await asyncio.gather(*map(adapter.send, messages))

        results: list[Result] = run(work)
        assert {result.verdict for result in results} == {"accepted"}, results

    def test_it_states_what_the_sender_must_know(self, stand: Stand) -> None:
        adapter = stand.adapter()
        assert isinstance(adapter.deduplicates, bool)
        assert adapter.concurrency >= 1
        assert adapter.rate_per_s is None or adapter.rate_per_s > 0
        run(adapter.close)

    def test_a_key_that_was_taken_is_not_taken_twice(self, stand: Stand) -> None:
        adapter = stand.adapter()
        if not adapter.deduplicates:
            run(adapter.close)
            pytest.skip("this provider knows no idempotency key")
        first, second = send(adapter, stand.message(), stand.message())
        assert (first.verdict, second.verdict) == ("accepted", "accepted")
        assert first.provider_id == second.provider_id
        assert list(stand.taken()) == [stand.message().effect]

    # ---------------------------------------------------------------------------------- the provider says no

    def test_what_can_never_be_sent_is_permanent(self, stand: Stand) -> None:
        result = refused(stand, "permanent")
        assert result.verdict == "permanent", result
        assert result.reason
        assert not result.suppress

    def test_an_address_that_does_not_exist_is_left_alone(self, stand: Stand) -> None:
        result = refused(stand, "bad_recipient")
        assert (result.verdict, result.scope) == ("permanent", "recipient"), result
        assert result.suppress is stand.suppresses

    def test_a_passing_fault_is_transient(self, stand: Stand) -> None:
        result = refused(stand, "transient")
        assert result.verdict == "transient", result
        assert not result.suppress

    def test_too_many_waits_as_long_as_the_provider_asks(self, stand: Stand) -> None:
        result = refused(stand, "throttled")
        assert result.verdict == "throttled", result
        if "retry_after" not in stand.absent:
            assert result.retry_after_s == RETRY_AFTER_S
        assert not result.suppress

    def test_wrong_credentials_blame_no_recipient(self, stand: Stand) -> None:
        result = refused(stand, "auth")
        assert (result.verdict, result.scope) == ("config_error", "account"), result
        assert not result.suppress

    def test_an_answer_that_means_nothing_is_no_success(self, stand: Stand) -> None:
        result = refused(stand, "garbage")
        assert result.verdict in ("unknown", "transient"), result

    def test_it_works_again_after_a_fault(self, stand: Stand) -> None:
        for how in ("transient", "hang_up"):
            if how not in stand.absent:
                stand.behave(how)
                adapter = stand.adapter()
                first, second = send(adapter, stand.message(1), stand.message(2))
                assert first.verdict != "accepted"
                assert second.verdict == "accepted", (how, second)

    # ------------------------------------------------------------------------------------- the network fails

    def test_a_refused_connection_is_transient(self, stand: Stand, free_port: int) -> None:
        (result,) = send(stand.adapter(port=free_port), stand.message())
        assert result.verdict == "transient", result

    def test_no_connection_in_time_is_transient(self, stand: Stand, stuck_port: int) -> None:
        (result,) = send(stand.adapter(impatient=True, port=stuck_port), stand.message())
        assert result.verdict == "transient", result

    def test_no_answer_after_the_hand_over_is_unknown(self, stand: Stand) -> None:
        needs(stand, "hang")
        found = []
        # On a busy machine even the hand-over may take longer than the first time-out; then nothing was
        # tested.
        for patience_s in (stand.short_s, 2.0, 8.0):
            stand.short_s = patience_s
            stand.behave("hang")
            (result,) = send(stand.adapter(impatient=True), stand.message())
            found.append(result)
            if result.verdict == "unknown":
                return
            assert result.verdict == "transient", result
        raise AssertionError(found)

    def test_a_connection_that_ends_after_the_hand_over_is_unknown(self, stand: Stand) -> None:
        assert refused(stand, "hang_up").verdict == "unknown"

    # --------------------------------------------------------------------------------- nothing private is
    # told

    def test_no_result_tells_a_secret_or_an_address(
        self, stand: Stand, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        results = send(stand.adapter(), stand.message())
        hows: tuple[Behaviour, ...] = ("permanent", "bad_recipient", "transient", "throttled", "auth")
        for how in hows:
            if how not in stand.absent:
                results.append(refused(stand, how))
        told = "\n".join(f"{r.reason}\n{r.detail}\n{r.scope}" for r in results)
        logged = "\n".join(
            record.getMessage() for record in caplog.records if record.name.startswith("sevenfold")
        )
        message = stand.message()
        private = [*stand.secrets, message.address or ADDRESS, WORDS, SUBJECT]
        private += [one.partition("@")[0] for one in private if "@" in one]
        for one in filter(None, private):
            assert one not in told, f"a result tells {one!r}"
            assert one not in logged, f"a log line tells {one!r}"

    def test_reasons_are_stable_words(self, stand: Stand) -> None:
        hows: tuple[Behaviour, ...] = ("permanent", "bad_recipient", "transient", "throttled", "auth")
        for how in hows:
            if how not in stand.absent:
                assert re.fullmatch(r"[a-z][a-z0-9_]*", refused(stand, how).reason), how


def needs(stand: Stand, what: str) -> None:
    """Skips a test for what a peer cannot show, and says why."""
    if what in stand.absent:
        pytest.skip(stand.absent[what])


def refused(stand: Stand, how: Behaviour) -> Result:
    """What the adapter says when the peer behaves so."""
    needs(stand, how)
    stand.behave(how)
    (result,) = send(stand.adapter(), stand.message())
    return result


__all__ = ["ADDRESS", "EFFECT", "AdapterConformance", "Behaviour", "Stand", "outgoing", "refused", "send"]
