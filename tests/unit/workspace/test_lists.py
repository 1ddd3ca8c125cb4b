"""Manual lists: every row is matched, created, repeated or refused with a reason."""

from __future__ import annotations

import pytest

from sevenfold.workspace import lists
from sevenfold.workspace.lists import Action, ListError, ListImport, clear_list, import_list

KNOWN = {
    ("user_id", "u1"): "s1",
    ("email", "ann@example.com"): "s1",
    ("user_id", "u2"): "s2",
    ("group_id", "g1"): "a1",
}


def imported(text: str, action: Action = "append", of: str = "person") -> ListImport:
    return import_list(text, "vip", action, lambda kind, value: KNOWN.get((kind, value)), of)


def counts(given: ListImport) -> tuple[int, int, int, int]:
    assert given.matched + given.created + given.repeated + given.refused == given.rows
    return given.matched, given.created, given.repeated, given.refused


def test_an_id_column_alone_is_enough() -> None:
    found = imported("user_id\nu1\nu9\n")
    assert counts(found) == (1, 1, 0, 0)
    assert found.record == {
        "op": "list",
        "list": "vip",
        "action": "append",
        "members": [{"user_id": "u1"}, {"user_id": "u9"}],
    }


def test_an_email_column_alone_is_enough_and_addresses_are_lower_case() -> None:
    found = imported("Name,E-mail\nAnn,Ann@Example.com\nBob,bob@example.com\n")
    assert counts(found) == (1, 1, 0, 0)
    assert found.record["members"] == [{"email": "ann@example.com"}, {"email": "bob@example.com"}]


def test_with_both_columns_either_is_enough_for_a_row() -> None:
    found = imported(
        "id,email\nu1,ann@example.com\n,ann@example.com\nu2,\nu7,new@example.com\nu8,ann@example.com\n"
    )
    assert counts(found) == (2, 1, 2, 0)
    assert found.record["members"] == [
        {"user_id": "u1", "email": "ann@example.com"},
        {"user_id": "u2"},
        {"user_id": "u7", "email": "new@example.com"},
    ]


def test_neither_column_is_a_clear_error() -> None:
    with pytest.raises(
        ListError,
        match=r"no column says who is meant; the heading has name, city \(add `user_id` or `email`\)",
    ):
        imported("name,city\nAnn,Bonn\n")
    with pytest.raises(ListError, match="the heading has nothing"):
        imported("")


def test_a_row_with_an_empty_id_is_refused_and_shown() -> None:
    found = imported("user_id,name\nu1,Ann\n,Bob\n")
    assert counts(found) == (1, 0, 0, 1)
    (row,) = found.refused_rows
    assert (row.line, row.cells, row.reason) == (3, ("", "Bob"), "the id is empty")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("email\n  ,x\n".replace(",x", "") + "x\n", "`x` is not an email address"),
        ("email,n\n,x\n", "the email is empty"),
        ("id,email,n\n,,x\n", "the id and the email are empty"),
        ("email\na@b\n", "`a@b` is not an email address"),
        ("id,email\nu2,ann@example.com\n", "the id and the email belong to two different people"),
        ("id\n" + "x" * 600 + "\n", "an identifier has at most 512 characters"),
    ],
)
def test_a_row_that_names_nobody_is_refused_with_the_reason(text: str, reason: str) -> None:
    found = imported(text)
    assert [row.reason for row in found.refused_rows] == [reason]


def test_the_same_person_twice_is_a_repetition() -> None:
    assert counts(imported("id\nu1\nu1\nu9\nu9\n")) == (1, 1, 2, 0)
    assert counts(imported("id,email\n,new@example.com\nu9,new@example.com\n")) == (0, 1, 1, 0)


def test_removing_refuses_whom_nobody_knows() -> None:
    found = imported("id\nu1\nu9\n", "remove")
    assert counts(found) == (1, 0, 0, 1)
    assert found.record["action"] == "remove" and found.record["members"] == [{"user_id": "u1"}]


def test_replacing_says_so_in_the_record() -> None:
    assert imported("id\nu1\n", "replace").record["action"] == "replace"


def test_clearing_takes_no_rows() -> None:
    assert clear_list("vip") == {"op": "list", "list": "vip", "action": "clear", "members": []}
    with pytest.raises(ListError):
        imported("id\n", "clear")


def test_a_list_of_accounts_takes_their_ids() -> None:
    found = imported("account_id\ng1\ng2\n", of="account")
    assert counts(found) == (1, 1, 0, 0) and found.record["members"][0] == {"group_id": "g1"}
    with pytest.raises(ListError, match="account_id"):
        imported("email\na@b.de\n", of="account")


@pytest.mark.parametrize(
    "text", ["\ufeffuser_id\r\nu1\r\n", "User ID;Name\nu1;Ann\n", "userId\tName\nu1\tAnn\n", "id\n\nu1\n\n"]
)
def test_the_usual_spellings_of_csv_are_read(text: str) -> None:
    assert counts(imported(text)) == (1, 0, 0, 0)


def test_two_columns_that_could_be_the_id_are_an_error() -> None:
    with pytest.raises(ListError, match="two columns could be the id: `id` and `user_id`"):
        imported("id,user_id\n1,2\n")


def test_what_is_no_csv_is_an_error() -> None:
    with pytest.raises(ListError, match="not CSV"):
        imported('id\n"u1\n')


def test_too_many_rows_are_an_error_and_refused_rows_are_shown_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "LIST_REFUSED_ROWS_SHOWN_MAX", 2)
    found = imported("id,n\n" + ",x\n" * 5)
    assert (found.refused, len(found.refused_rows)) == (5, 2)
    monkeypatch.setattr(lists, "LIST_IMPORT_ROWS_MAX", 3)
    with pytest.raises(ListError, match="more than 3 rows"):
        imported("id\n" + "u1\n" * 4)
