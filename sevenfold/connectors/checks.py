"""What is wrong with the connectors of a workspace, for `sevenfold check`."""

from __future__ import annotations

import re
from typing import Final

from ..journeys.recurrence import Recurrence
from ..journeys.times import JourneyTimeError
from ..journeys.zones import zone
from ..workspace.models import Workspace
from ..workspace.report import Report
from .model import SCHEDULE_START, Connector
from .services import setting_doubts
from .translate import doubts

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FETCHED: Final = frozenset({"sql", "file"})
_BOTH: Final = frozenset({"hubspot", "salesforce"})


def check_connectors(workspace: Workspace, report: Report) -> None:
    """Reports every mistake in a connector's settings, mapping and schedule."""
    for name, model in workspace.connectors.items():
        if not _NAME.fullmatch(name):
            message = f"`{name}` cannot name a connector; it is part of an address"
            report.error(("connectors", name), "bad_name", message, "use letters, digits, - and _")
        for setting, message, fix in setting_doubts(model):
            report.error(("connectors", name, "settings", setting), "wrong_value", message, fix)
        for place, message in doubts(model):
            report.error(("connectors", name, *_path(place)), "wrong_value", message)
        _schedule(name, model, report)
        _keys(name, model, report)
        if model.write is not None and model.type not in _BOTH:
            message = f"nothing is written to a connector of type {model.type}"
            report.error(("connectors", name, "write"), "wrong_value", message, "hubspot or salesforce")
        elif model.write is not None and (model.write.health or model.write.band) and not model.write.score:
            message = "`write` names a field and no score"
            report.error(("connectors", name, "write"), "wrong_value", message, "add `score:`")
        elif model.write is not None and model.write.score and model.write.score not in workspace.scores:
            message = f"there is no score `{model.write.score}`"
            report.error(("connectors", name, "write", "score"), "unknown_name", message)


def _schedule(name: str, model: Connector, report: Report) -> None:
    if model.schedule is None:
        if model.type in _FETCHED:
            fix = "such as `FREQ=DAILY;BYHOUR=3`"
            message = f"a connector of type {model.type} needs a schedule"
            report.error(("connectors", name, "schedule"), "missing_field", message, fix)
        return
    if model.type not in _FETCHED | _BOTH:
        message = f"nothing is fetched from a connector of type {model.type}"
        report.error(("connectors", name, "schedule"), "wrong_value", message, "leave `schedule` out")
        return
    try:
        Recurrence(model.schedule, SCHEDULE_START, zone("UTC"))
    except JourneyTimeError as error:
        report.error(("connectors", name, "schedule"), "wrong_value", error.message, error.fix)


def _keys(name: str, model: Connector, report: Report) -> None:
    """Rows of a query are fetched again and again, and have to say which they are."""
    if model.type == "file":
        return
    for at, part in enumerate(model.map):
        for index, rule in enumerate(part.events):
            place = ("connectors", name, "map", at, "events", index)
            if model.type == "sql" and rule.message_id is None and rule.group_by is None:
                message = "nothing says which event a row is, and it would be taken again at each fetch"
                report.error(place, "missing_field", message, "add `message_id: [COLUMN, ...]`")


def _path(place: str) -> tuple[str | int, ...]:
    return tuple(int(index) if index else word for word, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", place))
