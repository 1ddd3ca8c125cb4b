"""What can be wrong with a workspace, said so that its author can put it right: file, line, field, fix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from ..errors import SevenfoldError

Path = tuple[str | int, ...]
"""Where something stands in a workspace: ``("signals", "logins_7d", "where", "all", 0)``."""

CODES = {
    "file_unreadable": "A file or folder is missing, too large, not text, or not valid YAML.",
    "duplicate_key": "A mapping gives the same key twice, or two files define the same object.",
    "alias_refused": "A YAML anchor, alias or merge key that cannot be expanded safely.",
    "too_large": "More nodes, levels, files or rows than the limits allow.",
    "unknown_file": "A YAML file whose name says nothing about what it holds (warning).",
    "unknown_field": "A field that the object does not have.",
    "missing_field": "A field that the object needs.",
    "wrong_type": "A value of another type than the field takes.",
    "wrong_value": "A value of the right type that makes no sense there.",
    "bad_expression": "A condition or formula that cannot be read; the column is in the message.",
    "bad_duration": "A duration that cannot be read, is not positive, is too long, or is not in whole days.",
    "bad_number": "A number that is not finite or is beyond 9e12.",
    "bad_name": "A name that cannot be written in a condition, or that is reserved.",
    "bad_template": "A template that could never be rendered; the line is that of its own text.",
    "literal_secret": "A secret that stands in the workspace, where a reference to it belongs.",
    "no_unsubscribe": "An e-mail that is not transactional, without an unsubscribe link.",
    "bad_catalogue": "A catalogue file or row that does not fit its columns.",
    "unknown_name": "Something is referred to that does not exist.",
    "wrong_subject": "Something of one kind of subject is used by another.",
    "type_mismatch": "An operator or field is given a value of a type it cannot take.",
    "bad_time": "A local time, weekly window, time zone or schedule that cannot be read, or is empty.",
    "endless": "Steps or journeys that follow one another in a circle and need not take any time.",
    "dead_end": "A step of a journey from which nothing leads to its end.",
    "never_ends": "A wait that nothing would end.",
    "never_sent": "A message, or all of them, that would never be sent.",
    "capped": "Messages of one journey that one cap does not allow together (warning).",
    "cycle": "Objects depend on each other in a circle.",
    "extends_unknown": "`extends` names a pack or folder that does not exist, or goes in a circle.",
    "unused": "A signal that nothing uses; an intent, tag or purpose that nothing has (warning).",
    "unreachable": "A stage, rule, weight set, step or path that can never be reached (warning).",
    "never_known": "A condition, score, key or value that can never be known.",
    "always_known": "A question whether something is known that always is (warning).",
}
"""The closed set of codes, each with what it means."""


def likely(word: str, known: Iterable[str]) -> str:
    """``did you mean `x`?`` for the known word nearest to ``word``, or an empty text."""
    known = sorted(set(known))
    folded = {name.casefold(): name for name in known}
    if word.casefold() in folded:
        return f"did you mean `{folded[word.casefold()]}`?"
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


class UnknownNameError(SevenfoldError):
    """A name in a condition or field means nothing where it stands. ``fix`` holds the likely meaning."""

    code = "unknown_name"


class WrongSubjectError(UnknownNameError):
    """The name exists, but belongs to another kind of subject."""

    code = "wrong_subject"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (``error``) or doubtful (``warning``).

    ``file`` is relative to the workspace folder where possible, ``line`` counts from 1 (0: unknown),
    ``field`` is the path of the value in the workspace.
    """

    code: str
    message: str
    field: str = ""
    file: str = ""
    line: int = 0
    suggestion: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        start = ": ".join(part for part in (place, self.field) if part)
        text = f"{start}: {self.message}" if start else self.message
        fix = f" ({self.suggestion})" if self.suggestion else ""
        return f"{text}{fix} [{self.code}]"

    def to_json(self) -> dict[str, str | int]:
        """The problem as a flat JSON object, without what is unknown."""
        shape: dict[str, str | int] = {"code": self.code, "severity": self.severity, "message": self.message}
        for key in ("field", "file", "line", "suggestion"):
            if value := getattr(self, key):
                shape[key] = value
        return shape


class WorkspaceError(SevenfoldError):
    """A workspace cannot be used; ``problems`` lists everything that is wrong, by file and line."""

    code = "workspace_invalid"

    def __init__(self, problems: Sequence[Problem], where: str = "") -> None:
        self.problems = tuple(problems)
        errors = sum(problem.severity == "error" for problem in self.problems)
        super().__init__(f"the workspace has {errors} error{'' if errors == 1 else 's'}", where=where)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])


def dotted(path: Path) -> str:
    """A path as people read it: ``signals.logins_7d.where.all[0]``; odd keys stand in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif "." in part or "[" in part:
            text += f"[{part!r}]"
        else:
            text += f".{part}" if text else part
    return text


class PackError(SevenfoldError):
    """A pack does not exist, or cannot be copied to the folder asked for."""

    code = "pack_refused"
