"""Workspaces from a few lines of YAML."""

from __future__ import annotations

from textwrap import dedent

import msgspec

from sevenfold.workspace.checking import check
from sevenfold.workspace.models import Workspace
from sevenfold.workspace.problems import Problem
from sevenfold.workspace.reading import read

BASE = """
entities:
  order: {key: order_id}
traits:
  plan: {}
  seats: {type: number}
  renewal: {type: date}
  beta: {type: boolean}
  extras: {type: json}
  tier: {of: account}
  arr: {of: account, type: number}
acquisition:
  - {channel: Paid, intent: 60, when: "campaign.medium == 'cpc'"}
  - {channel: Direct, intent: 30}
catalogues:
  features: {key: feature, rows: [{feature: a}]}
  contracts: {key: account, subject: account, columns: {value: number}}
signals:
  logins: {kind: count, event: Signed In, window: 7d}
  spent: {kind: sum, event: Order Completed, property: total}
  quiet: {kind: since, event: Signed In}
  visits: {kind: sessions, event: "*"}
  steps:
    kind: milestones
    start: Signed Up
    steps: [{name: setup, event: Workspace Set Up, within: 2d}, {name: report, event: Report Run}]
  used: {kind: values, event: Feature Used, property: feature, catalogue: features}
  reply: {kind: last, event: NPS Answered, property: comment}
  source: {kind: channel}
  in_stage: {kind: stage_time, lifecycle: main}
  team: {kind: rollup, of: account, aggregate: sum, signal: logins}
  order_total: {kind: sum, of: order, event: Order Completed, property: total}
segments:
  active: {when: logins > 2}
  friends: {manual: true}
  big: {of: account, when: team > 10}
lifecycles:
  main:
    stages: [{name: trial}, {name: customer, enter: spent > 0, exit: quiet > 60d}]
scores:
  health:
    lifecycle: main
    measures:
      use: {signal: logins, points: [[0, 0], [5, 100]]}
    weights: [{weights: {use: 1}}]
    bands: [{name: red, from: 0}, {name: green, from: 60}]
"""


def workspace(text: str = "", base: str = BASE) -> Workspace:
    """A workspace of ``BASE`` with the objects of ``text`` put over it, section by section."""
    plain = _plain(base)
    for section, given in _plain(text).items():
        if isinstance(given, dict) and section in plain:
            plain[section] |= given
        else:
            plain[section] = given
    return msgspec.convert({"name": "test", **plain}, Workspace)


def problems(text: str = "", base: str = BASE) -> list[Problem]:
    """What ``check`` says about it, without the signals nothing uses."""
    return [problem for problem in check(workspace(text, base)) if problem.code != "unused"]


def _plain(text: str) -> dict[str, dict[str, object]]:
    node, wrong = read(dedent(text).encode(), "test.yaml")
    assert node is not None and not wrong, wrong
    plain = node.plain()
    assert isinstance(plain, dict)
    return plain
