"""The reference fold: docs/explain/fold.md in dictionaries and loops, slow and meant to be read.

It keeps every entry ever and computes each value from all of them whenever it is asked, and it evaluates
everything about a subject in each operation. Comments beginning with "Choice" mark where the page leaves
something open.
"""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from sevenfold.effects import CREATED, MERGED, RETIRED, Effect
from sevenfold.engine.retiring import idle_ms
from sevenfold.limits import ACCOUNT_TICK_MS
from sevenfold.profiles.expressions import Name
from sevenfold.workspace import models
from sevenfold.workspace.models import ACCOUNT, PERSON, Workspace

from .identity import IdentityTable, dig_traits
from .journeys import RUN_KIND, ReferenceJourneys
from .memory import ChannelState, HeldState
from .nodes import Evaluator, close_scores, milli
from .signals import Seen, TrendState, dig
from .subject import Membership, Subject, clock_thresholds
from .values import ACCOUNT_TICK, DAY, DAY_CLOSE, RECORD, TIMER, Clock, Cursor, parse, shown, truth

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PERSON_KIND, ACCOUNT_KIND = 0, 1
HOUR = 3_600_000
RETIREMENT = 1 << 20
"""The place of the timer by which visitors are retired: after all signals."""


class ReferenceFold:
    """Give it ``event``, ``control``, ``tick`` in order of engine time; read ``effects``, ``profiles()``."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.effects: list[Effect] = []
        self.seq = 0
        self.now: Cursor = (0, RECORD)
        self.kinds = [PERSON, ACCOUNT, *workspace.entities]
        self.rows: dict[str, list[Subject]] = {of: [] for of in self.kinds}
        self.gone: set[Subject] = set()
        self.keys: dict[tuple[str, str], Subject] = {}
        self.evaluator = Evaluator(workspace, self._emit)
        self.identity = IdentityTable(workspace.identity, lambda: self._create(PERSON), self._merge)
        self.due: list[Cursor] = []
        self.scheduled: set[Cursor] = set()
        self.first_event: int | None = None
        self.into: dict[Subject, Subject] = {}
        self.owner: dict[Subject, Subject] = {}
        """Whose an entity is."""
        self.free: list[int] = []
        """Rows of people who were retired."""
        self.idle = idle_ms(workspace)
        self.journeys = ReferenceJourneys(self)

    # -------------------------------------------------------------------------------------- the input

    def event(self, t: int, event: dict[str, Any]) -> None:
        """Handles one event at engine time ``t``; its own time stands under ``time`` (ms)."""
        self.tick(t)
        self.seq += 1
        self.now = (t, RECORD)
        if self.first_event is None:
            self._start_days(t)
        person = self.identity.resolve(event, t)
        te = min(event["time"], t)
        person.last = t
        if self.idle and person.born == self.seq and self._unknown(person):
            self._schedule((self._leaves(person), TIMER, PERSON_KIND, person.row, RETIREMENT))
        account = self._account_of(event, person)
        entities = self._entities_of(event, person)
        self._set_traits(event, te, person, account)
        seen = self._seen(event, te)
        if event["type"] in ("identify", "group"):
            self._answer_survey(person, event, te)
        if seen is not None:
            if all(self.workspace.entities[e.of].person for e in entities):
                person.see(seen, self.now)
            for subject in ([account] if account is not None else []) + entities:
                subject.see(seen, self.now)
        if account is not None:
            self._touch(account)
        for subject in [person, *entities]:
            self._settle(subject)
        if account is not None:
            self._schedule_signals(account)
        for subject in [person, *entities]:
            self.journeys.part(subject, seen)

    def control(self, t: int, record: dict[str, Any]) -> None:
        """Handles a control record. ``{"kind": "list", "segment": S, "subject": id, "member": bool}`` puts a
        subject on a manual segment's list or takes it off; others take their number and do nothing."""
        self.tick(t)
        self.seq += 1
        self.now = (t, RECORD)
        if record.get("kind") == "list":
            segment = record["segment"]
            for subject in self._alive(self.workspace.segments[segment].of):
                if subject.id == record["subject"]:
                    (subject.manual.add if record["member"] else subject.manual.discard)(segment)
                    self._settle(subject)
                    self.journeys.part(subject)
        if record.get("op") == "prediction_scores":
            self._foretell(record)
        elif "op" in record and record["op"] != "prediction_model":
            self.journeys.control(record)

    def _foretell(self, record: dict[str, Any]) -> None:
        """Values of subjects, one after the other; accounts wait for their tick, and journeys hear of people
        when all have come to rest. Who is not in the population, or has a value that was foretold later,
        keeps what they have.
        """
        name, as_of = record["prediction"], record["as_of"]
        of = self.workspace.predictions[name].of
        ids = {subject.id: subject for subject in self.rows[of]} | {s.id: s for s in self.into}
        told = []
        for ident, value in zip(record["subjects"], record["values"], strict=True):
            subject = ids.get(ident)
            if subject is None or (subject := self._now(subject)) in self.gone:
                continue
            held = subject.predictions[name]
            everybody = self.workspace.predictions[name].population is None
            if not (everybody or held.asked) or held.as_of > as_of:
                continue
            held.value, held.as_of = value, 0 if value is None else as_of
            if of == ACCOUNT:
                self._schedule_signals(subject)
                self._touch(subject)
                continue
            self._settle(subject)
            self.journeys.note(subject)
            told.append(subject)
        for subject in sorted(set(told), key=lambda one: one.row):
            self.journeys.part(subject)

    def tick(self, t: int) -> None:
        """Handles all that is due at or before ``t``, in the order of the keys."""
        while self.due and self.due[0][0] <= t:
            self.now = heapq.heappop(self.due)
            self.scheduled.discard(self.now)
            self._operation(*self.now)
        self.now = max(self.now, (t, RECORD))

    # ------------------------------------------------------------------------------------- the output

    def subjects(self, of: str) -> dict[str, dict[str, Any]]:
        """Every subject of a kind by id; see ``Subject.shape``."""
        return {s.id: s.shape(self.now) for s in self._alive(of)}

    def profiles(self) -> dict[str, dict[str, Any]]:
        return self.subjects(PERSON)

    def accounts(self) -> dict[str, dict[str, Any]]:
        return self.subjects(ACCOUNT)

    def entities(self, of: str) -> dict[str, dict[str, Any]]:
        return self.subjects(of)

    # ---------------------------------------------------------------------------------- one operation

    def _operation(self, due: int, what: int, kind: int, row: int, index: int) -> None:
        if kind == RUN_KIND:
            self.journeys.fire(due, row)
            return
        subject = self.rows[self.kinds[kind]][row - 1]
        if subject in self.gone:
            return
        if index == RETIREMENT:
            self._retire(subject, due)
            return
        if what == DAY_CLOSE:
            self._close_day(subject, due)
        elif what == ACCOUNT_TICK:
            self._account_tick(subject)
        else:
            self._settle(subject)
            self.journeys.part(subject)

    def _leaves(self, person: Subject) -> int:
        """When a visitor is retired to whom nothing happens any more."""
        return (person.last // HOUR + 1) * HOUR + self.idle

    def _retire(self, person: Subject, due: int) -> None:
        """A visitor who has been away for long is nobody any more."""
        if not self._unknown(person):
            return
        again = self._leaves(person)
        if again <= due and self._stays(person):
            again = (due // DAY + 1) * DAY
        if again > due:
            self._schedule((again, TIMER, PERSON_KIND, person.row, RETIREMENT))
            return
        self._emit(RETIRED, person, "", {})
        for account in person.accounts:
            self._touch(account)
        self.gone.add(person)
        self.identity.forget(person)
        losers = [one.row for one in self.into if self._now(one) is person]
        self.free += [*sorted(losers), person.row]

    def _unknown(self, person: Subject) -> bool:
        return all(kind == "anonymous_id" for kind, _ in person.linked)

    def _stays(self, person: Subject) -> bool:
        owns = any(self._now(owner) is person for owner in self.owner.values())
        return owns or bool(person.manual) or bool(self.journeys.of_subject(person))

    def _now(self, person: Subject) -> Subject:
        while person in self.into:
            person = self.into[person]
        return person

    def _settle(self, subject: Subject) -> None:
        """Evaluates a subject to its fixed point, tells its accounts, and notes what will fall due."""
        self.evaluator.evaluate(subject, self.now, self.seq)
        self._schedule_signals(subject)
        if subject.of == ACCOUNT and self.now[1] != ACCOUNT_TICK and self._news(subject):
            # Choice: an account's own expiry, timer or day close is evaluated at once; members see it later.
            self._touch(subject)
        contribution = {a.id: self._contribution(subject, a) for a in subject.accounts}
        if contribution != subject.contribution:
            for account in {*subject.accounts, *self._accounts_left(subject, contribution)}:
                self._touch(account)
        subject.contribution = contribution

    def _accounts_left(self, subject: Subject, contribution: dict[str, Any]) -> list[Subject]:
        before = subject.contribution or {}
        return [a for a in self.rows[ACCOUNT] if a.id in before and a.id not in contribution]

    def _schedule(self, key: Cursor) -> None:
        if key > self.now and key not in self.scheduled:
            self.scheduled.add(key)
            heapq.heappush(self.due, key)

    def _schedule_signals(self, subject: Subject) -> None:
        for state in subject.signals.values():
            state.read(self.now)
            for due, what in state.due:
                self._schedule((due, what, *state.place))
            state.due = []

    # --------------------------------------------------------------------------------------- subjects

    def _emit(self, kind: str, subject: Subject, name: str, data: dict[str, Any]) -> None:
        self.effects.append(Effect(self.now[0], kind, subject.of, subject.id, name, data))

    def _alive(self, of: str) -> list[Subject]:
        return [s for s in self.rows[of] if s not in self.gone]

    def _create(self, of: str) -> Subject:
        rows = self.rows[of]
        row = self.free.pop() if of == PERSON and self.free else len(rows) + 1
        subject = Subject(self.workspace, of, self.kinds.index(of), row, self.seq)
        if row > len(rows):
            rows.append(subject)
        else:
            rows[row - 1] = subject
        self._emit(CREATED, subject, "", {})
        if self.first_event is not None:
            self._schedule_days(subject, self.now[0])
        return subject

    def _merge(self, winner: Subject, loser: Subject) -> None:
        """An operation of its own, before the event that caused it."""
        winner.absorb(loser, self.now)
        winner.last = max(winner.last, loser.last)
        self.gone.add(loser)
        self.into[loser] = winner
        self._emit(MERGED, winner, "", {"loser": loser.id})
        self.journeys.merge(winner, loser)
        winner.lifecycle_inputs = {}  # all of the merged person is looked at anew
        for account in loser.accounts:
            self._touch(account)
        self._settle(winner)

    def _account_of(self, event: dict[str, Any], person: Subject) -> Subject | None:
        group = event.get("groupId") if event["type"] == "group" else dig(event, ["context", "groupId"])
        if group in (None, ""):
            account = next(iter(person.accounts)) if len(person.accounts) == 1 else None
        else:
            account = self._known_or_new(ACCOUNT, str(group))
        if account is not None and event["type"] == "group":
            old = person.accounts.get(account)
            role = (event.get("traits") or {}).get("role")
            role = role if isinstance(role, str) and role else (old.role if old else None)
            person.accounts[account] = Membership(old.joined if old else self.seq, role, self.seq)
        if account is not None and event["type"] == "track" and event["event"] == "Account Removed User":
            # Choice: the event still counts for the account it takes the person out of.
            person.accounts.pop(account, None)
        return account

    def _entities_of(self, event: dict[str, Any], person: Subject) -> list[Subject]:
        found = []
        for of, entity in self.workspace.entities.items():
            path = entity.key.split(".")
            value = dig(event, path) if path[0] == "context" else dig(event.get("properties"), path)
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                known = (of, str(value)) in self.keys
                found.append(self._known_or_new(of, str(value)))
                if not known:
                    self.owner[found[-1]] = person
        return found

    def _known_or_new(self, of: str, key: str) -> Subject:
        if (of, key) not in self.keys:
            self.keys[(of, key)] = self._create(of)
        return self.keys[(of, key)]

    def _set_traits(self, event: dict[str, Any], te: int, person: Subject, account: Subject | None) -> None:
        traits = event.get("traits") or {}
        if event["type"] == "identify":
            person.set_traits({**dig_traits(event), **traits}, te, self.seq)
        elif event["type"] == "group" and account is not None:
            account.set_traits(traits, te, self.seq)

    def _answer_survey(self, person: Subject, event: dict[str, Any], te: int) -> None:
        """An identify or group event has no name that a stream could match, but it may answer a survey."""
        for state in person.signals.values():
            if isinstance(state, ChannelState):
                state.see(Seen("", te, self.seq, {}, event.get("context") or {}, event["type"]), self.now)

    def _seen(self, event: dict[str, Any], te: int) -> Seen | None:
        kind = event["type"]
        if kind not in ("track", "page", "screen"):
            return None
        name = event.get("event" if kind == "track" else "name")
        properties, context = event.get("properties") or {}, event.get("context") or {}
        return Seen(str(name or properties.get("name") or ""), te, self.seq, properties, context, kind)

    # --------------------------------------------------------------------------------------- accounts

    def _touch(self, account: Subject) -> None:
        """It closes at the first multiple of the tick after now."""
        at = (self.now[0] // ACCOUNT_TICK_MS + 1) * ACCOUNT_TICK_MS
        self._schedule((at, ACCOUNT_TICK, ACCOUNT_KIND, account.row, 0))

    def _members(self, account: Subject) -> list[Subject]:
        return [p for p in self._alive(PERSON) if account in p.accounts]

    def _rollups(self) -> list[tuple[str, models.Rollup]]:
        return [(n, s) for n, s in self.workspace.signals.items() if isinstance(s, models.Rollup)]

    def _contribution(self, person: Subject, account: Subject) -> Any:
        """All that the account's totals take from a member."""
        rollups = [repr(self._member_value(person, model)) for _, model in self._rollups()]
        scores = {n: s.value for n, s in person.scores.items()}
        return rollups, scores, person.accounts[account].role

    def _member_value(self, person: Subject, model: models.Rollup) -> Any:
        if model.when is not None:
            held = truth(parse(model.when), lambda name: person.fact(name, self.now)) is True
            if not held or model.signal is None:
                return held
        if model.signal is None:
            return True
        name, _, part = model.signal.partition(".")
        if name == "prediction":
            return person.fact(Name((name, part)), self.now)
        return person.signal(name, part, self.now)

    def _account_tick(self, account: Subject) -> None:
        members = self._members(account)
        for name, model in self._rollups():
            state = account.signals[name]
            assert isinstance(state, HeldState)
            state.value = rolled_up(model, [self._member_value(m, model) for m in members])
        for score in self.workspace.scores.values():
            if score.of == ACCOUNT and score.members is not None:
                mean = self._member_score(account, members, score.members)
                account.member_score[score.members.score] = mean
        self._settle(account)
        self._publish(account)
        for member in members:
            self._settle(member)
            self.journeys.part(member)

    def _member_score(
        self, account: Subject, members: list[Subject], model: models.MemberScore
    ) -> int | None:
        """The role-weighted mean over the members who have a value, in 1/1000. A role not listed weighs 1."""
        parts = []
        for member in members:
            value = member.scores[model.score].value
            if value is not None:
                parts.append((milli(model.roles.get(member.accounts[account].role or "", 1.0)), value))
        total = sum(weight for weight, _ in parts)
        return sum(weight * value for weight, value in parts) // total if total else None

    def _publish(self, account: Subject) -> None:
        """Choice: people see an account's facts as of its last closed tick, and none before the first."""
        account.published = self._facts(account)

    def _news(self, account: Subject) -> bool:
        """Whether people would see anything new if the account closed now."""
        thresholds = clock_thresholds(self.workspace)

        def seen(facts: dict[tuple[str, ...], Any]) -> list[Any]:
            return [
                (name, v.base, [v.passed(ms) for ms in thresholds.get(name[0], ())])
                if isinstance(v, Clock)
                else (name, v)
                for name, v in facts.items()
            ]

        return seen(self._facts(account)) != seen(account.published)

    def _facts(self, account: Subject) -> dict[tuple[str, ...], Any]:
        """Every name under ``account.`` and its value now."""
        facts: dict[tuple[str, ...], Any] = {}
        for name, state in account.signals.items():
            for part, value in state.read(self.now).items():
                facts[(name, *part.split(".")) if part else (name,)] = value
        facts |= {("trait", *n.split(".")): account.trait(n) for n in account.traits}
        facts |= {("segment", n): inside for n, inside in account.members.items()}
        facts |= {("stage", n): stage for n, stage in account.stages.items()}
        for name in account.predictions:
            facts[("prediction", name)] = account.fact(Name(("prediction", name)), self.now)
        for name, score in account.scores.items():
            facts[("score", name)] = account.fact(Name(("score", name)), self.now)
            facts[("band", name)] = score.band
            facts[("velocity", name)] = score.velocity
        return facts

    # ------------------------------------------------------------------------------------------- days

    def _start_days(self, t: int) -> None:
        self.first_event = t
        for of in self.kinds:
            for subject in self._alive(of):
                self._schedule_days(subject, t)

    def _schedule_days(self, subject: Subject, t: int) -> None:
        for at in {(t // DAY + 1) * DAY, next_midnight(t, self.workspace.timezone)}:
            if subject.scores or any(isinstance(s, TrendState) for s in subject.signals.values()):
                self._schedule((at, DAY_CLOSE, subject.kind, subject.row, 0))

    def _close_day(self, subject: Subject, midnight: int) -> None:
        if midnight % DAY == 0:
            for state in subject.signals.values():
                if isinstance(state, TrendState):
                    state.close_day(midnight)
        if next_midnight(midnight - 1, self.workspace.timezone) == midnight:
            # Choice: trends are settled first; what the day's values change is evaluated afterwards.
            self._settle(subject)
            day = day_number(midnight, self.workspace.timezone) - 1
            close_scores(self.workspace, subject, day, self._emit)
        self._settle(subject)
        self.journeys.part(subject)
        self._schedule_days(subject, midnight)


def rolled_up(model: models.Rollup, values: list[Any]) -> Any:
    """A roll-up from its members' values."""
    if model.aggregate == "count":
        # Choice: with a signal, the members that know it; with a condition, those for whom it holds.
        return Fraction(sum(v is not None and v is not False for v in values))
    known = [v for v in values if isinstance(v, Fraction)]
    if model.aggregate == "sum":
        return sum(known, Fraction(0))
    if not known:
        return None
    if model.aggregate == "average":
        return shown(Fraction(sum(known)) / len(known))
    return min(known) if model.aggregate == "min" else max(known)


def day_number(t: int, timezone: str) -> int:
    """The days from 1970-01-01 to the date of ``t`` in the zone."""
    local = (EPOCH + timedelta(milliseconds=t)).astimezone(ZoneInfo(timezone))
    return (local.date() - EPOCH.date()).days


def next_midnight(t: int, timezone: str) -> int:
    """The first 00:00 of the zone after ``t``, in ms UTC."""
    zone = ZoneInfo(timezone)
    day = (EPOCH + timedelta(milliseconds=t)).astimezone(zone).date()
    while True:
        start = datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)
        at = (start - EPOCH) // timedelta(milliseconds=1)
        if at > t:
            return at
        day += timedelta(days=1)
