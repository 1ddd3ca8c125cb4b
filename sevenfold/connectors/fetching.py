"""Fetching by a schedule: a query's rows, files, addresses, and what changed in a CRM, as events.

What was fetched before is fetched again without harm: message ids are made of the columns that a rule names,
so an event is taken once. `:since` (the last successful run) only saves work.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from ..channels.outside import Outside, guarded_client
from ..importers.files import BadRow
from ..importers.mapping import Mapping, Rule, Source
from ..importers.read import Inputs
from ..importers.rules import FileRules
from ..importers.values import iso
from ..journeys.recurrence import Recurrence
from ..journeys.zones import zone
from ..limits import FETCH_BYTES_MAX, FETCH_EVENTS_AT_ONCE_ITEMS, FETCH_S_MAX, FILES_FETCHED_MAX
from .crm_client import changed
from .databases import read_query
from .documents import Document, rows_of
from .fetched import FileSettings, SqlSettings
from .model import SCHEDULE_START, Connector
from .services import ConnectorError
from .translate import identified, named, shipped

FETCHED: Final = frozenset({"sql", "file", "hubspot", "salesforce"})
"""Types that can be fetched."""
Batches = Iterator[Sequence[Document]]


class Taken(Protocol):
    """What a store says of events it was given."""

    @property
    def accepted(self) -> int: ...

    @property
    def duplicates(self) -> int: ...

    @property
    def refused(self) -> int: ...


Store = Callable[[str, Sequence[bytes]], Awaitable[Taken]]
"""Takes events of a source, durably."""


class Fetched(Struct):
    """What one fetch brought. `bad` are rows that became no event."""

    events: int = 0
    known: int = 0
    refused: int = 0
    bad: int = 0


def is_due(model: Connector, begun: int, now: int, zone_name: str) -> bool:
    """Whether the schedule has come round since a fetch last began (ms UTC; 0: never, and then it is due)."""
    if model.schedule is None:
        return False
    following = Recurrence(model.schedule, SCHEDULE_START, zone(zone_name)).after(begun)
    return following is not None and following <= now


async def fetch(
    name: str,
    model: Connector,
    settings: Any,
    store: Store,
    *,
    since: int,
    now: int,
    outside: Outside | None = None,
) -> Fetched:
    """Fetches a connector and stores its events. Raises ConnectorError, InputError, MappingError, and what
    `store` raises; what was stored before stays, and is known when it is fetched again.
    """
    result = Fetched()
    source = model.source or name

    def on_bad(row: BadRow) -> None:
        result.bad += 1

    with tempfile.TemporaryDirectory(prefix="sevenfold-fetch-") as folder, ThreadPoolExecutor(1) as pool:
        try:
            async with asyncio.timeout(FETCH_S_MAX):
                made: Iterator[list[bytes]]
                if isinstance(settings, SqlSettings):
                    batches: Batches = read_query(settings.url, settings.query, iso(since), iso(now))
                    made = _of_rows(source, model, "", batches, iso(now), on_bad)
                elif isinstance(settings, FileSettings):
                    paths = await _files(settings, Path(folder), outside)
                    made = _of_files(source, model, paths, on_bad)
                else:
                    pages = await changed(settings, since, outside)
                    made = _of_crm(source, model, pages, iso(now), on_bad)
                loop = asyncio.get_running_loop()
                while (some := await loop.run_in_executor(pool, partial(next, made, None))) is not None:
                    taken = await store(source, some)
                    result.events += taken.accepted
                    result.known += taken.duplicates
                    result.refused += taken.refused
        except TimeoutError:
            raise ConnectorError(
                f"the fetch took longer than {FETCH_S_MAX} s", where=f"connectors.{name}"
            ) from None
    return result


# ----------------------------------------------------------------------------------------------- rows to
# events


def _of_rows(
    source: str, model: Connector, topic: str, batches: Batches, now: str, on_bad: Callable[[BadRow], None]
) -> Iterator[list[bytes]]:
    rules = FileRules(
        Source("*", _rules(model, topic), zone=model.zone), source, "row", topic or source, {}, on_bad
    )
    columns = rules.columns()
    call = {"$topic": topic, "$id": "", "$received": now, "$source": source}
    rows = (rows_of([{**one, **call} for one in batch], None, columns) for batch in batches)
    yield from _in_groups(identified(one.raw, one.time) for one in rules.events(_numbered(rows)))


def _numbered(rows: Iterator[Any]) -> Iterator[Any]:
    """Batches whose rows are numbered through."""
    before = 0
    for batch in rows:
        batch.numbers = [number + before for number in batch.numbers]
        before += len(batch.numbers)
        yield batch


def _rules(model: Connector, topic: str) -> list[Rule]:
    parts = [*model.map]
    if not parts or model.and_ours:
        parts += shipped(model.type)
    fitting = [part for part in named(parts) if not topic or fnmatchcase(topic, part.match)]
    return [rule for part in fitting for rule in part.events]


def _of_crm(
    source: str,
    model: Connector,
    pages: Sequence[tuple[str, Sequence[Document]]],
    now: str,
    on_bad: Callable[[BadRow], None],
) -> Iterator[list[bytes]]:
    for topic, documents in pages:
        yield from _of_rows(source, model, topic, iter([documents]), now, on_bad)


def _of_files(
    source: str, model: Connector, paths: Sequence[Path], on_bad: Callable[[BadRow], None]
) -> Iterator[list[bytes]]:
    sources = [
        Source(part.match, part.events, part.format, model.zone, part.delimiter, part.encoding)
        for part in named([*model.map])
    ]
    inputs = Inputs(paths, Mapping(source, sources))
    yield from _in_groups(identified(one.raw, one.time) for one in inputs.events(on_bad))


def _in_groups(raws: Iterator[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    for raw in raws:
        group.append(raw)
        if len(group) >= FETCH_EVENTS_AT_ONCE_ITEMS:
            yield group
            group = []
    if group:
        yield group


# -------------------------------------------------------------------------------------------------------
# files


async def _files(settings: FileSettings, folder: Path, outside: Outside | None) -> list[Path]:
    """The files that a path or an address means."""
    where = settings.from_
    if where.lower().startswith(("http://", "https://")):
        return [await _download(settings, folder, outside)]
    path = Path(where)
    found = sorted(path.parent.glob(path.name)) if "*" in path.name else [path]
    if not found or len(found) > FILES_FETCHED_MAX:
        fix = "check the path" if not found else f"at most {FILES_FETCHED_MAX} at a time"
        raise ConnectorError(f"{len(found)} files fit", where=where, fix=fix)
    return found


async def _download(settings: FileSettings, folder: Path, outside: Outside | None) -> Path:
    """The file at an address, under the name that the address gives it. No redirect is followed."""
    address = urlsplit(settings.from_)
    name = Path(address.path).name or "file.ndjson"
    headers = {"authorization": f"Bearer {settings.token}"} if settings.token else {}
    size, target = 0, folder / name
    try:
        async with (
            guarded_client(outside) as client,
            client.stream("GET", settings.from_, headers=headers) as answer,
        ):
            if answer.status_code != 200:
                raise ConnectorError(f"the address answered {answer.status_code}", where=address.netloc)
            with target.open("wb") as file:
                async for part in answer.aiter_bytes():
                    size += len(part)
                    if size > FETCH_BYTES_MAX:
                        raise ConnectorError("the file is too large", where=address.netloc)
                    file.write(part)
    except httpx.HTTPError as error:
        raise ConnectorError(
            f"the address cannot be reached: {type(error).__name__}", where=address.netloc
        ) from None
    return target
