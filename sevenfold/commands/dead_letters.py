"""Commands about dropped events: look at them, and take them again, in a stopped log or a running service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
from rich.table import Table

from sevenfold.commands.api import Api, connected, service_options
from sevenfold.commands.base import Command, console, existing, json_option, print_json
from sevenfold.events.dedup import message_key
from sevenfold.events.model import event_decoder
from sevenfold.events.reasons import Note, Reason
from sevenfold.events.steps import Dropped, Intake
from sevenfold.limits import DEAD_LETTERS_REPLAYED_EVENTS_MAX
from sevenfold.log.base import Entry, Log, NewEvents
from sevenfold.playback import open_log
from sevenfold.playback.feed import log_folder
from sevenfold.playback.tables import iso

_PAGE_ROWS = 100
_SHOWN_CHARS = 80


class _Letters(Protocol):
    """Where dead letters lie. A letter is a dict: id, reason, detail, source, received (ms UTC), raw."""

    def page(self, after: int, limit: int, reason: str | None) -> tuple[dict[str, int], list[dict[str, Any]]]:
        """How many there are of each reason, and those with an id beyond `after`, oldest first."""
        ...

    def take(self, ids: list[int]) -> Counter[str]:
        """Takes them again: how many were `taken`, `duplicates`, or refused, by reason."""
        ...


class _Stopped:
    """The letters of a log that no service has open."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._accept = Intake(event_decoder(None)).accept

    def page(self, after: int, limit: int, reason: str | None) -> tuple[dict[str, int], list[dict[str, Any]]]:
        found = self._log.dead_letters(after, limit, reason)
        shown = [
            {
                "id": one.id, "reason": str(one.dropped.reason), "detail": one.dropped.detail,
                "source": one.dropped.source, "received": one.dropped.received,
                "raw": one.dropped.raw.decode("utf-8", "replace"),
            }
            for one in found
        ]  # fmt: skip
        return self._log.dead_letter_counts(), shown

    def take(self, ids: list[int]) -> Counter[str]:
        new, taken, counts = NewEvents([], []), [], Counter[str]()
        for ident in ids:
            for letter in self._log.dead_letters(ident - 1, 1):
                dropped = letter.dropped
                event = self._accept(dropped.raw, dropped.received, dropped.source)
                if isinstance(event, Dropped):
                    counts[str(event.reason)] += 1
                    continue
                name: Any = event.message_id
                if event.notes & Note.MESSAGE_ID_MADE.value:
                    name = f"{name}-dead-letter-{ident}"
                new.entries.append(Entry(dropped.source, dropped.received, dropped.raw))
                new.keys.append(message_key(dropped.source, name))
                taken.append(ident)
        if taken:
            (receipt,) = self._log.append([new])
            counts["duplicates"] = len(receipt.duplicates)
            counts["taken"] = len(taken) - len(receipt.duplicates)
            self._log.remove_dead_letters(taken)
        return counts


class _Running:
    """The letters of a running service, by its API."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def page(self, after: int, limit: int, reason: str | None) -> tuple[dict[str, int], list[dict[str, Any]]]:
        found = self._api.get("/api/dead-letters", after=after, limit=limit, reason=reason)
        return found["counts"], found["items"]

    def take(self, ids: list[int]) -> Counter[str]:
        found = self._api.post("/api/dead-letters/replay", {"ids": ids})
        counts = Counter[str](found["refused"])
        counts["taken"], counts["duplicates"] = found["taken"], found["duplicates"]
        return counts


def _where(command: Command) -> Command:
    """A folder, or a running service and its key; and the reason."""
    reasons = click.Choice([str(one) for one in Reason])
    command = click.option("--reason", type=reasons, help="Of this reason only.")(command)
    return click.argument("folder", type=existing(file_okay=False), required=False)(service_options(command))


@contextmanager
def _opened(folder: Path | None, url: str | None, key: str | None) -> Iterator[_Letters]:
    if folder is None:
        with connected(url, key) as api:
            yield _Running(api)
        return
    if url is not None:
        raise click.UsageError("Name either FOLDER or --url.")
    log = open_log(log_folder(folder))
    try:
        yield _Stopped(log)
    finally:
        log.close()


@click.group("dead-letters")
def dead_letters_group() -> None:
    """Events that were dropped, kept with the reason."""


@dead_letters_group.command("list")
@_where
@click.option("--limit", default=20, show_default=True, help="How many to show.")
@json_option
def list_command(
    folder: Path | None, url: str | None, key: str | None, reason: str | None, limit: int, as_json: bool
) -> None:
    """Show the dead letters of a log or replay in FOLDER; without one, of the running service.

    \b
    Examples:
      sevenfold dead-letters list out/spring --reason no_user_anon_id
      sevenfold dead-letters list --url https://events.example.com
    """
    with _opened(folder, url, key) as letters:
        counts: dict[str, int] = {}
        shown: list[dict[str, Any]] = []
        while len(shown) < limit:
            wanted = min(_PAGE_ROWS, limit - len(shown))
            counts, found = letters.page(shown[-1]["id"] if shown else 0, wanted, reason)
            shown += found
            if len(found) < wanted:
                break
    if as_json:
        print_json({"counts": counts, "letters": [_for_programs(one) for one in shown]})
        return
    if not counts:
        click.echo("There are no dead letters.")
        return
    click.echo(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()))
    table = Table("id", "reason", "detail", "event", box=None, header_style="dim", pad_edge=False)
    for one in shown:
        raw = one["raw"]
        cut = raw[:_SHOWN_CHARS] + ("…" if len(raw) > _SHOWN_CHARS else "")
        table.add_row(str(one["id"]), one["reason"], one["detail"], cut)
    console().print(table)


@dead_letters_group.command("replay")
@_where
@click.option("--id", "ids", type=int, multiple=True, help="Only this one; may be given several times.")
@json_option
def replay_command(
    folder: Path | None,
    url: str | None,
    key: str | None,
    reason: str | None,
    ids: tuple[int, ...],
    as_json: bool,
) -> None:
    """Take dropped events again: after a limit was raised or a client mended, they may be accepted now.

    What is taken leaves the list; what is refused again stays. Of a stopped log in FOLDER; without one, of
    the running service.

    \b
    Examples:
      sevenfold dead-letters replay data --reason too_many_events
      sevenfold dead-letters replay --id 17
    """
    counts: Counter[str] = Counter()
    with _opened(folder, url, key) as letters:
        for some in _chunks(sorted(set(ids)) if ids else _ids(letters.page, reason)):
            counts += letters.take(some)
    taken, duplicates = counts.pop("taken", 0), counts.pop("duplicates", 0)
    if as_json:
        print_json({"taken": taken, "duplicates": duplicates, "refused": dict(sorted(counts.items()))})
        return
    lines = [f"{taken:,} events taken", f"{duplicates:,} already in the log"]
    lines += [f"{count:,} refused again: {name.replace('_', ' ')}" for name, count in sorted(counts.items())]
    click.echo("\n".join(lines))


def _ids(
    page: Callable[[int, int, str | None], tuple[Any, list[dict[str, Any]]]], reason: str | None
) -> list[int]:
    """All that are there now; those that are refused again come no second time."""
    found: list[int] = []
    while True:
        _, some = page(found[-1] if found else 0, _PAGE_ROWS, reason)
        found += [one["id"] for one in some]
        if len(some) < _PAGE_ROWS:
            return found


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(ids), DEAD_LETTERS_REPLAYED_EVENTS_MAX):
        yield ids[at : at + DEAD_LETTERS_REPLAYED_EVENTS_MAX]


def _for_programs(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "received": iso(one["received"]) if one["received"] else None}
