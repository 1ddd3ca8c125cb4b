"""What events are called where they come from: the section `events`."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.workspace.event_names import event_names
from sevenfold.workspace.exporting import export
from sevenfold.workspace.loading import examine, load
from sevenfold.workspace.models import Count, Sequence

WORKSPACE = """
name: shop
signals:
  orders: {kind: count, event: Order Completed}
  visits: {kind: count, event: [Home, Product]}
  came_back: {kind: sequence, first: Order Completed, then: Product, within: 7d}
segments:
  buyers: {when: orders > 0}
consent:
  categories: {news: {title: News, default: opt_in}}
  events: [{event: Newsletter Joined, status: in, category: news}]
"""


def workspace(folder: Path, events: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "workspace.yaml").write_text(WORKSPACE)
    (folder / "events.yaml").write_text(events)
    return folder


def test_a_workspace_listens_to_the_names_it_is_given(tmp_path: Path) -> None:
    found = load(
        workspace(tmp_path / "w", "Order Completed: order_placed\nProduct: [Product, item_viewed]\n")
    )
    orders, visits, sequence = (found.signals[name] for name in ("orders", "visits", "came_back"))
    assert isinstance(orders, Count) and orders.event == "order_placed"
    assert isinstance(visits, Count) and visits.event == ["Home", "Product", "item_viewed"]
    assert isinstance(sequence, Sequence)
    assert (sequence.first, sequence.then) == ("order_placed", ["Product", "item_viewed"])
    assert "Order Completed" not in {name for name, _ in event_names(found)}


def test_a_workspace_that_was_written_back_means_the_same(tmp_path: Path) -> None:
    found = load(workspace(tmp_path / "w", "Order Completed: [Order Completed, pos_sale]\n"))
    export(found, tmp_path / "again")
    assert load(tmp_path / "again") == found
    assert not [one for one in examine(tmp_path / "again").problems if one.field.startswith("events")]


@pytest.mark.parametrize(
    ("events", "message", "fix"),
    [
        ("Order Complete: order_placed\n", "nothing here listens to `Order Complete`", "Order Completed"),
        ("$stage main/new: started\n", "`$stage main/new` is no event that arrives", "are sent"),
        ("Newsletter Joined: [joined, subscribed]\n", "takes one event", "give it one name"),
        ("Home: Product\nProduct: Home\n", "is a name on the left too", "call one of them otherwise"),
    ],
)
def test_names_that_make_no_sense_are_said_with_file_line_and_fix(
    tmp_path: Path, events: str, message: str, fix: str
) -> None:
    problems = examine(workspace(tmp_path / "w", events)).problems
    found = next(problem for problem in problems if message in problem.message)
    assert (found.file.rpartition("/")[2], found.line) == ("events.yaml", 1)
    assert fix in found.suggestion
