"""One text of a template: parsed, and what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError, ResourceLimitError, TemplateNotFoundError

from ..workspace.problems import Path
from .faults import Fault, TemplateFaultError
from .language import BoundedTemplate, Language, walk
from .sources import Source
from .variables import Use, uses_in


class Part:
    """One text, ready to be rendered."""

    def __init__(self, source: Source, language: Language) -> None:
        self.source = source
        self.language = language
        try:
            found = language.from_string(source.text)
        except LiquidError as error:
            raise TemplateFaultError(fault_of(error, source, language.written)) from error
        except (RecursionError, ValueError) as error:
            raise TemplateFaultError(Fault("syntax", "the text cannot be read", *source.place(0))) from error
        assert isinstance(found, BoundedTemplate)
        self.template = found

    @cached_property
    def single(self) -> bool:
        """Whether the text is one output, whose value may keep its type."""
        return len(self.template.nodes) == 1 and type(self.template.nodes[0]).__mro__[1] is OutputNode

    @cached_property
    def uses(self) -> list[Use]:
        """The names it reads. Raises TemplateFaultError for a partial that does not exist."""
        try:
            return uses_in(self.template)
        except LiquidError as error:
            raise TemplateFaultError(fault_of(error, self.source, self.language.written)) from error
        except RecursionError as error:
            raise TemplateFaultError(Fault("too_much", "blocks too deep", *self.source.place(0))) from error


def filters_in(part: Part) -> list[tuple[str, int]]:
    """(name, place in the text) of the filters that a text uses itself."""
    found: list[tuple[str, int]] = []
    for node in walk(part.template):
        waiting = list(node.expressions())
        while waiting:
            expression = waiting.pop()
            waiting.extend(expression.children())
            found.extend(
                (one.name, one.token.start_index) for one in getattr(expression, "filters", None) or ()
            )
    return found


def fault_of(error: LiquidError, source: Source, partials: Mapping[str, str]) -> Fault:
    """An error of the Liquid library as a fault at the author's own line."""
    message = str(error.message or "the text cannot be read").splitlines()[0]
    path, line = _place(error, source, partials)
    if isinstance(error, TemplateNotFoundError):
        return Fault("unknown_partial", f"there is no partial `{message}`", path, line)
    code = "too_much" if isinstance(error, ResourceLimitError) else "syntax"
    return Fault(code, message, path, line)


def _place(error: LiquidError, source: Source, partials: Mapping[str, str]) -> tuple[Path, int]:
    token = error.token
    if token is None or token.start_index < 0:
        return source.place(0)
    if token.source == source.text:
        return source.place(min(token.start_index, max(len(source.text) - 1, 0)))
    for name, text in partials.items():
        if text == token.source:
            return ("partials", name), 1 + text.count("\n", 0, token.start_index)
    return source.place(0)
