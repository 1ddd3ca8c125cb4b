"""One choice of one step: what is known of its ways, by which shares it draws, and how they move.

What is known changes when the choice *closes*: at the end of a period of its `refresh`, for all outcomes that
were due in it (engine rule 3: shared over subjects, so read as of what is closed, written in order of keys).
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..learning import autonomy as moves
from ..learning.action_model import ActionModel
from ..learning.autonomy import Allowance, Shares, Suggestion
from ..learning.bandits import DAY, MILLION, Arm, best_shares, ends_of, floored, rounded
from ..learning.guard import Seen, said, worse
from ..profiles.expressions import parse_duration
from .choice_plan import Autonomy, Learn
from .telling import stable_id
from .times import NEVER

GHOSTS = ""
"""The name under which outcomes of ghosts wait."""
NOTHING = "nothing"
"""The action that is none."""


class State(msgspec.Struct):
    """What a snapshot keeps of a choice. Shares are in millionths."""

    written: Shares
    shares: Shares
    arms: dict[str, Arm] = {}
    seen: dict[str, Seen] = {}
    """All outcomes, as they were counted; `arms` may have been discounted."""
    ghosts: Seen = Seen()
    version: int = 0
    day: int = 0
    allowance: Allowance = msgspec.field(default_factory=Allowance)
    halted: dict[str, int] = {}
    suggestion: Suggestion | None = None
    refused: Shares | None = None
    pending: dict[str, tuple[int, int]] = {}
    due: int = NEVER
    level: str = ""
    """The level of autonomy that somebody set; "" as written."""
    moved_per_day: int = -1
    using: ActionModel | None = None
    """The policy that decides; None: the written order."""
    coming: ActionModel | None = None
    """The one that takes its place by and by."""
    mix: int = 0
    """How much of it has."""


class Told(msgspec.Struct):
    """Something that a close has to tell: the kind of effect, and what it says."""

    kind: str
    data: dict[str, Any]


class Policy:
    """A choice. `names` are its ways in written order, `written` their shares (a next best action: none)."""

    def __init__(
        self, journey: str, step: str, names: list[str], written: Shares, learn: Learn, autonomy: Autonomy
    ) -> None:
        self.journey, self.step, self.key = journey, step, f"{journey}/{step}"
        self.names, self.learn, self.autonomy = names, learn, autonomy
        self.split = bool(written)
        self.explore = round(learn.explore * 10_000)
        self.keep = round(learn.keep * 10_000)
        self.period = parse_duration(learn.refresh)
        self.within = parse_duration(learn.reward.within)
        self.worth = round(learn.reward.worth * 1_000_000)
        self.otherwise = learn.otherwise or (names[0] if self.split else NOTHING)
        self.state = State(written=dict(written), shares=dict(written))
        self._ends: dict[tuple[str, ...], tuple[list[int], list[int]]] = {}

    # ---------------------------------------------------------------------------------------- how far

    @property
    def level(self) -> str:
        return self.state.level or self.autonomy.level

    @property
    def most(self) -> int:
        """Millionths that may change hands in a day."""
        held = self.state.moved_per_day
        return held if held >= 0 else round(self.autonomy.moved_per_day * 10_000)

    def set_level(self, level: str, moved_per_day: float | None) -> None:
        """Somebody allows more or less than is written."""
        self.state.level = level
        self.state.moved_per_day = -1 if moved_per_day is None else round(moved_per_day * 10_000)
        self._ends.clear()

    # --------------------------------------------------------------------------------------- drawing

    def shares(self, names: tuple[str, ...]) -> tuple[list[int], list[int]]:
        """Of a split's ways (those that a version has): (shares, where each ends)."""
        found = self._ends.get(names)
        if found is None:
            state = self.state
            base = state.written if self.level == "off" else state.shares
            weights = [0 if name in state.halted else base.get(name, 0) for name in names]
            if not any(weights):
                at = self.otherwise if self.otherwise in names else names[0]
                weights = [int(name == at) for name in names]
            shares = rounded(weights)
            found = self._ends[names] = shares, ends_of(shares)
        return found

    def wanted(self, net: dict[str, tuple[int | None, int | None]], allowed: list[str]) -> list[int]:
        """Shares of the allowed actions. `net` are their net scores by the policy that decides and by the one
        that comes (None: not known to it).
        """
        state = self.state
        if len(allowed) == 1:
            return [MILLION]
        first = [int(place == 0) * MILLION for place in range(len(allowed))]
        if self.level == "off":
            return first
        base = self._scored(state.using, {name: net[name][0] for name in allowed}) or first
        if state.mix:
            after = self._scored(state.coming, {name: net[name][1] for name in allowed}) or first
            base = rounded(
                [old * (MILLION - state.mix) + new * state.mix for old, new in zip(base, after, strict=True)]
            )
        return floored(base, self.explore)

    def _scored(self, model: ActionModel | None, net: dict[str, int | None]) -> list[int] | None:
        """Shares by a model; actions it does not know promise as little as the least of the others."""
        known = [one for one in net.values() if one is not None]
        if model is None or not known:
            return None
        return model.shares({name: min(known) if one is None else one for name, one in net.items()})

    # -------------------------------------------------------------------------------------- outcomes

    def due(self, name: str, rewarded: bool, t: int) -> int:
        """An outcome is due (of a ghost: `GHOSTS`); gives when the choice closes, 0 if that is known."""
        state = self.state
        tried, held = state.pending.get(name, (0, 0))
        state.pending[name] = tried + 1, held + int(rewarded)
        return self._arm(t)

    def _arm(self, t: int, day: bool = False) -> int:
        length = DAY if day else self.period
        at = (t // length + 1) * length
        if at >= self.state.due:
            return 0
        self.state.due = at
        return at

    def close(self, t: int) -> tuple[list[Told], int]:
        """What became due is known now: (what to tell, when to close again or 0)."""
        state, told = self.state, list[Told]()
        state.due = NEVER
        days, state.day = t // DAY - state.day if state.day else 0, t // DAY
        if days and self.keep < MILLION:
            state.arms = {name: arm.discounted(self.keep, days) for name, arm in state.arms.items()}
        for name in sorted(state.pending):
            tried, rewarded = state.pending[name]
            if name == GHOSTS:
                state.ghosts = state.ghosts.plus(tried, rewarded)
            else:
                state.arms[name] = state.arms.get(name, Arm()).plus(tried, rewarded)
                state.seen[name] = state.seen.get(name, Seen()).plus(tried, rewarded)
        if state.pending:
            state.version += 1
            state.pending = {}
        self._ends.clear()
        if self.level != "off":
            told += self._stop_losses(t)
            told += self._learn_split(t) if self.split else self._learn_actions(t)
        if self.names:
            told.append(Told("learned", self.shown()))
        return told, self._again(t)

    def _again(self, t: int) -> int:
        """Whether there is more to move tomorrow."""
        state = self.state
        under_way = state.mix < MILLION and state.coming is not None
        if self.split:
            target, _ = self._target()
            under_way = moves.moved(state.shares, target) >= moves.MOVED_SHARE_MIN
        return self._arm(t, day=True) if under_way and self.level == "act" and self.most else 0

    def _stop_losses(self, t: int) -> list[Told]:
        """Ways that bring less than doing nothing are not chosen any more, until a person says otherwise."""
        state, told = self.state, list[Told]()
        for name in self.names:
            seen = state.seen.get(name, Seen())
            if name in state.halted or name == NOTHING or not worse(seen, state.ghosts):
                continue
            state.halted[name] = t
            why = f"{name} was rewarded {said(seen)}, those held out {said(state.ghosts)}"
            told.append(Told("halted", {"option": name, "because": why}))
        return told

    def _target(self) -> tuple[Shares, list[int] | None]:
        """The shares that what is known asks for, and the probability of each way to be the best."""
        state = self.state
        active = [name for name in self.names if name not in state.halted]
        ready = all(state.seen.get(name, Seen()).tried >= self.learn.minimum for name in active)
        if not active or not ready:
            return dict(state.shares), None
        best = best_shares([state.arms.get(name, Arm()) for name in active])
        shares = dict.fromkeys(self.names, 0) | dict(zip(active, floored(best, self.explore), strict=True))
        chances = dict(zip(active, best, strict=True))
        return shares, [chances.get(name, 0) for name in self.names]

    def _learn_split(self, t: int) -> list[Told]:
        state = self.state
        target, best = self._target()
        why = moves.because(state.shares, target, state.seen, best)
        if self.level == "act":
            return self._move(moves.step(state.shares, target, state.allowance, t, self.most), best)
        pending = state.suggestion.to if state.suggestion is not None else None
        if not moves.worth_telling(state.shares, target, pending, state.refused):
            return []
        ident = stable_id("suggestion", self.key, state.version, t)
        state.suggestion = Suggestion(ident, t, target, why)
        return [Told("suggestion", {"suggestion": ident, "from": dict(state.shares), "to": target,
                                    "because": why})]  # fmt: skip

    def _move(self, to: Shares, best: list[int] | None, by: str = "", why: str = "") -> list[Told]:
        state = self.state
        before, state.shares = state.shares, to
        self._ends.clear()
        share = moves.moved(before, to)
        if not share:
            return []
        why = why or moves.because(before, to, state.seen, best)
        data = {"from": before, "to": dict(to), "moved": share, "because": moves.past(why)}
        return [Told("moved", data | ({"by": by} if by else {}))]

    def _learn_actions(self, t: int) -> list[Told]:
        state = self.state
        if state.coming is None or self.level != "act" or state.mix >= MILLION:
            return []
        share = min(state.allowance.left(t, self.most), MILLION - state.mix)
        if share <= 0:
            return []
        state.allowance.spend(t, share)
        return self._adopt(state.mix + share, "")

    def _adopt(self, mix: int, by: str) -> list[Told]:
        """So much of the choices follows the policy that comes."""
        state, coming = self.state, self.state.coming
        assert coming is not None
        was = "the written order" if state.using is None else f"policy {state.using.version}"
        data: dict[str, Any] = {
            "from": {was: MILLION - state.mix},
            "moved": mix - state.mix,
            "policy": coming.version,
        }
        state.mix = mix
        if mix >= MILLION:
            state.using, state.coming, state.mix = coming, None, 0
        data["because"] = (
            f"moved {mix // 10_000}% from {was} to policy {coming.version}, "
            f"{coming.quality.get('because', 'which was trained on logged choices')}"
        )
        return [Told("moved", data | ({"by": by} if by else {}))]

    # ----------------------------------------------------------------------------------------- people

    def take_model(self, model: ActionModel, t: int) -> tuple[list[Told], int]:
        """A policy was trained. Raises nothing: what it may do is asked of its level."""
        state = self.state
        if state.using is not None and state.using.version == model.version:
            return [], 0
        state.coming, state.mix = model, 0
        told = [Told("policy", {"version": model.version, "quality": model.quality})]
        if self.level == "suggest":
            why = f"use policy {model.version}: {model.quality.get('because', 'trained on logged choices')}"
            ident = stable_id("suggestion", self.key, model.version, t)
            state.suggestion = Suggestion(ident, t, {}, why, model.version)
            told.append(Told("suggestion", {"suggestion": ident, "policy": model.version, "because": why}))
        return told, self._arm(t) if self.level == "act" else 0

    def answer(self, accept: bool, by: str, t: int) -> list[Told]:
        """A person accepts or refuses the suggestion that waits."""
        state, found = self.state, self.state.suggestion
        assert found is not None
        state.suggestion = None
        word = "suggestion_accepted" if accept else "suggestion_refused"
        told = [Told(word, {"suggestion": found.id, "by": by, "because": found.because})]
        if found.version:
            if accept and state.coming is not None and state.coming.version == found.version:
                return [*told, *self._adopt(MILLION, by)]
            state.coming, state.mix = (state.coming, 0) if accept else (None, 0)
            return told
        if not accept:
            state.refused = found.to
            return told
        state.refused = None
        return told + self._move(found.to, None, by, found.because)

    def halt(self, name: str, t: int, on: bool) -> bool:
        """A person stops a way, or lets it go on; False when that is so already."""
        held = self.state.halted
        if (name in held) == on:
            return False
        if on:
            held[name] = t
        else:
            # What stopped it is forgotten, or it would be stopped again at once.
            del held[name]
            self.state.seen[name] = Seen()
        self._ends.clear()
        return True

    def shown(self) -> dict[str, Any]:
        """What is known, for people and for the warehouse."""
        state = self.state
        known = {
            name: {"tried": seen.tried, "rewarded": seen.rewarded}
            for name in self.names
            if (seen := state.seen.get(name)) is not None
        }
        found: dict[str, Any] = {"version": state.version, "options": known}
        found["held_out"] = {"tried": state.ghosts.tried, "rewarded": state.ghosts.rewarded}
        if self.split:
            found["shares"] = dict(zip(self.names, self.shares(tuple(self.names))[0], strict=True))
        if state.halted:
            found["halted"] = list(state.halted)
        return found

    def load(self, held: Any) -> None:
        """The state of the same choice, perhaps under an older definition."""
        state = msgspec.convert(held, State)
        if self.split and state.written != self.state.written:
            # Somebody wrote other shares: they begin from there, with what is known.
            state.written, state.shares = dict(self.state.written), dict(self.state.written)
            state.suggestion = state.refused = None
        state.halted = {name: at for name, at in state.halted.items() if name in self.names}
        self.state = state
        self._ends.clear()


__all__ = ["GHOSTS", "NOTHING", "Policy", "State", "Told"]
