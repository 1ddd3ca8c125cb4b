"""What becomes of a message: what is owed, and what is remembered of it until nothing more can come.

What was decided is owed until an outcome says otherwise, and is part of the state: after a crash exactly
that is still to be sent. A message whose outcome is unknown stays until somebody says what became of it.

    owed --claimed--> claimed --sent, bounced, ...--> settled
      ^                 |  ^
      `---given back----'  `--claimed again--  unknown  <--unknown-- claimed
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..limits import MESSAGE_SETTLED_ENTRIES_MAX, MESSAGE_SETTLED_MS_MAX

if TYPE_CHECKING:
    from .ledger import Kind
    from .waiting import Waiting

OUTCOMES: Final = (
    "claimed",
    "sent",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "failed",
    "render_error",
    "expired",
    "unknown",
    "rate_limited",
    "complained",
)
"""Every outcome that a record may tell; the place is its code."""
CODES: Final = {name: code for code, name in enumerate(OUTCOMES)}
RELEASING: Final = frozenset({"bounced", "failed", "render_error", "expired"})
"""The message does not count: its places are free again."""
ENDING: Final = RELEASING | {"complained"}
"""No other outcome is waited for after it."""
REPEATED: Final = frozenset({"opened", "clicked", "rate_limited", "unknown"})
"""Told as often as it happens; any other only once."""
RESPONSES: Final = frozenset({"opened", "clicked"})
_OPEN: Final = frozenset({"claimed", "unknown", "rate_limited"})
"""After these the message is still owed."""
_CLAIMED = 1 << CODES["claimed"]
_UNKNOWN = 1 << CODES["unknown"]
_VOID_ONCE_SETTLED: Final = _OPEN | {"expired"}


class Owed(msgspec.Struct, array_like=True, gc=False):
    """A message (or a call of a webhook) on its way."""

    effect: str
    unit: int
    """The kind of subject it is told about: 0 people, else the place of the kind."""
    row: int
    run: str
    slot: int
    number: int
    """Of the run; a slot may belong to another by now."""
    visit: int
    """Of the step; the run may be elsewhere, or back here, by now."""
    code: int
    """The kind of message, as ledgers know it."""
    t: int
    """When it took its place."""
    address: int = 0
    """The digest of where it goes; 0: nowhere in particular."""
    placed: bool = True
    """Whether it has a place in the ledger."""
    leased: bool = False
    """Whether it waits in the product to be shown, and can be taken back until then."""
    revoke: bool = False
    """Whether it is taken back when the run ends."""
    awaited: bool = False
    """Whether its run waits for what becomes of it."""
    seen: int = 0
    """Outcomes so far, a bit for each code."""
    settled: bool = False
    data: bytes = b""
    """What the sender needs (msgpack), until it was sent."""
    tries: int = 0
    """How often a claim was given back, because the provider did not take it then."""
    via: str = ""
    """The channel that a claim says it goes by, where that is another one than its own."""

    def was(self, outcome: str) -> bool:
        """Whether this outcome was told."""
        return bool(self.seen & 1 << CODES[outcome])


class Book:
    """Everything on its way, by effect id, in the order of decision."""

    def __init__(self) -> None:
        self._owed: dict[str, Owed] = {}
        self._of_run: dict[str, list[str]] = {}
        """What can still be taken back, by run."""
        self._settled: deque[tuple[int, str]] = deque()
        self._waiting: Waiting | None = None
        self.strangers = 0
        """Outcomes of messages that nobody remembers."""

    def __len__(self) -> int:
        return len(self._owed)

    def add(self, owed: Owed) -> None:
        self._owed[owed.effect] = owed
        self._of_run.setdefault(owed.run, []).append(owed.effect)
        if self._waiting is not None:
            self._waiting.note(owed)

    def waiting(self, kinds: Sequence[Kind]) -> Waiting:
        """What is owed as a sender looks at it. Made at the first call, which looks at everything."""
        if self._waiting is None:
            from .waiting import Waiting

            self._waiting = Waiting(kinds, self._owed.values())
        return self._waiting

    def get(self, effect: str) -> Owed | None:
        return self._owed.get(effect)

    def to_send(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(effect id, data) of what no sender has claimed, in the order of decision."""
        for effect, owed in self._owed.items():
            if not owed.settled and not owed.seen & ~(1 << CODES["rate_limited"]):
                yield effect, msgspec.msgpack.decode(owed.data)

    def unresolved(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(effect id, data) of what was claimed, and nobody knows what became of it."""
        for effect, owed in self._owed.items():
            if not owed.settled and owed.seen & ~(1 << CODES["rate_limited"]):
                yield effect, msgspec.msgpack.decode(owed.data)

    def of_run(self, run: str) -> list[Owed]:
        """What a run decided that is still on its way, in the order of decision."""
        return [self._owed[effect] for effect in self._of_run.get(run, ())]

    def hear(self, owed: Owed, outcome: str, t: int) -> bool:
        """Takes an outcome; False when it says nothing new: it was told before, or comes too late.

        A claim counts only for what nobody has claimed, so of two senders one goes on.
        """
        bit = 1 << CODES[outcome]
        if owed.seen & bit and outcome not in REPEATED:
            return False
        if owed.settled and outcome in _VOID_ONCE_SETTLED:
            return False
        if outcome == "claimed" and owed.seen & _UNKNOWN:
            return False
        owed.seen |= bit
        if self._waiting is not None:
            self._waiting.note(owed)
        if outcome not in _OPEN and not (owed.leased and outcome == "sent"):
            self.settle(owed, t)
        return True

    def give_back(self, owed: Owed) -> None:
        """Who claimed it says that the provider surely has not taken it: it can be claimed anew."""
        if not owed.settled and owed.was("claimed") and not owed.was("unknown"):
            owed.seen &= ~_CLAIMED
            owed.tries += 1
            if self._waiting is not None:
                self._waiting.note(owed)

    def reopen(self, owed: Owed) -> None:
        """What is unknown is to be sent again: it can be claimed anew."""
        if not owed.settled and owed.was("unknown"):
            owed.seen &= ~(_CLAIMED | _UNKNOWN)
            if self._waiting is not None:
                self._waiting.note(owed)

    def settle(self, owed: Owed, t: int) -> None:
        """Nothing more is owed. It is remembered for a while, for what may come later."""
        if owed.settled:
            return
        owed.settled = True
        owed.data = b""
        if self._waiting is not None:
            self._waiting.note(owed)
        listed = self._of_run.get(owed.run)
        if listed is not None and owed.effect in listed:
            listed.remove(owed.effect)
            if not listed:
                del self._of_run[owed.run]
        settled = self._settled
        settled.append((t, owed.effect))
        while settled and (
            settled[0][0] <= t - MESSAGE_SETTLED_MS_MAX or len(settled) > MESSAGE_SETTLED_ENTRIES_MAX
        ):
            self._owed.pop(settled.popleft()[1], None)

    def of_row(self, unit: int, row: int) -> list[Owed]:
        """What is remembered of messages to a subject, in the order of decision."""
        return [one for one in self._owed.values() if one.row == row and one.unit == unit]

    def forget(self, owed: Owed) -> None:
        """Nothing of it is remembered."""
        del self._owed[owed.effect]
        listed = self._of_run.get(owed.run)
        if listed is not None and owed.effect in listed:
            listed.remove(owed.effect)

    def dump(self) -> Any:
        return [list(self._owed.values()), list(self._settled), self.strangers]

    def load(self, held: Any) -> None:
        """What `dump` gave."""
        owed, settled, self.strangers = held
        self._owed, self._of_run, self._waiting = {}, {}, None
        for one in msgspec.convert(owed, list[Owed]):
            self._owed[one.effect] = one
            if not one.settled:
                self._of_run.setdefault(one.run, []).append(one.effect)
        self._settled = deque((t, effect) for t, effect in settled)


__all__ = ["CODES", "ENDING", "OUTCOMES", "RELEASING", "RESPONSES", "Book", "Owed"]
