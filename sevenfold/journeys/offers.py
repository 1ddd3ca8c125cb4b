"""Offers: a code for each subject and run, until the pool is empty; what was redeemed, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from ..errors import SevenfoldError
from ..limits import OFFER_CODE_CHARS_MAX, OFFER_CODES_ENTRIES_MAX
from ..profiles.expressions import parse_duration
from ..profiles.unit import listens
from ..workspace.base import PERSON
from .code_pool import CodePool, Given
from .people import OfferPool
from .serving import Service
from .telling import stable_id
from .times import NEVER

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..events.model import Event
    from ..lifecycle.compile import CompiledUnit
    from .runs import RunView
    from .runtime import Journeys

NO_CODE = "no_code"
"""The outcome of a message whose pool has run out."""
GHOST_CODE = ""
"""What a ghost gets while there are codes: it takes none."""


class OfferError(SevenfoldError):
    """A pool has no codes, too many, or a catalogue that does not exist."""

    code = "bad_offer"


def written_codes(name: str, model: OfferPool, catalogues: Any) -> list[str]:
    """The codes of a pool, from its list or its catalogue's column. Raises `OfferError`."""
    codes = list(model.codes)
    if model.catalogue is not None:
        table = catalogues.get(model.catalogue)
        if table is None:
            known = ", ".join(sorted(catalogues)) or "none is written"
            raise OfferError(f"offer `{name}`: there is no catalogue `{model.catalogue}`", fix=f"of {known}")
        codes += [str(row[model.column]) for row in table.rows if row.get(model.column) not in (None, "")]
    if not codes and model.prefix is None:
        raise OfferError(f"offer `{name}` has no codes", fix="write codes, a catalogue or a prefix")
    if len(codes) > OFFER_CODES_ENTRIES_MAX:
        raise OfferError(f"offer `{name}` has {len(codes)} codes", fix=f"at most {OFFER_CODES_ENTRIES_MAX}")
    if any(len(code) > OFFER_CODE_CHARS_MAX for code in codes):
        fix = f"at most {OFFER_CODE_CHARS_MAX} characters"
        raise OfferError(f"offer `{name}` has a code that is too long", fix=fix)
    return codes


class Offers(Service):
    """The pools of a fold."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        super().__init__(fold, runtime)
        self.models = fold.workspace.offers
        self.pools: dict[str, CodePool] = {}
        for name, model in self.models.items():
            codes = written_codes(name, model, fold.workspace.catalogues)
            self.pools[name] = CodePool(name, codes, None if codes else model.prefix)
        self._expires = {
            name: None if model.expires is None else parse_duration(model.expires)
            for name, model in self.models.items()
        }

    def declare(self) -> None:
        for model in self.models.values():
            if model.redeemed is not None:
                for unit in self.fold.compiled:
                    unit.properties.setdefault(model.code_property, "")

    # -------------------------------------------------------------------------------------------- giving

    def take(self, run: RunView, pool: str, *, ghost: bool = False) -> str | None:
        """A code of the pool for a run: the one it has already, else the next; None when there is none left
        (outcome `no_code`). A ghost's message takes none and gets `GHOST_CODE`.
        """
        held, t, unit = self.pools[pool], self.fold.t, run.plan.unit
        known = held.of_run(run.id)
        if known is not None:
            return known
        if ghost:
            return None if held.left == 0 else GHOST_CODE
        lasts = self._expires[pool]
        expires = NEVER if lasts is None else t + lasts
        code = held.take(run.id, unit.kind, run.row, t, expires)
        if code is None:
            self.fold.emit(unit, run.row, "offer_empty", pool, {"run": run.id, "step": run.step})
            return None
        data: dict[str, Any] = {"id": stable_id("offer", pool, run.id), "code": code, "run": run.id}
        data |= {"journey": run.plan.name, "step": run.step}
        data |= {"expires": None if expires == NEVER else expires}
        data |= {"cost": self.models[pool].cost, "left": held.left}
        self.fold.emit(unit, run.row, "offer_given", pool, data)
        return code

    def offered(self, run: RunView, pool: str, *, ghost: bool = False) -> dict[str, Any] | None:
        """What a message says of a run's offer: pool, code, and when it ends; None when there is no code."""
        code = self.take(run, pool, ghost=ghost)
        if code is None:
            return None
        return {"pool": pool, "code": code, "expires": self.expires(pool, run.id)}

    def expires(self, pool: str, run: str) -> int | None:
        """When the code that a run has ends; None when it does not, or there is none."""
        code = self.pools[pool].of_run(run)
        given = self.pools[pool].holder(code) if code is not None else None
        return None if given is None or given.expires == NEVER else given.expires

    def add(self, pool: str, codes: list[str]) -> None:
        """More codes for a pool."""
        added = self.pools[pool].add(codes)
        self.fold.emit_about("offer_codes", pool, {"added": added, "left": self.pools[pool].left})

    # ----------------------------------------------------------------------------------------- redeeming

    def listens(self, type_: str, event: str) -> bool:
        return any(
            one.redeemed is not None and listens(one.redeemed, type_, event) for one in self.models.values()
        )

    def on_event(self, row: int, event: Event, key: tuple[str, str], te: int, t: int) -> None:
        for name, model in self.models.items():
            if model.redeemed is None or not listens(model.redeemed, *key):
                continue
            field = self.fold.person.properties[model.code_property]
            value = getattr(event.properties, field, UNSET)
            for code in value if isinstance(value, list) else (value,):
                if code.__class__ is str and code:
                    self._redeem(name, model, row, code, te)

    def _redeem(self, name: str, model: OfferPool, row: int, code: str, te: int) -> None:
        found = self.pools[name].redeem(code, te)
        if found is None or not found.given.row:
            return
        given = found.given
        data: dict[str, Any] = {"code": code.strip(), "run": given.run, "after": te - given.at}
        data["by_other"] = bool(row) and not self._belongs(given, row)
        if found.status == "redeemed":
            data["cost"] = model.cost
        else:
            data["reason"] = found.status
        kind = "offer_redeemed" if found.status == "redeemed" else "offer_refused"
        data["id"] = stable_id("offer", name, given.run, kind, self.fold.seq)
        self.fold.emit(self.fold._unit(given.of), given.row, kind, name, data)

    def _belongs(self, given: Given, person: int) -> bool:
        fold = self.fold
        if given.of == PERSON:
            return given.row == person
        if given.of in fold.workspace.entities:
            return fold.entity_ids[given.of][given.row][1] == person
        return any(account == given.row for account, _, _ in fold.accounts_of(person))

    # ------------------------------------------------------------------------------------------- keeping

    def erase(self, unit: CompiledUnit, row: int) -> int:
        return sum(pool.forget(unit.kind, row) for pool in self.pools.values())

    def merge(self, winner: int, loser: int, t: int) -> None:
        for pool in self.pools.values():
            pool.move(PERSON, winner, loser)

    def dump(self) -> Any:
        return {name: pool.dump() for name, pool in self.pools.items()}

    def load(self, held: Any) -> None:
        for name, pool in held.items():
            if name in self.pools:
                self.pools[name].load(pool)


__all__ = ["GHOST_CODE", "NO_CODE", "OfferError", "Offers", "written_codes"]
