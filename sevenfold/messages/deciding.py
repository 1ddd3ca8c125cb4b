"""One message step, compiled: its templates as candidates, and the decision when a run comes to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ..journeys.offers import NO_CODE
from ..journeys.serving import MessageNews, announce
from ..journeys.steps.message import DECIDED, WOULD_SEND
from ..learning.bandits import drawn, ends_of, place_of
from ..learning.channel_choice import shares
from ..limits import MESSAGE_RECIPIENTS_ITEMS_MAX
from ..profiles.expressions import parse_duration
from .candidates import candidate
from .cases import Candidate, Case, Verdict
from .choice import preferred
from .gates import judge
from .ledger import Kind, Ledger
from .outcomes import Owed

if TYPE_CHECKING:
    from ..journeys.compiled import StepSite
    from ..journeys.runs import RunView
    from ..journeys.steps.message import Message
    from .desk import Messages

_PACK = msgspec.msgpack.Encoder().encode


class Decision(NamedTuple):
    """What a step decided: an outcome, or when to ask again, and for how many people outcomes are to come."""

    outcome: str
    until: int = 0
    sent: int = 0


class Judged(NamedTuple):
    """What the gates said for one person: of the template that passed, or of the last one tried."""

    case: Case
    verdict: Verdict | None
    tried: list[dict[str, Any]]
    """Templates before it, each with the reason."""
    choice: dict[str, Any] | None = None
    """What a learned channel was chosen among."""

    @property
    def until(self) -> int:
        return 0 if self.verdict is None else self.verdict.until


class StepMessages:
    """The messages of one step of one version of a journey."""

    def __init__(self, desk: Messages, model: Message, site: StepSite) -> None:
        self.desk, self.model = desk, model
        self.journey, self.step = site.journey, site.step
        journey = site.plan.model
        self._suppressed_by = site.asks(journey.suppressed_by) if journey.suppressed_by is not None else None
        self.ttl_ms = parse_duration(model.ttl or journey.ttl)
        self._lease_ms = parse_duration(model.expires) if model.expires is not None else self.ttl_ms
        self._limit = journey.limits.messages
        self.candidates = [candidate(desk, model, site, name) for name in model.templates()]
        self._learns = model.choose == "learned" and len(self.candidates) > 1
        self._explore = round(model.explore * 10_000)
        self._key = f"{site.journey}/{site.step}:channel"
        self._orders = model.choose == "responses" and len(self.candidates) > 1
        self._staged = {id(one): [c for c in one.caps if c.in_stage is not None] for one in self.candidates}
        """Of each candidate the caps for people in certain stages."""
        self._codes: dict[tuple[int, tuple[str, ...]], int] = {}
        self._overlooks: frozenset[str] | None = None
        """Journeys whose messages are not there for this one, once all are compiled."""
        self.awaits = False
        """Whether the run waits for what becomes of the message; set by the step's logic."""

    # ---------------------------------------------------------------------------------------- deciding

    def decide(self, run: RunView) -> Decision:
        """Decides for everybody the step writes to. One who gets it is enough for the step to go on (the
        others' waiting is over); else it waits for the first who may later, else the last reason is the
        outcome.
        """
        rows = self._recipients(run)
        if not rows:
            verdict = Verdict("unreachable", detail={"needs": "recipient"})
            run.tell("held", self.journey, **self._told(run, 0, self.candidates[0], verdict, []))
            return Decision("unreachable")
        found = [self._judge(run, row) for row in rows]
        passed = [one for one in found if one.verdict is None]
        later = 0 if passed else min((one.until for one in found if one.until), default=0)
        for row, one in zip(rows, found, strict=True):
            if one.verdict is not None:
                told = self._told(run, row, one.case.message, one.verdict, one.tried)
                if one.until and later:
                    run.tell("deferred", self.journey, **told, until=one.until)
                else:
                    run.tell("held", self.journey, **told)
        if passed:
            offer = self._offer(run, ghost=all(one.case.ghost for one in passed))
            if offer is None:
                for one in passed:
                    told = self._told(run, one.case.row, one.case.message, Verdict(NO_CODE), one.tried)
                    run.tell("held", self.journey, **told)
                return Decision(NO_CODE)
            for one in passed:
                if one.choice is not None:
                    choices: Any = self.desk.runtime.services["choices"]
                    choices.took(run, choices.policies[self._key], one.choice)
            sent = sum(self._passed(run, one.case, one.tried, offer) for one in passed)
            return Decision(DECIDED if sent else WOULD_SEND, sent=sent)
        if later:
            return Decision("deferred", later)
        assert found[-1].verdict is not None
        return Decision(found[-1].verdict.reason)

    def would(self, run: RunView) -> str:
        """Why nobody would get the message now, "" when somebody would, if only later; decides nothing."""
        rows = self._recipients(run)
        if not rows:
            return "unreachable"
        if self.model.offer is not None:
            offers: Any = self.desk.runtime.services["offers"]
            if offers.pools[self.model.offer].left == 0:
                return NO_CODE
        reasons = []
        for row in rows:
            verdict = self._judge(run, row).verdict
            if verdict is None or verdict.until:
                return ""
            reasons.append(verdict.reason)
        return reasons[-1]

    def _offer(self, run: RunView, *, ghost: bool) -> dict[str, Any] | None:
        """The code that goes with the message; nothing without an offer, None when its pool has run out."""
        if self.model.offer is None:
            return {}
        offers: Any = self.desk.runtime.services["offers"]
        found: dict[str, Any] | None = offers.offered(run, self.model.offer, ghost=ghost)
        return found

    def _recipients(self, run: RunView) -> list[int]:
        if not run.plan.of_account:
            return [run.person] if run.person else []
        fold, to = self.desk.fold, self.model.to
        roles = to.roles if to is not None else []
        most = min(to.max if to is not None else 1, MESSAGE_RECIPIENTS_ITEMS_MAX)
        found = []
        for row in fold.member_rows(run.row):
            for account, role, since in fold.accounts_of(row):
                if account == run.row and (not roles or role in roles):
                    found.append((since, row))
        return [row for _, row in sorted(found)[:most]]

    def _judge(self, run: RunView, row: int) -> Judged:
        """The first template that passes for a person, else the last that does not hand over."""
        tried: list[dict[str, Any]] = []
        order = self._order(row)
        stage_suppressed = self._suppressed_by is not None and self._suppressed_by(run)
        if self._overlooks is None:
            self._overlooks = run.plan.overlooks()
        decided = [
            (kind, ghost)
            for kind, ghost, who in run.decided
            if who == row and kind.journey not in self._overlooks
        ]
        if self._learns:
            return self._chosen(run, row, stage_suppressed, decided)
        for place, message in enumerate(order):
            case = self._case(run, row, message, stage_suppressed, decided)
            verdict = judge(case)
            if verdict is None or not verdict.hands_over or place == len(order) - 1:
                return Judged(case, verdict, tried)
            tried.append({"template": message.template, "reason": verdict.reason})
        raise AssertionError("a message step has a template")

    def _chosen(
        self, run: RunView, row: int, stage_suppressed: bool, decided: list[tuple[Kind, bool]]
    ) -> Judged:
        """One of the channels that the gates let through, by what the person and everybody answered to; if
        none passes, what the gates said of the last.
        """
        choices: Any = self.desk.runtime.services["choices"]
        cases = [self._case(run, row, one, stage_suppressed, decided) for one in self.candidates]
        verdicts = [judge(case) for case in cases]
        tried = [
            {"template": case.message.template, "reason": verdict.reason}
            for case, verdict in zip(cases, verdicts, strict=True)
            if verdict is not None
        ]
        passed = [place for place, verdict in enumerate(verdicts) if verdict is None]
        if not passed:
            # Who may be sent something later waits for it.
            place = next((at for at, one in enumerate(verdicts) if one and one.until), len(cases) - 1)
            return Judged(cases[place], verdicts[place], tried[:place])
        rates = []
        for place in passed:
            channel = cases[place].message.channel
            rates.append(choices.habits.rate_of(channel.name, self.desk.responses.of(row, channel.index)))
        by_share = shares(rates, self._explore)
        at = place_of("channel", run.id, run.step, run.visit)
        case = cases[passed[drawn(ends_of(by_share), at)]]
        names = [cases[place].message.template for place in passed]
        refused = {one["template"]: one["reason"] for one in tried}
        data = {"context": dict(zip((f"rate {name}" for name in names), rates, strict=True)), "place": at}
        data |= {"propensities": dict(zip(names, by_share, strict=True)), "chosen": case.message.template}
        data["actions"] = {one.template: refused.get(one.template, "allowed") for one in self.candidates}
        return Judged(case, None, tried, data)

    def _order(self, row: int) -> Sequence[Candidate]:
        if not self._orders:
            return self.candidates
        channels = [one.channel for one in self.candidates]
        counts = [self.desk.responses.of(row, channel.index) for channel in channels]
        places = preferred([one.kind for one in self.candidates], channels, counts)
        return [self.candidates[place] for place in places]

    def _case(
        self,
        run: RunView,
        row: int,
        message: Candidate,
        stage_suppressed: bool,
        decided: list[tuple[Kind, bool]],
    ) -> Case:
        desk, channel = self.desk, message.channel
        ghost = run.ghost and not message.transactional
        return Case(
            message=message,
            t=run.t,
            deadline=run.since + self.ttl_ms,
            row=row,
            ghost=ghost,
            status=desk.consents.status(row, message.purpose.pair),
            addresses=desk.addresses(row, channel),
            suppressed=lambda address: desk.suppressions.holds(channel, address),
            stage_suppressed=stage_suppressed,
            unit_id=run.unit_id() if message.holdout else "",
            off=channel.name in desk.channels.off,
            decided=decided,
            ledgers=self._ledgers(row, ghost),
            kinds=desk.kinds.all,
            masks=desk.kinds.caps,
            run_full=self._limit is not None and desk.run_counts.get(run.number, 0) >= self._limit,
            where=lambda: desk.whereabouts(row),
            workspace=desk.rules.workspace,
            jitter_key=(run.id, self.step, run.visit),
        )

    def _ledgers(self, row: int, ghost: bool) -> tuple[Ledger, ...]:
        # Drafts leave their messages with those of ghosts, so that people themselves never meet them.
        if not ghost or not self._overlooks:
            return self.desk.ledgers(row, ghost)
        return self.desk.ledgers_without(row, ghost, self._overlooks)

    # ----------------------------------------------------------------------------------------- telling

    def _passed(self, run: RunView, case: Case, tried: list[dict[str, Any]], offer: dict[str, Any]) -> int:
        """The message takes its place, and is owed (1); a ghost's is only noted (0)."""
        desk, message, row, t = self.desk, case.message, case.row, case.t
        code = self._code(message, row)
        desk.reserve(row, t, code, case.ghost)
        run.decided.append((message.kind, case.ghost, row))
        if self._limit is not None:
            desk.run_counts[run.number] = desk.run_counts.get(run.number, 0) + 1
        kind = message.kind
        data: dict[str, Any] = {
            "template": message.template,
            "channel": message.channel.name,
            "category": kind.category,
            "topic": kind.topic,
            "intent": kind.intent,
        }
        if tried:
            data["tried"] = tried
        person = desk.fold.id_of(desk.fold.person, row)
        effect = run.effect_id(person)
        if desk.overheard and not run.plan.shadow:
            outcome = WOULD_SEND if case.ghost else DECIDED
            about = (self.journey, self.step, message.template, outcome, effect)
            announce(desk.runtime, MessageNews(desk.fold.person, row, *about, first=True))
        if case.ghost:
            run.tell(WOULD_SEND, self.journey, **data)
            return 0
        address = next((one for one in case.addresses if not case.suppressed(one)), None)
        data |= {
            "effect": effect,
            "recipient": person,
            "address": address,
            "version": message.version,
            "expires": case.deadline,
            "transactional": kind.transactional,
        }
        if message.channel.leased:
            data["shown_until"] = t + self._lease_ms
        if offer:
            data["offer"] = offer
        if self.model.data:
            data["data"] = self.model.data
        event = run.all_properties()
        if event:
            data["event"] = event
        values = desk.pinned.values(message.template, row, run.row if run.plan.of_account else 0)
        if values:
            data["values"] = values
        run.tell("message", self.journey, **data)
        desk.book.add(
            Owed(
                effect=effect,
                unit=0,
                row=row,
                run=run.id,
                slot=run.slot,
                number=run.number,
                visit=run.visit,
                code=code,
                t=t,
                address=desk.suppressions.digest(address) if address is not None else 0,
                leased=message.channel.leased,
                revoke=self.model.revoke,
                awaited=self.awaits,
                data=_PACK({"journey": self.journey, "step": self.step, "visit": run.visit, **data}),
            )
        )
        return 1

    def _code(self, message: Candidate, row: int) -> int:
        """The code of the message's kind, in the stages the person is in."""
        staged = self._staged[id(message)]
        stages = tuple(cap.name for cap in staged if cap.in_stage is not None and cap.in_stage(row))
        key = (id(message), stages)
        code = self._codes.get(key)
        if code is None:
            kind = message.kind._replace(stages=stages) if stages else message.kind
            code = self._codes[key] = self.desk.kinds.code(kind)
        return code

    def _told(
        self, run: RunView, row: int, message: Candidate, verdict: Verdict, tried: list[dict[str, Any]]
    ) -> dict[str, Any]:
        told: dict[str, Any] = {
            "reason": verdict.reason,
            "template": message.template,
            "channel": message.channel.name,
        }
        if run.plan.of_account and row:
            told["recipient"] = self.desk.fold.id_of(self.desk.fold.person, row)
        if run.ghost and not message.transactional:
            told["ghost"] = True
        if verdict.detail:
            told["detail"] = dict(verdict.detail)
        if tried:
            told["tried"] = tried
        return told


__all__ = ["DECIDED", "WOULD_SEND", "Decision", "StepMessages"]
