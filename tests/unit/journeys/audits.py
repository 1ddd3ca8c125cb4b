"""A workspace with a journey, and what `check` says about changes to it."""

from __future__ import annotations

from functools import cache
from textwrap import dedent, indent
from typing import Any

import msgspec

from sevenfold.workspace.checking import check
from sevenfold.workspace.models import Workspace
from sevenfold.workspace.problems import CODES, Problem
from sevenfold.workspace.reading import read
from tests.unit.workspace.worlds import BASE

POLICY = """
channels:
  mail: {type: email}
  app: {type: in_app}
  hook: {type: webhook}
consent:
  categories:
    service: {required: true}
    news: {}
templates:
  welcome: {channel: email, category: news, subject: Hi, text: "Hello {{ links.unsubscribe }}"}
  tip: {channel: in_app, category: news, title: A tip}
  receipt: {channel: email, category: service, transactional: true, subject: Paid, text: Thanks}
  order: {channel: email, category: news, subject: Hi, text: "{{ event.total }} {{ links.unsubscribe }}"}
catalogues:
  features: {key: feature, rows: [{feature: a}]}
  contracts: {key: account, subject: account, columns: {value: number}}
  team: {key: email, columns: {role: string}, rows: [{email: a@b.c, role: "csm, sales"}]}
people: {catalogue: team}
tasks:
  call: {title: Call, owners: [{role: csm}]}
offers:
  codes: {codes: [A, B]}
"""
JOURNEY = """
triggers: [{kind: event, event: Signed Up}]
exits: [{event: Subscription Cancelled}]
steps:
  hello: {kind: message, template: welcome}
  pause: {kind: wait, for: 3d}
  more: {kind: message, template: welcome, ttl: 12h}
"""


@cache
def _world() -> dict[str, Any]:
    """Everything but the journey, read once."""
    of_these = plain(POLICY)
    return {section: one for section, one in plain(BASE).items() if section not in of_these} | of_these


def model(journey: str, extra: str = "", name: str = "first") -> Workspace:
    """A workspace with this journey, and other sections put over it."""
    sections = {**_world(), **({"journeys": {name: plain(journey)}} if journey else {})}
    for section, given in plain(extra).items():
        before = sections.get(section)
        sections[section] = (
            {**before, **given} if isinstance(before, dict) and isinstance(given, dict) else given
        )
    return msgspec.convert({"name": "test", **sections}, Workspace)


def found(journey: str = JOURNEY, extra: str = "") -> list[Problem]:
    """What check says about such a workspace, without what is not used."""
    problems = check(model(journey, extra))
    assert all(problem.code in CODES for problem in problems)
    return [problem for problem in problems if problem.code != "unused"]


def plain(text: str) -> dict[str, Any]:
    """YAML as plain values."""
    node, wrong = read(dedent(text).encode(), "test.yaml")
    assert node is not None and not wrong, wrong
    given = node.plain()
    return given if isinstance(given, dict) else {}


def only(journey: str = JOURNEY, extra: str = "", severity: str = "error") -> tuple[str, str, str]:
    """(code, field, message and fix) of the one problem there is."""
    problems = found(journey, extra)
    assert len(problems) == 1, "\n".join(map(str, problems)) or "nothing was found"
    assert problems[0].severity == severity, problems[0]
    return problems[0].code, problems[0].field, f"{problems[0].message} ({problems[0].suggestion})"


def steps(text: str, head: str = "") -> str:
    """A journey with these steps."""
    top = "triggers: [{kind: event, event: Signed Up}]\nexits: [{event: Subscription Cancelled}]\n"
    return f"{head or top}steps:\n{indent(dedent(text).strip(), '  ')}\n"
