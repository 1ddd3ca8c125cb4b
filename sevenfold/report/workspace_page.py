"""A workspace as a page to read: what it is for, the events it needs, each stage and journey with a picture.

`python -m sevenfold.report.workspace_page` writes docs/packs/ from the packs.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from sevenfold.journeys.plan import Journey
from sevenfold.report.pictures import journey_picture, lifecycle_picture, said, trigger_words
from sevenfold.setup.needs import needs
from sevenfold.workspace import models
from sevenfold.workspace.loading import load
from sevenfold.workspace.packs import pack_names, pack_path
from sevenfold.workspace.phases import standings

_NOTE = "<!-- Written by `python -m sevenfold.report.workspace_page`; edit the pack. -->"
_SHOWN = 4


def page(workspace: models.Workspace, story: str | None = None) -> str:
    """The page in Markdown. ``story`` is the address of a page about the same, written by hand."""
    parts = [
        f"# {workspace.title or workspace.name}",
        workspace.description,
        f"The story, and how to adapt it: [{Path(story).stem}]({story})." if story else "",
        *_phases(workspace),
        *_events(workspace),
        *_lifecycles(workspace),
        *_scores(workspace),
        *_journeys(workspace),
        *_people(workspace),
        *_consent(workspace),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _phases(workspace: models.Workspace) -> Iterator[str]:
    if workspace.phases:
        yield "## The set-up's calendar"
        yield _table(
            ("phase", "when", "journeys that go live", "done when"),
            [
                (one.phase.title, one.when, ", ".join(map(_words, one.phase.journeys)), one.phase.goal)
                for one in standings(workspace)
            ],
        )


def _events(workspace: models.Workspace) -> Iterator[str]:
    wanted = needs(workspace)
    if not wanted:
        return
    yield "## The events it listens to"
    yield (
        "None is obligatory: what does not come is unknown, or has not happened. `sevenfold init --events` "
        "says which stages yours cover."
    )
    rows = []
    for need in wanted.values():
        kinds = Counter(user.partition(".")[0] for user in need.users)
        used = ", ".join(
            f"{count} {kind if count > 1 else kind.removesuffix('s')}" for kind, count in kinds.items()
        )
        rows.append((f"`{need.name}`", ", ".join(f"`{one}`" for one in sorted(need.properties)), used))
    yield _table(("event", "properties read by signals", "listened to by"), rows)


def _lifecycles(workspace: models.Workspace) -> Iterator[str]:
    for name, lifecycle in workspace.lifecycles.items():
        yield f"## Stages: {_words(name)}"
        yield lifecycle.description
        yield (
            f"Of each {lifecycle.of}. Solid lines lead in, dotted ones out; a stage may be entered from any "
            "below."
        )
        yield _picture(lifecycle_picture(lifecycle))
        rows = [
            (f"**{_words(stage.name)}**", stage.question, _code(said(stage.enter)), _code(said(stage.exit)))
            for stage in lifecycle.stages
        ]
        yield _table(("stage", "question", "entered when", "left when"), rows)


def _scores(workspace: models.Workspace) -> Iterator[str]:
    for name, score in workspace.scores.items():
        yield f"## Score: {_words(name)}"
        yield score.description
        bands = ", ".join(f"{band.name} from {band.from_:g}" for band in score.bands)
        yield f"Of each {score.of}. Bands: {bands}; unknown below {score.coverage_floor:.0%} of the weight."
        sets = [
            " × ".join(one for one in (given.stage, given.segment, given.tier) if one) or "always"
            for given in score.weights
        ]
        rows = [
            (
                _words(key), _code(measure.signal or said(measure.when)),
                *(f"{given.weights[key]:g}" if key in given.weights else "" for given in score.weights),
            )
            for key, measure in score.measures.items()
        ]  # fmt: skip
        yield _table(("measure", "of", *map(_words, sets)), rows)


def _journeys(workspace: models.Workspace) -> Iterator[str]:
    if workspace.journeys:
        yield "## Journeys"
    for name, journey in workspace.journeys.items():
        yield f"### {journey.title or _words(name)}"
        yield journey.description
        yield _journey_line(name, journey)
        yield _picture(journey_picture(journey))


def _journey_line(name: str, journey: Journey) -> str:
    starts = "; or ".join(map(trigger_words, journey.triggers))
    parts = [f"`{name}`, of each {journey.of}", f"starts on {starts}"]
    if journey.audience is not None:
        parts.append(f"for those with {_code(said(journey.audience))}")
    exits = [said(one.when) if one.when is not None else _listed(one.event) for one in journey.exits]
    if exits:
        parts.append(f"left at once when {', '.join(map(_code, exits))}")
    goals = [
        _words(goal) + (f" within {rule.within}" if rule.within else "")
        for goal, rule in journey.goals.items()
    ]
    if goals:
        parts.append(f"meant for {', '.join(goals)}")
    return "; ".join(parts) + "."


def _people(workspace: models.Workspace) -> Iterator[str]:
    if workspace.tasks:
        yield "## What people are asked to do"
        rows = [(_words(name), kind.title) for name, kind in workspace.tasks.items()]
        yield _table(("task", ""), rows)


def _consent(workspace: models.Workspace) -> Iterator[str]:
    if workspace.consent.categories:
        yield "## What people can refuse"
        rows = []
        for name, category in workspace.consent.categories.items():
            state = "cannot be refused" if category.required else _words(category.default)
            rows.append((category.title or _words(name), state))
        yield _table(("category", "unless they said something"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _picture(text: str) -> str:
    return f"```mermaid\n{text}\n```"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _words(name: str) -> str:
    return name.replace("_", " ")


def _listed(given: str | list[str] | None) -> str:
    return given if isinstance(given, str) else " or ".join(given or ())


def pages() -> dict[str, str]:
    """The page of each pack by name."""
    docs = Path(__file__).parents[2] / "docs"
    found = {}
    for name in pack_names():
        story = f"../explain/pack-{name}.md"
        written = page(load(pack_path(name)), story if (docs / "packs" / story).exists() else None)
        found[name] = f"{_NOTE}\n\n{written}"
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "docs" / "packs"
    folder.mkdir(exist_ok=True)
    for pack, text in pages().items():
        (folder / f"{pack}.md").write_text(text, encoding="utf-8")
