"""Keys and the audit log: what is stored, who is let in, for how long and how often."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sevenfold.clock import SetClock
from sevenfold.limits import KEY_RECHECK_MS, KEY_USED_WRITE_MS
from sevenfold.server.audit import Audit
from sevenfold.server.keys import KeyInvalidError, Keys, KeyUnknownError
from sevenfold.server.store import FILE

NOON = 1_760_000_000_000
HOUR = 3_600_000


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON)


@pytest.fixture
def keys(clock: SetClock) -> Keys:
    return Keys(None, clock)


def test_a_write_key_names_its_source_and_nothing_else(keys: Keys) -> None:
    made = keys.make_write_key("website")
    assert made.secret.startswith("wk_")
    assert len(made.secret) == 3 + 43
    assert keys.source_of(made.secret) == "website"
    assert keys.scopes_of(made.secret) == frozenset()
    for wrong in (
        "",
        "wk_",
        made.secret[:-1],
        made.secret + "A",
        made.secret.lower(),
        "\udc80",
        "wk_" + "é" * 43,
    ):
        assert keys.source_of(wrong) is None


def test_a_scope_includes_the_smaller_ones(keys: Keys) -> None:
    read, write, admin = (keys.make_api_key(scope, scope).secret for scope in ("read", "write", "admin"))
    assert keys.scopes_of(read) == {"read"}
    assert keys.scopes_of(write) == {"read", "write"}
    assert keys.scopes_of(admin) == {"read", "write", "admin"}
    assert keys.source_of(admin) is None
    assert keys.scopes_of("sk_" + "A" * 43) == frozenset()


def test_a_key_is_stored_as_a_digest_only(tmp_path: Path, clock: SetClock) -> None:
    keys = Keys(tmp_path, clock)
    made = keys.make_api_key("console", "admin")
    keys.close()
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert made.secret.encode() not in content
        assert made.secret[3:].encode() not in content
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert made.secret not in repr(keys.list())


def test_a_revoked_key_opens_nothing(keys: Keys, clock: SetClock) -> None:
    made = keys.make_write_key("website")
    assert keys.revoke(made.key.id).revoked == NOON
    assert keys.source_of(made.secret) is None
    clock.advance(HOUR)
    assert keys.revoke(made.key.id).revoked == NOON, "the first time counts"
    with pytest.raises(KeyUnknownError):
        keys.revoke("key_000000000000")


def test_a_key_expires_at_its_time_exactly(keys: Keys, clock: SetClock) -> None:
    made = keys.make_api_key("for a week", "read", expires=NOON + HOUR)
    clock.set(NOON + HOUR - 1)
    assert keys.scopes_of(made.secret)
    clock.set(NOON + HOUR)
    assert not keys.scopes_of(made.secret)
    with pytest.raises(KeyInvalidError):
        keys.make_api_key("late", "read", expires=NOON + HOUR)


def test_a_rotated_key_and_its_successor_are_both_valid_for_the_overlap(keys: Keys, clock: SetClock) -> None:
    old = keys.make_write_key("website", "the site")
    new = keys.rotate(old.key.id, overlap_ms=HOUR)
    assert (new.key.name, new.key.source, new.key.replaces) == ("the site", "website", old.key.id)
    clock.set(NOON + HOUR - 1)
    assert keys.source_of(old.secret) == keys.source_of(new.secret) == "website"
    clock.set(NOON + HOUR)
    assert keys.source_of(old.secret) is None
    assert keys.source_of(new.secret) == "website"
    with pytest.raises(KeyInvalidError):
        keys.rotate(old.key.id)


def test_a_rotation_lengthens_no_life(keys: Keys, clock: SetClock) -> None:
    old = keys.make_api_key("for a day", "read", expires=NOON + 1_000)
    new = keys.rotate(old.key.id, overlap_ms=HOUR)
    assert keys.get(old.key.id).expires == NOON + 1_000
    assert new.key.expires == NOON + 1_000


def test_another_process_is_noticed_within_a_second(tmp_path: Path, clock: SetClock) -> None:
    serving, command_line = Keys(tmp_path, clock), Keys(tmp_path, clock)
    made = command_line.make_write_key("website")
    clock.advance(KEY_RECHECK_MS)
    assert serving.source_of(made.secret) == "website"
    command_line.revoke(made.key.id)
    clock.advance(KEY_RECHECK_MS)
    assert serving.source_of(made.secret) is None


def test_when_a_key_was_used_is_known_to_a_minute_and_survives(tmp_path: Path, clock: SetClock) -> None:
    keys = Keys(tmp_path, clock)
    made = keys.make_write_key("website")
    assert keys.get(made.key.id).used is None
    keys.source_of(made.secret)
    clock.advance(KEY_USED_WRITE_MS - 1)
    keys.source_of(made.secret)
    assert keys.get(made.key.id).used == NOON
    clock.advance(1)
    keys.source_of(made.secret)
    keys.close()
    assert Keys(tmp_path, clock).get(made.key.id).used == NOON + KEY_USED_WRITE_MS


def test_each_key_has_its_own_rate(clock: SetClock) -> None:
    keys = Keys(None, clock, api_rate_per_s=10, burst_s=2)
    busy, other = keys.make_api_key("busy", "read").key, keys.make_api_key("other", "read").key
    assert [keys.wait_s(busy) for _ in range(20)] == [0.0] * 20
    assert keys.wait_s(busy) == pytest.approx(0.1)
    assert keys.wait_s(other) == 0.0
    clock.advance(100)
    assert keys.wait_s(busy) == 0.0
    assert keys.wait_s(busy) > 0.0


def test_a_batch_above_the_burst_is_let_in_when_the_bucket_is_full_and_paid_off_later(
    clock: SetClock,
) -> None:
    keys = Keys(None, clock, write_rate_per_s=100, burst_s=1)
    key = keys.make_write_key("website").key
    assert keys.wait_s(key, 500) == 0.0
    assert keys.wait_s(key) == pytest.approx(4.01)
    clock.advance(4_010)
    assert keys.wait_s(key) == 0.0


@pytest.mark.parametrize("source", ["", "x" * 101, "line\nbreak"])
def test_a_source_has_a_usable_name(keys: Keys, source: str) -> None:
    with pytest.raises(KeyInvalidError) as caught:
        keys.make_write_key(source)
    assert caught.value.where == "source"


def test_the_audit_log_is_read_from_the_newest_in_pages(clock: SetClock) -> None:
    audit = Audit(None, clock)
    for index in range(5):
        audit.note("key_1" if index % 2 else "key_2", "journey.pause", f"journey {index}", position=index)
    audit.note("key_1", "key.make", "key_3", result="key_invalid", detail={"scope": "read"})
    assert [entry.number for entry in audit.entries(limit=2)] == [6, 5]
    assert [entry.number for entry in audit.entries(before=5, limit=2)] == [4, 3]
    assert [entry.number for entry in audit.entries(key="key_1")] == [6, 4, 2]
    assert [entry.number for entry in audit.entries(action="journey.*", target="journey 3")] == [4]
    assert audit.entries(action="key.make")[0].detail == {"scope": "read"}


def test_the_audit_log_cannot_be_rewritten(tmp_path: Path, clock: SetClock) -> None:
    Audit(tmp_path, clock).note("key_1", "key.make")
    with sqlite3.connect(tmp_path / FILE) as connection:
        for statement in ("UPDATE audit SET key = 'other'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="only appended"):
                connection.execute(statement)
    connection.close()
