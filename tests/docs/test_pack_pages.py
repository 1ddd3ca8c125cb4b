"""A pack's page names what the pack has: every event it listens to, every stage, every journey of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sevenfold.setup.needs import needs
from sevenfold.workspace.loading import load
from sevenfold.workspace.models import Workspace

ROOT = Path(__file__).parents[2]
PAGES = ("post-purchase", "d2c", "financial-services", "lending", "insurance", "mutual-funds", "banking")


def below(workspace: Workspace) -> Workspace | None:
    """The pack it stands on."""
    return load(ROOT / "packs" / workspace.extends) if isinstance(workspace.extends, str) else None


@pytest.mark.parametrize("pack", PAGES)
def test_the_page_names_every_event_stage_and_journey_of_its_own(pack: str) -> None:
    page = (ROOT / "docs" / "explain" / f"pack-{pack}.md").read_text("utf-8")
    named = set(re.findall(r"`([^`\n]+)`", page)) | set(re.findall(r"^\| (\w+) \|", page, re.MULTILINE))
    workspace = load(ROOT / "packs" / pack)
    ground = below(workspace)
    ours = {
        "event": set(needs(workspace)) - set(needs(ground) if ground else ()),
        "journey": workspace.journeys.keys() - (ground.journeys.keys() if ground else set()),
        "stage": {
            stage.name
            for name, lifecycle in workspace.lifecycles.items()
            if ground is None or name not in ground.lifecycles
            for stage in lifecycle.stages
        },
    }
    if pack == "post-purchase":
        ours["journey"] = {"loyalty_*" if one.startswith("loyalty_") else one for one in ours["journey"]}
    assert {kind: sorted(names - named) for kind, names in ours.items() if names - named} == {}


def test_the_list_of_packs_has_a_line_for_each_of_them() -> None:
    listed = (ROOT / "docs" / "README.md").read_text("utf-8")
    missing = [pack for pack in PAGES if f"explain/pack-{pack}.md" not in listed]
    assert missing == []
