"""Evaluation: a function for one mask does what the general loop does, and needs no new names."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from sevenfold.limits import EVALUATION_PASSES_MAX
from sevenfold.profiles.build import Environment, code, expression
from sevenfold.profiles.evaluation import Evaluation, Rare


class Recording(Evaluation):
    """Nodes that write down that they ran."""

    kind = "test"

    def __init__(self) -> None:
        super().__init__()
        self.env = Environment()
        self.ran: list[str] = []
        self.overflowed = 0

    def overflow(self, row: int) -> None:
        self.overflowed += 1

    def inline(self, label: str, dirties: int = 0, call: Callable[[], int] | None = None) -> int:
        bit = self.node(lambda row, t: 0)

        def body(rare: Rare) -> list[ast.stmt]:
            made = code("RAN(LABEL)", RAN=self.env.bind(self.ran.append, "ran"), LABEL=label)
            if dirties:
                made += code("d |= MASK", MASK=dirties)
            if call is not None:
                made += rare(expression("CALL()", CALL=self.env.bind(call, "call")))
            return made

        self.define(bit, label, body, dirties)
        return bit

    def outcome(self, mask: int, straight: bool) -> list[str]:
        self.ran.clear()
        if straight:
            function = self.straight(mask)
            assert function is not None
            function(1, 0)
        else:
            self.settle(1, 0, mask, 0)
        return list(self.ran)


def once(mask: int) -> Callable[[], int]:
    """Makes others dirty the first time only."""
    masks = [mask]
    return lambda: masks.pop() if masks else 0


@pytest.mark.parametrize("straight", [False, True])
def test_nodes_run_in_order_with_those_they_make_dirty(straight: bool) -> None:
    nodes = Recording()
    nodes.inline("a", dirties=0b1000)
    nodes.inline("b")
    nodes.inline("c")
    nodes.inline("d")
    assert nodes.outcome(0b101, straight) == ["a", "c", "d"]
    assert nodes.outcome(0b1100, straight) == ["c", "d"]


@pytest.mark.parametrize("straight", [False, True])
def test_what_seldom_happens_may_make_any_node_dirty(straight: bool) -> None:
    nodes = Recording()
    nodes.inline("a")
    nodes.inline("b", call=once(0b1001))
    nodes.inline("c")
    nodes.inline("d")
    # d joins this pass, in its place; a waits for the next.
    assert nodes.outcome(0b110, straight) == ["b", "c", "d", "a"]


@pytest.mark.parametrize("straight", [False, True])
def test_a_subject_that_comes_to_no_end_is_left_after_so_many_passes(straight: bool) -> None:
    nodes = Recording()
    nodes.inline("a", call=lambda: 1)
    assert nodes.outcome(1, straight) == ["a"] * EVALUATION_PASSES_MAX
    assert nodes.overflowed == 1


def test_a_function_for_a_mask_needs_no_new_names() -> None:
    nodes = Recording()
    nodes.inline("a", dirties=0b10, call=lambda: 0)
    nodes.inline("b", call=lambda: 0)
    nodes.node(lambda row, t: 0)
    nodes.named()
    before = len(nodes.env.scope)
    for mask in range(1, 8):
        nodes.straight(mask)
    assert len(nodes.env.scope) == before
