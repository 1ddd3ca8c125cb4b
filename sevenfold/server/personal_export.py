"""Everything that is known about a person, as a zip of readable JSON."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

import msgspec

from ..clock import Clock
from ..limits import EXPORT_EVENTS_MAX, HISTORY_PAGE_ITEMS_MAX
from .console.notes import Notes
from .history import History, Page
from .live import Live
from .personal import ask

README: Final = """What this service knows about one person, as of the time in export.json.
Times are milliseconds since 1970-01-01 UTC.

profile.json    identifiers, traits, signals, segments, stages, scores and accounts
consent.json    what they said about each channel and category, and addresses that are left alone
events.ndjson   every event as it came in, the newest first, one a line
messages.json   every message that was decided for them, and what became of it
runs.json       their ways through journeys
tasks.json      pieces of work about them
decisions.json  everything else that was decided about them
notes.json      what people wrote down about them
"""


async def export_person(
    live: Live, history: History, clock: Clock, person: str, to: IO[bytes], notes: Notes | None = None
) -> dict[str, int]:
    """Writes the zip of a person (id of their profile) to `to`; gives how much of each there was. Raises
    QuestionError.
    """
    profile = await ask(live, "profile", of="person", id=person)
    consent = await ask(live, "consent", id=person)
    return await asyncio.to_thread(_write, history, notes, clock.now(), profile, consent, to)


def _write(
    history: History, notes: Notes | None, now: int, profile: dict[str, Any], consent: Any, to: IO[bytes]
) -> dict[str, int]:
    subject, identifiers = profile["id"], profile["identifiers"]
    counts: dict[str, int] = {}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, items: Iterator[Any]) -> None:
            found = [_shown(one) for one in items]
            counts[name] = len(found)
            archive.writestr(f"{name}.json", _pretty(found))

        archive.writestr("README.txt", README)
        archive.writestr("profile.json", _pretty(profile))
        archive.writestr("consent.json", _pretty(consent))
        with archive.open("events.ndjson", "w") as file:
            counts["events"] = 0
            for event in _all(lambda before: history.events_of(identifiers, before=before, limit=_PAGE)):
                file.write(msgspec.json.encode(event) + b"\n")
                counts["events"] += 1
                if counts["events"] >= EXPORT_EVENTS_MAX:
                    break
        messages = _all(lambda before: history.messages(person=subject, before=before, limit=_PAGE))
        put("messages", (history.message(one.effect) or one if one.effect else one for one in messages))
        put("runs", _all(lambda before: history.runs(subject=subject, before=before, limit=_PAGE)))
        put("tasks", _all(lambda before: history.tasks(subject=subject, before=before, limit=_PAGE)))
        put("decisions", _all(lambda before: history.effects(subject=subject, before=before, limit=_PAGE)))
        about_them = history.subjects_of(subject)
        held = [] if notes is None else notes.of(about_them, before=None, limit=1 << 30)
        put("notes", iter(held))
        about = {"person": subject, "time": now, "counts": counts}
        archive.writestr("export.json", _pretty(about))
    return counts


_PAGE: Final = HISTORY_PAGE_ITEMS_MAX


def _all(page_before: Callable[[int | None], Page[Any]]) -> Iterator[Any]:
    before: int | None = None
    while True:
        page = page_before(before)
        yield from page.items
        if page.next is None:
            return
        before = page.next


def _shown(item: Any) -> Any:
    return msgspec.to_builtins(item)


def _pretty(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False, sort_keys=False)
