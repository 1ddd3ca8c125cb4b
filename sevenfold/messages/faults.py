"""What can be wrong with a template, or go wrong as it is rendered: a closed set, each with its meaning."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ..workspace.problems import Path, dotted

FAULTS: Final = {
    "syntax": "Liquid that cannot be read.",
    "markup": "MJML that cannot be compiled.",
    "unknown_variable": "A name that means nothing in any template.",
    "missing_value": "A value that this person, event or account does not have, and no `default`.",
    "unknown_filter": "A filter that does not exist.",
    "bad_value": "A value of a kind that a filter or tag cannot take.",
    "unknown_partial": "A partial that the workspace does not have, or whose name is not a plain text.",
    "too_much": "A bound was reached: turns of loops, bytes, nesting, or operations.",
    "bad_link": "A link that is none, or that would run code.",
    "bad_address": "A sender that is not one e-mail address.",
    "bad_payload": "A payload that is not JSON once rendered.",
    "no_content": "The channel needs a field that the template lacks, or that renders to nothing.",
    "no_unsubscribe": "An e-mail that is not transactional, without an unsubscribe link.",
}
"""Code and meaning."""


class Fault(Struct, frozen=True):
    """One thing that is wrong: what, in which field of the workspace, in which line of its text."""

    code: str
    message: str
    path: Path = ()
    line: int = 0
    fix: str = ""

    @property
    def where(self) -> str:
        """The field as people read it: ``templates.welcome.mjml``."""
        return dotted(self.path)


class RenderError(Struct, frozen=True):
    """Why nothing could be sent. ``outcome`` is the message's; ``where`` and ``line`` are the place in the
    workspace.
    """

    code: str
    message: str
    where: str = ""
    line: int = 0
    fix: str = ""
    outcome: str = "render_error"
    path: Path = ()

    def __str__(self) -> str:
        place = f"{self.where}, line {self.line}" if self.line else self.where
        return f"{place}: {self.message}" + (f" ({self.fix})" if self.fix else "")


class TemplateFaultError(Exception):
    """Carries a fault out of the depth; never leaves this folder."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def refused(fault: Fault) -> RenderError:
    """A fault as the outcome of a message."""
    return RenderError(fault.code, fault.message, fault.where, fault.line, fault.fix, path=fault.path)
