"""Notices to people who act: a task came, was given to somebody, was escalated. They go to people of the
workspace's catalogue, and are no messages to customers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Final

from ...channels.base import Outgoing
from ...messages.channels import ADDRESSES
from ...messages.context import context_of_values, rows_by_key
from ...messages.rendered import Rendered
from ...workspace.models import Workspace
from .carriers import Carrier
from .items import Item
from .rendering import Renderer, Unready, iso

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email",),
    "phone": ("phone",),
    "device": ("device",),
}
"""Columns of the catalogue of people in which each kind of address stands."""
_SHARED: Final = frozenset({"slack", "teams", "webhook"})
"""Kinds of channel that reach everybody with one message."""


class Notices:
    """Makes what is handed over, for each person it goes to."""

    def __init__(self, renderer: Renderer, workspace: Workspace) -> None:
        self._renderer, self._workspace = renderer, workspace
        rows = rows_by_key(workspace)
        people = workspace.people
        self._people: Mapping[str, Mapping[str, Any]] = {}
        if people is not None and people.catalogue in workspace.catalogues:
            table = workspace.catalogues[people.catalogue].rows
            self._people = {str(row[people.key]): row for row in table if row.get(people.key) is not None}
        self._rows = rows

    def outgoing(self, item: Item, carrier: Carrier) -> list[tuple[int, Outgoing]] | Unready:
        """(place among those it goes to, what they get); of those without an address nobody."""
        found = []
        for place, who in self._recipients(item, carrier):
            address = self._address(who, carrier)
            if address is None and carrier.model.type not in _SHARED:
                continue
            content = self._content(item, carrier, who, place)
            if isinstance(content, Unready):
                return content
            sent = Outgoing(
                # Each has a key of their own, for a provider takes a key once.
                effect=item.effect if place == 0 else f"{item.effect}-{place}",
                channel=item.channel,
                address=address,
                person="",
                content=content,
                expires=item.expires,
                transactional=True,
                data={**item.data, "notice": True, "person": who},
            )
            found.append((place, sent))
        return found or Unready("failed", "unreachable", "nobody of those it goes to has an address")

    def _recipients(self, item: Item, carrier: Carrier) -> list[tuple[int, str]]:
        to = [str(one) for one in item.data.get("to") or ()]
        if carrier.model.type in _SHARED and carrier.model.address is None:
            return [(0, ", ".join(to))]
        return list(enumerate(to))

    def _address(self, who: str, carrier: Carrier) -> str | None:
        row = self._people.get(who, {})
        kind = carrier.model.address or ADDRESSES.get(carrier.model.type)
        if kind is None:
            return None
        column = kind.removeprefix("trait.")
        for name in _COLUMNS.get(column, (column,)):
            value = row.get(name)
            if value not in (None, ""):
                return str(value)
        return who if kind == "email" and "@" in who else None

    def _content(self, item: Item, carrier: Carrier, who: str, place: int) -> Rendered | Unready:
        name = item.data.get("template")
        if name is None:
            return _plain(item, carrier.model.type)
        return self._renderer.rendered(item, str(name), self._context(item, who), f"{item.effect}-{place}")

    def _context(self, item: Item, who: str) -> Callable[[Mapping[str, str]], dict[str, Any]]:
        def made(links: Mapping[str, str]) -> dict[str, Any]:
            context = context_of_values(
                self._workspace,
                {},
                person_id=who,
                now=iso(item.t),
                step=item.data,
                links=links,
                catalogue=self._rows,
            )
            context["person"] = {**self._people.get(who, {}), "id": who}
            return context

        return made


def _plain(item: Item, kind: str) -> Rendered:
    """A notice without a template: what the task is about, line by line."""
    data = item.data
    title = str(data.get("title") or data.get("kind") or "Task")
    lines = [title]
    for name in ("reason", "owner", "level", "talk_track"):
        if data.get(name) not in (None, ""):
            lines.append(f"{name.replace('_', ' ').capitalize()}: {data[name]}")
    for name, value in (data.get("evidence") or {}).items():
        lines.append(f"{name}: {value}")
    text = "\n".join(lines)
    html = "<br>".join(escape(line) for line in lines) if kind == "email" else None
    return Rendered(
        template="",
        digest="",
        channel=kind,
        locale="",
        subject=title,
        title=title,
        body=text,
        text=text,
        html=html,
    )


__all__ = ["Notices"]
