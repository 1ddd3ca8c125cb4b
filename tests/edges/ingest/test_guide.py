"""The guide's requests are sent, and answered as it says; the reference names every path and reason."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from sevenfold.events.reasons import Reason
from sevenfold.limits import (
    BATCH_EVENTS_MAX,
    BATCH_REFUSED_EVENTS_MAX,
    CONNECTIONS_ITEMS_MAX,
    EVENT_BYTES_MAX,
    REQUEST_BODY_S_MAX,
    REQUEST_BYTES_MAX,
    REQUEST_HEADERS_BYTES_MAX,
)
from sevenfold.server.ingest import is_ingest_path
from sevenfold.server.ingest import paths as known
from tests.edges.ingest.serving import Served

DOCS = Path(__file__).resolve().parents[3] / "docs"
GUIDE = (DOCS / "guides" / "sending-events.md").read_text("utf-8")
REFERENCE = (DOCS / "reference" / "ingest.md").read_text("utf-8")
NOT_INGEST = {Reason.BAD_ROW, Reason.PROFILE_FLOOD}


def test_every_request_of_the_guide_is_taken_as_it_says(server: Served) -> None:
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) if block.startswith("curl")]
    answers = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
    assert len(blocks) == 2
    found = []
    for block in blocks:
        words = shlex.split(block)
        path = next(word for word in words if word.startswith("http")).partition("8700")[2]
        answer = server.post(path, words[words.index("-d") + 1].encode())
        assert answer.status == 200
        found.append(answer.body)
    assert found[0] == answers[0]
    assert found[1]["accepted"] == 2 and found[1]["refused"] == []
    refused = server.post(
        "/v1/batch", {"batch": [{"type": "track", "event": "A", "userId": "u"}, {"type": "track"}]}
    )
    assert refused.body == answers[1]


def test_the_reference_names_every_path() -> None:
    for path in known._POSTS:
        head, _, last = path.rpartition("/")
        named = path in REFERENCE or (head in REFERENCE and last in REFERENCE)
        assert named and is_ingest_path(path), path
    for _, page in known._GETS:
        assert page in ("settings", "loader", "rudder", "posthog_config")


def test_the_reference_names_every_reason_and_bound() -> None:
    for reason in set(Reason) - NOT_INGEST:
        assert f"`{reason}`" in REFERENCE, reason
    for bound in (
        f"{REQUEST_BYTES_MAX // 1_048_576} MB",
        f"{REQUEST_BODY_S_MAX} s",
        f"{REQUEST_HEADERS_BYTES_MAX // 1_024} KB",
        f"| {BATCH_EVENTS_MAX:,} |",
        f"{BATCH_REFUSED_EVENTS_MAX:,}",
        f"| {EVENT_BYTES_MAX // 1_024} KB |",
        f"| {CONNECTIONS_ITEMS_MAX:,} |",
    ):
        assert bound in REFERENCE, bound
