"""The fold: state and a record in, state and effects out. Deterministic; reads no clock, no disk, no chance.

Order of work is docs/explain/fold.md: everything due before a record fires before it, in exact order; each
operation runs to its fixed point on its own subject; accounts close at ticks.

One object in layers, each a file that knows those before it: `core` (state, and what compiled units ask for),
`memberships` (people in accounts), `merging` (one of two), `compiling` (a workspace becomes functions),
`draining` (what falls due), `arriving` (an event), `usual` (its short way) and `fold` (records). `controls`
holds the control records by name, `reading` shows a subject to people.
"""

from ..events.times import parse_ms

# Control records of journeys register themselves.
from ..journeys import choice_controls as _of_choices  # noqa: F401
from ..journeys import controls as _of_journeys  # noqa: F401
from ..journeys import task_controls as _of_people  # noqa: F401
from ..messages import controls as _of_messages  # noqa: F401
from ..messages import transactional as _of_sends  # noqa: F401
from . import definition as _of_definitions  # noqa: F401
from . import erasure as _of_erasure  # noqa: F401
from . import predictions as _of_predictions  # noqa: F401
from . import restating as _of_the_past  # noqa: F401
from .controls import ControlError
from .fold import Fold
from .usual import Entry

__all__ = ["ControlError", "Entry", "Fold", "parse_ms"]
