"""The live stream: effects as they happen, from any number on, and the end of those who do not listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from sevenfold.server.admin import stream
from tests.edges.admin.api_world import Api

Event = tuple[int, str, dict[str, Any]]


class Reader:
    """A client of the stream, over ASGI: httpx's transport would wait for the end of the answer."""

    def __init__(self, api: Api, query: str = "", **headers: str) -> None:
        api.catch_up()
        self._api, self._query = api, query
        given = {"authorization": f"Bearer {api.secrets['read']}", "host": "api.test", **headers}
        self._headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._gone = asyncio.Event()
        self.status = 0
        self._text = ""

    async def __aenter__(self) -> Reader:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/api/stream",
            "raw_path": b"/api/stream",
            "root_path": "",
            "query_string": self._query.encode(),
            "headers": self._headers,
            "client": ("127.0.0.1", 1),
            "server": ("api.test", 80),
        }
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        app: Any = self._api.app
        self._task = asyncio.create_task(app(scope, receive, self._sent.put))
        start = await self._next()
        self.status = start["status"]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._gone.set()
        await asyncio.wait_for(self._task, 5)

    async def _next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._sent.get(), 5)

    async def blocks(self) -> AsyncIterator[str]:
        while True:
            while "\n\n" not in self._text:
                message = await self._next()
                self._text += message.get("body", b"").decode()
                if not message.get("more_body"):
                    return
            block, self._text = self._text.split("\n\n", 1)
            yield block

    async def events(self, count: int) -> list[Event]:
        found: list[Event] = []
        if not count:
            return found
        async for block in self.blocks():
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "data" in fields:
                found.append((int(fields["id"]), fields["event"], msgspec.json.decode(fields["data"])))
            if len(found) == count:
                return found
        return found


def run(api: Api, story: Callable[[], Awaitable[Any]]) -> Any:
    return api.runner.run(asyncio.wait_for(story(), 20))  # type: ignore[arg-type]


async def pause(api: Api) -> int:
    """Something happens: two effects, the first of them of kind `paused`."""
    number = api.live.fold.emitted
    await api.live.control({"op": "pause", "journey": "greet"})
    await api.live.control({"op": "resume", "journey": "greet"})
    return number


def test_effects_come_as_they_happen(api: Api) -> None:
    async def story() -> None:
        async with Reader(api) as reader:
            number = await pause(api)
            (first, second) = await reader.events(2)
            assert first[:2] == (number, "paused")
            assert second[:2] == (number + 1, "resumed")
            assert first[2]["name"] == "greet" and first[2]["number"] == number

    run(api, story)


def test_a_reader_says_which_kinds_it_wants(api: Api) -> None:
    async def story() -> None:
        async with Reader(api, "kind=resumed&kind=created") as reader:
            number = await pause(api)
            assert [one[:2] for one in await reader.events(1)] == [(number + 1, "resumed")]

    run(api, story)


def test_a_reader_follows_one_person(api: Api) -> None:
    api.event("identify", "ada", traits={"email": "ada@shop.example"})
    ada = api.person("ada")

    async def story() -> None:
        async with Reader(api, f"subject={ada}") as reader:
            await pause(api)
            await api.live.control({"op": "consent", "person": {"user_id": "ada"}, "status": "out"})
            ((_, kind, shown),) = await reader.events(1)
            assert (kind, shown["subject"]) == ("consent", ada)

    run(api, story)


def test_a_reader_goes_on_after_the_last_it_has_seen(api: Api) -> None:
    async def story() -> None:
        numbers = [await pause(api) for _ in range(4)]
        api.catch_up()
        async with Reader(api, last_event_id=str(numbers[1])) as reader:
            await pause(api)
            found = [number for number, _, _ in await reader.events(7)]
            assert found == list(range(numbers[1] + 1, numbers[1] + 8))

    run(api, story)


def test_what_the_stream_has_forgotten_comes_from_the_history(api: Api) -> None:
    async def story() -> None:
        first = await pause(api)
        for _ in range(300):
            await pause(api)
        api.catch_up()
        async with Reader(api, "kind=paused", last_event_id=str(first - 1)) as reader:
            found = [number for number, _, _ in await reader.events(301)]
            assert found == list(range(first, first + 602, 2))

    run(api, story)


def test_silence_is_broken_by_heartbeats(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAM_HEARTBEAT_S", 0.02)

    async def story() -> None:
        async with Reader(api) as reader:
            found = []
            async for block in reader.blocks():
                found.append(block)
                if len(found) == 3:
                    break
            assert found[1:] == [": alive", ": alive"]

    run(api, story)


def test_a_reader_that_leaves_is_forgotten(api: Api) -> None:
    async def story() -> None:
        async with Reader(api):
            assert len(stream._open) == 1
        assert not stream._open
        await pause(api)

    run(api, story)


def test_there_is_room_for_so_many_readers_only(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS_AT_ONCE_ITEMS_MAX", 1)

    async def story() -> None:
        async with Reader(api) as one:
            assert one.status == 200
            async with Reader(api) as other:
                assert other.status == 503

    run(api, story)


@pytest.mark.parametrize("number", [b"-1", b"x", b"1e3", b"\xb2", b"9" * 30])
def test_the_last_events_id_is_a_number(api: Api, number: bytes) -> None:
    found = api.request("GET", "/api/stream", headers={"last-event-id": number})
    assert (found.status_code, found.json()["code"]) == (400, "invalid")
