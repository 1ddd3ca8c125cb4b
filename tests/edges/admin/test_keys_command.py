"""`sevenfold keys`: for whoever sits at the machine, with or without a service running."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sevenfold.cli import main
from sevenfold.clock import SystemClock
from sevenfold.server.audit import LOCAL, Audit
from sevenfold.server.keys import Keys


@pytest.fixture
def keys(tmp_path: Path) -> Any:
    def run(*arguments: str) -> Any:
        found = CliRunner().invoke(main, ["keys", *arguments, "--data", str(tmp_path), "--json"])
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    return run


def test_keys_made_at_the_machine_open_the_service(keys: Any, tmp_path: Path) -> None:
    serving = Keys(tmp_path, SystemClock())
    made = keys("write", "website")
    other = keys("api", "our back office", "--scope", "write")
    again = Keys(tmp_path, SystemClock())
    assert again.source_of(made["secret"]) == "website"
    assert again.scopes_of(other["secret"]) == {"read", "write"}
    serving.close()
    listed = keys("list")
    assert {one["id"] for one in listed} == {made["key"]["id"], other["key"]["id"]}
    assert made["secret"] not in json.dumps(listed)


def test_keys_are_rotated_and_revoked_and_the_audit_log_knows(keys: Any, tmp_path: Path) -> None:
    made = keys("write", "website")
    rotated = keys("rotate", made["key"]["id"], "--overlap", "2d")
    assert rotated["key"]["replaces"] == made["key"]["id"]
    revoked = keys("revoke", rotated["key"]["id"])
    assert revoked["revoked"] is not None
    assert Keys(tmp_path, SystemClock()).source_of(rotated["secret"]) is None
    found = CliRunner().invoke(main, ["keys", "revoke", "key_none", "--data", str(tmp_path)])
    assert (found.exit_code, "there is no key `key_none`" in found.stderr) == (2, True)
    entries = Audit(tmp_path, SystemClock()).entries()
    assert [(one.key, one.action, one.result) for one in entries] == [
        (LOCAL, "key.revoke", "not_found"),
        (LOCAL, "key.revoke", "ok"),
        (LOCAL, "key.rotate", "ok"),
        (LOCAL, "key.make", "ok"),
    ]


def test_the_list_reads_well_and_shows_no_key(tmp_path: Path) -> None:
    runner = CliRunner()
    folder = ["--data", str(tmp_path)]
    assert "There are no keys" in runner.invoke(main, ["keys", "list", *folder]).output
    made = runner.invoke(main, ["keys", "api", "reports", *folder])
    secret = made.stdout.strip()
    assert secret.startswith("sk_") and "only time" in made.stderr
    shown = runner.invoke(main, ["keys", "list", *folder]).output
    assert "reports" in shown and "API, read" in shown and secret not in shown
