"""What became of a case: `pass`, `fail` with what was expected and got, or `skip` with the reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from tests.peer_cases.differences import Difference


class SkipError(Exception):
    """The case asks for something that cannot be answered here; the text says what and why."""

    @classmethod
    def differs(cls, difference: Difference, detail: str) -> SkipError:
        return cls(f"differs on purpose ({difference.kind}): {detail}")


class MismatchError(Exception):
    """An assertion of the case does not hold."""

    def __init__(self, what: str, expected: Any, got: Any) -> None:
        super().__init__(f"expected {what} {_text(expected)} got {_text(got)}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the report."""

    case: str
    name: str
    verdict: Literal["pass", "fail", "skip"]
    detail: str = ""

    def __str__(self) -> str:
        verdict = f"{self.verdict}: {self.detail}" if self.detail else self.verdict
        return f"{self.case} {self.name}: {verdict}"


def expect(what: str, expected: Any, got: Any) -> None:
    """Raises MismatchError unless the two JSON values are equal; true is not 1."""
    if _text(expected) != _text(got):
        raise MismatchError(what, expected, got)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
