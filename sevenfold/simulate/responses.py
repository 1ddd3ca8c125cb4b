"""How people respond to messages: the stated causal model that learning is judged against.

Each person belongs to one hidden type (the four groups of uplift modelling). A message with a purpose aims at
one *target* (a hazard: the daily chance of a next step). For a persuadable it multiplies that hazard by
exp(effect) for a stated number of days; for a sure thing and a lost cause by 1; for somebody put off by
messages it divides it, and raises the hazard of drifting away. docs/explain/simulator.md states every number.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sevenfold.errors import SevenfoldError
from sevenfold.simulate.columns import Columns
from sevenfold.simulate.draws import Floats, Stream

DAY_MS = 86_400_000
PERSUADABLE, SURE_THING, LOST_CAUSE, PUT_OFF = range(4)
TYPES = ("persuadable", "sure_thing", "lost_cause", "put_off")
CHANNELS = ("email", "in_app", "push", "sms", "whatsapp", "human")
BIRTH_SLOT = 64


class SimulationError(SevenfoldError):
    """The simulator was asked for something it cannot do."""

    code = "simulation_refused"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person: `kind` names the template, `time` is ms UTC."""

    kind: str
    channel: str
    purpose: str
    time: int


@dataclass(frozen=True, slots=True)
class ResponseParameters:
    """Every number of the response model (all our judgement, sized so that 2,000 people show the effect)."""

    type_shares: tuple[float, float, float, float] = (0.30, 0.35, 0.20, 0.15)
    type_base: tuple[float, float, float, float] = (1.0, 1.6, 0.45, 1.0)
    """What the type multiplies untreated hazards by: sure things act anyway, lost causes seldom."""
    effect_median: float = 1.4
    effect_sigma: float = 0.30
    effect_days: int = 7
    harm_median: float = 0.9
    harm_sigma: float = 0.30
    harm_days: int = 14
    harm_per_message: float = 0.25
    harm_factor_max: float = 3.0
    target_share_of_harm: float = 0.5
    other_channel_factor: float = 0.6
    human_factor: float = 1.3
    free_messages_7d: int = 2
    fatigue_factor: float = 0.7
    preferred_shares: tuple[float, ...] = (0.40, 0.30, 0.15, 0.08, 0.07)
    unsubscribe: float = 0.003
    unsubscribe_put_off: float = 0.04


class ResponseColumns(Columns):
    """One row a person: who they are to messages, and what messages are doing to them now."""

    layout: ClassVar[dict[str, tuple[str, float, int]]] = {
        "kind": ("i1", 0, 0), "effect": ("f8", 0, 0), "harm": ("f8", 0, 0), "preferred": ("i1", 0, 0),
        "opens": ("f8", 0, 0), "received": ("i4", 0, 0), "unsubscribed": ("?", 0, 0),
        "harm_now": ("f8", 0, 0), "harm_until": ("i4", -1, 0),
    }  # fmt: skip
    kind: NDArray[np.int8]
    effect: Floats
    harm: Floats
    preferred: NDArray[np.int8]
    opens: Floats
    received: NDArray[np.int32]
    unsubscribed: NDArray[np.bool_]
    harm_now: Floats
    harm_until: NDArray[np.int32]


class Responses:
    """The response model over everybody. Targets are column numbers given by the world that owns it."""

    def __init__(self, parameters: ResponseParameters, targets: tuple[str, ...], *, no_effect: bool) -> None:
        self.parameters = parameters
        self.targets = targets
        self.no_effect = no_effect
        self.people = ResponseColumns()
        self._boost = np.zeros((64, len(targets)))
        self._until = np.full((64, len(targets)), -1, dtype=np.int32)
        self._sent: dict[int, deque[int]] = {}
        self.log: list[dict[str, Any]] = []
        self._base = np.array(parameters.type_base)

    def add(self, key: int) -> int:
        """Draw a new person's type, sizes and preferred channel; returns the row (the caller's own
        numbering)."""
        p, stream = self.parameters, Stream(key, slot=BIRTH_SLOT)
        row = self.people.add()
        if row == len(self._until):
            self._boost = np.concatenate((self._boost, np.zeros_like(self._boost)))
            self._until = np.concatenate((self._until, np.full_like(self._until, -1)))
        kind = stream.pick(p.type_shares)
        effect = stream.lognormal(p.effect_median, p.effect_sigma)
        harm = stream.lognormal(p.harm_median, p.harm_sigma)
        self.people.kind[row] = kind
        self.people.preferred[row] = stream.pick(p.preferred_shares)
        self.people.opens[row] = stream.between(0.15, 0.6)
        if not self.no_effect:
            self.people.harm[row] = harm if kind == PUT_OFF else 0.0
            self.people.effect[row] = (
                effect if kind == PERSUADABLE else -harm * p.target_share_of_harm if kind == PUT_OFF else 0.0
            )
        return row

    def base(self, rows: NDArray[Any]) -> Floats:
        """What each row's type multiplies untreated hazards by, messages or not."""
        factors: Floats = self._base[self.people.kind[rows]]
        return factors

    def factor(self, target: int, rows: NDArray[Any], day: int) -> Floats:
        """What messages multiply the target's hazard by today: exp(effect) while it lasts, else 1."""
        standing = np.where(self._until[rows, target] >= day, self._boost[rows, target], 0.0)
        return np.exp(standing)

    def drift_factor(self, rows: NDArray[Any], day: int) -> Floats:
        """What messages multiply the hazard of starting to drift by today: above 1 only for the put-off."""
        standing = np.where(self.people.harm_until[rows] >= day, self.people.harm_now[rows], 0.0)
        return np.exp(standing)

    def receive(
        self, row: int, target: int | None, message: Message, day: int, hazard: float | None
    ) -> dict[str, Any]:
        """Let a message act from day `day + 1` on, and return (and keep) its truth row.

        `target` is None where this person cannot take the step the message asks for; `hazard` is the target's
        daily chance if no message acted, where it is constant enough to state.
        """
        p, people = self.parameters, self.people
        sent = self._sent.setdefault(row, deque())
        while sent and sent[0] <= message.time - 7 * DAY_MS:
            sent.popleft()
        before = len(sent)
        sent.append(message.time)
        people.received[row] += 1
        reached = not (message.channel == "email" and people.unsubscribed[row])
        effect, harm = self._sizes(row, message.channel, before) if reached else (0.0, 0.0)
        note: dict[str, Any] = {
            "row": row, "time_ms": message.time, "kind": message.kind, "channel": message.channel,
            "purpose": message.purpose, "target": None if target is None else self.targets[target],
            "messages_7d_before": before, "log_effect": effect if target is not None else 0.0,
            "drift_log_harm": harm, "effect_days": p.effect_days, "hazard_per_day": None, "p_without": None,
            "p_with": None,
        }  # fmt: skip
        if target is not None:
            note.update(self._act(row, target, day, effect, hazard))
        if harm:
            people.harm_now[row] = harm
            people.harm_until[row] = day + p.harm_days
        self.log.append(note)
        return note

    def _act(self, row: int, target: int, day: int, effect: float, hazard: float | None) -> dict[str, float]:
        """Let the stronger of the effect and what stands already act; returns the chances it changes."""
        days = self.parameters.effect_days
        left = max(int(self._until[row, target]) - day, 0)
        standing = float(self._boost[row, target]) if left else 0.0
        together = max(effect, standing) if effect > 0.0 else min(effect, standing) if effect else standing
        if effect:
            self._boost[row, target] = together
            self._until[row, target] = day + days
        if hazard is None:
            return {}
        raised, plain = min(hazard * math.exp(standing), 1.0), min(hazard, 1.0)
        stays = (1.0 - raised) ** left * (1.0 - plain) ** (days - left)
        stays_with = (1.0 - min(hazard * math.exp(together), 1.0)) ** days if effect else stays
        return {"hazard_per_day": hazard, "p_without": 1.0 - stays, "p_with": 1.0 - stays_with}

    def _sizes(self, row: int, channel: str, before: int) -> tuple[float, float]:
        p, people = self.parameters, self.people
        effect, harm = float(people.effect[row]), float(people.harm[row])
        if effect > 0.0:
            tired = p.fatigue_factor ** max(0, before + 1 - p.free_messages_7d)
            liked = p.human_factor if channel == "human" else p.other_channel_factor
            if CHANNELS[people.preferred[row]] == channel:
                liked = 1.0
            return effect * tired * liked, harm
        growth = min(1.0 + p.harm_per_message * before, p.harm_factor_max)
        return effect * growth, harm * growth
