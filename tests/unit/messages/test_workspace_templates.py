"""Templates in a workspace: texts in files, layers, and what check says of them, by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.workspace.exporting import export
from sevenfold.workspace.loading import examine, load
from sevenfold.workspace.problems import CODES

EMAIL = "  channel: email\n  subject: s\n  transactional: true\n"
BASE = "name: shop\ntimezone: Europe/Berlin\n"


def write(folder: Path, **files: str) -> Path:
    """A workspace; `__` in a name is a slash, and the first `_` after the name a point."""
    (folder / "workspace.yaml").write_text(BASE)
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        path = folder / f"{stem.replace('__', '/')}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def told(folder: Path) -> list[str]:
    """code, file below the folder, line, and the name of what each problem is about."""
    return [
        f"{p.code} {Path(p.file).relative_to(folder).as_posix()}:{p.line} {p.field}"
        for p in examine(folder).problems
        if p.code not in ("never_sent", "unused")
    ]


def test_a_text_may_stand_in_a_file_beside_it(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        templates__mail_yaml=f"hi:\n{EMAIL}  html: {{file: hi.html}}\n",
        templates__hi_html="<p>Hi</p>\n",
    )
    assert load(folder).templates["hi"].html == "<p>Hi</p>\n"


def test_a_file_outside_of_the_workspace_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "shop").mkdir()
    for name in ("../../secret.txt", "../secret.txt", str(tmp_path / "secret.txt"), "nothing.txt"):
        folder = write(tmp_path / "shop", templates__a_yaml=f"a:\n  channel: sms\n  body: {{file: {name}}}\n")
        found = examine(folder)
        assert "file_unreadable" in {problem.code for problem in found.errors}
        assert "secret" not in str(found.workspace.templates)


def test_a_link_out_of_the_workspace_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "shop" / "templates").mkdir(parents=True)
    (tmp_path / "shop" / "templates" / "a.txt").symlink_to(tmp_path / "secret.txt")
    folder = write(tmp_path / "shop", templates__a_yaml="a:\n  channel: sms\n  body: {file: a.txt}\n")
    assert "secret" not in str(examine(folder).workspace.templates)


def test_partials_are_files_of_a_folder_or_inline(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        templates__partials__foot_liquid="bye {{ person.first_name }}",
        partials_yaml="head: hello\n",
        templates_yaml="a:\n  channel: sms\n  body: \"{% render 'head' %} {% render 'foot' %}\"\n",
    )
    assert load(folder).partials == {"head": "hello", "foot": "bye {{ person.first_name }}"}


def test_a_partial_defined_twice_is_a_problem(tmp_path: Path) -> None:
    folder = write(tmp_path, templates__partials__foot_liquid="a", partials_yaml="foot: b\n")
    assert told(folder) == ["duplicate_key templates/partials/foot.liquid:1 partials.foot"]


def test_a_workspace_above_replaces_a_template_and_a_partial(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "above").mkdir()
    write(
        tmp_path / "below",
        templates_yaml="a:\n  channel: sms\n  body: \"{% render 'foot' %}\"\nb: {channel: sms, body: b}\n",
        templates__partials__foot_liquid="below",
    )
    above = write(
        tmp_path / "above",
        templates_yaml="b: {channel: sms, body: B}\n",
        templates__partials__foot_liquid="above",
    )
    (above / "workspace.yaml").write_text("name: above\nextends: ../below\n")
    found = load(above)
    assert (found.templates["b"].body, found.partials["foot"]) == ("B", "above")


MJML = (
    "<mjml><mj-body>\n<mj-section><mj-column>\n<mj-text>{{ x.y }}</mj-text>\n"
    "</mj-column></mj-section></mj-body></mjml>"
)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"templates_yaml": "a:\n  channel: sms\n  body: |\n    one\n    {{ persn.x }}\n"},
            ["unknown_name templates.yaml:5 templates.a.body"],
        ),
        (
            {"templates_yaml": "a:\n  channel: sms\n  body: '{{ persn.x }}'\n"},
            ["unknown_name templates.yaml:3 templates.a.body"],
        ),
        (
            {
                "templates__a_yaml": f"a:\n{EMAIL}  mjml: {{file: a.mjml}}\n",
                "templates__a_mjml": MJML,
            },
            ["unknown_name templates/a.mjml:3 templates.a.mjml"],
        ),
        (
            {
                "templates_yaml": "a:\n  channel: sms\n  body: \"{% render 'p' %}\"\n",
                "templates__partials__p_liquid": "one\n{{ person.x | nothing }}\n{{ signal.logins }}",
            },
            ["unknown_name templates/partials/p.liquid:3 partials.p"],
        ),
        (
            {"templates_yaml": "a:\n  channel: email\n  subject: s\n  html: |\n    <p>x</p>\n"},
            ["no_unsubscribe templates.yaml:5 templates.a.html"],
        ),
        (
            {"templates_yaml": "a:\n  channel: emial\n  body: x\n"},
            ["unknown_name templates.yaml:2 templates.a.channel"],
        ),
        (
            {"templates_yaml": "a:\n  channel: sms\n  body: x\n  category: news\n"},
            ["unknown_name templates.yaml:4 templates.a.category"],
        ),
        (
            {"templates_yaml": "a:\n  channel: sms\n  body: '{% if x %}'\n"},
            ["bad_template templates.yaml:3 templates.a.body"],
        ),
        (
            {
                "templates_yaml": "a:\n  channel: app_push\n  title: x\n  body: y\n"
                "  locales:\n    de: {title: z}\n"
            },
            ["missing_field templates.yaml:6 templates.a.locales.de"],
        ),
        (
            {
                "traits_yaml": "first_name: {}\n",
                "templates_yaml": "a:\n  channel: sms\n  body: '{{ person.fist_name }} {{ person.email }}'\n",
            },
            ["unknown_name templates.yaml:3 templates.a.body"],
        ),
        (
            {"templates_yaml": "a:\n  channel: sms\n  bdy: x\n"},
            ["unknown_field templates.yaml:3 templates.a.bdy"],
        ),
    ],
)
def test_what_is_wrong_is_said_in_its_line(
    tmp_path: Path, files: dict[str, str], expected: list[str]
) -> None:
    found = told(write(tmp_path, **files))
    assert found[: len(expected)] == expected
    assert {line.split()[0] for line in found} <= set(CODES)


def test_a_channel_of_the_workspace_lends_its_kind(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        channels_yaml="news: {type: email}\n",
        templates_yaml="a:\n  channel: news\n  subject: s\n  body: x\n",
    )
    assert told(folder)[0].startswith("missing_field")


def test_a_signal_that_a_template_shows_is_used(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        signals_yaml="logins: {kind: count, event: Signed In}\n",
        templates_yaml="a: {channel: sms, body: '{{ signal.logins }}'}\n",
    )
    assert "unused" not in {problem.code for problem in examine(folder).problems}


def test_templates_are_exported_with_their_texts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    folder = write(
        tmp_path / "a",
        templates__mail_yaml="hi:\n  channel: sms\n  body: {file: hi.txt}\n  variables: {x: {default: 1}}\n",
        templates__hi_txt="Hi\n\n{{ x }}: {% render 'foot' %}\n",
        templates__partials__foot_liquid="bye\n",
    )
    given = load(folder)
    export(given, tmp_path / "b")
    again = load(tmp_path / "b")
    assert (again.templates, again.partials) == (given.templates, given.partials)
