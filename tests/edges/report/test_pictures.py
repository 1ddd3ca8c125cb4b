"""Pictures of lifecycles and journeys say what the definition says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sevenfold.report.pictures import journey_picture, lifecycle_picture
from sevenfold.report.workspace_page import page
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace

WORKSPACE = r"""
name: shop
signals: {orders: {kind: count, event: Order Completed}, visits: {kind: count, event: Home, window: 7d}}
segments: {buyers: {when: orders > 0}}
lifecycles:
  main:
    stages:
      - {name: visitor, question: Who is it?}
      - {name: buyer, enter: segment.buyers, exit: visits < 1}
      - {name: regular, enter: orders > 3, from: [visitor]}
channels: {mail: {type: email}}
consent: {categories: {news: {title: News}}}
templates:
  hello: {channel: mail, subject: Hello, text: "Hello {{ links.unsubscribe }}"}
journeys:
  welcome:
    title: A first welcome
    triggers: [{kind: event, event: Order Completed, where: property.total > 10}]
    category: news
    exits: [{when: orders > 5}]
    goals: {again: {event: Order Completed, within: 30d}}
    steps:
      look: {kind: branch, paths: [{name: "quick \"ones\"", when: visits > 3, go: letter}], else: exit}
      letter: {kind: message, template: hello, on: {bounced: exit}}
      rest: {kind: wait, timeout: 3d, on_timeout: chance, paths: [{event: Home, go: exit}]}
      chance: {kind: split, paths: {a: {share: 30, go: letter}, b: {share: 70}}}
      last: {kind: wait, for: 2d}
"""
NODE = re.compile(r"^  (\w+)[(\[{]")
EDGE = re.compile(r'^  (\w+)(?:\(\[".*"\]\))? -?-\.?->(?:\|"[^"]*"\|)? (\w+)$')


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder: Path = tmp_path_factory.mktemp("shop")
    (folder / "workspace.yaml").write_text(WORKSPACE)
    return load(folder)


def edges(picture: str) -> list[tuple[str, str]]:
    return [(found[1], found[2]) for line in picture.splitlines() if (found := EDGE.match(line))]


def test_every_line_of_a_picture_is_a_node_or_an_edge_between_nodes(shop: Workspace) -> None:
    for picture in (journey_picture(shop.journeys["welcome"]), lifecycle_picture(shop.lifecycles["main"])):
        lines = picture.splitlines()[1:]
        nodes = {found[1] for line in lines if (found := NODE.match(line))}
        joined = edges(picture)
        assert all(NODE.match(line) or EDGE.match(line) for line in lines)
        assert {end for edge in joined for end in edge} <= nodes


def test_a_journey_shows_what_starts_it_and_every_way_with_its_reason(shop: Workspace) -> None:
    picture = journey_picture(shop.journeys["welcome"])
    assert 't0(["Order Completed where property.total #gt; 10"]) --> n0' in picture
    assert 'n0 -->|"quick #quot;ones#quot;"| n1' in picture and 'n0 -->|"otherwise"| done' in picture
    assert 'n1 -->|"bounced"| done' in picture and "n1 --> n2" in picture
    assert 'n2 -->|"Home"| done' in picture and 'n2 -->|"after 3d"| n3' in picture
    assert 'n3 -->|"a, 30 %"| n1' in picture and 'n3 -->|"b, 70 %"| n4' in picture
    assert "n2 --> n3" not in picture and 'n4{{"wait<br/>for 2d"}}' in picture


def test_a_lifecycle_shows_what_lets_in_and_what_makes_leave(shop: Workspace) -> None:
    picture = lifecycle_picture(shop.lifecycles["main"])
    assert edges(picture) == [("s0", "s1"), ("s1", "holds"), ("s0", "s2")]
    assert 's1 -.->|"visits #lt; 1"| holds' in picture


def test_a_page_tells_events_stages_and_journeys(shop: Workspace) -> None:
    text = page(shop)
    assert "| `Order Completed` |  | 1 signal, 1 journey |" in text
    assert "| **visitor** | Who is it? |  |  |" in text
    assert "`welcome`, of each person; starts on Order Completed where property.total > 10;" in text
    assert "left at once when `orders > 5`; meant for again within 30d." in text
    assert text.count("```mermaid") == 2
