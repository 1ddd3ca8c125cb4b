"""Tokens in addresses: signed, bound to a purpose, short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.server.tokens import LINKS, OPEN, PREFERENCES, UNSUBSCRIBE, About, TokenError, Tokens

TOKENS = Tokens(b"0123456789abcdef0123456789abcdef")
ABOUT = About("3f0c2e6e9a4b1d77", "9a4b1d773f0c2e6e", "email", "newsletter")
texts = st.text(max_size=30)


@given(st.builds(About, texts, texts, texts, texts, st.integers(1, 2**62), texts), texts)
def test_a_token_says_again_what_it_was_signed_for(about: About, purpose: str) -> None:
    assert TOKENS.read(purpose, TOKENS.sign(purpose, about), now=about.expires - 1) == about


def test_a_token_is_short_and_needs_no_escaping() -> None:
    token = TOKENS.sign(UNSUBSCRIBE, ABOUT)
    assert len(token) < 110
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_token_of_one_purpose_is_worth_nothing_for_another() -> None:
    token = TOKENS.sign(OPEN, ABOUT)
    for purpose in (UNSUBSCRIBE, PREFERENCES, ""):
        with pytest.raises(TokenError):
            TOKENS.read(purpose, token)


def test_a_token_in_which_any_character_was_changed_is_refused() -> None:
    token = TOKENS.sign(UNSUBSCRIBE, ABOUT)
    for place, char in enumerate(token):
        for other in "AZaz09-_.":
            if other != char:
                with pytest.raises(TokenError):
                    TOKENS.read(UNSUBSCRIBE, token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("token", ["", ".", "a", "a.b", "é.é", "x" * 10_000, "=.=", "\ud800.a"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        TOKENS.read(OPEN, token)


def test_a_token_is_over_when_its_time_has_come() -> None:
    token = TOKENS.sign(PREFERENCES, About("e", expires=1_000))
    assert TOKENS.read(PREFERENCES, token, now=999).effect == "e"
    with pytest.raises(TokenError):
        TOKENS.read(PREFERENCES, token, now=1_000)


def test_a_secret_can_be_changed_while_what_the_old_one_signed_still_counts() -> None:
    old, new = b"a" * 32, b"b" * 32
    token = Tokens(old).sign(OPEN, ABOUT)
    assert Tokens(new, old).read(OPEN, token) == ABOUT
    with pytest.raises(TokenError):
        Tokens(new).read(OPEN, token)
    assert Tokens(new, old).sign(OPEN, ABOUT) == Tokens(new).sign(OPEN, ABOUT)


def test_digests_depend_on_the_secret_the_purpose_and_the_text() -> None:
    other = Tokens(b"x" * 32)
    found = {
        TOKENS.digest(LINKS, "a"),
        TOKENS.digest(LINKS, "b"),
        TOKENS.digest(OPEN, "a"),
        other.digest(LINKS, "a"),
    }
    assert len(found) == 4
    assert TOKENS.digest(LINKS, "a") == TOKENS.digest(LINKS, "a")
