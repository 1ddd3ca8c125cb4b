"""What a template names is read when its message is decided, and is what the profile says then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sevenfold.engine import Fold
from sevenfold.events.times import parse_ms
from sevenfold.library import load
from sevenfold.messages.context import context_of
from sevenfold.messages.pinned import Pinned, _names_of
from sevenfold.simulate import run as simulate
from sevenfold.workspace import models as m


@pytest.fixture(scope="module", params=["seven-stage", "post-purchase"])
def folded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fold:
    kind = "saas" if request.param == "seven-stage" else "shop"
    folder: Path = tmp_path_factory.mktemp(kind)
    simulate(kind, 3, 12, 120, folder, lambda day, of, events: None)
    fold = Fold(load(request.param))
    for line in (folder / "events.ndjson").read_bytes().splitlines():
        at = parse_ms(json.loads(line)["timestamp"])
        assert at is not None
        fold.events([(at, line)])
    return fold


def looked_up(context: Mapping[str, Any], name: tuple[str, ...]) -> Any:
    """The value that a template finds behind a name; signals have their parts in their names."""
    value: Any = context
    for at, part in enumerate(name):
        if not isinstance(value, Mapping):
            return None
        whole = ".".join(name[at:])
        if at and name[at - 1] == "signal" and whole in value:
            return value[whole]
        value = value.get(part)
    return value


def test_values_are_those_of_the_profile_for_every_template_and_person(folded: Fold) -> None:
    workspace, pinned = folded.workspace, Pinned(folded)
    seen = 0
    for row in range(1, folded.person.table.rows, 3):
        if row in folded.forward:
            continue
        account = folded._accounts[row]
        context = context_of(
            workspace,
            folded.read(m.PERSON, row),
            person_id=folded.id_of(folded.person, row),
            now="",
            account=folded.read(m.ACCOUNT, account) if account else None,
            account_id=folded.id_of(folded.account, account) if account else "",
        )
        for template in workspace.templates:
            version = pinned.version(template)
            assert version is not None
            found = pinned.values(template, row)
            for dotted, name in _names_of(version):
                wanted = looked_up(context, name)
                assert found.get(dotted) == wanted, (template, dotted)
                seen += dotted in found
            assert set(found) <= {dotted for dotted, _ in _names_of(version)}
    assert seen > 10


def test_a_message_keeps_the_values_it_was_decided_with(folded: Fold) -> None:
    messages = [data for _, data in folded.journeys.services["messages"].book.to_send()]  # type: ignore[union-attr]
    assert messages
    assert any(one.get("values") for one in messages)
    assert all(json.dumps(one.get("values", {})) for one in messages)


def test_a_template_that_is_not_there_names_nothing(folded: Fold) -> None:
    assert Pinned(folded).values("no such template", 1) == {}
    assert Pinned(folded).version("no such template") is None
