"""Advice that was accepted: one file of overrides in the workspace, and a record of each change beside it.

`overrides/advised.yaml` holds the values as they stand; `.advice/0001.json` and so on hold what was accepted
when and why, and what stood in the file before, so that the last change can be taken back. Both are text to
be committed with the workspace.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from sevenfold.errors import InputError, SevenfoldError
from sevenfold.learning.weight_advice import Change
from sevenfold.library import load
from sevenfold.workspace.exporting import to_yaml
from sevenfold.workspace.models import Score, Workspace

FILE = Path("overrides") / "advised.yaml"
RECORDS = Path(".advice")
_HEAD = "# Written by `sevenfold advise accept`; `sevenfold advise rollback` takes the last change back.\n"


class Accepted(msgspec.Struct):
    """One record: what was accepted (or the number of the record that was rolled back), and what stood
    before.
    """

    number: int
    at: int
    sentence: str = ""
    changes: list[Change] = []
    rolled_back: int = 0
    before: str = ""
    """The text of `advised.yaml` before; empty when there was none."""


class Advice(msgspec.Struct):
    """A file of advice, as `sevenfold advise weights --to` writes it."""

    score: str
    sentence: str
    changes: list[Change]


def records(folder: Path) -> list[Accepted]:
    """Everything that was accepted or rolled back in a workspace, the oldest first. Raises InputError."""
    found = []
    for path in sorted((folder / RECORDS).glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Accepted))
        except msgspec.DecodeError as error:
            raise InputError(f"It is no record of advice: {error}", where=str(path)) from error
    return found


def accept(folder: Path, advice: Advice, at: int) -> Accepted:
    """Writes the changes into the workspace and records them. ``at`` is ms UTC.

    Raises InputError where nothing is advised, where the workspace is not what the advice was given for, and
    where it would not load with the changes (nothing is changed then).
    """
    if not advice.changes:
        raise InputError("This advises no change", where=advice.score, fix="there is nothing to accept")
    workspace = load(folder)
    for one in advice.changes:
        now = value_of(workspace, advice.score, one.path)
        if now != one.before:
            raise InputError(
                f"`{one.path}` is {now:g} now, and was {one.before:g} when this was advised",
                fix="ask for advice again",
            )
    before = _text(folder)
    told: dict[str, Any] = yaml.safe_load(before) or {} if before else {}
    told |= {one.path: _plain(one.after) for one in advice.changes}
    record = Accepted(_next(folder), at, advice.sentence, advice.changes, before=before)
    _write(folder, _HEAD + to_yaml(told), before)
    return _recorded(folder, record)


def rollback(folder: Path, at: int) -> Accepted:
    """Takes the last accepted change back, as if it had not been. Raises InputError where there is none."""
    held = records(folder)
    gone = {one.rolled_back for one in held}
    last = next((one for one in reversed(held) if one.changes and one.number not in gone), None)
    if last is None:
        raise InputError("Nothing that was accepted is left to take back", where=str(folder))
    before = _text(folder)
    record = Accepted(
        _next(folder), at, f"Taken back: {last.sentence}", rolled_back=last.number, before=before
    )
    _write(folder, last.before, before)
    return _recorded(folder, record)


def value_of(workspace: Workspace, score: str, path: str) -> float:
    """What a path of a change is in a workspace now. Raises InputError for one that is not there."""
    model = workspace.scores.get(score)
    for name, value in _values(score, model) if model is not None else ():
        if name == path:
            return value
    raise InputError(f"There is no `{path}`", where=workspace.name, fix="ask for advice again")


def _values(score: str, model: Score) -> list[tuple[str, float]]:
    found = []
    for one in model.weights:
        parts = [part for part in (one.stage, one.segment, one.tier) if part is not None]
        head = f"scores.{score}.weights[{' × '.join(parts) or 'always'}].weights."
        found += [(head + name, float(weight)) for name, weight in one.weights.items()]
    return found + [(f"scores.{score}.bands[{one.name}].from", float(one.from_)) for one in model.bands]


def _text(folder: Path) -> str:
    path = folder / FILE
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _write(folder: Path, text: str, before: str) -> None:
    """Writes the file (or removes it, when empty), and puts back what stood there if the workspace does not
    load.
    """
    _put(folder, text)
    try:
        load(folder)
    except SevenfoldError:
        _put(folder, before)
        raise


def _put(folder: Path, text: str) -> None:
    path = folder / FILE
    if text:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def _next(folder: Path) -> int:
    return max((one.number for one in records(folder)), default=0) + 1


def _recorded(folder: Path, record: Accepted) -> Accepted:
    (folder / RECORDS).mkdir(exist_ok=True)
    path = folder / RECORDS / f"{record.number:04d}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    return record


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value
