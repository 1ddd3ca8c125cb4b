"""What the fold remembers of each prediction: which model is in force, and what became of the values."""

from __future__ import annotations

from typing import Any

import msgspec

from ..limits import PREDICTION_VERSIONS_ITEMS_MAX


class Book(msgspec.Struct):
    """What the fold remembers of one prediction: the versions that were in force, the one that is, and how
    many values came. `unknown`: for subjects nobody knows; `outside`: for who is not asked about; `late`: as
    of earlier than the value that stands.
    """

    versions: list[str] = []
    numbers: dict[str, int] = {}
    published: int = 0
    """How many versions there were."""
    in_force: str = ""
    trained_at: int = 0
    as_of: int = 0
    seq: int = 0
    """The number of the record that put the model in force; its parameters are there."""
    features: list[str] = []
    quality: dict[str, Any] = {}
    scored_at: int = 0
    """When values last came, engine ms."""
    scored_as_of: int = 0
    taken: int = 0
    unknown: int = 0
    outside: int = 0
    late: int = 0

    def number_of(self, version: str) -> int:
        """The version's number in marks, 0 for one that never was in force."""
        return self.numbers.get(version, 0)

    def name_of(self, number: int) -> str | None:
        """The version with a number in marks."""
        return self.versions[number - 1] if 0 < number <= len(self.versions) else None

    def publish(self, version: str) -> None:
        """Puts a version in force, with a number of its own; a number is given again after all of them."""
        self.in_force = version
        if version in self.numbers:
            return
        number = self.published % PREDICTION_VERSIONS_ITEMS_MAX + 1
        self.published += 1
        if number > len(self.versions):
            self.versions.append(version)
        else:
            del self.numbers[self.versions[number - 1]]
            self.versions[number - 1] = version
        self.numbers[version] = number
