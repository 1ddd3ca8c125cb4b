"""Single functions that cases evaluate by name, answered by the real fold or importer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sevenfold.workspace.lists import ListError, import_list
from tests.peer_cases.definitions import Definitions, Translation
from tests.peer_cases.outcome import SkipError
from tests.peer_cases.paths import holding, merged, parts_of
from tests.peer_cases.records import Lifted, record
from tests.peer_cases.waits import delay_until, delay_until_property, fixed_delay, time_window
from tests.peer_cases.world import Item, World

Definition = dict[str, Any]
NOW = 1_704_067_200_000
_USER = "userId"


def keyed_performed(args: dict[str, Any]) -> bool:
    """Whether the events of one key are as many as the definition says."""
    definition = args["definition"]
    mine = {"path": definition["key"], "op": "equals", "value": args["key_value"]}
    plain = {**definition, "type": "performed", "where": [*definition.get("where", []), mine]}
    plain.pop("key")
    definitions = Definitions(segments={"s": {"name": "s", "definition": plain}})
    # Somebody is there even when nothing has happened.
    events = [{"type": "identify"}, *({"type": "track", **event} for event in args["events"])]
    world = _world(definitions, events)
    reason = world.translation.unanswered.get("s")
    if reason is not None:
        raise SkipError(reason)
    return world.translation.labels["s"] in world.person(_USER)["segments"]


def resolve_properties(args: dict[str, Any]) -> dict[str, Any]:
    """Property values at send time: those in the events at hand, else the stored ones.

    Each property is looked at alone: first in the events at hand, of which the first counts most, each sent
    once under every name that the definition listens to; then in an event that gives what is stored.
    """
    found: dict[str, Any] = {}
    for label, definition in args["definitions"].items():
        events = [
            {"type": "track", "event": heard, "properties": body}
            for body in reversed(args["context"])
            for heard in sorted(_heard(definition))
        ]
        value = _read(definition, events)
        if value is None and label in args["stored"]:
            given = _giving(definition, args["stored"][label])
            value = _read(definition, [given]) if given is not None else None
        if value is not None:
            found[label] = value
    return {**found, "id": args["user_id"]}


def _read(definition: Definition, events: list[dict[str, Any]]) -> Any:
    translation = Translation(Definitions(), Lifted())
    read = translation.reader(definition, keyed=True)
    return read(_filled(World(translation), events).person(_USER))


def _heard(definition: Definition) -> set[str]:
    """The names of events that a property listens to; of a prefix, the prefix itself."""
    if definition["type"] == "any_of":
        return set().union(*(_heard(child) for child in definition["children"]))
    return {definition["event"].get("value", "any")} if "event" in definition else set()


def _giving(definition: Definition, value: Any) -> dict[str, Any] | None:
    """An event that gives a property a value, None when nothing can."""
    kind = definition["type"]
    if kind == "any_of":
        events = (_giving(child, value) for child in definition["children"])
        return next((event for event in events if event is not None), None)
    if kind == "trait":
        return {"type": "identify", "traits": holding(parts_of(definition["path"]), value)}
    if kind not in ("performed", "keyed_performed"):
        return None
    body: Any = {}
    for test in definition.get("where", []):
        example = {"equals": test.get("value"), "gte": test.get("value"), "exists": True}.get(test["op"])
        if example is not None:
            body = merged(body, holding(parts_of(test["path"]), example))
    body = merged(body, holding(parts_of(definition["path"]), value))
    return {"type": "track", "event": next(iter(_heard(definition))), "properties": body}


def _world(definitions: Definitions, events: list[dict[str, Any]]) -> World:
    return _filled(World(Translation(definitions, Lifted())), events)


def _filled(world: World, events: list[dict[str, Any]]) -> World:
    """The world after one user's events, a second apart."""
    for position, event in enumerate(events):
        at = NOW + 1_000 * position
        whole = {"user_id": _USER, **event}
        world.happen(Item(at, [record(whole, world.translation.lifted, position)]))
        world.now = at
    return world


def parse_subscription_csv(args: dict[str, Any]) -> dict[str, Any]:
    """A file of ids or addresses with an action a row, each row read by the importer of lists.

    The importer refuses a bad row and takes the others; a file of theirs is refused when one of its rows is.
    """
    heading, *lines = args["text"].splitlines() or [""]
    cells = [cell.strip() for cell in heading.split(",")]
    rows, refused = [], []
    try:
        import_list(heading, "subscriptions", "append", _nobody)
        for index, line in enumerate(lines):
            action = dict(zip(cells, line.split(","), strict=False)).get("action", "").strip()
            read = import_list(f"{heading}\n{line}", "subscriptions", "append", _nobody)
            members = read.record["members"]
            if not members or action not in ("subscribe", "unsubscribe"):
                refused.append(index)
                continue
            names = {"user_id": "id"}
            rows.append(
                {names.get(kind, kind): value for kind, value in members[0].items()} | {"action": action}
            )
    except ListError:
        return {"ok": False, "error": "missing_identifier_columns"}
    return (
        {"ok": False, "error": "row_errors", "rows_in_error": refused}
        if refused
        else {"ok": True, "rows": rows}
    )


def _nobody(kind: str, value: str) -> None:
    return None


FUNCTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "keyed_performed": keyed_performed,
    "resolve_properties": resolve_properties,
    "parse_subscription_csv": parse_subscription_csv,
    "delay_until_property": delay_until_property,
    "delay_until": delay_until,
    "fixed_delay": fixed_delay,
    "time_window": time_window,
}
