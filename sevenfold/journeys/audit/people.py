"""Work for people, saves and offers: calendars, the directory, kinds of tasks, playbooks, pools of codes."""

from __future__ import annotations

from ...events.times import parse_ms
from ...limits import JOURNEY_VISITS_MAX, NUMBER_MAGNITUDE_MAX
from ...workspace.base import ACCOUNT, PERSON
from ..calendars import BusinessCalendar
from ..evidence import names_in
from ..people import Calendar, Escalation, OfferPool, OwnerRule, People, Playbook, Save, TaskKind
from ..steps.task import TIMEOUT
from ..zones import DAY, UTC_ZONE
from .fields import Desk, Fields
from .graph import circles


def audit_people(desk: Desk) -> None:
    """Reports everything wrong with the sections that people's work is made of."""
    workspace = desk.workspace
    if workspace.people is not None:
        _people(Fields(desk, ("people",), workspace.people), workspace.people)
    for name, calendar in workspace.calendars.items():
        _calendar(Fields(desk, ("calendars", name), calendar), calendar)
    for name, kind in workspace.tasks.items():
        _task(Fields(desk, ("tasks", name), kind), kind)
    for name, playbook in workspace.playbooks.items():
        _playbook(Fields(desk, ("playbooks", name), playbook), playbook)
    for name, save in workspace.saves.items():
        _save(Fields(desk, ("saves", name), save), save)
    for name, pool in workspace.offers.items():
        _offer(Fields(desk, ("offers", name), pool), pool)


def _people(at: Fields, people: People) -> None:
    if not at.known("catalogue", "catalogue", people.catalogue, at.workspace.catalogues):
        return
    catalogue = at.workspace.catalogues[people.catalogue]
    columns = {catalogue.key, *catalogue.columns, *(column for row in catalogue.rows for column in row)}
    usual = People(catalogue="")
    for field in ("key", "role", "capacity", "away_from", "away_to", "manager", "fallback"):
        column = getattr(people, field)
        # What nobody asked for may be missing; the key may not.
        if column is not None and (field == "key" or column != getattr(usual, field)):
            fix = f"it has {', '.join(sorted(columns))}"
            at.known(field, f"column of catalogue `{people.catalogue}`", column, columns, fix)


def _roles(at: Fields) -> set[str] | None:
    """The roles that somebody has; None while the directory is empty or unknown."""
    people = at.workspace.people
    catalogue = at.workspace.catalogues.get(people.catalogue) if people is not None else None
    if people is None or catalogue is None or not catalogue.rows:
        return None
    found: set[str] = set()
    for row in catalogue.rows:
        told = row.get(people.role)
        found.update(part.strip() for part in (told.split(",") if isinstance(told, str) else told or ()))
    return found


def _role(at: Fields, place: tuple[str | int, ...], role: str) -> None:
    if at.workspace.people is None:
        message = f"nobody has the role `{role}`: the workspace names no people who act"
        at.error(place, "unknown_name", message, "add `people: {catalogue: NAME}`")
        return
    roles = _roles(at)
    if roles is not None:
        at.known(place, "role", role, roles, f"people have {', '.join(sorted(roles))}")


def _calendar(at: Fields, calendar: Calendar) -> None:
    if not calendar.windows:
        at.error("windows", "wrong_value", "business hours without hours", "name a window")
    windows = at.windows("windows", calendar.windows)
    at.zone("zone", calendar.zone)
    for index, text in enumerate(calendar.holidays):
        if parse_ms(text) is None:
            place = ("holidays", index)
            at.error(place, "bad_time", f"`{text}` is no date", "such as 2026-12-25")
    if windows is not None:
        days = {ms // DAY for text in calendar.holidays if (ms := parse_ms(text)) is not None}
        at.read("windows", "bad_time", lambda: BusinessCalendar(windows, UTC_ZONE, days))


def _task(at: Fields, kind: TaskKind) -> None:
    if not at.kind_of_subject("of", kind.of):
        return
    at.duration("due", kind.due)
    if kind.calendar is not None:
        at.known("calendar", "calendar", kind.calendar, at.workspace.calendars)
    if not kind.owners:
        fix = "such as `owners: [{role: csm}]`"
        at.error("owners", "missing_field", "nobody would get these tasks", fix)
    for index, rule in enumerate(kind.owners):
        _owner(at, ("owners", index), rule, kind)
    before = 0
    for index, escalation in enumerate(kind.escalate):
        before = _escalation(at, ("escalate", index), escalation, before)
    for index, name in enumerate(kind.evidence):
        at.shown(("evidence", index), name, kind.of, False)
    for field in ("talk_track", "title"):
        for name in names_in(getattr(kind, field)):
            at.shown(field, name, kind.of, False)
    if kind.channel is not None:
        at.known("channel", "channel", kind.channel, at.workspace.channels)
    if kind.template is not None:
        at.known("template", "template", kind.template, at.workspace.templates)
    outcomes = kind.outcomes
    if not outcomes or len(set(outcomes)) < len(outcomes):
        at.error("outcomes", "wrong_value", "a task has outcomes, each once")
    at.without(TIMEOUT in outcomes, "outcomes", f"`{TIMEOUT}` is what happens when nobody closes the task")
    at.number("snooze_max", kind.snooze_max, 0, JOURNEY_VISITS_MAX)


def _owner(at: Fields, place: tuple[str, int], rule: OwnerRule, kind: TaskKind) -> None:
    given = {"trait": rule.trait is not None, "role": rule.role is not None}
    at.exactly_one(place, given, "an owner rule")
    at.condition((*place, "when"), rule.when, kind.of)
    if rule.role is not None:
        _role(at, (*place, "role"), rule.role)
    if rule.trait is not None:
        own, account = at.desk.names.traits(kind.of), at.desk.names.traits(ACCOUNT)
        known = {*own, *(account if kind.of == PERSON else ())}
        fix = f"declare it: traits: {{{rule.trait}: {{type: string, of: {kind.of}}}}}"
        at.known((*place, "trait"), "trait", rule.trait, known, fix)


def _escalation(at: Fields, place: tuple[str, int], rule: Escalation, before: int) -> int:
    after = at.duration((*place, "after"), rule.after) or before
    if after < before:
        message = f"`{rule.after}` comes before the escalation above it"
        at.error((*place, "after"), "wrong_value", message, "write the earliest first")
    if rule.role is None and not rule.owner_manager:
        fix = "give it a `role`, or `owner_manager: true`"
        at.error(place, "missing_field", "this escalation goes to nobody", fix)
    if rule.role is not None:
        _role(at, (*place, "role"), rule.role)
    return max(after, before)


def _playbook(at: Fields, playbook: Playbook) -> None:
    at.kind_of_subject("of", playbook.of)
    at.duration("reopen_within", playbook.reopen_within)
    if not playbook.items:
        at.error("items", "wrong_value", "the playbook has no items")
    waits: dict[str, list[str]] = {}
    before: str | None = None
    for name, item in playbook.items.items():
        place = ("items", name)
        given = {"task": item.task is not None, "template": item.template is not None}
        if sum((*given.values(), bool(item.decide))) > 1:
            message = "an item is a `task`, a message from a `template`, or a decision"
            at.error(place, "wrong_value", message, "make items of their own")
        if item.task is not None and at.known((*place, "task"), "task", item.task, at.workspace.tasks):
            of = at.workspace.tasks[item.task].of
            if of != playbook.of:
                message = f"tasks `{item.task}` are about {of}, and this playbook about {playbook.of}"
                at.error((*place, "task"), "wrong_subject", message, f"use a kind with `of: {playbook.of}`")
        if item.template is not None:
            at.known((*place, "template"), "template", item.template, at.workspace.templates)
        for index, text in enumerate(item.after or ()):
            _after(at, (*place, "after", index), text, playbook)
        at.duration((*place, "due"), item.due)
        waits[name] = [before] if item.after is None and before is not None else []
        waits[name] += [text.partition(":")[0] for text in item.after or ()]
        before = name
    for circle in circles(waits):
        said = " → ".join(f"`{name}`" for name in [*circle, circle[0]])
        at.error(("items", circle[0], "after"), "cycle", f"items wait for each other: {said}")


def _after(at: Fields, place: tuple[str | int, ...], text: str, playbook: Playbook) -> None:
    other, colon, outcome = text.partition(":")
    if not at.known(place, "item", other, playbook.items) or not colon:
        return
    item = playbook.items[other]
    kind = at.workspace.tasks.get(item.task or "")
    known = item.decide or (kind.outcomes if kind is not None else ())
    if known:
        at.known(place, f"outcome of `{other}`", outcome, known, f"it has {', '.join(known)}")


def _save(at: Fields, save: Save) -> None:
    if at.kind_of_subject("of", save.of):
        at.condition("at_risk", save.at_risk, save.of)
        at.condition("recovered", save.recovered, save.of)
    at.duration("within", save.within)
    at.duration("held", save.held)


def _offer(at: Fields, pool: OfferPool) -> None:
    given = {
        "codes": bool(pool.codes),
        "catalogue": pool.catalogue is not None,
        "prefix": pool.prefix is not None,
    }
    at.exactly_one((), given, "a pool of offers")
    if len(set(pool.codes)) < len(pool.codes):
        at.error("codes", "wrong_value", "a code stands twice", "each is given to one subject")
    if pool.catalogue is not None and at.known(
        "catalogue", "catalogue", pool.catalogue, at.workspace.catalogues
    ):
        catalogue = at.workspace.catalogues[pool.catalogue]
        columns = {catalogue.key, *catalogue.columns}
        at.known("column", f"column of catalogue `{pool.catalogue}`", pool.column, columns)
    at.duration("expires", pool.expires)
    at.number("cost", pool.cost, 0, NUMBER_MAGNITUDE_MAX)
    if pool.redeemed is not None:
        at.events("redeemed", pool.redeemed)
