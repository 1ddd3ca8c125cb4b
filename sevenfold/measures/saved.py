"""Questions kept under a name: as they are stored, and asked again, also for a stretch of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from sevenfold.measures.answer import Answer, Question, QuestionError
from sevenfold.measures.registry import ask, question_from

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


class Saved(Struct, kw_only=True):
    """A question under a name; `question` holds its analysis and fields."""

    name: str
    question: dict[str, Any]

    def asked(self, since: int | None = None, until: int | None = None) -> Question:
        """The question, from `since` until `until` (ms UTC) where it has a period and says none itself.
        Raises QuestionError.
        """
        fields = dict(self.question)
        question = question_from(str(fields.get("analysis", "")), fields)
        for name, bound in (("since", since), ("until", until)):
            if bound is not None and getattr(question, name, None) == "":
                fields[name] = str(bound)
        return question_from(str(fields["analysis"]), fields)


def read_saved(data: bytes) -> dict[str, Saved]:
    """Questions by name, from the bytes of `questions.json` in a data folder. Raises QuestionError."""
    try:
        return msgspec.json.decode(data, type=dict[str, Saved])
    except msgspec.DecodeError as error:
        fix = "a service keeps them in questions.json of its data folder"
        raise QuestionError("These are no saved questions", where=str(error), fix=fix) from error


def find_saved(held: Mapping[str, Saved], name: str) -> Saved:
    """The question of that name. Raises QuestionError, with the names there are."""
    if name not in held:
        known = ", ".join(held) or "none"
        raise QuestionError(f"No question is kept as {name!r}", where="name", fix=f"there is {known}")
    return held[name]


def ask_saved(
    warehouse: Warehouse, saved: Saved, *, since: int | None = None, until: int | None = None
) -> Answer:
    """Answers a saved question, for a stretch of time (ms UTC) where it says none itself. Raises what `ask`
    raises.
    """
    return ask(warehouse, saved.asked(since, until))
