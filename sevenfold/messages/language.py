"""Liquid with bounds: strict about names, no clock, no files, and a budget for every text that is rendered.

Values are plain JSON, and a path goes through mappings and lists only, so a template sees no attribute of any
Python object. Partials come from the template's own version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import StringIO
from typing import Any, Final, Literal, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import StringLiteral
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.builtin.tags.include_tag import IncludeNode
from liquid.builtin.tags.render_tag import RenderNode
from liquid.exceptions import (
    LiquidError,
    LiquidSyntaxError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
    TemplateNotFoundError,
    UndefinedError,
    UnknownFilterError,
)
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from liquid.token import Token
from liquid.undefined import StrictUndefined
from liquid.utils import ReadOnlyChainMap

from .. import limits
from .bounds import SETTINGS, bounded
from .diagnosis import suspect, unclosed
from .filter_table import FILTERS
from .filters import number_text

Escaping = Literal["html", "chat", "text", "plain"]
"""``html`` escapes what is inserted and ``chat`` does for Slack; ``text`` does not; ``plain`` is the text
made from HTML, where filters that make HTML leave a text as it is."""

ROOTS: Final = frozenset({
    "person", "account", "event", "signal", "stage", "segment", "score", "band", "velocity", "journey",
    "step", "offer", "workspace", "catalogue", "links", "now",
})  # fmt: skip
"""What a template can speak of."""
_MARKUP_FILTERS: Final = frozenset({"escape", "escape_once", "newline_to_br"})
_LONG: Final = f"a text of more than {limits.TEMPLATE_OUTPUT_BYTES_MAX:,} bytes"
_COLLECTION_PARTS: Final = frozenset({"size", "first", "last"})


class Absent:
    """What was asked for and is not there, with the names that are."""

    __slots__ = ("known", "path")

    def __init__(self, path: tuple[object, ...], known: tuple[str, ...]) -> None:
        self.path = path
        self.known = known

    def __str__(self) -> str:
        return "a value is missing"


class Missing(StrictUndefined):
    """A value that is not there: false in a condition, equal to nil, replaced by ``default``, and neither
    less nor more than anything. What else is done with it is a fault.
    """

    __slots__ = ()
    allowed_properties = frozenset({
        "__repr__", "__bool__", "__eq__", "__class__", "__liquid__", "force_liquid_default", "name", "hint",
        "obj", "msg", "token",
    })  # fmt: skip
    force_liquid_default = True

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Missing)

    __hash__ = None  # type: ignore[assignment]  # nothing is looked up by what is not there

    def __liquid__(self) -> object:
        return None


class Flat(dict[str, Any]):
    """Names with parts, under whole names: ``sessions`` beside ``sessions.average``."""


class Budget:
    """What is left of one text's operations and turns of loops."""

    __slots__ = ("operations", "turns")

    def __init__(self) -> None:
        self.operations = limits.TEMPLATE_OPERATIONS_PER_RENDER_MAX
        self.turns = limits.TEMPLATE_LOOP_ITEMS_MAX

    def charge(self, operations: int) -> None:
        """Takes from the budget; the limit of operations is an error of Liquid's own kind."""
        self.operations -= operations
        if self.operations < 0:
            most = limits.TEMPLATE_OPERATIONS_PER_RENDER_MAX
            raise ResourceLimitError(f"more than {most:,} operations", token=None)


class Context(RenderContext):
    """The names and the budget of one text. Partials have contexts of their own, and the same budget."""

    __slots__ = ("budget",)

    def __init__(self, template: BoundTemplate, **given: Any) -> None:
        super().__init__(template, **given)
        above = given.get("parent_context")
        self.budget: Budget = above.budget if isinstance(above, Context) else Budget()
        # Without the names that read the clock.
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    def get(self, path: list[object], *, token: Token | None, default: object = None) -> object:
        """The value at a path, or ``Missing``. ``null`` is missing too."""
        self.budget.charge(1)
        value: Any
        try:
            value = self.scope[path[0]] if path[0] != SETTINGS else None  # type: ignore[index]  # or not there
        except (KeyError, TypeError):
            value = None
        at = 1
        while at < len(path) and value is not None:
            above = value
            if isinstance(above, Flat) and at + 1 < len(path) and f"{path[at]}.{path[at + 1]}" in above:
                value = above[f"{path[at]}.{path[at + 1]}"]
                at += 2
                continue
            value = self._part(above, path[at])
            if value is None:
                known = tuple(map(str, above)) if isinstance(above, Mapping) else ()
                return self._missing(path, known, token)
            at += 1
        return self._missing(path, (), token) if value is None else value

    def _part(self, value: Any, part: object) -> Any:
        if isinstance(value, Mapping):
            if isinstance(part, str):
                try:
                    return value[part]
                except KeyError:
                    pass
            return self.get_item(value, part) if part in _COLLECTION_PARTS and value else None
        if isinstance(value, list | tuple | range) and (isinstance(part, int) or part in _COLLECTION_PARTS):
            try:
                return self.get_item(value, part)
            except IndexError:
                return None
        if isinstance(value, str) and part == "size":
            return len(value)
        return None

    def _missing(self, path: list[object], known: tuple[str, ...], token: Token | None) -> Missing:
        missing = Missing(str(path[0]), token=token)
        missing.msg = Absent(tuple(path), known)  # type: ignore[assignment]  # the error carries it out
        return missing

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """The filter, within the budget."""
        try:
            function = self.env.filters[name]
        except KeyError:
            raise UnknownFilterError(f"unknown filter `{name}`", token=token) from None
        return partial(function, self)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """Where a block collects its text."""
        return _Output()

    def assign(self, key: str, val: Any) -> None:
        self.budget.charge(1 + len(self.locals))
        super().assign(key, val)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Called as a loop begins: its turns are paid in advance, each as if it came past every node."""
        self.budget.turns -= length
        if self.budget.turns < 0:
            most = limits.TEMPLATE_LOOP_ITEMS_MAX
            raise LoopIterationLimitError(f"loops turn more than {most:,} times", token=None)
        self.budget.charge(length * self.template.weight)  # type: ignore[attr-defined]  # a BoundedTemplate's


class _Output(StringIO):
    """What has been written, within the bound of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.room = limits.TEMPLATE_OUTPUT_BYTES_MAX

    def write(self, text: str) -> int:
        self.room -= len(text)
        if self.room < 0:
            raise OutputStreamLimitError(_LONG, token=None)
        return super().write(text)


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
        buffer = _Output()
        self.render_with_context(context, buffer)
        text = buffer.getvalue()
        if len(text) * 4 > limits.TEMPLATE_OUTPUT_BYTES_MAX < len(text.encode("utf-8", "replace")):
            raise OutputStreamLimitError(_LONG, token=None)
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


class _OutputTag(Output):
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
        self.add_tag(_OutputTag)
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
