"""One playbook on one subject: which items are open, done or skipped, and what a change opens next. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..errors import SevenfoldError
from .people import Playbook

SKIPPED = "skipped"
"""The outcome of an item that the others made needless; it counts as done."""
CANCELLED = "cancelled"
"""The outcome of items that were not done when a playbook was closed by hand."""
DONE = "done"
"""The outcome of an item that has no other."""


class PlaybookError(SevenfoldError):
    """The items of a playbook do not fit together."""

    code = "bad_playbook"


class Needs(msgspec.Struct, frozen=True):
    """What an item waits for: another item, and how it has to end (``None``: however)."""

    item: str
    outcome: str | None = None


def needs_of(name: str, playbook: Playbook) -> dict[str, list[Needs]]:
    """What each item waits for. Raises `PlaybookError` for a circle and for what is not there."""
    items = playbook.items
    found: dict[str, list[Needs]] = {}
    before: str | None = None
    for label, item in items.items():
        written = item.after if item.after is not None else [] if before is None else [before]
        needs = []
        for text in written:
            other, colon, outcome = text.partition(":")
            if other not in items:
                known = ", ".join(items)
                raise PlaybookError(f"playbook `{name}`: `{label}` is after `{other}`", fix=f"one of {known}")
            decisions = items[other].decide
            if colon and decisions and outcome not in decisions:
                fix = f"one of {', '.join(decisions)}"
                raise PlaybookError(f"playbook `{name}`: `{other}` never ends as `{outcome}`", fix=fix)
            needs.append(Needs(other, outcome if colon else None))
        found[label] = needs
        before = label
    done: set[str] = set()
    while len(done) < len(found):
        ready = [label for label in found if label not in done and all(n.item in done for n in found[label])]
        if not ready:
            circle = ", ".join(label for label in found if label not in done)
            raise PlaybookError(f"playbook `{name}`: {circle} wait for one another", fix="break the circle")
        done.update(ready)
    return found


class Checklist(msgspec.Struct, kw_only=True):
    """A playbook that was opened for a subject. Times are ms UTC."""

    id: str
    playbook: str
    of: str
    row: int
    reason: str
    opened: int
    round: int = 1
    """1, and one more each time it was opened again."""
    closed: int | None = None
    open: dict[str, int] = {}
    """Items that are open, since when."""
    done: dict[str, str] = {}
    """Outcomes of items that are over."""
    tasks: dict[str, str] = {}
    """The tasks that open items stand for."""
    changes: int = 0

    def begin(self, t: int) -> None:
        """All items are to be done (again)."""
        self.closed, self.open, self.done, self.tasks = None, {}, {}, {}
        self.opened = t

    def ready(self, needs: Mapping[str, list[Needs]], t: int) -> list[str]:
        """Opens what can be opened, skips what never can be; returns what was opened, in written order."""
        opened: list[str] = []
        moved = True
        while moved:
            moved = False
            for label, wanted in needs.items():
                if label in self.open or label in self.done or any(n.item not in self.done for n in wanted):
                    continue
                moved = True
                if all(n.outcome is None or self.done[n.item] == n.outcome for n in wanted):
                    self.open[label] = t
                    opened.append(label)
                else:
                    self.done[label] = SKIPPED
        return opened

    def finish(self, label: str, outcome: str) -> None:
        """An open item is over."""
        del self.open[label]
        self.tasks.pop(label, None)
        self.done[label] = outcome

    def over(self, needs: Mapping[str, list[Needs]]) -> bool:
        """Whether nothing is left to do."""
        return len(self.done) == len(needs)


__all__ = ["CANCELLED", "DONE", "SKIPPED", "Checklist", "Needs", "PlaybookError", "needs_of"]
