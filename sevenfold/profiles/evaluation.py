"""Evaluation: a subject is brought to its fixed point, dirty nodes in a fixed order, in passes.

A mask says which nodes have to look. Most masks of a workspace are met again and again, so each that is gets
a function of its own: the statements of its nodes one after another, and of the nodes that these may make
dirty behind an `if`. What seldom happens (a segment entered, a band left, a stage moved) may make any node
dirty; then the function hands over to the general loop, which goes on exactly there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from ..limits import EVALUATION_PASSES_MAX
from .build import Environment, code, expression

NodeFunction = Callable[[int, int], int]
"""(row, t) -> mask of nodes that have to look now."""
Rare = Callable[[ast.expr], list[ast.stmt]]
"""Statements that take the mask of a call that seldom happens, the last thing a node does."""
Body = Callable[[Rare], list[ast.stmt]]
"""A node's statements over the locals row, t and d, the mask of nodes that it makes dirty."""
Plan = tuple[tuple[NodeFunction, int, int], ...]
PLANS_MAX = 50_000
"""Masks whose plans are kept; a workspace in use meets a few hundred."""
HOT_USES = 1_000
"""Uses of a mask after which it gets a function of its own."""
STRAIGHT_NODES_MAX = 32
"""Nodes in a function for one mask."""
STRAIGHT_FUNCTIONS_MAX = 1_000


@dataclass(slots=True)
class _Inline:
    body: Body
    reach: int
    """The nodes that the statements may make dirty without a rare call."""


class Evaluation:
    """The nodes of one kind of subject. Each is a bit of a mask, evaluated from the lowest to the highest."""

    env: Environment
    kind: str

    def __init__(self) -> None:
        self.nodes: list[NodeFunction] = []
        self._inline: dict[int, _Inline] = {}
        self._plans: dict[int, Plan] = {}
        self.functions = _Functions(self)
        """What evaluates a mask: `functions[mask](row, t)`."""
        self.serial = 0
        """The number of the operation under way, for nodes that do a thing once in an operation."""
        self.asks_serial = 0
        """The nodes that read `serial`."""

    def node(self, function: NodeFunction) -> int:
        """Adds a node after all so far; returns its bit."""
        self.nodes.append(function)
        return 1 << (len(self.nodes) - 1)

    def define(self, bit: int, hint: str, body: Body, reach: int) -> None:
        """Gives a node its statements. `reach`: the nodes that they add to `d` other than by rare calls."""
        self.nodes[bit.bit_length() - 1] = self.env.function(
            hint, ["row", "t"], [*code("d = 0"), *body(_added), *code("return d")]
        )
        if not reach & ((bit << 1) - 1):
            self._inline[bit] = _Inline(body, reach)

    def named(self) -> None:
        """Gives everything that functions for masks need its global name, once all nodes are defined."""
        for method in ("_begin", "_resume", "_resume_first"):
            self._bound(method)
        for place, node in enumerate(self.nodes):
            if 1 << place not in self._inline:
                self.env.bind(node, "node")

    @property
    def everything(self) -> int:
        """The mask of all nodes."""
        return (1 << len(self.nodes)) - 1

    def evaluate(self, row: int, t: int, dirty: int) -> None:
        """Brings a subject to its fixed point from the nodes that have to look; an operation of its own."""
        self.functions[dirty](row, t)

    def settle(self, row: int, t: int, todo: int, again: int) -> None:
        """The rest of an operation: `todo` in this pass, `again` in the next.

        A mask's nodes are looked up as a ready plan. A node that makes others dirty ends its plan: what
        comes later in the order joins the rest of this pass, what comes earlier waits for the next.
        """
        plans = self._plans
        passes = 1
        while True:
            while todo:
                plan = plans.get(todo)
                if plan is None:
                    plan = self._plan(todo)
                todo = 0
                for node, bit, rest in plan:
                    more = node(row, t)
                    if more:
                        later = more & -(bit << 1)
                        again |= more ^ later
                        todo = rest | later
                        break
            if not again:
                return
            passes += 1
            if passes > EVALUATION_PASSES_MAX:
                self.overflow(row)
                return
            todo, again = again, 0

    def overflow(self, row: int) -> None:
        """The passes of a subject do not end."""
        raise AssertionError("not a kind of subject")

    def _plan(self, mask: int) -> Plan:
        """The nodes of a mask in order, each with its bit and the mask of those after it."""
        made: list[tuple[NodeFunction, int, int]] = []
        rest = mask
        while rest:
            bit = rest & -rest
            rest ^= bit
            made.append((self.nodes[bit.bit_length() - 1], bit, rest))
        if len(self._plans) >= PLANS_MAX:
            self._plans.clear()
        self._plans[mask] = plan = tuple(made)
        return plan

    def _resume(self, row: int, t: int, todo: int, bit: int, more: int) -> None:
        """Goes on in general after node `bit`, which made `more` dirty; of `todo` what comes after it."""
        after = -(bit << 1)
        later = more & after
        self.settle(row, t, todo & after | later, more ^ later)

    def _resume_first(self, row: int, t: int, todo: int, bit: int, more: int) -> None:
        self.serial += 1
        self._resume(row, t, todo, bit, more)

    def _begin(self) -> None:
        self.serial += 1

    def general(self, mask: int) -> NodeFunction:
        """Evaluates a mask by the general loop, until it is met often enough for a function of its own."""
        uses = 0

        def evaluate(row: int, t: int) -> int:
            nonlocal uses
            uses += 1
            if uses == HOT_USES:
                self.functions.straighten(mask)
            self.serial += 1
            self.settle(row, t, mask, 0)
            return 0

        return evaluate

    def straight(self, mask: int) -> NodeFunction | None:
        """A function for one mask; None when it would be too long."""
        nodes = self._reached(mask)
        if nodes is None:
            return None
        counted = sum(nodes) & self.asks_serial
        resume = self._bound("_resume" if counted else "_resume_first")
        body = code("BEGIN()", BEGIN=self._bound("_begin")) if counted else []
        body += code("d = 0")
        perhaps: list[ast.stmt] = []
        for bit in nodes:

            def rare(call: ast.expr, bit: int = bit) -> list[ast.stmt]:
                return code(
                    "e = CALL\nif e:\n    RESUME(row, t, REST | d, BIT, e)\n    return 0",
                    CALL=call,
                    RESUME=resume,
                    REST=mask & -(bit << 1),
                    BIT=bit,
                )

            statements = self._statements(bit, rare)
            if mask & bit:
                body += _if_dirty(perhaps)
                perhaps = []
                body += statements
            else:
                perhaps += code("if d & BIT:\n    BODY", BIT=bit, BODY=statements)
        body += [*_if_dirty(perhaps), *code("return 0")]
        made: NodeFunction = self.env.function(f"evaluate_{self.kind}", ["row", "t"], body)
        return made

    def _reached(self, mask: int) -> list[int] | None:
        """The bits of a mask and of all that these may make dirty in passing, in order."""
        nodes: list[int] = []
        todo = mask
        while todo:
            bit = todo & -todo
            todo ^= bit
            nodes.append(bit)
            inline = self._inline.get(bit)
            if inline is not None:
                todo |= inline.reach
            if len(nodes) > STRAIGHT_NODES_MAX:
                return None
        return nodes

    def _statements(self, bit: int, rare: Rare) -> list[ast.stmt]:
        inline = self._inline.get(bit)
        if inline is not None:
            return inline.body(rare)
        node = self.env.bind(self.nodes[bit.bit_length() - 1], "node")
        return rare(expression("NODE(row, t)", NODE=node))

    def _bound(self, method: str) -> ast.Name:
        return self.env.bind(getattr(self, method), method)


class _Functions(dict[int, NodeFunction]):
    """Functions by mask, made when a mask is first met."""

    def __init__(self, of: Evaluation) -> None:
        super().__init__()
        self._of = of
        self._straight = 0

    def __missing__(self, mask: int) -> NodeFunction:
        if len(self) >= PLANS_MAX:
            self.clear()
        made = self[mask] = self._of.general(mask)
        return made

    def straighten(self, mask: int) -> None:
        """A function of its own for a mask that is met often."""
        if self._straight < STRAIGHT_FUNCTIONS_MAX:
            made = self._of.straight(mask)
            if made is not None:
                self._straight += 1
                self[mask] = made


def _added(call: ast.expr) -> list[ast.stmt]:
    return code("d |= CALL", CALL=call)


def _if_dirty(statements: list[ast.stmt]) -> list[ast.stmt]:
    return code("if d:\n    BODY", BODY=statements) if len(statements) > 1 else statements
