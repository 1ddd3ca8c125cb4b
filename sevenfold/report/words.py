"""The words of a report: what is counted, dates, shares, and the plain sentences on top."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sevenfold.playback.summary import LifecycleSummary, Move, ScoreSummary, StageSummary, Summary
from sevenfold.workspace.models import ACCOUNT, PERSON

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def noun(of: str, count: int = 2) -> str:
    """`people`, `account`, `orders`: what subjects of a kind are called, by their number."""
    if of == PERSON:
        return "person" if count == 1 else "people"
    word = {ACCOUNT: "account"}.get(of, of)
    return word if count == 1 else f"{word}s"


def counted(count: int, of: str) -> str:
    """`1,203 people`."""
    return f"{count:,} {noun(of, count)}"


def number(count: int, what: str) -> str:
    """`1 scenario`, `1,203 scenarios`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def label(name: str) -> str:
    """A name of the workspace as people read it: `re_engagement` is `re engagement`."""
    return name.replace("_", " ")


def title(name: str) -> str:
    """The same with a capital."""
    text = label(name)
    return text[:1].upper() + text[1:]


def date_of(ms: int) -> str:
    """`3 Feb 2024` (UTC)."""
    at = _EPOCH + timedelta(milliseconds=ms)
    return f"{at.day} {at:%b %Y}"


def day(number: int) -> date:
    """The date of a day numbered from 1970-01-01."""
    return _EPOCH.date() + timedelta(days=number)


def share(part: float, whole: float) -> str:
    """`41 %`; `<1 %` for what is hardly there, a dash when there is no whole."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    # The space does not break.
    return "<1\u00a0%" if 0 < percent < 1 else f"{percent:.0f}\u00a0%"


def stay(stage: StageSummary) -> str:
    """The median stay, `3.2 days`; where fewer than half have left, more than the longest stay seen."""
    if stage.median_days is not None:
        return span(stage.median_days)
    if not stage.left:
        return "nobody left" if stage.still else "–"
    return f"> {span(stage.longest_days)}"


def span(value: float) -> str:
    """Days as `3.2 days`, `5 h` or `7 min`."""
    if value >= 10:
        return f"{value:,.0f} days"
    if value >= 1:
        return f"{value:.1f} days"
    if value >= 1 / 24:
        return f"{value * 24:.0f} h"
    return f"{value * 24 * 60:.0f} min"


def primary(summary: Summary) -> LifecycleSummary | None:
    """The lifecycle to speak of first: of people, else of whatever most subjects belong to."""
    return max(summary.lifecycles, key=lambda one: (one.of == PERSON, one.subjects), default=None)


def main_score(summary: Summary) -> ScoreSummary | None:
    """The score to speak of first: one with a history, of people, that most are known by."""
    found = [one for one in summary.scores if one.days]
    named = [one for one in found if "health" in one.name and one.of == PERSON]
    return max(named or found, key=lambda one: (one.of == PERSON, sum(one.now[1:])), default=None)


def lead(summary: Summary) -> list[str]:
    """Plain sentences that say what was seen."""
    if summary.first is None or summary.last is None:
        return ["There were no events to replay."]
    subjects = [counted(count, of) for of, count in summary.subjects.items() if count]
    span = f"{date_of(summary.first)} to {date_of(summary.last)}"
    sentences = [f"From {span}, {counted(summary.events, 'event')} tell of {_listed(subjects)}."]
    if (lifecycle := primary(summary)) is not None and lifecycle.subjects:
        sentences += _stages(lifecycle)
    if (score := main_score(summary)) is not None and score.median is not None:
        sentences.append(_score(score))
    return sentences


def _stages(lifecycle: LifecycleSummary) -> list[str]:
    top = sorted(lifecycle.stages, key=lambda stage: -stage.now)[:2]
    now = [f"{share(one.now, lifecycle.subjects)} in {label(one.name)}" for one in top if one.now]
    sentences = [f"At the end {_listed(now)}."]
    if moves := [move for move in lifecycle.moves if move.to is not None]:
        move = moves[0]
        text = f"The most frequent move, from {label(move.from_)} to {label(move.to or '')}, happened"
        times = "once" if move.count == 1 else f"{move.count:,} times"
        sentences.append(f"{text} {times}{_mostly(move)}.")
    return sentences


def _mostly(move: Move) -> str:
    """`, in 62 % of cases set off by ...`, when one cause stands out."""
    causes: dict[str, int] = {}
    for reason in move.reasons:
        causes[reason.cause] = causes.get(reason.cause, 0) + reason.count
    cause, count = max(causes.items(), key=lambda pair: pair[1], default=("", 0))
    if not cause or count < 0.3 * move.count:
        return ""
    return f", {share(count, move.count)} of them set off by {cause}"


def _score(score: ScoreSummary) -> str:
    known = sum(score.now[1:])
    best, worst = score.bands[-1], score.bands[0]
    text = (
        f"{title(score.name)} has a median of {score.median:.0f} of 100 over {counted(known, score.of)}: "
        f"{share(score.now[-1], known)} {label(best)}, {share(score.now[1], known)} {label(worst)}"
    )
    if len(score.days) > 28:
        step = score.days[-1].median - score.days[-29].median
        points = f"{abs(step):.0f} point{'' if round(abs(step)) == 1 else 's'}"
        course = "unchanged" if abs(step) < 0.5 else f"{'up' if step > 0 else 'down'} {points}"
        text += f"; the median is {course} on four weeks before"
    return text + "."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else "nobody"
