"""Which of your events is which of a pack's: by name, by the names that other conventions use for the same,
and by the properties that come along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from .needs import Need
from .sample import Sample, Seen

SURE: Final = 0.8
"""From here on a match is taken unless its owner says otherwise; our judgement."""
WORTH_ASKING: Final = 0.5
"""From here on a match is offered; our judgement."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_EMPTY: Final = frozenset({"a", "an", "the", "event", "user", "customer", "has", "was", "is", "to", "of"})
_ENDINGS: Final = ("ing", "ed", "es", "s")


@dataclass(frozen=True, slots=True)
class Match:
    """``wanted`` is what the pack calls it, ``given`` what you do; ``confidence`` 0 to 1, and why."""

    wanted: str
    given: str
    confidence: float
    why: str

    @property
    def sure(self) -> bool:
        """Whether it is taken without being asked about."""
        return self.confidence >= SURE


def match(needs: Mapping[str, Need], sample: Sample) -> list[Match]:
    """The best match for each event that is wanted, most confident first; an event of yours stands for one of
    the pack's at most. What is wanted and comes under that very name is left out.
    """
    given = {name: seen for name, seen in sample.events.items() if name not in needs}
    found = [
        one
        for need in needs.values()
        if need.name not in sample.events
        for name, seen in given.items()
        if (one := _compare(need, name, seen)).confidence >= WORTH_ASKING
    ]
    found.sort(key=lambda one: (-one.confidence, one.wanted, one.given))
    taken: dict[str, Match] = {}
    used: set[str] = set()
    for one in found:
        if one.wanted not in taken and one.given not in used:
            taken[one.wanted] = one
            used.add(one.given)
    return list(taken.values())


def _compare(need: Need, name: str, seen: Seen) -> Match:
    ours, theirs = _words(need.name), _words(name)
    if ours == theirs or "".join(ours) == "".join(theirs):
        return Match(need.name, name, 1.0, "the same words")
    if (concept := _concept(need.name)) is not None and concept == _concept(name):
        return Match(need.name, name, 0.95, "other conventions call it so")
    first, second = set(_stems(ours)), set(_stems(theirs))
    shared = len(first & second) / max(1, len(first | second))
    letters = SequenceMatcher(None, " ".join(sorted(first)), " ".join(sorted(second))).ratio()
    alike = 0.75 * shared + 0.25 * letters
    known = len(need.properties & set(seen.properties))
    # Properties speak for a match that the words suggest, never for one they do not.
    bonus = 0.15 * known / len(need.properties) if need.properties and shared else 0.0
    why = f"{len(first & second)} of {len(first | second)} words"
    if bonus:
        why += f" and {known} of {len(need.properties)} properties are the same"
    return Match(need.name, name, min(0.9, alike + bonus), why)


def _words(name: str) -> tuple[str, ...]:
    words = [word.lower() for word in _WORD.findall(name)]
    return tuple(word for word in words if word not in _EMPTY) or tuple(words)


def _stems(words: Iterable[str]) -> list[str]:
    return [_stem(word) for word in words]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending).rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


@cache
def _concepts() -> dict[tuple[str, ...], str]:
    given = yaml.safe_load((Path(__file__).parent / "conventions.yaml").read_text(encoding="utf-8"))
    return {_key(name): concept for concept, names in given.items() for name in names}


def _concept(name: str) -> str | None:
    return _concepts().get(_key(name))


def _key(name: str) -> tuple[str, ...]:
    return tuple(sorted(_stems(_words(name))))
