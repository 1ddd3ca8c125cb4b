"""Folders of YAML become workspaces, or errors that say where and how."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sevenfold.workspace import packs
from sevenfold.workspace.loading import examine, load
from sevenfold.workspace.models import Count, Workspace
from sevenfold.workspace.problems import CODES, Problem, WorkspaceError
from tests.unit.workspace.conftest import Make
from tests.unit.workspace.worlds import BASE

SIGNALS = """
logins: {kind: count, event: Signed In, window: 7d}
"""
SEGMENTS = """
active:
  when: logins > 2
"""


def errors(folder: Path) -> list[Problem]:
    with pytest.raises(WorkspaceError) as caught:
        load(folder)
    assert all(problem.code in CODES for problem in caught.value.problems)
    return list(caught.value.problems)


def test_files_and_folders_of_files_make_one_workspace(make: Make) -> None:
    folder = make(
        {
            "workspace.yaml": "name: shop\ntitle: A shop\ntimezone: Europe/Berlin\ncurrency: EUR",
            "signals.yaml": SIGNALS,
            "signals/more.yaml": "orders: {kind: count, event: Order Completed}",
            "signals/yet_more.yml": "spent: {kind: sum, event: Order Completed, property: total}",
            "segments/a.yaml": SEGMENTS,
            "lifecycle/main.yaml": "main: {stages: [{name: new}, {name: buyer, enter: orders > 0}]}",
            "health/main.yaml": """
            health:
              measures: {use: {signal: logins, points: [[0, 0], [5, 100]]}, b: {when: spent > 9}}
              weights: [{weights: {use: 1}}]
              bands: [{name: red, from: 0}]
            """,
            "traits.yaml": "plan: {type: string}",
            "acquisition.yaml": "- {channel: Direct, intent: 30}",
            "identity.yaml": "blocked: [test@example.com]",
            "entities.yaml": "order: {key: order_id}",
            "README.md": "# notes",
        }
    )
    workspace = load(folder)
    assert workspace.title == "A shop" and workspace.currency == "EUR"
    assert list(workspace.signals) == ["logins", "orders", "spent"]
    assert workspace.signals["logins"] == Count(event="Signed In", window="7d")
    sections = ("segments", "lifecycles", "scores", "traits", "entities")
    assert [list(getattr(workspace, section)) for section in sections] == [
        ["active"],
        ["main"],
        ["health"],
        ["plan"],
        ["order"],
    ]
    assert workspace.acquisition[0].channel == "Direct"
    assert workspace.identity.blocked == ["test@example.com"]


def test_one_file_can_hold_it_all(make: Make) -> None:
    assert load(make({"workspace.yaml": "name: all\n" + BASE})).name == "all"


def test_an_unknown_signal_is_named_with_file_line_field_and_the_likely_fix(make: Make) -> None:
    folder = make(
        {
            "signals.yaml": "logins_7d: {kind: count, event: A}",
            "segments/s.yaml": "\nactive:\n  when: logins_7 > 2",
        }
    )
    (problem,) = errors(folder)
    assert problem.to_json() == {
        "code": "unknown_name",
        "severity": "error",
        "message": "unknown signal `logins_7`",
        "field": "segments.active.when",
        "file": f"{folder}/segments/s.yaml",
        "line": 3,
        "suggestion": "did you mean `logins_7d`?",
    }


def test_all_errors_are_reported_at_once(make: Make) -> None:
    folder = make(
        {
            "signals.yaml": """
            logins: {kind: count, event: Signed In, windw: 7d}
            orders: {kind: cuont, event: A}
            spent: {kind: sum, event: A}
            visits: {kind: count, event: 7, window: 3}
            """,
            "segments.yaml": """
            a: {when: 3}
            b: {when: logins > }
            c: {when: nothing > 1, manuel: true}
            d: {when: {some: [x]}}
            e: {when: {all: [x], any: [y]}}
            f: [1]
            """,
            "lifecycle.yaml": "main: {stages: [{name: on}, {enter: logins > 1}]}",
            "workspace.yaml": "name: x\ncurrancy: EUR\ntimezone: 3",
        }
    )
    found = {(p.field, p.code, p.line) for p in errors(folder)}
    assert found == {
        ("signals.logins.windw", "unknown_field", 2),
        ("signals.orders.kind", "wrong_value", 3),
        ("signals.spent", "missing_field", 4),
        ("signals.visits.event", "wrong_type", 5),
        ("signals.visits.window", "wrong_type", 5),
        ("segments.a.when", "wrong_type", 2),
        ("segments.b.when", "bad_expression", 3),
        ("segments.c.manuel", "unknown_field", 4),
        ("segments.d.when.some", "unknown_field", 5),
        ("segments.e.when", "wrong_value", 6),
        ("segments.f", "wrong_type", 7),
        ("lifecycles.main.stages[1]", "missing_field", 1),
        ("currancy", "unknown_field", 2),
        ("timezone", "wrong_type", 3),
    }


def test_suggestions_name_the_nearest_field_kind_and_value(make: Make) -> None:
    folder = make(
        {
            "signals.yaml": "a: {kind: cuont, event: A}\n"
            "b: {kind: count, event: A, windw: 7d}\n"
            "c: {kind: since, event: A, edge: frist}"
        }
    )
    assert [p.suggestion for p in errors(folder)] == [
        "did you mean `count`?",
        "did you mean `window`?",
        "did you mean `first`?",
    ]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("[]", "a list of 0 is no kind we know"),
        ("3", "the number 3"),
        ("{}", "a mapping"),
        ("true", "true is"),
    ],
)
def test_a_kind_that_is_no_text_is_refused(make: Make, kind: str, said: str) -> None:
    (problem,) = errors(make({"signals.yaml": f"a: {{kind: {kind}}}"}))
    assert (problem.code, problem.field) == ("wrong_value", "signals.a.kind")
    assert problem.message.startswith(said) and problem.suggestion.startswith("one of active_days, average")


def test_a_broken_object_is_not_also_called_unknown(make: Make) -> None:
    folder = make(
        {"signals.yaml": "logins: {kind: count}", "segments.yaml": SEGMENTS + "b: {when: other > 1}"}
    )
    assert [(p.code, p.field) for p in errors(folder)] == [
        ("unknown_name", "segments.b.when"),
        ("missing_field", "signals.logins"),
    ]


def test_a_file_that_cannot_be_read_does_not_make_its_names_unknown(make: Make) -> None:
    folder = make({"signals.yaml": "logins: {kind: [", "segments.yaml": SEGMENTS})
    assert [(p.code, Path(p.file).name) for p in errors(folder)] == [("file_unreadable", "signals.yaml")]


def test_an_object_defined_in_two_files_is_refused(make: Make) -> None:
    folder = make({"signals/a.yaml": SIGNALS, "signals/b.yaml": SIGNALS, "segments.yaml": SEGMENTS})
    (problem,) = errors(folder)
    assert (problem.code, problem.field) == ("duplicate_key", "signals.logins")
    assert problem.suggestion == f"the first one is in {folder}/signals/a.yaml:2"


def test_yaml_traps_keep_their_meaning(make: Make) -> None:
    folder = make(
        {
            "lifecycle.yaml": "main: {stages: [{name: on},"
            " {name: off, enter: \"stage.main == 'on' and trait.answer == 'no'\"}]}",
            "traits.yaml": "answer: {}\nyes: {description: 2024-01-31}",
        }
    )
    workspace = load(folder)
    assert [stage.name for stage in workspace.lifecycles["main"].stages] == ["on", "off"]
    assert workspace.traits["yes"].description == "2024-01-31"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"signal.yaml": SIGNALS}, "did you mean `signals`?"),
        ({"sgments/a.yaml": SIGNALS}, "did you mean `segments`?"),
    ],
)
def test_a_file_that_is_not_read_is_doubted(make: Make, files: dict[str, str], said: str) -> None:
    loaded = examine(make(files))
    assert [(p.code, p.suggestion) for p in loaded.warnings] == [("unknown_file", said)]
    assert loaded.errors == ()


def test_a_missing_folder_and_an_empty_one_are_explained(tmp_path: Path) -> None:
    assert [p.message for p in errors(tmp_path / "nowhere")] == ["there is no such folder"]
    assert [p.message for p in errors(tmp_path)] == ["workspace.yaml is missing"]


def test_a_workspace_needs_a_name(make: Make) -> None:
    (problem,) = errors(make({"workspace.yaml": "title: x"}))
    assert (problem.code, problem.field) == ("missing_field", "name")


@pytest.mark.parametrize("text", ["- a", "just text", "3"])
def test_a_workspace_file_that_is_no_mapping_is_refused(make: Make, text: str) -> None:
    assert "wrong_type" in [p.code for p in errors(make({"workspace.yaml": text}))]


def test_a_section_that_is_no_mapping_is_refused(make: Make) -> None:
    assert [p.field for p in errors(make({"signals.yaml": "- a"}))] == ["signals"]


def test_an_error_reads_as_a_list_of_places(make: Make) -> None:
    folder = make({"segments.yaml": "a: {when: x > 1}"})
    with pytest.raises(WorkspaceError) as caught:
        load(folder)
    assert str(caught.value).splitlines() == [
        f"{folder}: the workspace has 1 error",
        f"  {folder}/segments.yaml:1: segments.a.when: unknown signal `x` [unknown_name]",
    ]


def test_every_part_knows_its_origin(make: Make) -> None:
    folder = make(
        {
            "signals.yaml": "logins:\n  kind: count\n  event:\n    - A\n    - B\n  window: 7d\n",
            "segments.yaml": SEGMENTS,
        }
    )
    loaded = examine(folder)
    file = f"{folder}/signals.yaml"
    places = {
        ("signals", "logins"): 1,
        ("signals", "logins", "window"): 6,
        ("signals", "logins", "event", 1): 5,
        ("signals", "logins", "where"): 1,
    }
    for path, line in places.items():
        place = loaded.origin(path)
        assert (place.file, place.line) == (file, line)
    assert loaded.origin(("signals", "none")).line == 0


# -------------------------------------------------------------------------------------------------- extends


def test_a_workspace_extends_another_object_by_object(make: Make) -> None:
    base = make(
        {
            "signals.yaml": SIGNALS + "old: {kind: count, event: B}",
            "segments.yaml": SEGMENTS,
            "traits.yaml": "plan: {}",
        },
        "base",
    )
    top = make(
        {
            "workspace.yaml": "name: top\nextends: ../base\ncurrency: EUR",
            "signals.yaml": "logins: {kind: count, event: Signed In, window: 30d}\nold:",
            "segments.yaml": "rich: {when: logins > 9}",
        },
        "top",
    )
    loaded = examine(top)
    workspace = loaded.workspace
    assert loaded.errors == ()
    assert (workspace.name, workspace.currency, workspace.extends) == ("top", "EUR", "../base")
    assert list(workspace.signals) == ["logins"] and list(workspace.segments) == ["active", "rich"]
    assert workspace.signals["logins"] == Count(event="Signed In", window="30d")
    assert loaded.origin(("signals", "logins")).file == f"{top}/signals.yaml"
    assert Path(loaded.origin(("segments", "active")).file).resolve() == base / "segments.yaml"
    assert len(loaded.layers) == 2


def test_acquisition_and_identity_are_replaced_whole(make: Make) -> None:
    make(
        {
            "acquisition.yaml": "- {channel: A, intent: 1}",
            "identity.yaml": "blocked: [a]\ndefault_region: DE",
        },
        "base",
    )
    top = make(
        {
            "workspace.yaml": "name: t\nextends: ../base",
            "acquisition.yaml": "[]",
            "identity.yaml": "blocked: [b]",
        },
        "top",
    )
    workspace = load(top)
    assert workspace.acquisition == []
    assert (workspace.identity.blocked, workspace.identity.default_region) == (["b"], None)


def test_removing_what_is_not_there_is_an_error(make: Make) -> None:
    make({"signals.yaml": SIGNALS, "segments.yaml": SEGMENTS}, "base")
    top = make({"workspace.yaml": "name: t\nextends: ../base", "signals.yaml": "login:"}, "top")
    (problem,) = errors(top)
    assert (problem.code, problem.suggestion) == ("unknown_name", "did you mean `logins`?")


def test_an_error_beneath_names_the_file_beneath(make: Make) -> None:
    make({"segments.yaml": "a: {when: x > 1}"}, "base")
    (problem,) = errors(make({"workspace.yaml": "name: t\nextends: ../base"}, "top"))
    assert problem.file.endswith("base/segments.yaml") and problem.line == 1


@pytest.mark.parametrize("name", ["../nowhere", "./", "no-such-pack", "/nowhere"])
def test_extending_what_is_not_there_is_one_error(make: Make, name: str) -> None:
    folder = make({"workspace.yaml": f"name: t\nextends: {name}", "segments.yaml": SEGMENTS})
    assert [(p.code, p.field, p.line) for p in errors(folder)] == [("extends_unknown", "extends", 2)]


def test_extending_in_a_circle_is_refused(make: Make) -> None:
    make({"workspace.yaml": "name: a\nextends: ../b"}, "a")
    folder = make({"workspace.yaml": "name: b\nextends: ../a"}, "b")
    assert [p.code for p in errors(folder)] == ["extends_unknown"]


def test_extending_too_deep_is_refused(make: Make) -> None:
    for level in range(12):
        folder = make({"workspace.yaml": f"name: w\nextends: ../l{level + 1}"}, f"l{level}")
    make({}, "l12")
    assert [p.code for p in errors(folder.parent / "l0")] == ["extends_unknown"]


def test_a_pack_can_be_extended_by_its_name(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make({"signals.yaml": SIGNALS, "segments/core.yaml": "a: {when: x > 1}"}, "packs/mine")
    monkeypatch.setattr(packs, "_PLACES", (pack.parent,))
    (problem,) = errors(make({"workspace.yaml": "name: t\nextends: mine"}))
    assert problem.file == "mine:segments/core.yaml"


# ------------------------------------------------------------------------------------------- many and hostile


def test_a_large_workspace_loads_in_seconds(make: Make) -> None:
    signals = "\n".join(
        f"s{i}: {{kind: count, event: E{i}, window: 7d, where: property.x > {i}}}" for i in range(500)
    )
    segments = "\n".join(f"g{i}: {{when: {{all: [s{i} > 1, {{not: s{i} > 9}}]}}}}" for i in range(500))
    start = time.monotonic()
    assert len(load(make({"signals.yaml": signals, "segments.yaml": segments})).segments) == 500
    assert time.monotonic() - start < 5


def test_a_long_chain_of_segments_is_no_problem(make: Make) -> None:
    segments = "s0: {manual: true}\n" + "\n".join(
        f"s{i}: {{when: segment.s{i - 1}}}" for i in range(1, 1_500)
    )
    assert len(load(make({"segments.yaml": segments})).segments) == 1_500


_SCALARS = st.sampled_from(
    [
        "1",
        "-0.5",
        "x",
        "7d",
        "true",
        "null",
        "''",
        "logins > 1",
        "Signed In",
        "$",
        "person",
        "9e99",
        "{",
        "a: b",
    ]
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(
            st.sampled_from(
                [
                    "kind",
                    "event",
                    "when",
                    "all",
                    "not",
                    "stages",
                    "name",
                    "signal",
                    "points",
                    "of",
                    "measures",
                    "weights",
                ]
            ),
            inner,
            max_size=4,
        ).map(lambda fields: "{" + ", ".join(f"{k}: {v}" for k, v in fields.items()) + "}"),
    ),
    max_leaves=15,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.sampled_from(
        ["signals", "segments", "lifecycle", "health", "traits", "identity", "acquisition", "catalogues"]
    ),
    _VALUES,
    _VALUES,
)
def test_whatever_a_file_holds_it_loads_or_says_what_is_wrong(
    make: Make, stem: str, first: str, second: str
) -> None:
    folder = make({f"{stem}.yaml": f"a: {first}\nb: {second}\n"})
    loaded = examine(folder)
    assert isinstance(loaded.workspace, Workspace)
    assert all(problem.code in CODES and str(problem) for problem in loaded.problems)
    for path in folder.glob("*.yaml"):
        path.unlink()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.sampled_from(
        ["count", "sum", "last", "since", "sequence", "values", "rollup", "formula", "milestones"]
    ),
    st.dictionaries(
        st.sampled_from(
            [
                "event",
                "window",
                "where",
                "property",
                "of",
                "first",
                "then",
                "within",
                "steps",
                "formula",
                "signal",
                "aggregate",
                "when",
                "catalogue",
                "start",
                "type",
            ]
        ),
        _VALUES,
        max_size=6,
    ),
)
def test_whatever_a_signal_says_it_loads_or_says_what_is_wrong(
    make: Make, kind: str, fields: dict[str, str]
) -> None:
    text = ", ".join(f"{key}: {value}" for key, value in {"kind": kind, **fields}.items())
    assert isinstance(examine(make({"signals.yaml": f"a: {{{text}}}"})).workspace, Workspace)


def test_a_word_of_a_closed_set_may_be_left_out_or_be_one_of_the_set(make: Make) -> None:
    caps = "caps: {a: {limit: 1, calendar: WORD}}"
    assert load(make({"messaging.yaml": caps.replace("WORD", "day")})).messaging.caps["a"].calendar == "day"
    (problem,) = errors(make({"messaging.yaml": caps.replace("WORD", "dya")}))
    assert problem.code == "wrong_value" and problem.suggestion == "did you mean `day`?"
    journey = "a: {triggers: [{kind: api}], re_entry: WORD, steps: {x: {kind: exit}}}"
    fine = load(make({"messaging.yaml": "", "journeys.yaml": journey.replace("WORD", "after_exit")}))
    assert fine.journeys["a"].re_entry == "after_exit"
    (problem,) = errors(make({"journeys.yaml": journey.replace("WORD", "afterexit")}))
    assert problem.suggestion == "did you mean `after_exit`?"


def test_what_a_broken_part_declares_is_not_called_unknown(make: Make) -> None:
    journey = "a: {triggers: [{kind: api}], category: news, programme: growth, steps: {x: {kind: exit}}}"
    parts = {"consent.yaml": "categories: [news]", "messaging.yaml": "programmes: {growth: 5}"}
    assert [p.field for p in errors(make({**parts, "journeys.yaml": journey}))] == [
        "consent.categories",
        "messaging.programmes.growth",
    ]
