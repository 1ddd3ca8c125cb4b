"""A case before the gates: all there is to know about one template for one person at one instant, and a
verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from .caps import CompiledCap
from .channels import Channel, Holds
from .consent import Purpose
from .ledger import NONE, Kind, Ledger
from .quiet import CompiledQuiet, Whereabouts

Otherwise = Literal["defer", "discard", "ignore"]


class Verdict(NamedTuple):
    """Why a message is not sent now."""

    reason: str
    until: int = 0
    """When to ask again; 0: it is held for good."""
    hands_over: bool = False
    """Whether the step's next template may be tried."""
    detail: Mapping[str, Any] = {}
    """More for the trace."""


@dataclass(frozen=True, slots=True)
class CompiledGuard:
    """A guard that concerns the message."""

    name: str
    holds: Holds
    reason: str = ""


@dataclass(slots=True)
class Candidate:
    """What is fixed about one template in one step: made once, when the journey is compiled."""

    template: str
    channel: Channel
    purpose: Purpose
    kind: Kind
    """Without the stages, which are known when it is decided."""
    version: str = ""
    deliverable: bool = True
    """Whether the template exists for the channel."""
    transactional: bool = False
    guards: Sequence[CompiledGuard] = ()
    caps: Sequence[CompiledCap] = ()
    least: int = 0
    """With fewer messages than this in the ledger every cap has room."""
    quiet: Sequence[CompiledQuiet] = ()
    once_per: int = 0
    """How long the topic holds others back, ms; 0: there is none."""
    conflicts: Mapping[str, int] = field(default_factory=dict)
    """Intents that hold this one back -> how long, ms."""
    gap: int = 0
    """The least time after another message, ms."""
    holdout: float = 0.0
    """The step's own share, per cent."""
    on_cap: Literal["drop", "defer"] | None = None
    on_quiet: Otherwise | None = None


@dataclass(slots=True)
class Case:
    """One template, one person, one instant."""

    message: Candidate
    t: int
    deadline: int
    """When the time to live ends."""
    row: int = 0
    ghost: bool = False
    status: int = 0
    """What the person said of the purpose; see `consent`."""
    addresses: Sequence[str] = ()
    """Normalised, the preferred first. Not looked at where the channel needs none."""
    suppressed: Callable[[str], bool] = lambda address: False
    stage_suppressed: bool = False
    """Whether the journey's `suppressed_by` is true."""
    unit_id: str = ""
    """Who draws into the step's holdout."""
    off: bool = False
    """Whether the channel is switched off."""
    decided: Sequence[tuple[Kind, bool]] = ()
    """What was decided before for this person in this decision of proposals, and whether it was a ghost's."""
    ledgers: Sequence[Ledger] = (NONE,)
    """Of the person; a ghost's cases see the ghosts' ledger as well."""
    kinds: Sequence[Kind] = ()
    masks: Sequence[int] = ()
    """Caps by code."""
    run_full: bool = False
    """Whether the run has had all its messages (`limits.messages`)."""
    where: Callable[[], Whereabouts] | None = None
    workspace: Whereabouts | None = None
    jitter_key: tuple[str | int, ...] = ()
