"""A living fold under a changed workspace, without going over the log.

`carry` makes a fold of the new workspace from a living one, `switch` does the same in place. What has the
same name and the same meaning keeps its state. What is new and rests on kept state (a segment, a score, a
stage, a roll-up, a date's clock, a trait's column) is computed for everybody at once, with cause `workspace`;
what needs a past that nobody kept (a count, a memory of values) is pending: it gathers from now on and is
unknown to everybody until a restatement fills it in. What is gone is dropped. docs/explain/fold.md has the
rules.
"""

from .carrying import carry, switch
from .past import past_of, waiting

__all__ = ["carry", "past_of", "switch", "waiting"]
