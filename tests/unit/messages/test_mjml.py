"""MJML is compiled once, with Liquid in its place, and mistakes are found in their lines."""

from __future__ import annotations

import pytest

from tests.unit.messages.compose import compiled, faults, refused, sent


def mail(body: str, head: str = "", **fields: object) -> dict[str, object]:
    mjml = f"<mjml>{head}<mj-body>{body}</mj-body></mjml>"
    return {"channel": "email", "subject": "s", "transactional": True, "mjml": mjml, **fields}


def section(text: str) -> str:
    return f"<mj-section><mj-column>{text}</mj-column></mj-section>"


def html(body: str, **fields: object) -> str:
    return sent(compiled(**mail(body, **fields))).html or ""


def test_liquid_stands_in_texts_attributes_and_between_components() -> None:
    page = html(
        "{% if person.first_name %}"
        + section("<mj-text>Hi {{ person.first_name }}</mj-text>")
        + "{% endif %}"
        + section("{% for i in event.items %}<mj-text>{{ i }}</mj-text>{% endfor %}")
        + section(
            '<mj-button href="https://a.example/{{ event.order_id | default: "x" }}?a=1&b=2">Go</mj-button>'
        )
    )
    for part in ("Hi Ada", "tea", "cup", "pot", 'href="https://a.example/o-17?a=1&amp;b=2"'):
        assert part in page
    assert (
        "zlq" not in page
        and "{%" not in page
        and "mj-" not in page.replace("mj-column", "").replace("mj-outlook", "")
    )


def test_a_part_that_is_left_out_is_left_out_with_all_its_markup() -> None:
    with_it = html(
        "{% if true %}"
        + section("<mj-text>secret</mj-text>")
        + "{% endif %}"
        + section("<mj-text>b</mj-text>")
    )
    without = html(
        "{% if person.vip %}"
        + section("<mj-text>secret</mj-text>")
        + "{% endif %}"
        + section("<mj-text>b</mj-text>")
    )
    assert "secret" in with_it and "secret" not in without
    for page in (with_it, without):
        assert page.count("<table") == page.count("</table>") and page.count("<div") == page.count("</div>")


def test_assignments_may_stand_around_the_mail() -> None:
    fields = mail(section("<mj-text>{{ greeting }}</mj-text>"))
    fields["mjml"] = "{% assign greeting = 'Ahoy' %}\n" + str(fields["mjml"]) + "\n"
    assert "Ahoy" in (sent(compiled(**fields)).html or "")


def test_what_people_write_is_never_markup() -> None:
    template = compiled(**mail(section("<mj-text>{{ event.x }}</mj-text>")))
    found = sent(template, {"event": {"x": "</td></table><mj-raw><script>"}}).html or ""
    assert "&lt;/td&gt;" in found and "<script>" not in found


def test_a_layout_and_partials_hold_mjml() -> None:
    partials = {
        "base": "<mjml><mj-body>{{ content }}{% render 'foot' %}</mj-body></mjml>",
        "foot": section("<mj-text>foot {{ person.first_name }}</mj-text>"),
        "name": "<b>{{ person.first_name }}</b>",
    }
    fields = mail("", layout="base")
    fields["mjml"] = section("<mj-text>hello {% render 'name' %}</mj-text>")
    template = compiled(partials, **fields)
    found = sent(template)
    assert "hello <b>Ada</b>" in (found.html or "") and "foot Ada" in (found.html or "")
    assert found.text == "hello Ada\n\nfoot Ada"


def test_a_missing_value_is_said_in_the_line_of_the_mjml() -> None:
    found = refused(compiled(**mail("\n" + section("\n<mj-text>{{ event.nothing }}</mj-text>"))))
    assert (found.where, found.line) == ("templates.t.mjml", 3)
    partials = {"foot": "\n\n" + section("<mj-text>{{ event.nothing }}</mj-text>")}
    found = refused(compiled(partials, **mail("{% render 'foot' %}")))
    assert (found.where, found.line) == ("partials.foot", 3)


@pytest.mark.parametrize(
    ("body", "line", "word"),
    [
        ("\n<mj-sectoin></mj-sectoin>", 2, "did you mean `mj-section`?"),
        ("\n\n" + section("<mj-text>a</mj-txt>"), 3, ""),
        ("\n<mj-section>", 2, ""),
        ("\n</mj-section>", 2, ""),
        ("\n<mj-include path='/etc/passwd'/>", 2, "{% render 'name' %}"),
        (section("\n<mj-social>{% if true %}{% endif %}</mj-social>"), 2, ""),
        ("\n{% render 'foot', a: 1 %}", 2, "assign what it needs before"),
        ("\n{{ person.first_name", 2, ""),
    ],
)
def test_a_mistake_is_found_in_its_line(body: str, line: int, word: str) -> None:
    found = faults({"foot": section("")}, **mail(body))[0]
    assert found.line == line and word in found.fix, found


@pytest.mark.parametrize("text", ["", "hello", "<mjml>", "</mjml><mjml>", "<html></html>", "<mjml></mjml>"])
def test_what_is_no_mjml_is_a_fault_and_no_crash(text: str) -> None:
    for fault in faults(channel="email", subject="s", transactional=True, mjml=text):
        assert fault.code in ("markup", "syntax")


def test_very_deep_markup_is_refused_before_it_ends_the_process() -> None:
    for tag in ("mj-wrapper", "div", "b"):
        inside = f"<{tag}>" * 20_000 + f"</{tag}>" * 20_000
        body = inside if tag == "mj-wrapper" else section(f"<mj-text>{inside}</mj-text>")
        assert faults(**mail(body))[0].code == "too_much"


def test_signs_that_xml_would_refuse_are_taken_as_they_are_meant() -> None:
    assert "a &amp; b &lt; c &nbsp; d" in html(section("<mj-text>a & b < c &nbsp; d</mj-text>"))


def test_the_language_of_the_wording_is_that_of_the_page() -> None:
    assert '<html lang="en"' in html(section("<mj-text>a</mj-text>"))
    fields = mail(section("<mj-text>a</mj-text>"))
    template = compiled(**fields, locales={"de": {"mjml": fields["mjml"]}})
    assert '<html lang="de"' in (sent(template, locale="de").html or "")
