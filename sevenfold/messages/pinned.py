"""What a message will say of its person, read at the moment it is decided.

A template names the values it needs. They are read when the message is decided and travel with it, so that
what is sent is what was decided, however long it waits, and so that a sender needs nothing but the message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..workspace.paths import split_path
from .compiling import CompiledTemplate
from .context import whole
from .templates import TemplateVersion, version_of

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..lifecycle.compile import CompiledUnit

ALWAYS: Final = ("person.locale", "person.language", "person.timezone")
"""Read for every template, for languages and local times."""
_FACTS: Final = frozenset({"signal", "stage", "segment", "score", "band", "velocity", "prediction"})
_VERSIONS_KEPT: Final = 4_096
Values = dict[str, Any]
Names = tuple[tuple[str, tuple[str, ...]], ...]
"""(as written, its parts)."""
_KNOWN: Final[dict[str, Names]] = {}
"""By the digest of a version, which says everything about it."""


class Pinned:
    """Reads values for templates. One for each fold."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._names: dict[str, Names] = {}
        declared = fold.workspace.traits.items()
        self._paths = {
            (one.of, name): split_path(one.path) for name, one in declared if one.path not in (None, name)
        }

    def values(self, template: str, row: int, account: int = 0) -> Values:
        """`{dotted name: value}` of what a template names and is known; `account` is the row of the account
        it is about, else the person's first.
        """
        names = self._names.get(template)
        if names is None:
            names = self._names[template] = self._named(template)
        fold = self._fold
        account = account or (fold._accounts[row] if row else 0)
        found: Values = {}
        people, companies = _Subject(self, fold.person, row), _Subject(self, fold.account, account)
        for dotted, (root, *rest) in names:
            subject = companies if root == "account" else people
            if root == "account" and rest and rest[0] in _FACTS:
                root, *rest = rest
            value = subject.fact(root, rest) if root in _FACTS else subject.told(rest)
            if value is not None:
                found[dotted] = value
        return found

    def version(self, template: str) -> TemplateVersion | None:
        """The version in force; None for a template that is not there."""
        workspace = self._fold.workspace
        model = workspace.templates.get(template)
        if model is None:
            return None
        channel = workspace.channels.get(model.channel)
        kind = channel.type if channel is not None else model.channel
        return version_of(template, model, workspace.partials, kind)

    def _named(self, template: str) -> Names:
        version = self.version(template)
        return _names_of(version) if version is not None else ()


def _names_of(version: TemplateVersion) -> Names:
    """The names of people and accounts that a version reads, in order of name."""
    known = _KNOWN.get(version.digest)
    if known is not None:
        return known
    found: set[tuple[str, ...]] = {tuple(name.split(".")) for name in ALWAYS}
    for use, _ in CompiledTemplate(version).uses:
        if use.name[0] in _FACTS or use.name[0] in ("person", "account"):
            # A name with a dot in it cannot be told from two; all that it is a part of is read.
            plain = next((at for at, part in enumerate(use.name) if "." in part), len(use.name))
            found.add(use.name[:plain])
    if len(_KNOWN) >= _VERSIONS_KEPT:
        del _KNOWN[next(iter(_KNOWN))]
    names = _KNOWN[version.digest] = tuple((".".join(name), name) for name in sorted(found))
    return names


class _Subject:
    """One person or account, read as far as it is asked for."""

    def __init__(self, pinned: Pinned, unit: CompiledUnit, row: int) -> None:
        self._pinned, self._unit, self._row = pinned, unit, row
        self._traits: dict[str, Any] | None = None
        self._identifiers: dict[str, Any] | None = None

    def told(self, path: list[str]) -> Any:
        """A trait (by its name or where it is), an identifier, or the id; everything for an empty path."""
        if not self._row:
            return None
        if not path:
            return self._everything()
        unit = self._unit
        if path == ["id"]:
            return self._pinned._fold.id_of(unit, self._row)
        value = _at(self.traits, tuple(path))
        if value is None:
            declared = self._pinned._paths.get((unit.kind, path[0]))
            value = _at(self.traits, (*declared, *path[1:])) if declared is not None else None
        if value is None and len(path) == 1:
            value = next(iter(self.identifiers.get(path[0]) or ()), None)
        return value

    def _everything(self) -> dict[str, Any]:
        named = {kind: values[0] for kind, values in self.identifiers.items() if values}
        paths = self._pinned._paths.items()
        declared = {name: _at(self.traits, path) for (of, name), path in paths if of == self._unit.kind}
        return {**named, **self.traits, **declared, "id": self._pinned._fold.id_of(self._unit, self._row)}

    @property
    def traits(self) -> dict[str, Any]:
        if self._traits is None:
            self._traits = self._unit.traits.values(self._row)
        return self._traits

    @property
    def identifiers(self) -> dict[str, Any]:
        if self._identifiers is None:
            self._identifiers = self._pinned._fold._identifiers(self._unit.kind, self._row)
        return self._identifiers

    def fact(self, root: str, rest: list[str]) -> Any:
        """What the fold computed; None for what it does not know."""
        if not self._row:
            return None
        return _READERS[root](self._pinned._fold, self._unit, self._row, rest)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _signal(fold: Fold, unit: CompiledUnit, row: int, rest: list[str]) -> Any:
    signal = unit.signals.get(rest[0]) if rest else None
    if signal is None or rest[0] in unit.pending:
        return None
    if hasattr(signal, "settle"):
        signal.settle(row, fold.t)
    return whole(signal.read(row) if len(rest) == 1 else signal.parts(row).get(".".join(rest[1:])))


def _stage(fold: Fold, unit: CompiledUnit, row: int, rest: list[str]) -> Any:
    node = unit.lifecycles.get(rest[0]) if rest else None
    return unit.show(node.slot, row) if node is not None else None


def _segment(fold: Fold, unit: CompiledUnit, row: int, rest: list[str]) -> Any:
    node = unit.segments.get(rest[0]) if rest else None
    return True if node is not None and unit.show(node.slot, row) else None


def _score(part: str) -> Callable[[Fold, CompiledUnit, int, list[str]], Any]:
    def read(fold: Fold, unit: CompiledUnit, row: int, rest: list[str]) -> Any:
        node = unit.scores.get(rest[0]) if rest else None
        return whole(node.read(row).get(part)) if node is not None else None

    return read


def _prediction(fold: Fold, unit: CompiledUnit, row: int, rest: list[str]) -> Any:
    node = unit.predictions.get(rest[0]) if rest else None
    return whole(unit.show(node.slot, row)) if node is not None else None


_READERS: Final[Mapping[str, Callable[[Fold, CompiledUnit, int, list[str]], Any]]] = {
    "signal": _signal,
    "stage": _stage,
    "segment": _segment,
    "score": _score("value"),
    "band": _score("band"),
    "velocity": _score("velocity"),
    "prediction": _prediction,
}

__all__ = ["ALWAYS", "Pinned", "Values"]
