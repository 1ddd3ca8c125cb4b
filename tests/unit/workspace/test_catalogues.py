"""Catalogue tables from CSV and YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from sevenfold.workspace import catalogues
from sevenfold.workspace.loading import examine, load
from tests.unit.workspace.conftest import Make

CSV = 'plan,price,live,from,extra\nfree,0,yes,2024-01-31,\npro,49.5,no,2024-02-01T10:00:00Z,"{""a"": 1}"\n'
YAML = "plans: {key: plan, file: plans.csv, columns: {price: number, live: boolean, from: date, extra: json}}"


def wrong(folder: Path) -> list[tuple[str, int, str]]:
    return [(p.code, p.line, p.message) for p in examine(folder).errors]


def test_a_csv_file_becomes_typed_rows(make: Make) -> None:
    (catalogue,) = load(
        make({"catalogues/plans.yaml": YAML, "catalogues/plans.csv": CSV})
    ).catalogues.values()
    assert catalogue.rows == [
        {"plan": "free", "price": 0, "live": True, "from": "2024-01-31"},
        {"plan": "pro", "price": 49.5, "live": False, "from": "2024-02-01T10:00:00Z", "extra": {"a": 1}},
    ]
    assert catalogue.columns == {
        "plan": "string",
        "price": "number",
        "live": "boolean",
        "from": "date",
        "extra": "json",
    }


def test_a_file_is_found_from_the_folder_of_the_workspace_too(make: Make) -> None:
    folder = make({"catalogues.yaml": YAML.replace("plans.csv", "data/plans.csv"), "data/plans.csv": CSV})
    assert len(load(folder).catalogues["plans"].rows) == 2


def test_a_csv_file_without_a_declaration_is_all_text_and_its_first_column_the_key(make: Make) -> None:
    catalogue = load(make({"catalogues/plans.csv": "plan,zip\nfree,01234\n"})).catalogues["plans"]
    assert (catalogue.key, catalogue.rows) == ("plan", [{"plan": "free", "zip": "01234"}])


@pytest.mark.parametrize(
    "text", ["plan;price\nfree;1\n", "plan\tprice\nfree\t1\n", "\ufeffplan,price\r\nfree,1\r\n"]
)
def test_the_usual_spellings_of_csv_are_read(make: Make, text: str) -> None:
    folder = make({"catalogues.yaml": "plans: {key: plan, columns: {price: number}}"})
    (folder / "catalogues").mkdir()
    (folder / "catalogues/plans.csv").write_bytes(text.encode())
    assert load(folder).catalogues["plans"].rows == [{"plan": "free", "price": 1}]


@pytest.mark.parametrize(
    ("csv", "line", "said"),
    [
        ("plan,price\nfree,ten\n", 2, "column `price`: `ten` is not a number"),
        ("plan,price\nfree,1e99\n", 2, "beyond 9e12"),
        ("plan,price\nfree,nan\n", 2, "is not a number"),
        ("plan,price\n,1\n", 2, "the key `plan` is empty"),
        ("plan,price\nfree,1\n\nfree,2\n", 4, "the key `free` stands in row 1 already"),
        ("plan,price\nfree,1,2\n", 2, "3 cells, but the heading has 2"),
        ("plan,price\nfree\n", 2, "1 cells, but the heading has 2"),
        ("plan,price,price\nfree,1,2\n", 1, "the column `price` stands twice"),
        ("plan,,price\nfree,1,2\n", 1, "a column has no name"),
        ("name,price\nfree,1\n", 1, "the file has no column `plan`"),
        ("plan,prize\nfree,1\n", 1, "the file has no column `price`"),
        ("", 1, "no heading row"),
        ('plan,price\n"free,1\n', 2, "not CSV"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(make: Make, csv: str, line: int, said: str) -> None:
    folder = make(
        {"catalogues.yaml": "plans: {key: plan, columns: {price: number}}", "catalogues/plans.csv": csv}
    )
    found = wrong(folder)
    assert (found[0][0], found[0][1]) == ("bad_catalogue", line)
    assert said in found[0][2]


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("boolean", "perhaps", "neither true nor false"),
        ("date", "31.1.2024", "not a date"),
        ("json", "{", "not JSON"),
    ],
)
def test_every_type_refuses_what_it_is_not(make: Make, type_: str, value: str, said: str) -> None:
    folder = make(
        {
            "catalogues.yaml": f"p: {{key: k, columns: {{x: {type_}}}}}",
            "catalogues/p.csv": f"k,x\n1,{value}\n",
        }
    )
    assert said in wrong(folder)[0][2]


def test_rows_in_yaml_are_typed_the_same_way_with_the_line_of_the_row(make: Make) -> None:
    text = """\
        plans:
          key: plan
          columns: {price: number}
          rows:
            - {plan: free, price: 0}
            - {plan: pro, price: ten}
            - {plan: 3}
            - {price: 4}
        """
    assert [(line, message) for _, line, message in wrong(make({"catalogues.yaml": text}))] == [
        (6, "`ten` is not a number"),
        (7, "3 is not a text; write it in quotes"),
        (8, "the key `plan` is empty"),
    ]


def test_too_many_rows_are_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "CATALOGUE_ROWS_MAX", 3)
    folder = make({"catalogues/p.csv": "k\n" + "".join(f"{i}\n" for i in range(5))})
    assert [code for code, _, _ in wrong(folder)] == ["too_large"]


def test_a_file_that_is_too_large_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "CATALOGUE_BYTES_MAX", 3)
    assert [code for code, _, _ in wrong(make({"catalogues/p.csv": "key\n1\n"}))] == ["too_large"]


def test_a_file_that_is_not_utf8_is_refused(make: Make) -> None:
    folder = make({"catalogues/p.csv": ""})
    (folder / "catalogues/p.csv").write_bytes(b"k\n\xff\n")
    assert wrong(folder) == [("bad_catalogue", 0, "not UTF-8 text (byte 2)")]


@pytest.mark.parametrize("file", ["../secret.csv", "/etc/passwd", "nowhere.csv"])
def test_a_file_outside_the_folder_is_never_read(make: Make, file: str) -> None:
    folder = make({"catalogues.yaml": f"p: {{key: k, file: {file}}}"})
    (folder.parent / "secret.csv").write_text("k\n1\n")
    assert [code for code, _, _ in wrong(folder)] == ["file_unreadable"]


def test_a_link_out_of_the_folder_is_not_followed(make: Make) -> None:
    folder = make({"catalogues.yaml": "p: {key: k, file: link.csv}"})
    (folder.parent / "secret.csv").write_text("k\n1\n")
    (folder / "link.csv").symlink_to(folder.parent / "secret.csv")
    assert [code for code, _, _ in wrong(folder)] == ["file_unreadable"]


def test_file_and_rows_together_are_refused(make: Make) -> None:
    folder = make({"catalogues.yaml": "p: {key: k, file: p.csv, rows: [{k: a}]}", "p.csv": "k\n1\n"})
    assert wrong(folder)[0][0] == "wrong_value"


def test_a_csv_file_above_replaces_the_rows_beneath_and_keeps_the_columns(make: Make) -> None:
    make({"catalogues/plans.yaml": YAML, "catalogues/plans.csv": CSV}, "base")
    top = make(
        {
            "workspace.yaml": "name: t\nextends: ../base",
            "catalogues/plans.csv": "plan,price,live,from,extra\nmine,7,no,,\n",
        },
        "top",
    )
    assert load(top).catalogues["plans"].rows == [{"plan": "mine", "price": 7, "live": False}]


def test_columns_of_a_catalogue_that_belongs_to_accounts_are_account_traits(make: Make) -> None:
    folder = make({
        "catalogues.yaml": "contracts: {key: account, subject: account, columns: {value: number}}",
        "catalogues/contracts.csv": "account,value\na1,500\n",
        "segments.yaml": "big: {of: account, when: trait.value > 100}",
    })  # fmt: skip
    assert load(folder).segments["big"].of == "account"
