"""Questions that the fold answers between two records: each a function `(fold, **arguments)` in one registry.

An answer is plain JSON-ready data, and asking changes nothing. A question that looks at many subjects takes
`limit` and `after`, for the fold stands still meanwhile: no answer may take longer than about 50 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ...errors import SevenfoldError

if TYPE_CHECKING:
    from ...engine import Fold

Question = TypeVar("Question", bound=Callable[..., Any])
QUESTIONS: Final[dict[str, Callable[..., Any]]] = {}
"""Questions by name; `everything` imports the files that fill it."""


class QuestionError(SevenfoldError):
    """A question that cannot be answered: nobody of that name, or no such question."""

    code = "not_found"


def question(name: str) -> Callable[[Question], Question]:
    """Registers a function as the answer to a question."""

    def register(function: Question) -> Question:
        assert name not in QUESTIONS, name
        QUESTIONS[name] = function
        return function

    return register


def answer(fold: Fold, name: str, arguments: dict[str, Any]) -> Any:
    """The answer to a question. Raises QuestionError."""
    found = QUESTIONS.get(name)
    if found is None:
        raise QuestionError(f"there is no question `{name}`", fix=f"one of {', '.join(sorted(QUESTIONS))}")
    return found(fold, **arguments)
