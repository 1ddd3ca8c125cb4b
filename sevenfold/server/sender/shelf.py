"""What the sender leaves for others: where links lead, and what waits in the product to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Shelf(Protocol):
    """The history's writer, as the sender uses it. What was added is there for readers after `commit`."""

    def add_links(self, effect: str, links: Sequence[tuple[str, int, str]]) -> None:
        """Where the links of a message lead: (link id, place in the message, URL)."""
        ...

    def add_lease(
        self,
        effect: str,
        person: str,
        channel: str,
        content: dict[str, Any],
        shown_from: int,
        shown_until: int | None,
    ) -> None:
        """A message that waits to be shown; once, however often it is added. Times are ms UTC."""
        ...

    def revoke_lease(self, effect: str) -> None:
        """The message is not shown any more."""
        ...

    def commit(self) -> None:
        """Stores what was added."""
        ...


__all__ = ["Shelf"]
