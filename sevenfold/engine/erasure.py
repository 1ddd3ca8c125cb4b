"""A person is erased: from the state at once, from the log by tombstones in the places of their events.

The control record `erase` takes a person out of the fold. Afterwards whoever keeps the log writes tombstones
over their events and over the record itself, so that folding the log anew gives the same ids and the same
numbers of effects to everybody else: a tombstone takes the number that its event took, and does for the
account what the event did. See docs/decisions/077-erasing-people.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from ..effects import Effect
from ..events.steps import Dropped
from ..lifecycle.compile import CompiledUnit
from ..profiles.wheel import ROW_BITS
from ..workspace import models as m
from .controls import ControlError, control, find

if TYPE_CHECKING:
    from .fold import Fold
    from .usual import Usual

ERASED: Final = "erased"
"""The kind of the effect, the `op` of a tombstone among control records, the `type` of one among events."""
TOMBSTONE: Final = b'{"type":"erased"'
"""How every tombstone of an event begins. The steps take no such event, so that no client can send one."""
EFFECTS_MISSING_MAX: Final = 10_000_000


class Tombstone(msgspec.Struct, tag_field="type", tag=ERASED):
    """In the place of an event: how many numbers it `takes`, and what the account keeps of it (`event`: type,
    name, account, times, numbers), which names nobody.
    """

    takes: int = 1
    event: msgspec.Raw = msgspec.Raw(b"")


_DECODE: Final = msgspec.json.Decoder(Tombstone).decode


def tombstone(takes: int, event: dict[str, Any] | None) -> bytes:
    """The bytes that stand in the place of an event."""
    kept = msgspec.Raw(msgspec.json.encode(event)) if event is not None else msgspec.Raw(b"null")
    return msgspec.json.encode(Tombstone(takes, kept))


def fold_tombstone(fold: Usual, t: int, raw: bytes) -> None:
    """What is left of an erased event: its number, and its account's share."""
    try:
        held = _DECODE(raw)
    except msgspec.DecodeError:
        return
    if held.takes < 1:
        return
    fold._drain(t)
    fold.t = t
    fold.seq += held.takes
    event = fold.intake.accept(bytes(held.event), t, "")
    if isinstance(event, Dropped):
        return
    group = event.group_id if event.type == "group" else event.context.group_id if event.context else None
    if group is None:
        return
    type_, name = event.type or "", str(event.event or "")
    fold._cause = (ERASED, "", fold.seq)
    te, account = min(event.time, t), fold._account(group)
    if type_ == "group":
        fold._touch(account, fold.account.traits.set(account, event.traits, te, fold.seq, t))
        if "parent" in event.traits:
            fold._set_parent(account, event.traits["parent"])
    _, of_account, _ = fold._path(type_, name)
    if of_account is not None:
        mask = of_account(account, te, t, fold.seq, event.properties, event)
        if mask:
            fold._touch(account, mask)


@control(ERASED)
def _tombstone(fold: Fold, record: dict[str, Any]) -> None:
    """In the place of a control record that named an erased person: it takes the numbers that the record
    took.
    """
    takes = record.get("takes", 0)
    fold.seq += takes if isinstance(takes, int) and 0 < takes < 1_000_000 else 0


@control("erase")
def _erase(fold: Fold, record: dict[str, Any]) -> None:
    """`{person: {user_id: ...}}`: everything the state knows of a person goes. Written over later, the record
    holds the number that its effect had (`number`) and nobody's name.
    """
    number = record.get("number")
    if isinstance(number, int):
        _make_up_for(fold, number)
        _suppress(fold, record.get("suppressed"))
        subject = str(record.get("subject", ""))
        fold.effects.append(Effect(fold.t, ERASED, m.PERSON, subject, "", {"number": number}))
        return
    row = find(fold, record.get("person"))
    if not row:
        raise ControlError(
            "there is no such person", fix="name them by an identifier that their profile shows"
        )
    subject = fold.id_of(fold.person, row)
    merged = [loser for loser, winner in fold.forward.items() if winner == row]
    suppressed = _suppressed(fold, row)
    units = [(fold.person, row), *((fold.person, one) for one in merged), *_entities_of(fold, {row, *merged})]
    ids = [fold.id_of(unit, one) for unit, one in units]
    counts = _removed(fold, row, merged, units)
    number = fold.emitted + len(fold.effects)
    data = {"number": number, "ids": ids, "suppressed": suppressed, **counts}
    fold.effects.append(Effect(fold.t, ERASED, m.PERSON, subject, "", data))


def _make_up_for(fold: Fold, number: int) -> None:
    """Effects that the erased events had are still counted, so that those after them keep their numbers."""
    missing = number - fold.emitted - len(fold.effects)
    if 0 < missing <= EFFECTS_MISSING_MAX:
        fold.effects += [Effect(fold.t, ERASED, "workspace", "", "", {}) for _ in range(missing)]


def _suppressed(fold: Fold, row: int) -> list[list[Any]]:
    """`[channel, digest, reason]` of the person's addresses that are to be left alone: that stays."""
    desk = _desk(fold)
    found: list[list[Any]] = []
    for channel in desk.channels.all if desk is not None else ():
        told = set(desk.addresses(row, channel)) | set(fold.identity.values_of(row, channel.address or ""))
        for address in sorted(told):
            reason = desk.suppressions.reason(channel, address)
            if reason is not None:
                found.append([channel.name, desk.suppressions.digest(address), reason])
    return found


def _suppress(fold: Fold, suppressed: Any) -> None:
    desk = _desk(fold)
    for name, digest, reason in suppressed if isinstance(suppressed, list) and desk is not None else ():
        channel = desk.channels.named.get(name)
        if channel is not None:
            desk.suppressions.add(channel, digest, reason)


def _desk(fold: Fold) -> Any:
    return fold.journeys.services.get("messages") if fold.journeys is not None else None


def _removed(
    fold: Fold, row: int, merged: list[int], units: list[tuple[CompiledUnit, int]]
) -> dict[str, int]:
    """Takes a person out of every part of the state; counts of what went."""
    counts: dict[str, int] = {}
    named = names_of(fold.identity.identifiers(row))
    for account, _, _ in fold.accounts_of(row):
        fold._touch(account, fold.account.traits.strike(account, lambda value: says(value, named), fold.t))
        fold._leave(row, account)
    fold._joined.clear()
    for unit, one in units:
        for what, count in out_of_journeys(fold, unit, one).items():
            counts[what] = counts.get(what, 0) + count
    keys = fold.identity.keys_of(row)
    fold.identity.forget(row)
    texts = _texts_of(fold, row)
    for unit, one in units:
        born = fold.env.scope[unit.born.name][one]
        unit.table.reset(one)
        # Its id names nobody, and is not given again.
        fold.env.scope[unit.born.name][one] = born
    _forget_texts(fold, texts)
    gone = {(unit.index << ROW_BITS) | one for unit, one in units}
    for one in (row, *merged):
        fold.forward[one] = 0
    counts |= {"identifiers": len(keys), "entities": len(units) - 1 - len(merged)}
    counts["merged_profiles"] = len(merged)
    counts["timers"] = fold.wheel.purge(gone) + fold.valued.purge(gone)
    return counts


def names_of(identifiers: dict[str, list[str]]) -> frozenset[str]:
    """Everything that names a person, for `says`."""
    return frozenset(one.casefold() for held in identifiers.values() for one in held)


def says(value: Any, names: frozenset[str]) -> bool:
    """Whether a JSON value names the person anywhere."""
    if value.__class__ is str:
        return value.strip().casefold() in names
    if value.__class__ is dict:
        return any(says(one, names) for one in value.values())
    return value.__class__ is list and any(says(one, names) for one in value)


def _entities_of(fold: Fold, people: set[int]) -> list[tuple[CompiledUnit, int]]:
    """The entities of these people; their keys are forgotten here."""
    found: list[tuple[CompiledUnit, int]] = []
    for of, ids in fold.entity_ids.items():
        for row, (key, owner) in enumerate(ids):
            if row and owner in people:
                fold.entity_rows[of].pop(key, None)
                ids[row] = ("", 0)
                found.append((fold._unit(of), row))
    return found


def out_of_journeys(fold: Fold, unit: CompiledUnit, row: int, *, retired: bool = False) -> dict[str, int]:
    """Ends the runs of a subject, and takes it out of what runs share."""
    journeys = fold.journeys
    if journeys is None:
        return {}
    journeys.view.t = fold.t
    counts: dict[str, int] = {}
    # First of all what would go on when a run ends.
    for name, service in journeys.services.items():
        removed = service.retire(unit, row) if retired else service.erase(unit, row)
        if removed:
            counts[name] = removed
    counts["runs"] = len(slots := journeys.of_subject(unit, row))
    for slot in slots:
        journeys.end_run(slot, ERASED)
    for name, pause in journeys.entries.paused.items():
        if journeys.plans[journeys.current[name]].unit is unit:
            pause.waiting[:] = [one for one in pause.waiting if one[0] != row]
    journeys.flagged.pop((unit.index, row), None)
    journeys.triggers.news.pop((unit.index, row), None)
    return counts


def _texts_of(fold: Fold, row: int) -> set[str]:
    """What the traits of a person say in words."""
    found: set[str] = set()
    for trait in fold.person.traits.columns:
        dictionary = trait.slot.dictionary
        if dictionary is not None:
            text = dictionary.texts[fold.env.scope[trait.column.name][row]]
            found |= {text} if text else set()
    return found


def _forget_texts(fold: Fold, texts: set[str]) -> None:
    """Words that no other person's traits say, and no rule, are taken out of the dictionaries."""
    traits = fold.person.traits
    definition = msgspec.json.encode(fold.workspace)
    said = [one for one in traits.columns if one.slot.dictionary is not None]
    for text in sorted(texts):
        if msgspec.json.encode(text)[1:-1] in definition:
            continue
        dictionaries = [traits.texts]
        used = False
        for one in said:
            dictionary: Any = one.slot.dictionary
            code = dictionary.codes.get(text)
            if code is not None:
                column = fold.env.scope[one.column.name]
                used = used or bool(np.any(np.asarray(column[: fold.person.table.rows]) == code))
                dictionaries.append(dictionary)
        for dictionary in () if used else dictionaries:
            dictionary.forget(text)


__all__ = ["ERASED", "TOMBSTONE", "Tombstone", "fold_tombstone", "names_of", "says", "tombstone"]
