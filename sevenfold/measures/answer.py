"""What every analysis takes and gives: a question, and an answer that carries its doubts.

A figure is never bare: an `Estimate` has its n and, where chance plays a part, an interval. Whatever keeps a
reader from taking a figure at its word is a `Doubt` with a `Caveat` from a closed set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
import pyarrow as pa

from sevenfold.errors import SevenfoldError


class QuestionError(SevenfoldError):
    """A question names something that is not there, or asks for what makes no sense."""

    code = "question_invalid"


class Caveat(StrEnum):
    """Why a figure may mislead. The set is closed: each has one plain sentence in `CAVEATS`."""

    SAMPLE_TOO_SMALL = "sample_too_small"
    SAMPLE_RATIO = "sample_ratio"
    INCOMPLETE_LEFT_OUT = "incomplete_left_out"
    CONTAMINATED_LEFT_OUT = "contaminated_left_out"
    MACHINE_LEFT_OUT = "machine_left_out"
    UNKNOWN_LEFT_OUT = "unknown_left_out"
    REST_NOT_SHOWN = "rest_not_shown"
    NOT_CAUSAL = "not_causal"
    NO_CONTROL = "no_control"
    CLUSTERED = "clustered"
    MULTIPLE_TESTS = "multiple_tests"
    PEEKING = "peeking"
    ASSUMPTION_FAILED = "assumption_failed"
    EXTRAPOLATED = "extrapolated"
    MIXED_CURRENCIES = "mixed_currencies"
    STALE = "stale"


CAVEATS: dict[Caveat, str] = {
    Caveat.SAMPLE_TOO_SMALL: "There are too few cases for the figure to mean much.",
    Caveat.SAMPLE_RATIO: "The groups are not of the sizes they were meant to be; they may differ otherwise.",
    Caveat.INCOMPLETE_LEFT_OUT: "Periods that are not over yet are left out.",
    Caveat.CONTAMINATED_LEFT_OUT: "People who were in both groups, through a merge, are left out.",
    Caveat.MACHINE_LEFT_OUT: "Opens and clicks that machines made are left out.",
    Caveat.UNKNOWN_LEFT_OUT: "Cases with an unknown value are left out.",
    Caveat.REST_NOT_SHOWN: "Only the largest groups are shown; the rest is summed up.",
    Caveat.NOT_CAUSAL: "This shows what goes together, not what causes what.",
    Caveat.NO_CONTROL: "Nobody was held out, so nothing can be said about what would have happened anyway.",
    Caveat.CLUSTERED: "Cases of one account go together; the interval allows for it.",
    Caveat.MULTIPLE_TESTS: "Many comparisons were made at once; some differ by chance.",
    Caveat.PEEKING: "The interval holds only if it is looked at once, at the end.",
    Caveat.ASSUMPTION_FAILED: "The data do not look as the model assumes.",
    Caveat.EXTRAPOLATED: "The figure goes beyond the time that was observed.",
    Caveat.MIXED_CURRENCIES: "Amounts in several currencies cannot be added; one is shown.",
    Caveat.STALE: "The warehouse is behind the log.",
}


class Doubt(msgspec.Struct, frozen=True):
    """One caveat as it applies here: `text` holds the figures, such as "17 in the control group"."""

    caveat: Caveat
    text: str = ""

    @property
    def sentence(self) -> str:
        """The caveat's plain sentence, and the figures."""
        return f"{CAVEATS[self.caveat]} {self.text}".rstrip()


class Estimate(msgspec.Struct, frozen=True):
    """One figure: `value` between `low` and `high` with confidence `level`, from `n` cases.

    None is "not known"; `low` and `high` are None where the figure is a plain count. `unit` is "" for counts
    and rates (0..1), else "ms", "days" or a currency.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    level: float = 0.95
    unit: str = ""


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="analysis"):
    """The base of all questions. A subclass is one analysis: its fields are the JSON body, the flags of
    `sevenfold ask` and the reference, so each has a type and a default that makes sense.
    """

    def check(self) -> None:
        """Raises QuestionError for what types cannot say, such as an end before the start."""


class Answer(msgspec.Struct, kw_only=True):
    """What an analysis found. `sentence` says it in plain words, `tables` what is too much for a figure."""

    question: Question
    sentence: str
    estimates: tuple[Estimate, ...] = ()
    tables: dict[str, pa.Table] = {}
    caveats: tuple[Doubt, ...] = ()

    def __getitem__(self, name: str) -> Estimate:
        """The estimate of that name. Raises KeyError."""
        for estimate in self.estimates:
            if estimate.name == name:
                return estimate
        raise KeyError(name)

    def frame(self, name: str = "") -> pa.Table:
        """One table (the first when no name is given) as pyarrow; `.to_pandas()` makes a frame of it."""
        if not name and self.tables:
            return next(iter(self.tables.values()))
        if name in self.tables:
            return self.tables[name]
        raise QuestionError(
            f"The answer has no table named {name!r}", fix=f"it has {', '.join(self.tables) or 'none'}"
        )

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON has it. Tables are lists of rows; what is not a number becomes null."""
        return {
            "question": msgspec.to_builtins(self.question),
            "sentence": self.sentence,
            "estimates": [
                {key: plain(value) for key, value in msgspec.to_builtins(estimate).items()}
                for estimate in self.estimates
            ],
            "tables": {
                name: [{key: plain(value) for key, value in row.items()} for row in table.to_pylist()]
                for name, table in self.tables.items()
            },
            "caveats": [
                {"caveat": str(doubt.caveat), "sentence": doubt.sentence, "text": doubt.text}
                for doubt in self.caveats
            ],
        }

    @staticmethod
    def of_json(held: Mapping[str, Any], question: Question) -> Answer:
        """An answer that came as JSON, to this question."""
        return Answer(
            question=question,
            sentence=held["sentence"],
            estimates=tuple(msgspec.convert(one, Estimate) for one in held["estimates"]),
            tables={name: pa.Table.from_pylist(rows) for name, rows in held["tables"].items()},
            caveats=tuple(Doubt(Caveat(one["caveat"]), one["text"]) for one in held["caveats"]),
        )


def plain(value: Any) -> Any:
    """A value as JSON can carry it: NaN and infinities are null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
