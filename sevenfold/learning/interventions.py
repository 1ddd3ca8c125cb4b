"""What saves whom: the effect of each intervention by risk profile, with partial pooling.

A case is an episode of risk that is over: what kind of risk it was (its *profile*), what was done, and
whether it ended well. The effect of an intervention in a profile is the difference of its saves and of the
cases that were left alone there. Profiles borrow from each other (the hierarchical normal model): what was
tried three times in one profile is mostly what it did in the others.

Where those left alone were left so by chance (ghosts) these are effects. Otherwise whoever chose saw more
than stands here, and it is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from ..measures.shared.columns import as_table, codes, numbers, table_of
from ..measures.similar import Advice, advise
from .encoding import Floats, encoded
from .hierarchical import Pooled, pooled
from .risk_profiles import names_of, placed, profiles_of

LEFT_ALONE: Final = "left alone"
REACH: Final = 0.25
"""How far an intervention's share of saves may lie from that of no intervention, before anything is seen: one
standard deviation; our judgement."""
BETWEEN: Final = 0.15
"""How far effects in single profiles lie from the intervention's own, before anything is seen; our judgement.
"""
SURE: Final = 0.9
"""Chance of helping at all from which an intervention is recommended; our judgement."""


class WhatSaves(Question, frozen=True, tag="what_saves_of_frame"):
    """A row an episode: columns ``intervention`` (``control`` where nobody did anything), ``saved`` (yes or
    no), ``profile`` (its kind of risk; a number is cut in three). ``features`` tell how like two accounts
    are. ``by_chance``: chance decided who was left alone.
    """

    intervention: str = "intervention"
    saved: str = "saved"
    profile: str = ""
    features: tuple[str, ...] = ()
    unit: str = ""
    control: str = LEFT_ALONE
    by_chance: bool = False
    level: float = 0.95


@dataclass(frozen=True)
class Episodes:
    """Episodes as arrays, (n,) each: numbers of ``profiles`` and ``interventions``, whether ``saved``;
    ``figures`` (n, d) tell how like they are; ``names`` say whose they were.
    """

    profile: NDArray[np.int64]
    profiles: list[str]
    intervention: NDArray[np.int64]
    interventions: list[str]
    saved: NDArray[np.bool_]
    figures: Floats
    names: list[str]


@dataclass(frozen=True)
class Cell:
    """One intervention in one profile: ``raw`` with standard ``error``, and pooled with bounds; ``helps`` is
    the chance that it is above 0.
    """

    profile: str
    intervention: str
    tried: int
    saved: int
    alone: int
    alone_saved: int
    raw: float
    error: float
    effect: float
    low: float
    high: float
    helps: float


def what_saves(
    frame: Any, *, intervention: str, saved: str, profile: str = "", features: tuple[str, ...] = (),
    unit: str = "", control: str = LEFT_ALONE, by_chance: bool = False, at_risk: Any = None,
    level: float = 0.95,
) -> Answer:  # fmt: skip
    """Effects by profile from a frame of past episodes, and advice for the rows of ``at_risk`` (a frame with
    the same ``profile``, ``features`` and ``unit`` columns). Tables: `effects`, `interventions`, `advice`.
    Raises QuestionError.
    """
    question = WhatSaves(
        intervention=intervention, saved=saved, profile=profile, features=tuple(features), unit=unit,
        control=control, by_chance=by_chance, level=level,
    )  # fmt: skip
    table = table_of(frame)
    ended = numbers(table, saved)
    known = np.isfinite(ended)
    done, interventions = codes(table, intervention)
    if control not in interventions:
        raise QuestionError(
            f"Nobody was {control!r}", where="control", fix=f"there are {', '.join(interventions)}"
        )
    kinds, profiles, cuts = profiles_of(table, profile)
    known &= (done >= 0) & (kinds >= 0)
    figures = encoded(table, features)[0]
    names = names_of(table, unit)
    episodes = Episodes(
        kinds[known], profiles, done[known], interventions, ended[known] > 0, figures[known],
        [name for name, there in zip(names, known, strict=True) if there],
    )  # fmt: skip
    asked: list[tuple[str, str, Floats]] = []
    if at_risk is not None:
        other = table_of(at_risk)
        places = placed(other, profile, profiles, cuts)
        like = encoded(other, features)[0] if len(features) else np.zeros((other.num_rows, 0))
        asked = [(n, p, f) for n, p, f in zip(names_of(other, unit), places, like, strict=True)]
    return told(question, episodes, asked, control=control, by_chance=by_chance, level=level)


def told(
    question: Question, episodes: Episodes, asked: list[tuple[str, str, Floats]], *,
    control: str = LEFT_ALONE, by_chance: bool = False, level: float = 0.95,
) -> Answer:  # fmt: skip
    """The answer for episodes that are arrays; ``asked`` are (name, profile, figures) of accounts at risk."""
    found, commons = cells(episodes, control, level)
    caveats = [] if by_chance else [Doubt(Caveat.NOT_CAUSAL, "Whoever chose saw more than stands here.")]
    if len(found) > 1:
        caveats.append(Doubt(Caveat.MULTIPLE_TESTS, f"{len(found)} effects, drawn towards each other."))
    rows = [_row(one) for one in sorted(found, key=lambda c: (c.profile, -c.effect))]
    shown = [
        {"intervention": name, "effect": one.common, "spread": one.common_spread, "between": one.between}
        for name, one in commons.items()
    ]
    return Answer(
        question=question, sentence=_sentence(found, len(episodes.saved)), caveats=tuple(caveats),
        estimates=tuple(
            Estimate(f"{c.intervention}:{c.profile}", c.effect, c.low, c.high, c.tried + c.alone, level)
            for c in found
        ),
        tables={
            "effects": as_table(rows), "interventions": as_table(shown),
            "advice": as_table([_advised(found, episodes, *one) for one in asked], _ADVICE),
        },
    )  # fmt: skip


def cells(episodes: Episodes, control: str, level: float) -> tuple[list[Cell], dict[str, Pooled]]:
    """Every intervention in every profile it was tried in or that has somebody left alone, and what each
    intervention's profiles have in common. Shares are smoothed by one case of each kind (Agresti and Caffo,
    American Statistician 2000), so that three of three is not certainty.
    """
    alone = episodes.interventions.index(control)
    kinds = range(len(episodes.profiles))
    found: list[Cell] = []
    commons: dict[str, Pooled] = {}
    for number, name in enumerate(episodes.interventions):
        if number == alone:
            continue
        counts = [(*_counts(episodes, kind, number), *_counts(episodes, kind, alone)) for kind in kinds]
        raws, errors = zip(*(_difference(*each) for each in counts), strict=True)
        one = pooled(np.array(raws), np.array(errors), reach=REACH, between=BETWEEN, level=level)
        commons[name] = one
        for kind, (tried, saved, left, left_saved) in zip(kinds, counts, strict=True):
            found.append(Cell(
                episodes.profiles[kind], name, tried, saved, left, left_saved, raws[kind], errors[kind],
                float(one.mean[kind]), float(one.low[kind]), float(one.high[kind]), float(one.positive[kind]),
            ))  # fmt: skip
    return found, commons


def recommended(found: list[Cell], profile: str) -> Cell | None:
    """The intervention for a profile: the largest effect among those that are nearly sure to help; None where
    none is, and leaving alone is as good as anything that is known.
    """
    here = [one for one in found if one.profile == profile and one.helps >= SURE]
    return max(here, key=lambda one: one.effect, default=None)


def _counts(episodes: Episodes, profile: int, intervention: int) -> tuple[int, int]:
    mine = (episodes.profile == profile) & (episodes.intervention == intervention)
    return int(mine.sum()), int(episodes.saved[mine].sum())


def _difference(tried: int, saved: int, alone: int, alone_saved: int) -> tuple[float, float]:
    """(difference of shares, its standard error), infinite where one side was never seen."""
    if not tried or not alone:
        return 0.0, float("inf")
    p, q = (saved + 1) / (tried + 2), (alone_saved + 1) / (alone + 2)
    return p - q, float(np.sqrt(p * (1 - p) / (tried + 2) + q * (1 - q) / (alone + 2)))


_ADVICE: Final = {
    "account": "text", "profile": "text", "recommended": "text", "effect": "number", "low": "number",
    "high": "number", "helps": "number", "why": "text", "similar_saved": "text",
}  # fmt: skip


def _advised(
    found: list[Cell], episodes: Episodes, name: str, profile: str, figures: Floats
) -> dict[str, Any]:
    best = recommended(found, profile)
    done = [episodes.interventions[one] for one in episodes.intervention]
    like = advise(figures, episodes.figures, done, episodes.saved) if len(figures) else Advice((), ())
    if best is None:
        why = f"Nothing that was tried helps {profile} beyond doubt"
        row: dict[str, Any] = {"recommended": "", "effect": None, "low": None, "high": None, "helps": None}
    else:
        why = (
            f"{best.intervention} saved {best.saved} of {best.tried} with {profile}, {best.alone_saved} of "
            f"{best.alone} were saved left alone; with what it did elsewhere {best.effect:+.0%} "
            f"({best.low:+.0%} to {best.high:+.0%})"
        )
        row = {
            "recommended": best.intervention, "effect": best.effect, "low": best.low, "high": best.high,
            "helps": best.helps,
        }  # fmt: skip
    saved = [
        f"{episodes.names[at]} ({done[at]})"
        for at in like.cases
        if episodes.saved[at] and (best is None or done[at] == best.intervention)
    ]
    return {"account": name, "profile": profile, **row, "why": why, "similar_saved": ", ".join(saved[:5])}


def _row(cell: Cell) -> dict[str, Any]:
    known = bool(np.isfinite(cell.error))
    return {
        "profile": cell.profile, "intervention": cell.intervention, "tried": cell.tried,
        "saved": cell.saved, "left_alone": cell.alone, "left_alone_saved": cell.alone_saved,
        "raw": cell.raw if known else None, "raw_error": cell.error if known else None,
        "effect": cell.effect, "low": cell.low, "high": cell.high, "helps": cell.helps,
    }  # fmt: skip


def _sentence(found: list[Cell], n: int) -> str:
    profiles = sorted({one.profile for one in found})
    parts = []
    for profile in profiles:
        best = recommended(found, profile)
        if best is not None:
            parts.append(
                f"{best.intervention} for {profile} ({best.effect:+.0%}, {best.low:+.0%} to {best.high:+.0%})"
            )
    silent = len(profiles) - len(parts)
    if not parts:
        return f"Of {n:,} episodes none shows beyond doubt that anything that was tried saves anybody."
    rest = f"; for {silent} of {len(profiles)} profiles nothing is shown" if silent else ""
    return f"Over {n:,} episodes, more are saved by {'; '.join(parts)}{rest}."
