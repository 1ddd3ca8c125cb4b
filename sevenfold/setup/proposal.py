"""What a set-up would be: names matched, stages covered, phases with what they still lack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SevenfoldError
from ..workspace import models
from ..workspace.phases import Standing, standings
from ..workspace.problems import likely
from .coverage import Coverage, JourneyCoverage, ScoreCoverage, StageCoverage
from .matching import Match, match
from .needs import Need, needs
from .sample import Sample


class SetupError(SevenfoldError):
    """What was asked of the set-up cannot be done."""

    code = "setup_refused"


@dataclass(frozen=True, slots=True)
class PhaseState:
    """A phase of the calendar: whether it is ``live`` from the start, and the events it needs that do not
    arrive yet.
    """

    name: str
    title: str
    when: str
    live: bool
    missing: tuple[str, ...]
    cannot_start: tuple[str, ...]
    """Its journeys that nothing could start."""


@dataclass(frozen=True)
class Proposal:
    """A set-up before it is written. ``names`` are the pack's events and what they are called in yours;
    ``uncertain`` are matches that were not taken; ``missing`` events that nothing of yours stands for.
    """

    pack: str
    workspace: models.Workspace
    sample: Sample | None
    names: dict[str, list[str]]
    matches: tuple[Match, ...]
    uncertain: tuple[Match, ...]
    missing: tuple[Need, ...]
    unused: tuple[str, ...]
    stages: tuple[StageCoverage, ...]
    scores: tuple[ScoreCoverage, ...]
    journeys: tuple[JourneyCoverage, ...]
    phases: tuple[PhaseState, ...]
    later: tuple[str, ...]
    """The journeys that belong to phases after the one to start with: drafts, until published."""

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        sample = self.sample
        return {
            "pack": self.pack,
            "sample": None if sample is None else {
                "events": sample.total, "names": len(sample.events), "people": len(sample.people),
                "unreadable": sample.unreadable, "more": sample.more,
            },
            "events": self.names,
            "matches": [_match(one) for one in self.matches],
            "uncertain": [_match(one) for one in self.uncertain],
            "missing": [{"event": one.name, "used_by": one.users} for one in self.missing],
            "unused": list(self.unused),
            "stages": [
                {"lifecycle": one.lifecycle, "stage": one.stage, "state": one.state, "missing": one.missing}
                for one in self.stages
            ],
            "scores": [
                {"score": one.score, "stage": one.stage, "share": round(one.share, 4), "floor": one.floor,
                 "missing": one.missing}
                for one in self.scores
            ],
            "journeys": [
                {"journey": one.journey, "can_start": one.can_start, "missing": one.missing}
                for one in self.journeys
            ],
            "phases": [
                {"name": one.name, "title": one.title, "when": one.when, "live": one.live,
                 "missing": one.missing, "cannot_start": one.cannot_start}
                for one in self.phases
            ],
            "drafts": list(self.later),
        }  # fmt: skip


def propose(
    pack: str,
    workspace: models.Workspace,
    sample: Sample | None = None,
    *,
    phase: str | None = None,
    chosen: Mapping[str, Iterable[str]] | None = None,
) -> Proposal:
    """A proposal for a pack's ``workspace``.

    ``sample`` are your events; without one every event is taken to arrive under the pack's own name.
    ``chosen`` are names given by hand, which stand above any match (none at all: it does not arrive under
    another name). ``phase`` is the one to start with: it and those before it go live. Raises ``SetupError``.
    """
    wanted = needs(workspace)
    by_hand = {name: list(given) for name, given in (chosen or {}).items()}
    for name in by_hand:
        if name not in wanted:
            fix = likely(name, sorted(wanted)) or "`--json` lists what the pack listens to"
            raise SetupError(f"`{pack}` listens to no event `{name}`", fix=fix)
    matches = [one for one in match(wanted, sample) if one.wanted not in by_hand] if sample else []
    taken = {one for given in by_hand.values() for one in given}
    sure = [one for one in matches if one.sure and one.given not in taken]
    names = {one.wanted: [one.given] for one in sure} | {
        name: given for name, given in by_hand.items() if given
    }
    arriving = set(wanted) if sample is None else {name for name in wanted if name in sample.events}
    present = arriving | set(names)
    traits = None if sample is None else {*sample.traits, *sample.account_traits}
    covered = Coverage(workspace, present, traits)
    journeys = tuple(covered.journeys())
    states, later = _phases(workspace, phase, present, journeys)
    used = {*taken, *(one.given for one in sure), *wanted}
    return Proposal(
        pack=pack, workspace=workspace, sample=sample, names=names, matches=tuple(sure),
        uncertain=tuple(one for one in matches if one not in sure),
        missing=tuple(need for name, need in wanted.items() if name not in present),
        unused=tuple(sorted(set(sample.events) - used)) if sample else (),
        stages=tuple(covered.stages()), scores=tuple(covered.scores()), journeys=journeys,
        phases=states, later=later,
    )  # fmt: skip


def _phases(
    workspace: models.Workspace, phase: str | None, present: set[str], journeys: tuple[JourneyCoverage, ...]
) -> tuple[tuple[PhaseState, ...], tuple[str, ...]]:
    found = standings(workspace)
    live = _begun(found, phase)
    stuck = {one.journey for one in journeys if not one.can_start}
    states = tuple(
        PhaseState(
            one.name, one.phase.title, one.when, one.name in live,
            tuple(event for event in one.phase.events if event not in present),
            tuple(name for name in one.phase.journeys if name in stuck),
        )
        for one in found
    )  # fmt: skip
    later = tuple(name for one in found if one.name not in live for name in one.phase.journeys)
    return states, later


def _begun(found: list[Standing], phase: str | None) -> set[str]:
    """The phases up to the one named, by its name or its number from 1; all of them without one."""
    names = [one.name for one in found]
    if phase is None:
        return set(names)
    if phase.isdigit() and 1 <= int(phase) <= len(names):
        return set(names[: int(phase)])
    if phase in names:
        return set(names[: names.index(phase) + 1])
    if not names:
        raise SetupError("this pack has no phases", fix="leave `--phase` out")
    raise SetupError(
        f"there is no phase `{phase}`",
        fix=likely(phase, names) or f"one of {', '.join(names)}, or 1 to {len(names)}",
    )


def _match(one: Match) -> dict[str, Any]:
    return {"event": one.wanted, "yours": one.given, "confidence": round(one.confidence, 3), "why": one.why}
