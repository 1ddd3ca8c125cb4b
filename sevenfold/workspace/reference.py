"""Writes the reference of workspaces from the models themselves: ``python -m sevenfold.workspace.reference
[FOLDER]``.

``FOLDER`` (``docs/reference`` by default) receives ``workspace.md`` and a JSON Schema for each kind of file.
A test compares what is committed with what this writes.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec

from ..connectors import model as connected
from ..importers import mapping
from ..journeys import people, plan
from ..journeys.steps import STEP_KINDS, branch, message, split, wait
from ..messages import policy, templates
from ..profiles import expressions
from . import models, names
from .layers import FILES
from .problems import CODES
from .schema import KINDS, field_texts, schema

_CHAPTERS: tuple[tuple[str, str, tuple[type[msgspec.Struct], ...]], ...] = (
    (
        "workspace.yaml",
        "The workspace itself. It may also hold every other section inline.",
        (models.Workspace,),
    ),
    ("entities", "Subjects that are neither person nor account.", (models.Entity,)),
    ("traits", "What people and accounts say about themselves, typed.", (models.Trait,)),
    ("identity", "How events find their person.", (models.Identity, models.IdentifierType)),
    ("acquisition", "The table of acquisition channels, a list.", (models.AcquisitionRule,)),
    ("catalogues", "Tables of the business.", (models.Catalogue,)),
    (
        "signals",
        "What subjects do, measured. `kind` says which of these it is.",
        tuple(get_args(models.Signal)),
    ),
    ("segments", "Who belongs.", (models.Segment,)),
    ("lifecycle", "Where subjects stand.", (models.Lifecycle, models.Stage)),
    (
        "health",
        "How well it goes.",
        (models.Score, models.Measure, models.Weights, models.Band, models.Override, models.MemberScore),
    ),
    (
        "predictions",
        "What is foretold of people and accounts; [how the fold takes it](../explain/predictions.md).",
        (models.Prediction, models.PredictionTarget, models.PredictionFallback),
    ),
    ("channels", "How people are reached.", (models.DeliveryChannel,)),
    (
        "consent",
        "What people agreed to.",
        (policy.Consent, policy.ConsentCategory, policy.CategoryWords, policy.ConsentEvents),
    ),
    (
        "messaging",
        "How all journeys share one person's attention.",
        (
            policy.Messaging,
            policy.Cap,
            policy.QuietHours,
            policy.Topic,
            policy.Conflict,
            policy.Guard,
            policy.Holdout,
        ),
    ),
    (
        "templates",
        "What messages say; [the guide](../guides/templates.md), [the filters](filters.md).",
        (templates.Template, templates.Button, templates.Variable, templates.TextFile),
    ),
    (
        "journeys",
        "What happens next. A trigger's and a step's `kind` says which of these it is.",
        (
            plan.Journey,
            *get_args(plan.Trigger),
            plan.ReEntry,
            plan.ExitRule,
            plan.GoalRule,
            plan.JourneyLimits,
            *(kind.model for kind in STEP_KINDS.values()),
            branch.BranchPath,
            wait.WaitPath,
            wait.WaitDate,
            wait.WaitReset,
            wait.WeeklyWindow,
            split.SplitPath,
            message.Recipients,
        ),
    ),
    ("people", "The people who act.", (people.People,)),
    ("calendars", "Business hours.", (people.Calendar,)),
    ("referrals", "Recommendations; [the guide](../guides/referrals.md).", (policy.Referrals,)),
    ("tasks", "What humans are asked to do.", (people.TaskKind, people.OwnerRule, people.Escalation)),
    ("playbooks", "Ordered checklists.", (people.Playbook, people.PlaybookItem)),
    ("saves", "What counts as a save.", (people.Save,)),
    ("offers", "Pools of codes.", (people.OfferPool,)),
    ("broadcasts", "Messages to many at once.", (people.Broadcast,)),
    ("phases", "The calendar of setting it all up.", (models.Phase,)),
    (
        "touchpoints",
        "Where customers meet us; [the guide](../guides/touchpoints.md).",
        (models.TouchpointStage, models.Touchpoint, models.TouchpointOutcome),
    ),
    (
        "connectors",
        "Services that are connected; [the guide](../guides/connectors.md).",
        (connected.Connector, connected.Part, mapping.Rule, mapping.Value, mapping.Test, connected.Owner),
    ),
)
_INTRO = """\
# Workspace reference

<!-- Written by `python -m sevenfold.workspace.reference`; edit the docstrings in
sevenfold/workspace/models.py. -->

A workspace is a folder of YAML. `workspace.yaml` names it; every other file is a mapping of name to object,
either one file (`signals.yaml`) or a folder of files (`signals/*.yaml`, one level deep). Names are unique in
the whole folder.

{files}

Texts are UTF-8. `on`, `yes`, `no`, dates and numbers with leading zeros stay the texts they look like;
anchors and aliases work, merge keys (`<<`) and tags do not, and a key given twice is an error.

`extends: NAME` puts the workspace on top of a pack, `extends: ./FOLDER` on top of another folder, and
`extends: [A, B]` on several, of which later ones go on top; what two of them stand on is read once. Objects
of the same name replace those beneath, whole; an object that is empty (`old_signal:`) removes the one
beneath; fields that are one object (`messaging`, `consent`, `acquisition` ...) are replaced whole. A file
`catalogues/NAME.csv` replaces the rows of the catalogue `NAME` beneath and keeps its columns.

`overrides.yaml` changes single values of what is beneath, by path; `sevenfold check --origins` shows what
came from where ([guide](../guides/overlays.md)):

```yaml
segments.high_value.when: net_spend >= 500
messaging.caps.a_week.limit: 3
lifecycles.customer.stages[engagement].question: Is a habit forming?
messaging.topics.+gift: {{once_per: 30d}}
journeys.win_back.steps.call:
```

What a path names must be there; `+NAME`, `[+]` (at the end of a list) and `[+0]` (at that place) add what is
not there yet, an empty value removes. Members of a list are named by their `name` or `channel`, weights by
what they hold for (`[adoption]`, `[stage × tier]`, `[always]`), anything by its place from 0.

Editors complete and check the files when their first line names the schema that lies beside this page, for
instance `# yaml-language-server: $schema=PATH/signals.schema.json`.
"""


def page() -> str:
    """The reference page as Markdown."""
    files: dict[str, list[str]] = {}
    for stem, section in FILES.items():
        files.setdefault(section, []).append(f"`{stem}.yaml` or `{stem}/`")
    table = ["| file or folder | holds |", "| --- | --- |"]
    table += [
        f"| {' (also '.join(stems)}{')' * (len(stems) - 1)} | {section} |" for section, stems in files.items()
    ]
    parts = [_INTRO.format(files="\n".join(table)), *_conditions()]
    for title, line, classes in _CHAPTERS:
        parts.append(f"## {title}\n\n{line}\n")
        parts.extend(_object(class_) for class_ in classes)
    parts.append("## What can be wrong\n\n| code | meaning |\n| --- | --- |")
    parts.extend(f"| `{code}` | {meaning} |" for code, meaning in sorted(CODES.items()))
    return "\n".join(parts) + "\n"


def _conditions() -> Iterator[str]:
    yield "## Conditions\n"
    yield "A condition is a text, or a tree of texts under `all`, `any` and `not`.\n"
    yield _prose(expressions.__doc__)
    yield "What a name can be:\n\n| name | means |\n| --- | --- |"
    rows = {
        "SIGNAL, SIGNAL.PART": "a signal of the same subject, or a part of it",
        "trait.X": "a trait declared under `traits`, or a column of a catalogue that belongs to the subject",
        "segment.X": "whether the subject is in the segment",
        "stage.LIFECYCLE": "the name of the stage it is in",
        "score.X, band.X": "a score from 0 to 100, and its band; unknown below the coverage floor",
        "velocity.X": "`up`, `flat` or `down`",
        "account. before these": "the same of the person's account",
        "property.X": "a property of the event, in `where` and in the acquisition table",
        "context.X": "in `where`: a circumstance of the event (below); signals name it as `property`, too",
        "event.X": "in journeys: a property of the event that started the run",
        "person.X": "in journeys of an entity: any of these of its person, where it is asked and not watched",
        "page.X": f"{', '.join(names.PAGE_FIELDS)} of the page, in the acquisition table",
        "campaign.X": "any key of the campaign, in the acquisition table",
    }
    yield "\n".join(f"| `{name}` | {meaning} |" for name, meaning in rows.items()) + "\n"
    yield (
        "Circumstances, which ingest finds out where clients do not say: `context.device.category` (mobile, "
        "tablet, tv, desktop), `.manufacturer` and `.model`; `context.os` and `context.browser`, each with "
        "`.name` and `.version`; `context.location` with `.country`, `.region` and `.city`; "
        "`context.timezone`, `context.locale`, `context.bot`. "
        "Whatever else stands in `context` can be asked, too.\n"
    )


def _prose(docstring: str | None) -> str:
    """A docstring as Markdown: literal blocks fenced, double back-ticks single."""
    text = inspect.cleandoc(docstring or "").replace("``", "`")
    text = re.sub(r":mod:`([^`]+)`", r"`\1`", text)
    blocks: list[str] = []
    for block in text.split("\n\n"):
        if block.startswith("    "):
            blocks.append(f"```text\n{inspect.cleandoc(block)}\n```")
        else:
            blocks.append(block.replace("::", ":") if block.endswith("::") else block)
    return "\n\n".join(blocks) + "\n"


def _object(class_: type[msgspec.Struct]) -> str:
    config = class_.__struct_config__
    title = f"kind: {config.tag}" if config.tag is not None else class_.__name__
    lines = [
        f"### {title}\n",
        _prose(class_.__doc__),
        "| field | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    texts = field_texts()[class_.__name__]
    for field in msgspec.structs.fields(class_):
        name = field.encode_name
        meaning = texts.get(name, _COMMON.get(name, "")).replace("``", "`").replace("|", "\\|")
        lines.append(f"| `{name}` | {_type(field.type)} | {_default(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


_COMMON = {
    "of": "The kind of subject that carries it.",
    "description": "A line for people.",
    "source": "Where the numbers come from, or `our judgement`.",
    "window": "A duration; empty: ever.",
    "where": "A condition on the event's properties.",
    "event": "The name of the events, or several.",
    "property": "The path of the property.",
    "when": "A condition.",
}


def _bare(text: str) -> str:
    return re.sub(r"\bsevenfold(\.\w+)*\.(?=[A-Z])|\btyping\.", "", text)


def _type(type_: Any) -> str:
    text = str(inspect.formatannotation(type_) if not isinstance(type_, type) else type_.__name__)
    text = _bare(text)
    for union, plain in ((models.Signal, "Signal"), (plan.Trigger, "Trigger"), (plan.Step, "Step")):
        text = text.replace(_bare(inspect.formatannotation(union)), plain)
    text = (
        text.replace("Union[", "")
        .replace("ForwardRef('Condition')", "Condition")
        .replace("str | Group", "condition")
    )
    for python, plain in (
        ("str", "text"),
        ("float", "number"),
        ("int", "whole number"),
        ("bool", "true or false"),
    ):
        text = re.sub(rf"\b{python}\b", plain, text)
    text = re.sub(r"Literal\[([^\]]*)\]", lambda match: match[1].replace("'", "").replace(", ", " | "), text)
    text = re.sub(r"\blist\[", "list of [", text)
    return f"`{text.replace(' | None', '')}`".replace("|", "\\|")


def _default(field: Any) -> str:
    if field.required:
        return "required"
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    else:
        value = field.default
    if value is None or value == "":
        return ""
    return f"`{msgspec.json.encode(value).decode()}`"


def write(folder: Path) -> list[Path]:
    """Writes the page and the schemas into ``folder``; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"workspace.md": page()}
    for kind in KINDS:
        text = msgspec.json.format(msgspec.json.encode(schema(kind)), indent=2).decode()
        files[f"{kind}.schema.json"] = f"{text}\n"
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


if __name__ == "__main__":
    default = Path(__file__).parents[2] / "docs" / "reference"
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else default):
        sys.stdout.write(f"{path}\n")
