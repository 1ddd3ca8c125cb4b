"""The tables of the warehouse: names, columns, types, and what each means. Everything else is made from
this page: the tables of every engine, the rows of the projection, the conformance suite, the reference.

Types: `id` is an unsigned 64-bit integer, the id's 16 hexadecimal digits as a number (an id of another shape
is its digest, as `sevenfold.warehouse.rows.key` makes it); `time` is ms UTC; `money` is in 1e-6 units of
`currency`; `json` is a text. A column may be null where its meaning says "if". A type with a star is a
person's id, which is resolved to whom they are part of after merges.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

ColumnType = Literal["id", "time", "integer", "money", "number", "boolean", "text", "json"]
Key = Literal["position", "number", "time"]


class Column(Struct, frozen=True):
    """A column; `person` says whether it is resolved to the person whom an id is part of after merges."""

    name: str
    type: ColumnType
    meaning: str
    person: bool = False


class Table(Struct, frozen=True):
    """A stored table. Rows come in the order of `key`: a log `position`, the `number` of an effect, or a time
    whose rows come together.
    """

    name: str
    key: Key
    meaning: str
    columns: tuple[Column, ...]

    @property
    def persons(self) -> tuple[str, ...]:
        """The columns that are resolved after merges."""
        return tuple(column.name for column in self.columns if column.person)


class View(Struct, frozen=True):
    """A view over the tables, written once, in DuckDB's SQL."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    sql: str


_EFFECT: Final = """
    number integer the effect's number, from 0 in the order they happened
    time time when it happened
"""
_ABOUT: Final = """
    of text kind of the subject: person, account or an entity's name
    subject id* the person, account or entity it is about
"""
_RUN: Final = """
    journey text the journey (or `send`, or the broadcast)
    run id the run it belongs to, if any
"""
TABLES: list[Table] = []
"""Every stored table."""
VIEWS: list[View] = []
"""Every view."""


def _columns(text: str) -> tuple[Column, ...]:
    found = []
    for line in text.strip().splitlines():
        if line.strip():
            name, kind, meaning = line.split(maxsplit=2)
            found.append(Column(name, kind.rstrip("*"), meaning, kind.endswith("*")))  # type: ignore[arg-type]
    return tuple(found)


def _table(name: str, key: Key, meaning: str, columns: str) -> None:
    TABLES.append(Table(name, key, meaning, _columns(columns)))


def _view(name: str, meaning: str, columns: str, sql: str) -> None:
    VIEWS.append(View(name, meaning, _columns(columns), sql))


_table(
    "events",
    "position",
    "What people did, a row for each event that was taken.",
    """
    position integer place in the log
    time time when it happened, by the corrected clock of whoever sent it
    taken time engine time: when it was taken, never earlier than the row before
    person id* who did it
    account id the account it counts for; 0 for none
    type text track, page, screen, identify, group or alias
    name text the event of a track call, the name of a page or screen; empty for the others
    source text the source it came from
    value money the property `revenue`, else `total`, else `value`, if any
    currency text the property `currency`, if any
    order_id text the property `order_id`, if any
    properties json properties; for identify and group the traits
    context json the context, if any
    """,
)
_table(
    "members",
    "position",
    "Who joined and left accounts, as `group` calls and `Account Removed User` told.",
    """
    position integer place in the log
    time time when it was told
    account id the account
    person id* the person
    change text joined or left
    role text the role, if any was said
    """,
)
_table(
    "subjects",
    "number",
    "People, accounts and entities, when they were first seen.",
    _EFFECT
    + """
    of text kind of the subject: person, account or an entity's name
    subject id its id, for ever
    key text the id by which accounts and entities are known outside; empty for people
    """,
)
_table(
    "identity",
    "number",
    "Merges of people, merges taken back, and people erased.",
    _EFFECT
    + """
    change text merged, unmerged or erased
    subject id the person that stays
    other id the person that becomes, or no longer is, part of it; 0 when erased
    """,
)
_table(
    "decisions",
    "number",
    "Every message decided, held or deferred, and what ghosts would have been sent; each with its reason.",
    _EFFECT
    + _ABOUT
    + """
    person id* whom it is for, if a person
    kind text message, webhook, held, deferred, would_send or would_call
    """
    + _RUN
    + """
    step text the step, if any
    visit integer which visit of the step, if any
    message id the id by which outcomes name it, if it was decided
    template text the template, if any
    version text the template's version, if any
    channel text the channel, if any
    category text the category of consent, if any
    topic text the topic, if any
    intent text the intent, if any
    reason text why it was held or deferred, if it was
    until time until when it is deferred, if it is
    ghost boolean whether it is a ghost's
    transactional boolean whether it is transactional
    data json everything else that was told, if anything
    """,
)
_table(
    "outcomes",
    "number",
    "What became of messages, each thing a row.",
    _EFFECT
    + _ABOUT
    + _RUN
    + """
    step text the step, if any
    message id the message
    outcome text claimed, sent, delivered, opened, clicked, bounced, failed, revoked, released ...
    template text the template, if any
    channel text the channel, if any
    reason text why, if it was said
    machine boolean whether a machine opened or clicked
    """,
)
_table(
    "choices",
    "number",
    "Every choice of a learned step, ghosts' too, with the probabilities it was drawn by.",
    _EFFECT
    + _ABOUT
    + _RUN
    + """
    step text the step
    visit integer which visit of the step
    choice id the id by which its reward names it
    policy text the policy, as `journey/step`
    version integer how often what is known had changed
    model text the version of the trained policy, if one decided
    chosen text what was chosen
    propensity number the probability with which it was chosen, from 0 to 1
    ghost boolean whether it is a ghost's, for whom nothing is done
    level text the level of autonomy: off, suggest or act
    due time when its reward's time is over: without a reward until then there is none
    context json the values that were looked at, in the engine's own units
    actions json each option: allowed, or why it was refused
    propensities json the probability of each option that was allowed, in millionths
    """,
)
_table(
    "rewards",
    "number",
    "Rewards of choices, at most one of each.",
    _EFFECT
    + _ABOUT
    + """
    journey text the journey
    choice id the choice
    policy text its policy
    after integer ms since it was made
    """,
)
_table(
    "autonomy",
    "number",
    "What choices learned, and how they moved: learned, moved, suggested, accepted, refused, halted.",
    _EFFECT
    + """
    journey text the journey
    change text learned, moved, suggestion, suggestion_accepted, suggestion_refused, halted ...
    policy text the policy, if one
    by text who said so, if somebody did
    because text why, if it was said
    data json everything else that was told
    """,
)
_table(
    "transitions",
    "number",
    "Stages entered and left, with the rule.",
    _EFFECT
    + _ABOUT
    + """
    lifecycle text the lifecycle
    from_stage text the stage before; empty at first
    to_stage text the stage after
    rule text the rule that decided, if any
    cause text what set it off: the kind of operation, if known
    cause_name text its name, if any
    atoms json the conditions with the values seen, if any
    """,
)
_table(
    "segment_changes",
    "number",
    "Segments entered and left.",
    _EFFECT
    + _ABOUT
    + """
    segment text the segment
    entered boolean true when entered, false when left
    """,
)
_table(
    "bands",
    "number",
    "Bands, jumps and velocity of scores, when they change.",
    _EFFECT
    + _ABOUT
    + """
    score text the score
    change text band, jump or velocity
    from_band text what it was, if any
    to_band text what it is now, if any
    value number the score in points, if known
    before number before a jump, if one
    after number after a jump, if one
    """,
)
_table(
    "scores",
    "time",
    "Scores at the close of a day, where they differ from the close before; days between repeat it.",
    """
    number integer the number of the effect that comes next
    time time when the day closed, in the workspace's zone
    """
    + _ABOUT
    + """
    score text the score
    value number points, if known
    band text the band
    velocity text up, flat or down, if known
    """,
)
_table(
    "run_starts",
    "number",
    "Runs of journeys, when they begin.",
    _EFFECT
    + _ABOUT
    + _RUN
    + """
    version integer the journey's version
    trigger text what began it, if said
    key text the entity key, if any
    ghost text why it walks as a ghost (universal, programme, journey, shadow); empty when it does not
    """,
)
_table(
    "run_ends",
    "number",
    "Runs of journeys, when they end.",
    _EFFECT
    + _ABOUT
    + _RUN
    + """
    step text where it was, if anywhere
    reason text why it ended
    after integer how long it lasted, ms, if told
    """,
)
_table(
    "refusals",
    "number",
    "Entries into journeys that were refused.",
    _EFFECT
    + _ABOUT
    + """
    journey text the journey
    reason text why
    """,
)
_table(
    "steps",
    "number",
    "Steps that runs took, each visit, and the waits they began.",
    _EFFECT
    + _ABOUT
    + _RUN
    + """
    step text the step
    visit integer which visit of it
    change text step or wait
    outcome text the way out, if told
    until time until when it waits, if it does
    waited integer how long it has waited, ms, if it has
    """,
)
_table(
    "goals",
    "number",
    "Goals that runs reached.",
    _EFFECT
    + _ABOUT
    + _RUN
    + """
    step text where it was, if anywhere
    goal text the goal
    value number its value, if any
    after integer how long after the run began, ms
    ghost boolean whether a ghost reached it
    """,
)
_table(
    "task_changes",
    "number",
    "Tasks for people: what happened to each.",
    _EFFECT
    + _ABOUT
    + """
    kind text the kind of task
    task id the task, if it was opened
    run id the run it comes from, if any
    change text opened, would_open, joined, assigned, snoozed, escalated, overdue, closed ...
    reason text why it was opened, if told
    owner text who has it, if anybody
    due time when it is due, if known
    outcome text how it was closed, if it was
    data json everything else that was told, if anything
    """,
)
_table(
    "assignments",
    "number",
    "Who was put into which group, by a holdout, a split or the order of tasks, and with what probability.",
    _EFFECT
    + _ABOUT
    + """
    account id the person's account then (its own for an account); 0 for none
    kind text holdout, split, or order of tasks
    experiment text the journey whose holdout it is, the split's salt, or the kind of task
    """
    + _RUN
    + """
    step text the split's step, or the task's if it has one; empty for a holdout
    arm text the path of a split; treated or control for a holdout; first or later for an order
    level text what held it out: universal, programme or journey; empty otherwise
    probability number the probability of this arm, if known
    """,
)
_table(
    "contaminations",
    "number",
    "People who are one after a merge and were treated differently before.",
    _EFFECT
    + _ABOUT
    + """
    journey text the journey
    experiments text by what they were treated differently, separated by commas
    """,
)
_table(
    "saves",
    "number",
    "Episodes of risk and how they ended.",
    _EFFECT
    + _ABOUT
    + """
    save text the name of the save
    change text at_risk, saved, save_lost, recovered_untouched ...
    episode id the episode
    touch_kind text message or task, if one touched it
    touch_name text the template or kind of task, if one did
    touch id the message or task, if one did
    touched time when it did, if one did
    would_touch boolean whether a ghost's touch came that nobody got
    after integer from the risk to the end, ms, if it ended
    """,
)
_table(
    "offers",
    "number",
    "Codes of offers: given, redeemed, expired, taken back.",
    _EFFECT
    + _ABOUT
    + """
    offer text the pool
    change text given, redeemed, expired, empty ...
    code text the code, if one
    """
    + _RUN
    + """
    cost number what it costs, in the workspace's currency, if known
    """,
)
_table(
    "consents",
    "number",
    "Consent given and withdrawn, addresses suppressed.",
    _EFFECT
    + _ABOUT
    + """
    change text consent, suppressed, unsuppressed or opt_outs
    status text in, out ..., if consent
    channel text the channel, if one is told
    source text what said so, if told
    data json what changed, if anything
    """,
)
_table(
    "happenings",
    "number",
    "Effects that have no table of their own, so that every effect stands in one.",
    _EFFECT
    + _ABOUT
    + """
    kind text the kind of effect
    name text what it is about
    data json what it told, if anything
    """,
)

_view(
    "people",
    "Every person id there ever was, and whom it is part of now.",
    """
    id id the id
    person id whom it is part of now: itself when never merged
    since time when it was first seen
    """,
    """
SELECT s.subject AS id, COALESCE(f.person, s.subject) AS person, s.time AS since
FROM subjects AS s LEFT JOIN forwards AS f ON f.id = s.subject WHERE s.of = 'person'
    """,
)
_view(
    "runs",
    "Runs of journeys, a row each.",
    """
    run id the run
    number integer the number of its first effect
    started time when it began
    """
    + _ABOUT
    + """
    journey text the journey
    version integer the journey's version
    trigger text what began it, if said
    key text the entity key, if any
    ghost text why it walks as a ghost; empty when it does not
    ended time when it ended, if it has
    step text where it ended, if it has
    reason text why it ended, if it has
    """,
    """
SELECT s.run, s.number, s.time AS started, s.of, s.subject, s.journey, s.version, s.trigger, s.key, s.ghost,
    e.time AS ended, e.step, e.reason
FROM run_starts AS s LEFT JOIN run_ends AS e ON e.run = s.run
    """,
)
_view(
    "messages",
    "Messages decided for real, a row each, with what became of them. Machines' opens do not count.",
    """
    message id the message
    number integer the number of its decision
    time time when it was decided
    """
    + _ABOUT
    + """
    person id* whom it is for, if a person
    """
    + _RUN
    + """
    step text the step, if any
    template text the template, if any
    channel text the channel
    category text the category, if any
    transactional boolean whether it is transactional
    sent time when it was sent, if it was
    delivered time when it was delivered, if told
    opened time when it was first opened or shown, if it was
    clicked time when it was first clicked, if it was
    bounced time when it bounced, if it did
    failed time when it failed, expired or was taken back, if it was
    """,
    """
SELECT d.message, d.number, d.time, d.of, d.subject, d.person, d.journey, d.run, d.step, d.template,
    d.channel, d.category, d.transactional, o.sent, o.delivered, o.opened, o.clicked, o.bounced, o.failed
FROM decisions AS d LEFT JOIN (
    SELECT message,
        MIN(CASE WHEN outcome = 'sent' THEN time END) AS sent,
        MIN(CASE WHEN outcome = 'delivered' THEN time END) AS delivered,
        MIN(CASE WHEN outcome IN ('opened', 'shown') AND NOT machine THEN time END) AS opened,
        MIN(CASE WHEN outcome = 'clicked' AND NOT machine THEN time END) AS clicked,
        MIN(CASE WHEN outcome = 'bounced' THEN time END) AS bounced,
        MIN(CASE WHEN outcome IN ('failed', 'expired', 'revoked', 'cancelled', 'render_error') THEN time END)
            AS failed
    FROM outcomes GROUP BY message
) AS o ON o.message = d.message
WHERE d.kind = 'message'
    """,
)
_view(
    "tasks",
    "Tasks, a row each.",
    """
    task id the task, if it was opened
    number integer the number of its first effect
    opened time when it was opened
    """
    + _ABOUT
    + """
    kind text the kind of task
    reason text why
    ghost boolean whether it is a ghost's, which nobody saw
    due time when it was due at first, if told
    overdue time when it became overdue, if it did
    closed time when it was closed, if it was
    outcome text how it was closed, if it was
    """,
    """
SELECT t.task, t.number, t.time AS opened, t.of, t.subject, t.kind, t.reason,
    t.change = 'would_open' AS ghost, t.due, c.overdue AS overdue, c.closed AS closed, c.outcome AS outcome
FROM task_changes AS t LEFT JOIN (
    SELECT task,
        MIN(CASE WHEN change = 'overdue' THEN time END) AS overdue,
        MIN(CASE WHEN change = 'closed' THEN time END) AS closed,
        MAX(CASE WHEN change = 'closed' THEN outcome END) AS outcome
    FROM task_changes WHERE change IN ('overdue', 'closed') GROUP BY task
) AS c ON c.task = t.task
WHERE t.change IN ('opened', 'would_open')
    """,
)
_view(
    "orders",
    "Orders, a row each: track calls `Order Completed`, the first of each order id.",
    """
    order_id text the order, if it has an id
    position integer place in the log
    time time when it was completed
    person id* who ordered
    account id the account; 0 for none
    value money what it came to, if said
    currency text the currency, if said
    properties json everything told
    """,
    """
SELECT order_id, position, time, person, account, value, currency, properties FROM (
    SELECT order_id, position, time, person, account, value, currency, properties,
        ROW_NUMBER() OVER (PARTITION BY COALESCE(order_id, CAST(position AS TEXT)) ORDER BY position) AS place
    FROM events WHERE type = 'track' AND name = 'Order Completed'
) AS o WHERE place = 1
    """,
)

BY_NAME: Final[dict[str, Table]] = {table.name: table for table in TABLES}
FORWARDS: Final = "forwards"
"""The small table (id, person) of people who are part of somebody else now; `people` and the resolved columns
use it.
"""


def stored_name(table: Table) -> str:
    """Where a table's rows are stored. Under its own name stands a view in which persons are resolved."""
    return f"stored_{table.name}"
