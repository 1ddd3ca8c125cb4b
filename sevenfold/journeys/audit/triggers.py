"""What may start a run: each kind of trigger, and the rules of entry."""

from __future__ import annotations

from ...events.times import parse_ms
from ...limits import JOURNEY_RULES_ITEMS_MAX, JOURNEY_RUNS_MAX, JOURNEY_SUBJECT_RUNS_MAX
from ...workspace import models
from .. import plan
from ..recurrence import Recurrence
from ..zones import UTC_ZONE
from .fields import Fields, Place
from .step import scope_of


def audit_triggers(at: Fields, journey: plan.Journey) -> None:
    """Reports what is wrong with the triggers of a journey."""
    if not 0 < len(journey.triggers) <= JOURNEY_RULES_ITEMS_MAX:
        fix = f"from 1 to {JOURNEY_RULES_ITEMS_MAX}, such as `{{kind: api}}`"
        at.error("triggers", "wrong_value", f"the journey has {len(journey.triggers)} triggers", fix)
    for index, trigger in enumerate(journey.triggers):
        _trigger(at, ("triggers", index), trigger, journey.of)
        if trigger in journey.triggers[:index]:
            at.warning(("triggers", index), "unreachable", "the same trigger stands before")


def _trigger(at: Fields, place: tuple[str, int], trigger: plan.Trigger, of: str) -> None:
    workspace = at.workspace
    match trigger:
        case plan.OnEvent():
            at.events((*place, "event"), trigger.event)
            at.condition((*place, "where"), trigger.where, of, where=True)
            at.doubt((*place, "where"), trigger.where, None, if_never="no event starts a run")
        case plan.OnSegment():
            at.of_subject((*place, "segment"), "segment", trigger.segment, workspace.segments, of)
        case plan.OnStage():
            lifecycles = workspace.lifecycles
            if at.of_subject((*place, "lifecycle"), "lifecycle", trigger.lifecycle, lifecycles, of):
                stages = [stage.name for stage in lifecycles[trigger.lifecycle].stages]
                fix = f"it has {', '.join(stages)}"
                word = f"stage of `{trigger.lifecycle}`"
                at.known((*place, "stage"), word, trigger.stage, stages, fix)
                for index, source in enumerate(trigger.from_ or ()):
                    at.known((*place, "from", index), word, source, stages, fix)
        case plan.OnCondition():
            at.condition((*place, "when"), trigger.when, of)
            silent = "it never becomes so, and nobody enters"
            at.doubt((*place, "when"), trigger.when, of, if_never=silent, if_always=silent)
        case plan.OnScore():
            at.of_subject((*place, "score"), "score", trigger.score, workspace.scores, of)
            given = {"below": trigger.below is not None, "above": trigger.above is not None}
            at.exactly_one(place, given, "a crossing")
            for field, bound in (("below", trigger.below), ("above", trigger.above)):
                at.number((*place, field), bound, 0, 100)
        case plan.OnPrediction():
            _prediction(at, place, trigger, of)
        case plan.OnTrait():
            _trait(at, place, trigger, of)
        case plan.OnDate():
            at.date((*place, "date"), trigger.date, of)
            at.offset((*place, "offset"), trigger.offset)
            at.time_of_day((*place, "at"), trigger.at)
        case plan.OnSchedule():
            _schedule(at, place, trigger)
        case plan.OnBusinessEvent():
            _business(at, place, trigger, of)


def _prediction(at: Fields, place: tuple[str, int], trigger: plan.OnPrediction, of: str) -> None:
    predictions = at.workspace.predictions
    known = at.of_subject((*place, "prediction"), "prediction", trigger.prediction, predictions, of)
    given = {"below": trigger.below is not None, "above": trigger.above is not None}
    at.exactly_one(place, given, "a crossing")
    if not known:
        return
    kind = predictions[trigger.prediction].kind
    if kind == "time_to":
        fix = f"use `{{kind: date, date: prediction.{trigger.prediction}, offset: -3d}}`"
        at.error((*place, "prediction"), "type_mismatch", f"`{trigger.prediction}` is a date", fix)
        return
    for field, bound in (("below", trigger.below), ("above", trigger.above)):
        at.number((*place, field), bound, *((0, 1) if kind == "probability" else ()))


def _trait(at: Fields, place: tuple[str, int], trigger: plan.OnTrait, of: str) -> None:
    traits = at.desk.names.traits(of)
    bare = trigger.trait.removeprefix("trait.")
    fix = f"write `{bare}`" if bare in traits else f"declare it under `traits` with `of: {of}`"
    if not at.known((*place, "trait"), f"trait of {of}", trigger.trait, traits, fix) or trigger.to is None:
        return
    type_ = traits[trigger.trait]
    is_bool = isinstance(trigger.to, bool)
    fits = {"text": isinstance(trigger.to, str), "boolean": is_bool}
    if not fits.get(type_, isinstance(trigger.to, int | float) and not is_bool):
        at.error((*place, "to"), "type_mismatch", f"`{trigger.trait}` is a {type_}, never {trigger.to!r}")
    elif type_ in ("date", "json"):
        at.error((*place, "to"), "type_mismatch", f"`{trigger.trait}` is a {type_}: no value can be named")


def _schedule(at: Fields, place: tuple[str, int], trigger: plan.OnSchedule) -> None:
    zone = at.zone((*place, "zone"), trigger.zone) or UTC_ZONE
    start = parse_ms(trigger.start) if trigger.start is not None else 0
    if start is None:
        at.error((*place, "start"), "bad_time", f"`{trigger.start}` is no time", "such as 2026-03-01T09:00")
    at.read((*place, "rrule"), "bad_time", lambda: Recurrence(trigger.rrule, start or 0, zone))


def _business(at: Fields, place: tuple[str, int], trigger: plan.OnBusinessEvent, of: str) -> None:
    at.events((*place, "event"), trigger.event)
    if trigger.event.endswith("*") or trigger.event.startswith("$"):
        at.error((*place, "event"), "wrong_value", "a business event has one name of its own")
    at.condition((*place, "where"), trigger.where, of, where=True)
    at.limit((*place, "pace"), trigger.pace)
    if trigger.match is None:
        return
    inside: Place = (*place, "match")
    if sorted(trigger.match) != ["property", "signal"]:
        fix = "such as `{signal: viewed_products, property: product_id}`"
        at.error(inside, "wrong_value", "`match` has a `signal` and a `property`", fix)
        return
    name = trigger.match["signal"]
    if at.of_subject((*place, "match", "signal"), "signal", name, at.workspace.signals, of):
        at.desk.conditions.used.add(name)
        if not isinstance(at.workspace.signals[name], models.Values | models.Last | models.First):
            fix = "`values` remembers several, `last` and `first` one"
            message = f"signal `{name}` does not remember values"
            at.error((*place, "match", "signal"), "type_mismatch", message, fix)


def audit_entry(at: Fields, journey: plan.Journey) -> None:
    """Reports what is wrong with who may enter, how often, and how many."""
    at.condition("audience", journey.audience, journey.of, run=scope_of(journey))
    at.doubt("audience", journey.audience, journey.of, if_never="nobody enters")
    at.duration("late_after", journey.late_after)
    if journey.key is not None:
        if not journey.key.strip() or "." in journey.key:
            message = f"`{journey.key}` is no property of an event"
            at.error("key", "bad_name", message, "name one at the top, such as `order_id`")
        elif not scope_of(journey).event:
            message = f"no trigger brings an event, so no run ever has the key `{journey.key}`"
            fix = "start the journey by an event that carries the property, or leave `key` out"
            at.error("key", "never_known", message, fix)
    if isinstance(journey.re_entry, plan.ReEntry):
        _re_entry(at, journey, journey.re_entry)
    limits = journey.limits
    at.limit(("limits", "entries"), limits.entries)
    at.limit(("limits", "rate"), limits.rate)
    at.number(("limits", "runs"), limits.runs, 1, JOURNEY_RUNS_MAX)
    at.number(("limits", "messages"), limits.messages, 1, JOURNEY_RUNS_MAX)
    at.share("holdout", journey.holdout or 0.0)


def _re_entry(at: Fields, journey: plan.Journey, rule: plan.ReEntry) -> None:
    given = {
        "after": rule.after is not None,
        "per_entity": rule.per_entity,
        "unlimited": rule.unlimited is not None,
    }
    at.exactly_one("re_entry", given, "re-entry")
    at.duration(("re_entry", "after"), rule.after)
    at.number(("re_entry", "unlimited"), rule.unlimited, 1, JOURNEY_SUBJECT_RUNS_MAX)
    if rule.per_entity and journey.key is None:
        message = "`per_entity` is once for each key, and the journey has none"
        at.error(("re_entry", "per_entity"), "missing_field", message, "such as `key: order_id`")
