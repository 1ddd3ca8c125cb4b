"""Whether templates can be rendered at all, and whether what they speak of exists."""

from __future__ import annotations

from collections.abc import Iterable

from ..messages.compiling import CompiledTemplate
from ..messages.faults import Fault
from ..messages.templates import CHANNELS, Template, version_of
from ..messages.variables import Use
from . import models
from .models import ACCOUNT, PERSON
from .names import Names
from .paths import split_path
from .problems import Path, likely
from .report import Report

_CODES = {
    "unknown_variable": "unknown_name",
    "unknown_filter": "unknown_name",
    "unknown_partial": "unknown_name",
    "no_content": "missing_field",
    "no_unsubscribe": "no_unsubscribe",
}
_OWN = ("name", "title", "description", "timezone", "currency")
_WORDS = ("subject", "preheader", "title", "body", "text")


class TemplateChecks:
    """Checks templates one by one; ``signals`` are those of people and accounts that any of them shows."""

    def __init__(self, names: Names, report: Report) -> None:
        self.signals: set[str] = set()
        self.uses: dict[str, list[Use]] = {}
        """The names that each template reads."""
        self._names = names
        self._workspace = names.workspace
        self._report = report
        self._told: set[tuple[Path, int, str]] = set()

    def check(self, name: str, template: Template) -> None:
        """Everything wrong with one template."""
        path: Path = ("templates", name)
        kind = kind_of(self._workspace, template)
        if kind is None:
            known = (*CHANNELS, *self._workspace.channels)
            fix = likely(template.channel, known) or f"one of {', '.join(CHANNELS)}"
            message = f"there is no channel `{template.channel}`"
            self._report.error((*path, "channel"), "unknown_name", message, fix)
            return
        if kind not in CHANNELS:
            message = f"the channel `{template.channel}` is of type `{kind}`, which has no templates"
            fix = likely(kind, CHANNELS) or f"one of {', '.join(CHANNELS)}"
            self._report.error((*path, "channel"), "wrong_value", message, fix)
            return
        self._purposes(path, template)
        self._translations(path, template)
        compiled = CompiledTemplate(version_of(name, template, self._workspace.partials, kind))
        for fault in compiled.faults:
            self._error(fault, _CODES.get(fault.code, "bad_template"))
        self.uses[name] = [use for use, _ in compiled.uses]
        for use, place in compiled.uses:
            self._use(use, place)

    def _error(self, fault: Fault, code: str) -> None:
        key = (fault.path, fault.line, fault.message)
        if key not in self._told:
            self._told.add(key)
            self._report.text(fault.path, fault.line, code, fault.message, fault.fix)

    def _purposes(self, path: Path, template: Template) -> None:
        workspace = self._workspace
        categories = workspace.consent.categories
        if template.category is not None and template.category not in categories:
            message = f"there is no consent category `{template.category}`"
            fix = likely(template.category, categories) or "declare it under `consent`"
            self._report.error((*path, "category"), "unknown_name", message, fix)
        intents = {intent for one in workspace.messaging.conflicts for intent in one.between}
        if template.intent is not None and template.intent not in intents and intents:
            near = likely(template.intent, intents)
            if near:
                message = f"no conflict speaks of the intent `{template.intent}`"
                self._report.warning((*path, "intent"), "unknown_name", message, near)

    def _translations(self, path: Path, template: Template) -> None:
        for locale, wording in template.locales.items():
            lacking = [
                field
                for field in _WORDS
                if getattr(template, field) is not None and getattr(wording, field) is None
            ]
            rich = (template.html is not None, template.mjml is not None)
            if any(rich) and wording.html is None and wording.mjml is None:
                lacking.append("mjml" if template.mjml is not None else "html")
            if lacking:
                message = f"the wording `{locale}` has no {', '.join(lacking)}"
                fix = f"that in `{template.locale}` is sent instead"
                self._report.warning((*path, "locales", locale), "missing_field", message, fix)

    # ------------------------------------------------------------------------------------------------- names

    def _use(self, use: Use, place: Fault) -> None:
        root, *rest = use.name
        if (
            root == "account"
            and rest
            and rest[0] in ("signal", "stage", "segment", "score", "band", "velocity", "prediction")
        ):
            self._fact(use, place, rest, ACCOUNT)
        elif root in ("person", "account") and rest:
            self._trait(use, place, rest[0], root)
        else:
            self._fact(use, place, [root, *rest], PERSON)

    def _fact(self, use: Use, place: Fault, name: list[str], of: str) -> None:
        root, *rest = name
        if not rest:
            return
        workspace = self._workspace
        known: Iterable[str]
        if root == "signal":
            known = [label for label, one in workspace.signals.items() if one.of == of]
            self.signals.add(rest[0])
        elif root == "stage":
            known = [label for label, lifecycle in workspace.lifecycles.items() if lifecycle.of == of]
        elif root == "segment":
            known = [label for label, segment in workspace.segments.items() if segment.of == of]
        elif root in ("score", "band", "velocity"):
            known = [label for label, score in workspace.scores.items() if score.of == of]
        elif root == "prediction":
            known = [label for label, one in workspace.predictions.items() if one.of == of]
        elif root == "catalogue":
            known = workspace.catalogues
        elif root == "workspace":
            known = _OWN
        else:
            return
        known = list(known)
        if rest[0] not in known:
            message = f"there is no {root} `{rest[0]}`" + (" of accounts" if of == ACCOUNT else "")
            fix = likely(rest[0], known) or (f"there are {', '.join(known[:8])}" if known else "")
            self._error(Fault("unknown_variable", message, place.path, place.line, fix), "unknown_name")

    def _trait(self, use: Use, place: Fault, name: str, of: str) -> None:
        """A trait that is not declared may come all the same, so this is a doubt and no error."""
        declared = self._names.traits(of)
        if not declared:
            return
        paths = {
            split_path(trait.path)[0]
            for trait in self._workspace.traits.values()
            if trait.of == of and trait.path is not None and split_path(trait.path)
        }
        known = {*declared, *paths, "id", *self._workspace.identity.order, "account_id"}
        key = (place.path, place.line, use.dotted)
        if name in known or key in self._told:
            return
        self._told.add(key)
        fix = likely(name, known) or "declare it under `traits`"
        message = f"`{use.dotted}` is no declared trait of {of}"
        self._report.text(place.path, place.line, "unknown_name", message, fix, "warning")


def kind_of(workspace: models.Workspace, template: Template) -> str | None:
    """The kind of channel of a template, by its own name or through a channel of the workspace."""
    if template.channel in workspace.channels:
        return workspace.channels[template.channel].type
    return template.channel if template.channel in CHANNELS else None
