"""`sevenfold render`: a preview for somebody of a replay, or with sample data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sevenfold.cli import main

WORKSPACE = """\
name: small
title: A small shop
timezone: Europe/Berlin
traits:
  first_name: {}
signals:
  orders: {kind: count, event: Order Completed}
templates:
  thanks:
    channel: email
    subject: "Thank you, {{ person.first_name }}"
    html: |
      <p>Order {{ event.order_id }} is your no. {{ signal.orders }}.</p>
      <a href="https://shop.example/{{ event.order_id }}">see it</a>
      <a href="{{ links.unsubscribe }}">leave</a>
    locales:
      de: {subject: "Danke, {{ person.first_name }}"}
  hook: {channel: webhook, payload: {name: "{{ person.first_name }}", n: "{{ signal.orders }}"}}
"""
EVENTS: list[dict[str, Any]] = [
    {"type": "identify", "userId": "ada", "traits": {"first_name": "Ada", "locale": "de-AT"}},
    {"type": "track", "userId": "ada", "event": "Order Completed", "properties": {"order_id": "o-1"}},
    {"type": "track", "userId": "ada", "event": "Order Completed", "properties": {"order_id": "o-2"}},
    {"type": "track", "userId": "bob", "event": "Order Completed", "properties": {"order_id": "o-3"}},
]


def sevenfold(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in args])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("render")
    (folder / "workspace").mkdir()
    (folder / "workspace" / "workspace.yaml").write_text(WORKSPACE)
    lines = [
        json.dumps({**event, "messageId": f"m{index}", "timestamp": f"2026-03-01T10:0{index}:00Z"})
        for index, event in enumerate(EVENTS)
    ]
    (folder / "events.ndjson").write_text("\n".join(lines))
    sevenfold("replay", folder / "workspace", folder / "events.ndjson", "--out", folder / "out")
    return folder


def of_ada(shop: Path) -> tuple[object, ...]:
    return ("--profile", "ada", "--replay", shop / "out", "--event", "Order Completed")


def test_it_renders_for_somebody_of_a_replay_in_their_language(shop: Path) -> None:
    found = json.loads(sevenfold("render", shop / "workspace", "thanks", *of_ada(shop), "--json").stdout)
    assert (found["subject"], found["locale"]) == ("Danke, Ada", "de-AT")
    assert "<p>Order o-2 is your no. 2.</p>" in found["html"]


def test_people_see_what_a_person_would_read(shop: Path) -> None:
    printed = sevenfold("render", shop / "workspace", "thanks", *of_ada(shop), "--locale", "en").stdout
    assert "Subject: Thank you, Ada" in printed
    assert "Order o-2 is your no. 2.\n" in printed
    assert "List-Unsubscribe: <https://example.com/unsubscribe>" in printed


def test_links_are_shown_as_a_server_would_count_them(shop: Path) -> None:
    printed = sevenfold(
        "render", shop / "workspace", "thanks", *of_ada(shop), "--tracking", "https://t.example"
    ).stdout
    assert "see it: https://t.example/l/" in printed
    assert ": https://shop.example/o-2" in printed


def test_sample_data_stands_in_for_a_person(shop: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    data.write_text('{"person": {"first_name": "Bob"}, "signal": {"orders": 7}}')
    found = json.loads(
        sevenfold("render", shop / "workspace", "hook", "--data", data, "--format", "json").stdout
    )
    assert found["payload"] == {"name": "Bob", "n": 7}


def test_sample_data_changes_what_a_person_has(shop: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    data.write_text('{"person": {"first_name": "Zoe"}}')
    printed = sevenfold("render", shop / "workspace", "hook", *of_ada(shop), "--data", data).stdout
    assert '"name": "Zoe"' in printed and '"n": 2' in printed


def test_html_is_written_to_a_file(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "mail.html"
    printed = sevenfold(
        "render", shop / "workspace", "thanks", *of_ada(shop), "--format", "html", "--out", out
    ).stdout
    assert "<p>Order o-2" in out.read_text()
    assert str(out) in printed


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("thnks",), "There is no template `thnks` (did you mean `thanks`?)"),
        (("thanks", "--profile", "ada"), "A person needs both --profile and --replay"),
        (("thanks",), "workspace.yaml:11: templates.thanks.subject: `person.first_name` is missing"),
        (("hook", "--format", "html"), "missing"),
    ],
)
def test_what_cannot_be_shown_is_said_with_file_and_line(
    shop: Path, args: tuple[str, ...], said: str
) -> None:
    result = sevenfold("render", shop / "workspace", *args, code=2)
    assert said in result.output


def test_a_missing_event_is_said_in_the_line_of_its_text(shop: Path) -> None:
    result = sevenfold(
        "render", shop / "workspace", "thanks", "--profile", "ada", "--replay", shop / "out", "--json", code=2
    )
    assert (
        json.loads(result.stdout)["error"]["code"] == "render_error"
        if result.stdout.startswith("{")
        else True
    )
    assert "workspace.yaml:13: templates.thanks.html: `event.order_id` is missing" in result.output


def test_an_event_that_never_happened_is_refused(shop: Path) -> None:
    result = sevenfold(
        "render",
        shop / "workspace",
        "thanks",
        "--profile",
        "ada",
        "--replay",
        shop / "out",
        "--event",
        "Order Complete",
        code=2,
    )
    assert "did you mean `Order Completed`?" in result.output


@pytest.mark.parametrize("text", ["[1]", "{", ""])
def test_data_that_is_no_object_is_refused(shop: Path, tmp_path: Path, text: str) -> None:
    data = tmp_path / "data.json"
    data.write_text(text)
    sevenfold("render", shop / "workspace", "hook", "--data", data, code=2)
