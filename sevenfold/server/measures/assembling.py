"""The digests of a running service, put together from its parts."""

from __future__ import annotations

from ..audit import Audit
from ..services import Services
from .digest_store import DigestStore
from .digests import Digests
from .line import asked


def digests_of(services: Services, *, recover: bool = True) -> Digests:
    """What sends digests, once a service has it; with `recover=False` what requests look at and change."""
    folder = services.settings.data_folder
    audit = Audit(None, services.clock, store=services.keys.store)
    made = Digests(
        services.live, lambda question: asked(services.warehouse, question), DigestStore(folder), folder,
        services.clock, audit,
    )  # fmt: skip
    if recover:
        made.recover()
    return made
