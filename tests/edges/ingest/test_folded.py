"""What ingest accepts the fold takes: recorded clients, folded by a real workspace."""

from __future__ import annotations

import pytest

from sevenfold.clock import SystemClock
from sevenfold.library import load
from sevenfold.server.inprocess import InProcess
from tests.edges.ingest.serving import served
from tests.edges.ingest.test_captures import CLIENTS, POSTHOG, capture, replayed


@pytest.mark.real_data
def test_the_fold_takes_everything_that_recorded_clients_sent() -> None:
    live = InProcess(load("seven-stage"), clock=SystemClock())
    with served(live=live) as server:
        accepted = 0
        for name in (*CLIENTS, *POSTHOG):
            for request in capture(name):
                answer = replayed(server, request)
                assert answer.status in (200, 204)
                if request["method"] == "POST" and answer.body.get("refused") is not None:
                    assert answer.body["refused"] == []
                    accepted += answer.body["accepted"]
        assert accepted == len(server.entries()) > 100
    assert live.fold.dropped == {}
    rows = {live.fold.identity.find("user_id", "user-1"), live.fold.identity.find("email", "ada@example.com")}
    assert len(rows) == 1 and 0 not in rows, "every client spoke of one person"
    assert "acct-1" in live.fold.account_rows
