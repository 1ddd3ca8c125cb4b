"""What a template reads, found without rendering it."""

from __future__ import annotations

from tests.unit.messages.compose import compiled, faults


def test_names_are_found_in_every_text_and_partial() -> None:
    template = compiled(
        {"foot": "{{ account.name }}"},
        channel="email",
        subject="{{ event.order_id }}",
        preheader="{{ offer.code }}",
        html="{% for p in event.products %}{{ p.name }}{% endfor %}{% render 'foot' %}"
        "{{ links.unsubscribe }}",
        locales={"de": {"subject": "{{ person.title }}"}},
        buttons=[{"label": "{{ step.label }}", "link": "x"}],
        payload={"a": ["{{ signal.sessions.average }}"]},
    )
    assert not template.faults
    assert template.variables == {
        "event.order_id",
        "offer.code",
        "event.products",
        "account.name",
        "links.unsubscribe",
        "person.title",
        "step.label",
        "signal.sessions.average",
    }


def test_names_made_inside_are_not_asked_for() -> None:
    text = (
        "{% assign a = event.x %}{% capture b %}{{ a }}{% endcapture %}{{ b }}{{ a.c }}"
        "{% for i in (1..3) %}{{ i }}{{ forloop.index }}{% endfor %}{% increment n %}{% cycle 'a', 'b' %}"
        "{% tablerow r in event.rows %}{{ r }}{{ tablerowloop.col }}{% endtablerow %}{% render 'p', who: a %}"
    )
    template = compiled({"p": "{{ who }}"}, body=text)
    assert not template.faults
    assert template.variables == {"event.x", "event.rows"}


def test_a_partial_does_not_see_what_is_assigned_outside() -> None:
    (found,) = faults({"p": "\n{{ greeting }}"}, body="{% assign greeting = 'x' %}{% render 'p' %}")
    assert (found.path, found.line, found.code) == (("partials", "p"), 2, "unknown_variable")
    assert not faults({"p": "{{ greeting }}"}, body="{% assign greeting = 'x' %}{% include 'p' %}")


def test_what_has_a_default_or_is_asked_for_first_is_not_needed() -> None:
    template = compiled(
        body="{{ person.nick | default: 'x' }}{% if event.gift %}{{ event.gift.name }}{% endif %}"
        "{% unless account.plan == 'pro' %}{{ account.plan }}{% endunless %}{{ event.order_id }}"
        "{{ person.a | upcase | default: 'y' }}"
    )
    assert template.needed == {"event.order_id", "person.a"}
    assert template.variables > template.needed


def test_a_path_ends_where_it_is_computed() -> None:
    template = compiled(body="{{ event.products[0].name }}{{ catalogue.products[event.sku].name }}")
    assert template.variables == {"event.products", "catalogue.products", "event.sku"}


def test_partials_that_render_each_other_are_read_once() -> None:
    template = compiled(
        {"a": "{{ event.a }}{% render 'b' %}", "b": "{{ event.b }}{% render 'a' %}"}, body="{% render 'a' %}"
    )
    assert template.variables == {"event.a", "event.b"}


def test_partials_that_multiply_are_refused_and_not_looked_through() -> None:
    partials = {f"p{n}": f"{{% render 'p{n + 1}' %}}" * 10 for n in range(15)} | {"p15": "x"}
    assert faults(partials, body="{% render 'p0' %}")[0].code == "too_much"
