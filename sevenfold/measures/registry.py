"""Every analysis by its name. A module of this folder that uses `@analysis` is one; nothing else lists it.

The name `stage-funnel` lives in `stage_funnel.py`, so asking for one loads one.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from inspect import getdoc, signature
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints

import msgspec

import sevenfold.measures
from sevenfold.measures.answer import Answer, Question, QuestionError

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

Q = TypeVar("Q", bound=Question)
Answering = Callable[[Q, "Warehouse"], Answer]


class Analysis(msgspec.Struct, frozen=True):
    """One analysis: its name, the type of its question, and the function that answers it."""

    name: str
    question: type[Question]
    answer: Callable[[Any, Warehouse], Answer]

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return (getdoc(self.answer) or "").partition("\n\n")[0].replace("\n", " ")

    @property
    def text(self) -> str:
        """The docstring: the semantics in full."""
        return getdoc(self.answer) or ""


_REGISTERED: dict[str, Analysis] = {}
_BY_TYPE: dict[type[Question], Analysis] = {}


def analysis(name: str) -> Callable[[Answering[Q]], Answering[Q]]:
    """Registers `def funnel(question: Funnel, warehouse: Warehouse) -> Answer` under its name."""

    def register(function: Answering[Q]) -> Answering[Q]:
        first = next(iter(signature(function).parameters))
        hints = {first: function.__annotations__[first]}
        if isinstance(hints[first], str):
            hints = get_type_hints(_only(function, first), vars(import_module(function.__module__)))
        question = cast(type[Question], hints[first])
        assert question.__struct_config__.tag == name, f"the tag of {question.__name__} is not {name!r}"
        _REGISTERED[name] = _BY_TYPE[question] = Analysis(name, question, function)
        return function

    return register


def _only(function: Callable[..., Any], parameter: str) -> Callable[..., Any]:
    """A stand-in with one parameter's annotation: others may name what is imported for types only."""

    def stand_in() -> None: ...

    stand_in.__annotations__ = {parameter: function.__annotations__[parameter]}
    return stand_in


def names() -> tuple[str, ...]:
    """Every analysis there is, in alphabetical order."""
    for module in pkgutil.iter_modules(sevenfold.measures.__path__):
        if not module.ispkg:
            import_module(f"sevenfold.measures.{module.name}")
    return tuple(sorted(_REGISTERED))


def find(name: str) -> Analysis:
    """The analysis `name`. Raises QuestionError, with the names there are."""
    if name not in _REGISTERED and name.replace("-", "_").isidentifier():
        try:
            import_module(f"sevenfold.measures.{name.replace('-', '_')}")
        except ModuleNotFoundError:
            names()
    if name not in _REGISTERED:
        raise QuestionError(
            f"There is no analysis named {name!r}", where="analysis", fix=f"one of {', '.join(names())}"
        )
    return _REGISTERED[name]


def question_from(name: str, fields: dict[str, Any], *, strict: bool = True) -> Question:
    """The question that JSON fields ask; with `strict=False` numbers may be written as text, as on a command
    line. Raises QuestionError with the field and what is expected.
    """
    found = find(name)
    given = {key: value for key, value in fields.items() if key != "analysis"}
    try:
        question = msgspec.convert({**given, "analysis": name}, found.question, strict=strict)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at ")
        raise QuestionError(message, where=where.strip("`$.") or name, fix=f"see analysis {name}") from error
    question.check()
    return question


def ask(warehouse: Warehouse, question: Question) -> Answer:
    """Answers a question. Raises QuestionError, and WarehouseError when it takes too long or too much."""
    question.check()
    found = _BY_TYPE.get(type(question))
    assert found is not None, f"{type(question).__name__} is the question of no analysis"
    return found.answer(question, warehouse)
