"""What keeps its state when the workspace changes and what starts anew: decided by meaning, one by one."""

from __future__ import annotations

from typing import Any

import msgspec

from ..engine.compiling import Pending, Seeds
from ..engine.fold import Fold
from ..lifecycle.compile import CompiledUnit
from ..profiles.columns import Array
from ..profiles.signals.clocks import ClockKind
from ..workspace import models as m
from ..workspace.meaning import Meanings, canonical

NEEDS_HISTORY = (m.StreamSignal, m.Milestones, m.Sequence, m.Channel)
"""Signals whose state is what happened: it cannot be had from anything else that is kept."""
_ALWAYS_KEPT = frozenset({"born", "account", "parent", "joined", "role", "closed", "hour"})


class Plan:
    """What of `old` a fold of `workspace` can take over. Signals `anew` begin again; those `restated` have
    got their past, and whoever reads them has to look again.

    An object's *own* definition decides for what happened or was decided (counts, stage clocks, score
    histories); for what is computed, everything it reads has to be the same as well: it is *kept* then.
    """

    def __init__(
        self,
        old: Fold,
        workspace: m.Workspace,
        anew: frozenset[str] = frozenset(),
        restated: frozenset[str] = frozenset(),
    ) -> None:
        self.old, self.workspace = old, workspace
        self._before, self._after = Meanings(old.workspace), Meanings(workspace)
        self._anew, self._restated = anew, restated
        self.cause = "restated" if restated else "workspace"
        self._moved = self._after.readers({("signal", one) for one in anew | restated})
        before, after = old.workspace.entities, workspace.entities
        self.kinds = [m.PERSON, m.ACCOUNT] + [k for k in after if k in before and after[k] == before[k]]
        """The kinds of subject that live on."""
        self.account = old.account
        self.pending = self._pending()

    def own(self, section: str, name: str) -> bool:
        """Whether an object's own definition is the same."""
        one = (section, name)
        if section == "signal" and name in self._anew:
            return False
        return one in self._after.own and self._before.own.get(one) == self._after.own[one]

    def kept(self, section: str, name: str) -> bool:
        """Whether an object and all it reads are the same."""
        one = (section, name)
        if one in self._moved:
            return False
        return one in self._after.whole and self._before.whole.get(one) == self._after.whole[one]

    def _pending(self) -> Pending:
        found: dict[str, set[str]] = {}
        if self.old.seq == 0 or self.old.person.table.rows == 1:
            # Every event is somebody's: nothing has happened yet that anything could have missed.
            return {}
        for label, signal in self.workspace.signals.items():
            unit = self.old.units.get(signal.of) if signal.of in self.kinds else None
            if unit is not None and unit.table.rows == 1:
                continue
            known = self.own("signal", label) and unit is not None and label not in unit.pending
            if isinstance(signal, NEEDS_HISTORY) and not known and label not in self._restated:
                found.setdefault(signal.of, set()).add(label)
        for label, signal in self.workspace.signals.items():
            if isinstance(signal, m.SinceDate | m.UntilDate) and signal.date in found.get(signal.of, ()):
                found[signal.of].add(label)
        return {kind: frozenset(labels) for kind, labels in found.items()}

    def seeds(self) -> Seeds:
        """The dictionaries of all that keeps its codes."""
        found: Seeds = {}
        for kind in self.kinds:
            unit = self.old.units[kind]
            found[kind] = {
                label: one for label, one in unit.dictionaries.items() if self._keeps_codes(kind, label)
            }
        return found

    def _keeps_codes(self, kind: str, label: str) -> bool:
        if label.startswith("."):
            return True
        if label.startswith("trait."):
            return self.own("trait", f"{kind}.{label.removeprefix('trait.')}")
        return self.own("signal", label)

    # ------------------------------------------------------------------------------------------------ columns

    def columns(self, new: CompiledUnit) -> dict[str, Array]:
        """The columns of a kind of subject that can be taken over as they are, by label."""
        if new.kind not in self.kinds:
            return {}
        before = self.old.units[new.kind]
        assert isinstance(before, CompiledUnit)
        found = {}
        for label, column in new.table.columns.items():
            known = before.table.columns.get(label)
            if known is None or (known.width, known.widens) != (column.width, column.widens):
                continue
            if known.dtype != column.dtype and not column.widens:
                continue
            if self._column(new, before, label):
                found[label] = known.data
        return found

    def _column(self, new: CompiledUnit, before: CompiledUnit, label: str) -> bool:
        head, _, rest = label.removeprefix(".").partition(".")
        if not label.startswith("."):
            if head == "trait":
                return self.own("trait", f"{new.kind}.{rest}")
            if head == "score":
                return self.score(new, before, rest)
            if head == "prediction":
                return self.own("prediction", rest)
            return self.signal_column(new, before, head, rest)
        if head == "stage":
            return self.kept("lifecycle", rest)
        if head == "prediction":
            return self.own("prediction", rest.rpartition(".")[0])
        if head == "score":
            name, _, part = rest.partition(".")
            same = self.kept("score", name)
            return same or (part == "jumps" and self.score(new, before, name))
        if head in ("band", "velocity", "history"):
            return self.score(new, before, rest.partition(".")[0])
        if head == "seen":
            return self.seen(new, before, rest)
        return head in _ALWAYS_KEPT or head == "j"

    def score(self, new: CompiledUnit, before: CompiledUnit, name: str) -> bool:
        """Whether a score's values, bands and history stand: the same score, or one with the same bands."""
        if self.kept("score", name):
            return True
        a, b = before.scores.get(name), new.scores.get(name)
        return a is not None and b is not None and a.slot.codes == b.slot.codes and _bands(a) == _bands(b)

    def signal(self, new: CompiledUnit, before: CompiledUnit, label: str) -> bool:
        """Whether a signal's state stands."""
        if label not in new.signals or label not in before.signals:
            return False
        model = new.signals[label].model
        if label not in self.workspace.signals:
            # The mean over members is a signal of the compiler's own making.
            return self.kept("score", label.removeprefix("members_"))
        if isinstance(model, m.Ratio | m.Formula | m.Rollup | m.SinceDate | m.UntilDate):
            return self.kept("signal", label)
        if isinstance(model, m.ScoreHistory) and not self.score(new, before, model.score):
            return False
        return self.own("signal", label)

    def signal_column(self, new: CompiledUnit, before: CompiledUnit, label: str, part: str) -> bool:
        if not self.signal(new, before, label):
            return False
        return part not in ("level", "due") or self.same_timers(new, before, label)

    def same_timers(self, new: CompiledUnit, before: CompiledUnit, label: str) -> bool:
        """Whether a signal's entries of the wheel mean the same: clocks have timers for who compares them."""
        if not self.signal(new, before, label):
            return False
        a, b = before.signals[label], new.signals[label]
        return not isinstance(b, ClockKind) or a.offsets == b.offsets

    def seen(self, new: CompiledUnit, before: CompiledUnit, slot: str) -> bool:
        """Whether what members see of an account's fact stands."""
        if f".seen.{slot}" not in before.table.columns:
            return False
        head, _, rest = slot.partition(".")
        if head in ("trait", "segment", "score", "band", "velocity", "stage", "prediction"):
            if head == "trait":
                return self.own("trait", f"{new.kind}.{rest}")
            if head == "prediction":
                return self.own("prediction", rest)
            section = {"stage": "lifecycle", "segment": "segment"}.get(head, "score")
            return self.kept(section, rest)
        return self.kept("signal", head) and self.same_timers(new, before, head)


def _bands(score: Any) -> list[Any]:
    return [canonical(msgspec.to_builtins(band)) for band in score.model.bands]
