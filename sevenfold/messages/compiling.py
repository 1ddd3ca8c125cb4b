"""From a template's version to texts that can be rendered: what can be found wrong is found here, before
anybody is sent anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..workspace.problems import Path, likely
from .faults import Fault, TemplateFaultError
from .filter_table import FILTERS
from .language import ROOTS
from .parts import filters_in
from .templates import CHANNELS, TemplateVersion, wording_for
from .variables import Use
from .wordings import CompiledWording

LINKS: Final = ("unsubscribe", "preferences", "view", "confirm", "referral")
"""The addresses that a sender gives every message: to leave, to choose, to see it in a browser."""
_ALIASES: Final = dict.fromkeys(("user", "customer", "contact", "profile", "traits", "trait"), "person") | {
    "properties": "event", "property": "event", "company": "account", "signals": "signal", "stages": "stage",
}  # fmt: skip


class CompiledTemplate:
    """A version of a template with all its wordings, and what is wrong with it.

    With faults it renders nothing.
    """

    def __init__(self, version: TemplateVersion) -> None:
        self.version = version
        self.digest = version.digest
        self.faults: list[Fault] = []
        self.wordings: dict[str, CompiledWording] = {}
        for key in ("", *version.template.locales):
            found: list[Fault] = []
            self.wordings[key] = CompiledWording(version, key, found)
            self.faults.extend(fault for fault in found if fault not in self.faults)
        self.uses: list[tuple[Use, Fault]] = []
        for wording in self.wordings.values():
            self._read(wording)
        self._complete()

    @property
    def variables(self) -> frozenset[str]:
        """Dotted names that any wording reads."""
        return frozenset(use.dotted for use, _ in self.uses)

    @property
    def needed(self) -> frozenset[str]:
        """Those without which nothing can be sent, unless the template gives a default."""
        defaults = {name for name, one in self.version.template.variables.items() if one.default is not None}
        return frozenset(use.dotted for use, _ in self.uses if use.needed) - defaults

    def wording(self, locale: str | None) -> tuple[CompiledWording, str]:
        """(the wording for a person's locale, the locale to format in)."""
        key, formats = wording_for(self.version.template, locale)
        return self.wordings[key], formats

    def _fault(self, code: str, message: str, field: str = "", fix: str = "") -> None:
        path: Path = ("templates", self.version.name, *((field,) if field else ()))
        self.faults.append(Fault(code, message, path, 1 if field else 0, fix))

    def _read(self, wording: CompiledWording) -> None:
        declared = self.version.template.variables
        for part in wording.all_parts():
            try:
                uses = part.uses
                for name, token in filters_in(part):
                    if name not in FILTERS:
                        raise TemplateFaultError(_unknown_filter(name, part.source.place(token)))
            except TemplateFaultError as error:
                if error.fault not in self.faults:
                    self.faults.append(error.fault)
                continue
            for use in uses:
                path: Path = ("partials", use.partial)
                line = 1 + use.token.source.count("\n", 0, max(use.token.start_index, 0))
                if not use.partial:
                    path, line = part.source.place(max(use.token.start_index, 0))
                place = Fault("unknown_variable", _unknown(use), path, line, _meant(use, declared))
                self.uses.append((use, place))
                if not _is_known(use, declared) and place not in self.faults:
                    self.faults.append(place)

    def _complete(self) -> None:
        """What the channel needs is there, and a way to leave."""
        version, own = self.version, self.wordings[""]
        for alternatives in CHANNELS.get(version.kind, ()):
            if not any(own.given(field)[0] is not None for field in alternatives):
                message = f"the channel {version.kind} needs {' or '.join(alternatives)}"
                self._fault("no_content", message)
        if version.kind == "email" and own.given("body")[0] is not None:
            self._fault("no_content", "an e-mail has no `body`", "body", "write html, mjml or text")
        elif version.kind not in CHANNELS:
            self._fault(
                "no_content",
                f"`{version.kind}` is no channel",
                "channel",
                likely(version.kind, CHANNELS) or f"one of {', '.join(CHANNELS)}",
            )
        if version.kind == "email" and not version.template.transactional and not self.faults:
            for key, wording in self.wordings.items():
                for field in ("html", "text"):
                    part = wording.parts.get(field)
                    if part is None or any(use.name[:2] == ("links", "unsubscribe") for use in part.uses):
                        continue
                    path = part.source.place(0)[0]
                    message = "there is no unsubscribe link" + (f" in the wording `{key}`" if key else "")
                    fix = "use {{ links.unsubscribe }}, or say `transactional: true`"
                    fault = Fault("no_unsubscribe", message, path, 1, fix)
                    if fault not in self.faults:
                        self.faults.append(fault)
                    break


def _is_known(use: Use, declared: Mapping[str, Any]) -> bool:
    root = use.name[0]
    if root == "links" and len(use.name) > 1:
        return use.name[1] in LINKS
    return root in ROOTS or root in declared


def _unknown(use: Use) -> str:
    return f"`{use.dotted}` is not known in templates"


def _meant(use: Use, declared: Mapping[str, Any]) -> str:
    root, rest = use.name[0], use.name[1:]
    if root == "links":
        return f"links has {', '.join(LINKS)}"
    if root in _ALIASES:
        return f"did you mean `{'.'.join((_ALIASES[root], *rest))}`?"
    if near := likely(root, ROOTS | set(declared)):
        word = near.split("`")[1]
        return f"did you mean `{'.'.join((word, *rest))}`?"
    return f"did you mean `person.{use.dotted}`? A value of the step is declared under `variables`"


def _unknown_filter(name: str, place: tuple[Path, int]) -> Fault:
    return Fault("unknown_filter", f"there is no filter `{name}`", *place, likely(name, FILTERS))
