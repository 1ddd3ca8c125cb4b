"""A proposal as a workspace folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..workspace.exporting import to_yaml
from ..workspace.loading import Loaded, examine
from ..workspace.packs import init
from .proposal import Proposal

_EVENTS = """\
# What your events are called. On the left the name that this workspace uses, on the right the one you send;
# give a list where several stand for the same. Nothing else listens to the names on the left any more, unless
# you list them too.
"""
_PHASES = """\
# The journeys of later phases wait as drafts. Take a line out (or publish the journey on the server) when its
# phase begins; `sevenfold check` shows which phase is live.
"""


def write(proposal: Proposal, folder: Path | str, only: Sequence[str] = ()) -> tuple[list[Path], Loaded]:
    """Writes the pack (or ``only`` some of its use cases), the names of your events and the journeys that
    wait into a new folder; the files, and what was found when the folder was loaded. Raises ``PackError`` for
    a folder that cannot be written.
    """
    target = Path(folder)
    files = init(proposal.pack, target, only)
    if proposal.names:
        names = {wanted: given[0] if len(given) == 1 else given for wanted, given in proposal.names.items()}
        files.append(_put(target / "events.yaml", _EVENTS + to_yaml(names)))
    if proposal.later:
        states = {f"journeys.{name}.state": "draft" for name in proposal.later}
        files.append(_put(target / "overrides" / "phases.yaml", _PHASES + to_yaml(states)))
    return sorted(files), examine(target)


def _put(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
