"""Where the peers' semantics and ours differ on purpose: one row a kind, with the reason.

`outcome` says what the adapter does about it: `translated` (the case is answered, in our terms), or `skipped`
(an expectation that only pins the other rule is reported as skipped with this row's kind).
docs/explain/peer-cases.md shows the same table; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Difference:
    kind: str
    theirs: str
    ours: str
    reason: str
    outcome: Literal["translated", "skipped"]


DIFFERENCES: Final = {
    row.kind: row
    for row in (
        Difference(
            "types",
            'values are compared by their text: 10 equals "10"',
            "values of different types never compare equal",
            "a silent conversion hides a tracking mistake; the translation names each type it accepts",
            "translated",
        ),
        Difference(
            "numeric text",
            "a text that looks like a number is compared as one",
            "numbers are compared as numbers, texts are not",
            "the same; the translated record carries the number beside the text, as an import mapping would",
            "translated",
        ),
        Difference(
            "list places",
            "a path may point at a place in a list (`items[0].sku`)",
            "a path leads through objects only",
            "a place in a list means something else in each event; the translated record names the value",
            "translated",
        ),
        Difference(
            "last event",
            "the newest of the chosen events is tested, whatever it carries",
            "`last` is the newest value there is, so an event without the property is not seen",
            "two `last` signals over the event's number, with and without the test, agree when it passed",
            "translated",
        ),
        Difference(
            "missing is different",
            "`not equals` holds for a missing value",
            "a comparison with a missing value is unknown",
            "absence must be asked for; the translation asks: missing or different",
            "translated",
        ),
        Difference(
            "malformed path",
            "a filter with an unreadable path is dropped and the rest is used",
            "an unreadable path is an error with its place",
            "half a definition answers another question; the translation drops what theirs drops",
            "translated",
        ),
        Difference(
            "null",
            "null is a value and replaces the one before",
            "null, like the empty text, is no value and changes nothing",
            'clients send null for "not known here"; forgetting a fact must be meant',
            "skipped",
        ),
        Difference(
            "bounds",
            "numbers, nesting and identifiers without bounds",
            "numbers beyond 9e12, deep nesting and placeholder ids are refused with a reason",
            "sums stay exact in 64 bits, and `null` or `0` as an id would join strangers",
            "skipped",
        ),
        Difference(
            "edited segments",
            "editing a segment sends its new members into running journeys",
            "editing a segment never enters people unless the author says so",
            "an edit must not send messages by surprise",
            "skipped",
        ),
        Difference(
            "product limits",
            "durations beyond a ceiling (60 m, 24 h, 30 d) are shortened silently",
            "a duration means what it says, up to a stated bound beyond which it is refused",
            "waiting less long than was written is a wrong answer",
            "skipped",
        ),
        Difference(
            "local weekday",
            "a weekday is that of the instant in UTC",
            "a weekday is that of the local calendar, like the time of day beside it",
            "Friday 05:00 in Tokyo is Friday, whatever day it is in London",
            "skipped",
        ),
        Difference(
            "chance",
            "a bucket is drawn by the source's own hash",
            "a split is drawn by our hash, so other people are in it",
            "only the shares are comparable; 0 % and 100 % are answered",
            "skipped",
        ),
    )
}
