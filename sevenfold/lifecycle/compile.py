"""Compiles a workspace into units: one for people, one for accounts, one for each entity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..profiles import expressions as x
from ..profiles.predictions import PredictionNode
from ..profiles.segments import SegmentNode, SegmentSet
from ..profiles.signals import clocks, derived, paths, sessions, totals, values
from ..profiles.slots import Slot
from ..profiles.traits import Traits
from ..profiles.unit import Unit
from ..profiles.where import Where
from ..workspace import models as m
from ..workspace.names import Names
from ..workspace.order import evaluation_order
from .history import ScoreHistory
from .scores import ScoreNode
from .stages import LifecycleNode

if TYPE_CHECKING:
    from ..engine.subjects import Subjects

KINDS: dict[type, Any] = {
    **totals.KINDS,
    **clocks.KINDS,
    **sessions.KINDS,
    **values.KINDS,
    **paths.KINDS,
    **derived.KINDS,
}


class CompiledUnit(Unit):
    """A unit with its traits, signals, segments, scores and lifecycles."""

    traits: Traits
    segments: dict[str, SegmentNode]
    hidden: list[SegmentNode]
    scores: dict[str, ScoreNode]
    lifecycles: dict[str, LifecycleNode]
    predictions: dict[str, PredictionNode]
    subjects: Subjects | None = None
    """Rows by subject id, for a kind of which something is foretold."""
    histories: list[ScoreHistory]

    def hidden_segment(self, condition: m.Condition) -> Slot:
        """A membership kept for a roll-up's `when`, seen by nobody else."""
        slot = self.segment_bits.slot(f".when{len(self.hidden)}")
        node = SegmentNode(self, slot.label, self.tree(condition), slot, announced=False)
        self.hidden.append(node)
        return slot

    def catalogue_traits(self, key: str) -> dict[str, Any]:
        """What the catalogues tied to this kind say about the subject with this id, as traits older than any
        event.
        """
        found: dict[str, Any] = {}
        for catalogue, rows in zip(self.catalogues, self._catalogue_rows, strict=True):
            found.update({k: v for k, v in rows.get(key, {}).items() if k in catalogue.columns})
        return found

    # --------------------------------------------------------------------------------------------- 1. declare

    def declare(self) -> None:
        """Columns and slots of everything but nodes' functions."""
        workspace, kind = self.workspace, self.kind
        self.segment_bits = SegmentSet(self)
        self.hidden = []
        named = {k: v for k, v in workspace.traits.items() if v.of == kind}
        self.catalogues = [c for c in workspace.catalogues.values() if c.subject == kind]
        for catalogue in self.catalogues:
            for column, type_ in catalogue.columns.items():
                named.setdefault(column, m.Trait(of=kind, type=type_))
        self.traits = Traits(self, named)
        self._catalogue_rows = [{str(row.get(c.key)): row for row in c.rows} for c in self.catalogues]
        self.predictions = {
            k: PredictionNode(self, k, v) for k, v in workspace.predictions.items() if v.of == kind
        }
        mine = {k: v for k, v in workspace.signals.items() if v.of == kind}
        scores = {k: v for k, v in workspace.scores.items() if v.of == kind}
        for label, score in scores.items():
            if score.members is not None:
                mine[members_label(label)] = m.Rollup(
                    of=kind,
                    aggregate="average",
                    signal=f"score.{score.members.score}",
                    description="members' mean score",
                )
                scores[label] = _with_members(label, score)
        self.linked: list[Any] = []
        for label in _in_dependency_order(mine):
            signal = KINDS[type(mine[label])](self, label, mine[label])
            self.signals[label] = signal
            self.declaring = label
            signal.declare()
            if isinstance(signal, derived.LinkedKind):
                self.linked.append(signal)
        self.signals = {label: self.signals[label] for label in mine}
        self.segments = {}
        trees = {
            k: self.tree(v.when) for k, v in workspace.segments.items() if v.of == kind and v.when is not None
        }
        for label, segment in workspace.segments.items():
            if segment.of == kind:
                slot = self.segment_bits.slot(f"segment.{label}")
                self.add_slot(("segment", label), slot)
                self.segments[label] = SegmentNode(self, label, trees.get(label), slot)
        order = evaluation_order(Names(workspace), kind)
        self.first, self.late = order.segments, order.late_segments
        self.scores = {k: ScoreNode(self, k, scores[k]) for k in order.scores}
        self.lifecycles = {
            k: LifecycleNode(self, k, v) for k, v in workspace.lifecycles.items() if v.of == kind
        }
        self.histories = [ScoreHistory(self, s) for s in self.scores.values() if s.model.history]

    # ------------------------------------------------------------------------------------- 2. order and watch

    def order_nodes(self) -> None:
        """Gives every node its bit: linked signals, early segments, scores, lifecycles, scores again, late
        segments, populations of predictions.
        """
        for label in self.first:
            self.segments[label].bit = self.node(self.segments[label].node)
        for score in self.scores.values():
            for measure in score.measures:
                measure.bit = 0 if measure.direct else self.node(measure.node)
            # After the measures: a jump is from the value as it last stood to the new weights over all that
            # is new.
            score.bit_set = self.node(score.choose_node)
            score.bit = self.node(score.node)
        for lifecycle in self.lifecycles.values():
            lifecycle.bit = self.node(lifecycle.node)
            self.asks_serial |= lifecycle.bit
        for score in self.scores.values():
            score.bit_set_late = self.node(score.choose_node)
            score.bit_late = self.node(score.node)
        for label in self.late:
            self.segments[label].bit = self.node(self.segments[label].node)
        for node in self.hidden:
            node.bit = self.node(node.node)
        for prediction in self.predictions.values():
            prediction.order()

    def watch(self) -> None:
        """Everybody registers what concerns them."""
        for signal in self.signals.values():
            signal.link()
        for linked in self.linked:
            linked.watch()
        for group in (self.segments.values(), self.hidden, self.scores.values(), self.lifecycles.values()):
            for node in group:
                node.watch()
        for prediction in self.predictions.values():
            prediction.watch()

    # ---------------------------------------------------------------------------------------------- 3. finish

    def name_properties(self) -> set[str]:
        """The properties that this unit's signals and conditions read."""
        self.collect()
        for stream in self._streams:
            stream.emit()
            if stream.where is not None:
                Where(self.env, self.where_value).truth(self.tree(stream.where))
        if any(isinstance(s, m.Channel) for s in self.workspace.signals.values()):
            for rule in self.workspace.acquisition:
                if rule.when is not None:
                    Where(self.env, self.touch_value).truth(self.tree(rule.when))
            for field in ("path", "url", "referrer", "title", "search"):
                self.properties.setdefault(field, "")
        return set(self.properties)

    def finish(self) -> None:
        """Binds functions, now that every watch and every property's place is known."""
        self.traits.finish()
        for signal in self.signals.values():
            signal.finish()
        for history in self.histories:
            history.finish()
        for node in (*self.segments.values(), *self.hidden):
            node.finish()
        for score in self.scores.values():
            score.finish()
        for lifecycle in self.lifecycles.values():
            lifecycle.finish()
        for prediction in self.predictions.values():
            prediction.finish()
        self.named()


def members_label(score: str) -> str:
    """The name of the roll-up that brings the members' mean into an account's score."""
    return f"members_{score}"


def _with_members(label: str, score: m.Score) -> m.Score:
    """The score with its members' mean as one more measure, weighing the same in every weight set."""
    assert score.members is not None
    measure = m.Measure(signal=members_label(label), points=[(0, 0), (100, 100)])
    weights = [
        msgspec.structs.replace(w, weights={**w.weights, "members": score.members.weight})
        for w in score.weights
    ]
    return msgspec.structs.replace(score, measures={**score.measures, "members": measure}, weights=weights)


def _in_dependency_order(signals: dict[str, m.Signal]) -> list[str]:
    """Written order, but ratios, formulas and roll-ups come last, each after what it reads: none has windows
    of its own.
    """
    done: list[str] = []
    computed = (m.Ratio, m.Formula, m.Rollup)

    def visit(label: str, above: tuple[str, ...]) -> None:
        if label in done or label in above or label not in signals:
            return
        signal = signals[label]
        if isinstance(signal, m.Ratio):
            needed = [signal.numerator, signal.denominator]
        elif isinstance(signal, m.Formula):
            needed = [str(n) for _, n in x.parse_linear(signal.formula).terms]
        elif isinstance(signal, m.Rollup) and signal.over == "accounts" and signal.signal is not None:
            needed = [signal.signal]
        else:
            needed = []
        for each in needed:
            visit(each.split(".")[0], (*above, label))
        done.append(label)

    for last in (False, True):
        for label, signal in signals.items():
            if isinstance(signal, computed) == last:
                visit(label, ())
    return done
