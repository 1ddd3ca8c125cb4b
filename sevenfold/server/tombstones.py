"""What stands in the log in the place of an erased person's events and control records. No clock, no disk.

See `engine.erasure` for what the fold makes of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from ..engine import Fold
from ..engine.arriving import LEAVING
from ..engine.erasure import ERASED, says, tombstone
from ..events.model import Event
from ..events.steps import Dropped
from ..log.base import Entry
from ..workspace.models import Workspace

NOBODY: Final = "erased"
_TIMES: Final = ("timestamp", "originalTimestamp", "sentAt")
_CREATING: Final = ("list", "import_opt_outs", "consent")
"""Control records by which somebody may come to be."""
_LISTED: Final = {"list": "members", "import_opt_outs": "opt_outs"}
_ONE: Final = b'{"type":"erased","takes":1,"event":null}'
assert tombstone(1, None) == _ONE


class Rewriter:
    """Makes tombstones of one person's events, which it is shown in order: whose account an event counts for
    may follow from those before it.
    """

    def __init__(self, workspace: Workspace, names: frozenset[str]) -> None:
        fold = Fold(workspace)
        self._names = names
        self._intake, self._fields = fold.intake, fold.decoder.property_fields
        self._accounts: list[str] = []

    def entry(self, entry: Entry) -> Entry:
        """The tombstone of an event, at its time."""
        event = self._intake.accept(entry.raw, entry.time, "")
        if isinstance(event, Dropped):
            # It took no number then, and takes none now.
            return Entry(entry.source, entry.received, tombstone(0, None), entry.time)
        group = self._group(event)
        kept = self._kept(event, entry.raw, group) if group is not None else None
        return Entry(entry.source, entry.received, tombstone(1, kept), entry.time)

    def _group(self, event: Event) -> str | None:
        """The account that an event counts for: the one it names, else the person's only one."""
        named = event.group_id if event.type == "group" else event.context.group_id if event.context else None
        group = str(named) if named is not None else None
        if event.type == "group" and group is not None and group not in self._accounts:
            self._accounts.append(group)
        if group is None and len(self._accounts) == 1:
            group = self._accounts[0]
        if event.event == LEAVING and group in self._accounts:
            self._accounts.remove(group)
        return group

    def _kept(self, event: Event, raw: bytes, group: str) -> dict[str, Any]:
        given: dict[str, Any] = msgspec.json.decode(raw)
        kept: dict[str, Any] = {"type": event.type, "anonymousId": NOBODY, "messageId": NOBODY}
        kept |= {name: given[name] for name in _TIMES if name in given}
        if event.type == "group":
            traits = {name: value for name, value in event.traits.items() if not says(value, self._names)}
            return kept | {"groupId": group, "traits": traits}
        kept["event" if event.type == "track" else "name"] = event.event
        numbers = {name: getattr(event.properties, field, UNSET) for name, field in self._fields.items()}
        properties = {name: one for name, one in numbers.items() if isinstance(one, int | float)}
        return kept | {"context": {"groupId": group}, "properties": properties}


def control_tombstone(
    control: dict[str, Any], names: frozenset[str], *, first: bool
) -> dict[str, Any] | None:
    """What stands in the place of a control record that names an erased person; None when it does not name
    them. `first`: nothing before it names them, so that it may have created them.
    """
    if not says(control, names):
        return None
    op = str(control.get("op"))
    if op == "restate":
        # Others' past is beside theirs. Theirs is found by nobody, for they were never created now.
        return _unsaid(control, names)
    takes = int(first and op in _CREATING)
    field = _LISTED.get(op)
    if field is None:
        return {"op": ERASED, "was": op, "takes": takes}
    members = control.get(field)
    kept = []
    for one in members if isinstance(members, list) else []:
        # Others on the list stay on it.
        kept.append({ERASED: takes} if says(one, names) else one)
    return {**control, field: kept}


def _unsaid(control: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    texts = {code: NOBODY if says(text, names) else text for code, text in control.get("texts", {}).items()}
    bag = [None if says(one, names) else one for one in control.get("bag", ())]
    return {**control, **({"texts": texts} if texts else {}), **({"bag": bag} if bag else {})}


def holds(raw: bytes, texts: Collection[bytes]) -> bool:
    """Whether bytes of an event say one of these texts (as JSON writes them, without quotes)."""
    lowered = raw.lower()
    return any(one in lowered for one in texts)


def needles(names: Sequence[str]) -> list[bytes]:
    """Texts as JSON writes them, in lower case: what to look for in raw events."""
    found = {msgspec.json.encode(name)[1:-1].lower() for name in names if len(name) > 2}
    return sorted(found)


__all__ = ["Rewriter", "control_tombstone", "holds", "needles"]
