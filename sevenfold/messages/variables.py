"""Which names a text reads, found without rendering it: for the audit, and to find typos early."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from liquid import BoundTemplate, RenderContext
from liquid.ast import Node, PartialScope
from liquid.builtin.expressions import BooleanExpression, FilteredExpression, Path
from liquid.builtin.tags.case_tag import CaseNode
from liquid.exceptions import ResourceLimitError
from liquid.expression import Expression
from liquid.token import Token
from msgspec import Struct

from ..limits import TEMPLATE_OPERATIONS_PER_RENDER_MAX

Name = tuple[str, ...]
_NODES_MAX: Final = TEMPLATE_OPERATIONS_PER_RENDER_MAX // 10


class Use(Struct, frozen=True):
    """A name that is read, and where. ``needed``: nothing can be sent without it; other uses have a
    ``default``, or stand in a condition that asks for the same name.
    """

    name: Name
    needed: bool
    token: Token
    partial: str = ""

    @property
    def dotted(self) -> str:
        """As authors write it: ``event.order_id``."""
        return ".".join(self.name)


def uses_in(template: BoundTemplate) -> list[Use]:
    """Every name that the text and its partials read from outside, in written order."""
    return list(_Reader(template).read())


class _Reader:
    def __init__(self, template: BoundTemplate) -> None:
        self._template = template
        self._context = RenderContext(template)
        self._assigned: set[str] = set()
        self._open: list[str] = []
        self._nodes = 0

    def read(self) -> Iterator[Use]:
        yield from self._visit(self._template.nodes, frozenset(), frozenset(), "")

    def _visit(
        self, nodes: list[Node], local: frozenset[str], asked: frozenset[Name], partial: str
    ) -> Iterator[Use]:
        for node in nodes:
            self._nodes += 1
            if self._nodes > _NODES_MAX:
                raise ResourceLimitError("partials hold more than can be looked through", token=node.token)
            names: set[Name] = set()
            for expression in node.expressions():
                optional = isinstance(expression, BooleanExpression) or isinstance(node, CaseNode)
                for use in self._expression(expression, optional, partial):
                    if use.name[0] not in local and use.name[0] not in self._assigned:
                        needed = use.needed and not any(_under(use.name, one) for one in asked)
                        yield Use(use.name, needed, use.token, partial)
                    if optional:
                        names.add(use.name)
            yield from self._inside(node, local, asked | names, partial)
            self._assigned.update(str(name) for name in node.template_scope())

    def _inside(
        self, node: Node, local: frozenset[str], asked: frozenset[Name], partial: str
    ) -> Iterator[Use]:
        scope = node.partial_scope()
        if scope is None:
            inner = local | {str(name) for name in node.block_scope()}
            yield from self._visit(list(node.children(self._context)), inner, asked, partial)
            return
        name = scope.name if isinstance(scope.name, str) else str(scope.name.evaluate(self._context))
        if name in self._open:
            return  # a partial that renders itself: what it reads is known already
        self._open.append(name)
        given = frozenset(map(str, scope.in_scope)) | {"forloop"}
        if scope.scope == PartialScope.ISOLATED:
            assigned, self._assigned = self._assigned, set()
            yield from self._visit(list(node.children(self._context)), given, asked, name)
            self._assigned = assigned
        else:
            yield from self._visit(list(node.children(self._context)), local | given, asked, name)
        self._open.pop()

    def _expression(self, expression: Expression, optional: bool, partial: str) -> Iterator[Use]:
        if isinstance(expression, Path):
            yield Use(_name(expression), not optional, expression.token, partial)
        children = list(expression.children())
        filters = expression.filters if isinstance(expression, FilteredExpression) else None
        if filters and filters[0].name == "default":
            yield from self._expression(children[0], True, partial)
            children = children[1:]
        for child in children:
            yield from self._expression(child, optional, partial)


def _name(path: Path) -> Name:
    """The leading plain names of a path: ``event.products[0].name`` is ``event.products``."""
    found: list[str] = []
    for part in path.path:
        if not isinstance(part, str):
            break
        found.append(part)
    return tuple(found) or ("",)


def _under(name: Name, asked: Name) -> bool:
    return name[: len(asked)] == asked or asked[: len(name)] == name
