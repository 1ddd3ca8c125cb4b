"""What is wrong with journeys and everything around them, before anybody enters: at `check` and at publish.

One function for each part; each reports with the path of the field, so that a problem has file and line::

    audit(names, conditions, report, uses)                    the whole workspace
    audit(names, conditions, report, uses, only="welcome")    one journey, in the workspace it is published to
"""

from __future__ import annotations

from ...workspace.conditions import Conditions
from ...workspace.names import Names
from ...workspace.report import Report
from .actions import audit_actions
from .attention import audit_attention
from .broadcasts import audit_broadcasts
from .fields import Desk
from .flow import audit_circles
from .journeys import audit_journey
from .messaging import audit_messaging
from .people import audit_people
from .variables import Uses, audit_variables


def audit(names: Names, conditions: Conditions, report: Report, uses: Uses, only: str | None = None) -> None:
    """Reports everything wrong with the journeys of a workspace, its messaging policy and its people's work.

    ``uses`` are the names each template reads. With ``only`` it looks at one journey alone, and at circles
    it is part of.
    """
    desk = Desk(names, conditions, report)
    journeys = names.workspace.journeys
    for name, journey in journeys.items():
        if only in (None, name):
            audit_journey(desk, name, journey)
            audit_attention(desk, name, journey)
    audit_circles(desk, journeys, only)
    audit_variables(desk, uses, only)
    if only is None:
        audit_messaging(desk)
        audit_people(desk)
        audit_broadcasts(desk)
        audit_actions(desk)


__all__ = ["audit"]
