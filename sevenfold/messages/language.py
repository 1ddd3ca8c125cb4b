"""Liquid with bounds: strict about names, no clock, no files, and a budget for every text that is rendered.

Values are plain JSON, and a path goes through mappings and lists only, so a template sees no attribute of any
Python object. Partials come from the template's own version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import StringLiteral
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.output import Output as OutputTag
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.builtin.tags.include_tag import IncludeNode
from liquid.builtin.tags.render_tag import RenderNode
from liquid.exceptions import (
    LiquidError,
    LiquidSyntaxError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    TemplateNotFoundError,
    UndefinedError,
)
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from liquid.token import Token

from .. import limits
from .bounds import bounded
from .diagnosis import suspect, unclosed
from .filter_table import FILTERS
from .filters import number_text
from .lookups import LONG, Absent, Context, Flat, Missing, Output

Escaping = Literal["html", "chat", "text", "plain"]
"""``html`` escapes what is inserted and ``chat`` does for Slack; ``text`` does not; ``plain`` is the text
made from HTML, where filters that make HTML leave a text as it is."""

ROOTS: Final = frozenset({
    "person", "account", "event", "signal", "stage", "segment", "score", "band", "velocity",
    "prediction", "journey", "step", "offer", "workspace", "catalogue", "links", "now",
})  # fmt: skip
"""What a template can speak of."""
_MARKUP_FILTERS: Final = frozenset({"escape", "escape_once", "newline_to_br"})


class BoundedTemplate(BoundTemplate):
    """A parsed text; ``weight`` is the number of its nodes."""

    context_class = Context

    def __init__(self, env: Environment, nodes: list[Node], *given: Any, **named: Any) -> None:
        super().__init__(env, nodes, *given, **named)
        self.weight = 0
        for node in walk(self):
            self.weight += 1
            _bound(node)

    def write(self, names: Mapping[str, object]) -> str:
        """The text rendered with these names."""
        context = self.context_class(self, globals=names)
        buffer = Output()
        self.render_with_context(context, buffer)
        text = buffer.getvalue()
        if len(text) * 4 > limits.TEMPLATE_OUTPUT_BYTES_MAX < len(text.encode("utf-8", "replace")):
            raise OutputStreamLimitError(LONG, token=None)
        return text

    def value(self, names: Mapping[str, object]) -> object:
        """The value of a text that is one output, with its type."""
        context = self.context_class(self, globals=names)
        node = self.nodes[0]
        assert isinstance(node, OutputNode)
        return node.expression.evaluate(context)


class BoundedRange(RangeLiteral):
    """``(1..n)``, of at most as many items as loops may turn."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> range:
        found = super().evaluate(context)
        if found.stop - found.start > limits.TEMPLATE_LOOP_ITEMS_MAX:
            most = limits.TEMPLATE_LOOP_ITEMS_MAX
            raise LoopIterationLimitError(f"a range of more than {most:,} items", token=self.token)
        return found


def walk(template: BoundTemplate) -> Iterator[Node]:
    """Every node of a text, without those of its partials."""
    nothing = RenderContext(template)
    waiting = list(reversed(template.nodes))
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(list(node.children(nothing, include_partials=False))))


def _bound(node: Node) -> None:
    """Puts bounded expressions in the place of those without bounds."""
    if isinstance(node, IncludeNode | RenderNode) and not isinstance(node.name, StringLiteral):
        raise LiquidSyntaxError("a partial is named by a text in quotes", token=node.token)
    waiting: list[Expression] = list(node.expressions())
    while waiting:
        expression = waiting.pop()
        if type(expression) is RangeLiteral:
            expression.__class__ = BoundedRange
        waiting.extend(expression.children())


class _Insertion(OutputNode):
    """Whole numbers print without ``.0``, others with at most six digits after the point."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = self.expression.evaluate(context)
        if isinstance(value, float):
            return buffer.write(number_text(value))
        return buffer.write(to_liquid_string(value, context.autoescape))


class _InsertionTag(OutputTag):
    node_class = _Insertion


class _Echo(_Insertion, EchoNode):
    __slots__ = ()


class _EchoTag(EchoTag):
    node_class = _Echo


class Language(Environment):
    """The Liquid of one template version: its partials, its filters, one way of escaping."""

    template_class = BoundedTemplate
    block_nesting_limit = limits.TEMPLATE_NESTING_LEVELS_MAX
    context_depth_limit = limits.TEMPLATE_NESTING_LEVELS_MAX
    local_namespace_limit = limits.TEMPLATE_LOCAL_BYTES_MAX

    def __init__(
        self, escaping: Escaping, partials: Mapping[str, str], written: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(autoescape=escaping in ("html", "chat"), undefined=Missing)
        self.escaping = escaping
        self.partials = partials
        self.written = partials if written is None else written
        """The partials as their authors named them."""
        self._parsed: dict[str, BoundTemplate] = {}

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(_InsertionTag)
        self.add_tag(_EchoTag)
        self.filters = {}

    def with_filters(self) -> Language:
        """The language, once it is known how it escapes."""
        for name, one in FILTERS.items():
            function = one.function
            if self.escaping == "plain" and name in _MARKUP_FILTERS:
                function = _unchanged
            self.filters[name] = bounded(one, function)
        return self

    def from_string(self, source: str, *given: Any, **named: Any) -> BoundTemplate:
        """A text, parsed. Raises LiquidError, with the place."""
        if (found := unclosed(source)) is not None:
            raise LiquidSyntaxError(found[1], token=_at(source, found[0]))
        try:
            return super().from_string(source, *given, **named)
        except LiquidError as error:
            if error.token is None or error.token.source != source:
                error.token = _at(source, suspect(source, self._reads))
            raise

    def _reads(self, piece: str) -> bool:
        try:
            super().from_string(piece)
        except LiquidError:
            return False
        return True

    def get_template(
        self, name: str, *, globals: Mapping[str, object] | None = None,  # noqa: A002 - the library's name
        context: RenderContext | None = None, **given: object,
    ) -> BoundTemplate:  # fmt: skip
        """A partial of this version. Its nodes are charged to the budget before they run."""
        found = self._parsed.get(name)
        if found is None:
            text = self.partials.get(name)
            if text is None:
                raise TemplateNotFoundError(name)
            found = self._parsed[name] = self.from_string(text, name=name)
        if isinstance(context, Context):
            context.budget.charge(found.weight)  # type: ignore[attr-defined]  # a BoundedTemplate's
        return found


def _at(source: str, index: int) -> Token:
    return Token("place", "", index, source)


def _unchanged(value: object) -> object:
    return "" if value is None else value


__all__ = [
    "ROOTS",
    "Absent",
    "BoundedTemplate",
    "Escaping",
    "Flat",
    "Language",
    "Missing",
    "UndefinedError",
    "walk",
]
