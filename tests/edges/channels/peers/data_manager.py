"""Google's Data Manager API on loopback, with the token endpoint in front of it."""

from __future__ import annotations

import re
from typing import Any, Final

from tests.edges.channels.peers.fcm import FcmPeer
from tests.edges.channels.peers.http import Answered, Asked

LIST: Final = "8123456789"
HEX: Final = re.compile(r"[0-9a-f]{64}")
FIELDS: Final = {
    *("destinations", "audienceMembers", "consent", "validateOnly", "encoding", "termsOfService"),
}


class DataManagerPeer(FcmPeer):
    """One customer list."""

    def __init__(self) -> None:
        super().__init__()
        self.members: set[tuple[str, ...]] = set()
        self.calls: list[dict[str, Any]] = []

    def accept(self, asked: Asked) -> Answered:
        if asked.path == "/token":
            return super().accept(asked)
        if not re.fullmatch(r"Bearer ya29\.\d+", asked.headers.get("authorization", "")):
            return Answered(401, {"error": {"status": "UNAUTHENTICATED", "message": "no token"}})
        verb = asked.path.removeprefix("/v1/audienceMembers:")
        told = asked.json()
        if verb not in ("ingest", "remove") or asked.method != "POST" or set(told) - FIELDS:
            return self._wrong(f"{asked.path} {set(told)}")
        (destination,) = told["destinations"]
        account = destination["operatingAccount"]
        if account["accountType"] != "GOOGLE_ADS" or destination["productDestinationId"] != LIST:
            return self._wrong("destination")
        if told.get("encoding") != "HEX" or len(told["audienceMembers"]) > 10_000:
            return self._wrong("encoding")
        if verb == "ingest" and told.get("consent", {}).get("adUserData") != "CONSENT_GRANTED":
            return self._wrong("consent")
        rows = set()
        for member in told["audienceMembers"]:
            identifiers = member["userData"]["userIdentifiers"]
            if not identifiers or any(
                len(one) != 1 or not HEX.fullmatch(next(iter(one.values()))) for one in identifiers
            ):
                return self._wrong("identifiers")
            rows.add(tuple(next(iter(one.values())) for one in identifiers))
        self.calls.append({"verb": verb, "rows": len(rows), "validate": told.get("validateOnly", False)})
        if not told.get("validateOnly"):
            self.members = self.members | rows if verb == "ingest" else self.members - rows
        return Answered(200, {"requestId": f"request-{len(self.calls)}"})

    def _wrong(self, why: str) -> Answered:
        told = {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": why}}
        return self.refuse(why, Answered(400, told))
