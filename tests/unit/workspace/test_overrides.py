"""Overlays: single values laid over what a workspace extends, several layers, and what came from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.workspace.loading import Loaded, examine
from sevenfold.workspace.overrides import OverrideError, parts_of

BASE = """\
name: base
channels: {email: {type: email}}
consent: {categories: {news: {default: opt_in}}}
messaging:
  caps:
    week: {limit: 2, per: 7d}
signals:
  orders: {kind: count, event: Order Completed}
segments:
  buyers: {when: orders >= 1}
lifecycles:
  life:
    stages:
      - {name: new}
      - {name: customer, enter: segment.buyers, question: Why?}
acquisition:
  - {channel: search, intent: 50, when: "campaign.source == 'search'"}
  - {channel: other, intent: 10}
templates:
  hello: {channel: email, category: news, subject: Hello, text: "{{ links.unsubscribe }}"}
journeys:
  hello:
    triggers: [{kind: segment, segment: buyers}]
    steps:
      rest: {kind: wait, for: 1d}
      say: {kind: message, template: hello}
"""


def layered(tmp_path: Path, overrides: str, **more: str) -> Loaded:
    """A workspace `top` on `base` with these overrides; `more` are other folders' workspace.yaml."""
    for name, text in {"base": BASE, "top": "name: top\nextends: ../base\n", **more}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "workspace.yaml").write_text(text)
    (tmp_path / "top" / "overrides.yaml").write_text(overrides)
    return examine(tmp_path / "top")


def errors(found: Loaded) -> list[str]:
    return [f"{Path(p.file).name}:{p.line} {p.message} ({p.suggestion})" for p in found.problems]


def test_a_value_deep_inside_an_object_is_overridden_and_the_rest_stays(tmp_path: Path) -> None:
    found = layered(
        tmp_path,
        "segments.buyers.when: orders >= 3\nmessaging.caps.week.limit: 5\njourneys.hello.steps.rest.for: 2d\n"
        "lifecycle.life.stages[customer].question: What next?\nacquisition[search].intent: 60\n",
    )
    assert errors(found) == []
    model = found.workspace
    assert model.segments["buyers"].when == "orders >= 3"
    assert (model.messaging.caps["week"].limit, model.messaging.caps["week"].per) == (5, "7d")
    assert model.journeys["hello"].steps["rest"].for_ == "2d"  # type: ignore[union-attr]
    assert [s.question for s in model.lifecycles["life"].stages] == ["", "What next?"]
    assert [rule.intent for rule in model.acquisition] == [60, 10]


def test_a_field_that_was_not_written_beneath_can_be_set(tmp_path: Path) -> None:
    found = layered(tmp_path, "journeys.hello.holdout: 10\n")
    assert errors(found) == []
    assert found.workspace.journeys["hello"].holdout == 10


def test_a_plus_adds_to_a_mapping_and_to_a_list_at_its_end_or_at_a_place(tmp_path: Path) -> None:
    found = layered(
        tmp_path,
        "messaging.caps.+day: {limit: 1, per: 1d}\nmessaging.topics.+gift: {once_per: 30d}\n"
        "journeys.hello.tags[+]: early\n"
        "acquisition[+0]: {channel: partner, intent: 70, when: exists campaign.source}\n",
    )
    assert not found.errors
    assert list(found.workspace.messaging.caps) == ["week", "day"]
    assert found.workspace.messaging.topics["gift"].once_per == "30d"
    assert found.workspace.journeys["hello"].tags == ["early"]
    assert [rule.channel for rule in found.workspace.acquisition] == ["partner", "search", "other"]


def test_an_empty_value_removes_what_is_there(tmp_path: Path) -> None:
    found = layered(tmp_path, "journeys.hello.steps.rest:\nacquisition[search]:\n")
    assert errors(found) == []
    assert list(found.workspace.journeys["hello"].steps) == ["say"]
    assert [rule.channel for rule in found.workspace.acquisition] == ["other"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("segments.byers.when: x",
         "there is no `byers` in segments, here or beneath (did you mean `buyers`?)"),
        ("messaging.caps.weak.limit: 1", "there is no `weak` to override (did you mean `week`?)"),
        ("messaging.caps.day: {}", "there is no `day` to override (write `+day` to add it)"),
        ("messaging.caps.+week: {}", "`week` is there already (write `week` to override it)"),
        ("journeys.hello.holdoud: 1", "there is no `holdoud` to override (did you mean `holdout`?)"),
        ("journeys.hello.steps.gone:", "there is no `gone` to override (write `+gone` to add it)"),
        ("lifecycles.life.stages[custmer].rank: 1",
         "there is no `custmer` in the list (did you mean `customer`?)"),
        ("acquisition[7].intent: 1", "there is no `7` in the list (there are search, other)"),
        ("segments.buyers.when.all: 1", "`orders >= 1` has no part `all` (override the value itself)"),
        ("segments.buyers: {}", "`segments.buyers` is a whole object (write it under `segments:`)"),
        ("segmants.buyers.when: 1",
         "`segmants.buyers.when` is not the path of a value in an object (did you mean `segments`?)"),
        ("title: New", "`title` is not the path of a value in an object (write it in workspace.yaml)"),
    ],
)  # fmt: skip
def test_what_is_not_there_cannot_be_overridden(tmp_path: Path, line: str, message: str) -> None:
    assert errors(layered(tmp_path, f"{line}\n")) == [f"overrides.yaml:1 {message}"]


def test_a_value_of_the_wrong_kind_is_told_at_the_override(tmp_path: Path) -> None:
    (told,) = errors(layered(tmp_path, "\nmessaging.caps.week.limit: many\n"))
    assert told.startswith("overrides.yaml:2 expected a whole number")


@pytest.mark.parametrize("text", [".a.b", "a..b", "a[b", "a]b", "a.[b]c]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(OverrideError):
        parts_of(text)


def test_of_several_layers_the_later_goes_on_top_and_what_they_share_is_read_once(tmp_path: Path) -> None:
    found = layered(
        tmp_path, "",
        left="name: left\nextends: ../base\nsegments: {buyers: {when: orders >= 2}}\n",
        right="name: right\nextends: ../base\noverrides: {segments.buyers.when: orders >= 4}\n",
        top="name: top\nextends: [../left, ../right]\n",
    )  # fmt: skip
    assert errors(found) == []
    assert [Path(layer).name for layer in found.layers] == ["base", "left", "right", "top"]
    assert found.workspace.segments["buyers"].when == "orders >= 4"


def test_two_layers_may_remove_the_same_thing(tmp_path: Path) -> None:
    text = "journeys: {hello: }\noverrides: {messaging.caps.week: }\n"
    found = layered(
        tmp_path, "",
        left=f"name: left\nextends: ../base\n{text}",
        right=f"name: right\nextends: ../base\n{text}",
        top="name: top\nextends: [../left, ../right]\n",
    )  # fmt: skip
    assert errors(found) == []
    assert not found.workspace.journeys and not found.workspace.messaging.caps


def test_a_circle_of_layers_is_an_error(tmp_path: Path) -> None:
    found = layered(tmp_path, "", base="name: base\nextends: ../top\n")
    assert [problem.code for problem in found.errors] == ["extends_unknown"]


def test_origins_name_file_line_and_layer_of_objects_and_of_single_values(tmp_path: Path) -> None:
    found = layered(
        tmp_path, "messaging.caps.week.limit: 5\n",
        top="name: top\nextends: ../base\nsegments:\n  buyers: {when: orders >= 9}\n"
        "templates:\n  hello:\njourneys:\n  hello:\n",
    )  # fmt: skip
    assert not found.errors
    told = {one.path: one for one in found.origins()}
    buyers, messaging = told["segments.buyers"], told["messaging"]
    assert (Path(buyers.layer).name, buyers.place.line, buyers.replaced[0].line) == ("top", 4, 10)
    (deed,) = messaging.deeds
    assert (Path(messaging.layer).name, deed.action, deed.place.line) == ("base", "overridden", 1)
    assert deed.before is not None and deed.before.line == 6
    assert told["templates.hello"].removed and told["templates.hello"].to_json()["removed"]
    assert not told["signals.orders"].replaced
    assert str(messaging).splitlines()[1].strip().startswith("caps.week.limit: overridden in ")


def test_what_is_inherited_and_not_used_is_no_warning(tmp_path: Path) -> None:
    bare = "segments: {buyers: }\njourneys: {hello: }\nlifecycles: {life: }\n"
    assert errors(layered(tmp_path, "", top=f"name: top\nextends: ../base\n{bare}")) == []
    assert [p.code for p in examine(tmp_path / "base").warnings] == []
