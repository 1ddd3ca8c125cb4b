"""What a template can speak of, from profiles as the fold reads them."""

from __future__ import annotations

from typing import Any

import msgspec

from sevenfold.messages.context import context_of, rows_by_key
from sevenfold.messages.language import ROOTS
from sevenfold.workspace.models import Workspace
from tests.unit.messages.compose import compiled, sent

PROFILE: dict[str, Any] = {
    "identifiers": {"user_id": ["u1", "u2"], "email": ["ada@example.com"]},
    "traits": {"name": "Ada", "address": {"city": "Linz"}, "email": "Ada@Example.com"},
    "signals": {"mrr": 20.0, "share": 0.5, "visits": 3, "visits.average": 61.0, "unknown": None},
    "segments": ["regulars"],
    "stages": {"customer": "activation"},
    "scores": {
        "health": {"value": 61.0, "band": "good", "velocity": None},
        "risk": {"value": None, "band": "unknown"},
    },
}
WORKSPACE = msgspec.convert(
    {
        "name": "shop",
        "traits": {"city": {"path": "address.city"}},
        "catalogues": {"products": {"key": "sku", "rows": [{"sku": "a", "name": "Tea"}]}},
    },
    Workspace,
)


def test_everything_a_template_may_name_is_there() -> None:
    context = context_of(WORKSPACE, PROFILE, person_id="s1", now="2026-03-01T00:00:00Z")
    assert set(context) == ROOTS


def test_facts_of_person_and_account_are_read_by_name() -> None:
    context = context_of(
        WORKSPACE,
        PROFILE,
        person_id="s1",
        now="2026-03-01T00:00:00Z",
        account=PROFILE,
        account_id="g1",
        event={"sku": "a"},
        catalogue=rows_by_key(WORKSPACE),
    )
    template = compiled(
        body="{{ person.id }} {{ person.name }} {{ person.city }} {{ person.address.city }} "
        "{{ person.user_id }} {{ signal.mrr }} {{ signal.share }} {{ signal.visits }} "
        "{{ signal.visits.average }} {{ stage.customer }} "
        "{% if segment.regulars %}regular{% endif %} {% if segment.vips %}vip{% endif %} {{ score.health }} "
        "{{ band.health }} {{ account.id }} {{ account.signal.visits.average }} {{ account.stage.customer }} "
        "{{ catalogue.products[event.sku].name }} {{ workspace.title }} {{ signal.unknown | default: '-' }}"
    )
    assert not template.faults
    assert sent(template, context).body == (
        "s1 Ada Linz Linz u1 20 0.5 3 61 activation regular  61 good g1 61 activation Tea shop -"
    )


def test_an_empty_profile_is_no_fault() -> None:
    context = context_of(WORKSPACE, {}, person_id="", now="")
    assert sent(compiled(body="Hi {{ person.name | default: 'there' }}"), context).body == "Hi there"
