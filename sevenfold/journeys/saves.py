"""Saves: subjects at risk who recover after a touch and stay recovered; ghosts are counted beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..profiles.expressions import parse_duration
from ..profiles.wheel import OP_BITS
from ..workspace.base import ACCOUNT, PERSON
from .episodes import LOST, SAVED, Episode, Rules, Touch, joined
from .people import Save
from .serving import MessageNews, Service
from .telling import stable_id
from .times import NEVER

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from ..lifecycle.compile import CompiledUnit
    from .runtime import Journeys

WOULD_SEND = "would_send"


class Saves(Service):
    """Who is at risk, by save and row."""

    def __init__(self, fold: Fold, runtime: Journeys) -> None:
        super().__init__(fold, runtime)
        self.watching = {name: _Watching(self, name, model) for name, model in fold.workspace.saves.items()}

    def declare(self) -> None:
        for one in self.watching.values():
            one.declare()

    def finish(self) -> None:
        for one in self.watching.values():
            one.finish()

    def touched(
        self, unit: CompiledUnit, row: int, t: int, kind: str, name: str, ident: str, *, ghost: bool = False
    ) -> None:
        """A message was sent to a subject, or a task about it opened or closed (a ghost's: would have been).

        It counts for the subject, for an entity's person, and for every account of the person.
        """
        if not self.watching:
            return
        touch = Touch(t, kind, name, ident)
        for of, one in self._touched(unit, row):
            for watching in self.watching.values():
                if watching.model.of == of:
                    watching.touched(one, t, touch, ghost)

    def on_message(self, news: MessageNews) -> None:
        """A message touches when it was sent; a ghost's when it would have been decided."""
        if self.watching and news.first and news.template and news.outcome in ("sent", WOULD_SEND):
            ghost = news.outcome == WOULD_SEND
            self.touched(news.unit, news.row, self.fold.t, "message", news.template, news.effect, ghost=ghost)

    def _touched(self, unit: CompiledUnit, row: int) -> list[tuple[str, int]]:
        fold, found = self.fold, [(unit.kind, row)]
        person = row if unit is fold.person else 0
        if unit.kind in fold.workspace.entities:
            person = fold.entity_ids[unit.kind][row][1]
            if person:
                found.append((PERSON, person))
        if person:
            found += [(ACCOUNT, account) for account, _, _ in fold.accounts_of(person)]
        return found

    def erase(self, unit: CompiledUnit, row: int) -> int:
        held = [one.episodes.pop(row, None) for one in self.watching.values() if one.unit is unit]
        return sum(one is not None for one in held)

    def merge(self, winner: int, loser: int, t: int) -> None:
        for one in self.watching.values():
            if one.model.of == PERSON:
                one.merge(winner, loser, t)

    def dump(self) -> Any:
        return {name: one.dump() for name, one in self.watching.items()}

    def load(self, held: Any) -> None:
        for name, episodes in held.items():
            if name in self.watching:
                self.watching[name].load(episodes)


class _Watching:
    """One save and its episodes."""

    def __init__(self, saves: Saves, name: str, model: Save) -> None:
        self.saves, self.fold, self.name, self.model = saves, saves.fold, name, model
        self.rules = Rules(parse_duration(model.within), parse_duration(model.held))
        self.episodes: dict[int, Episode] = {}
        """By row, those that are under way, and those that ended while their subjects are still at risk."""
        self._carried: tuple[int, int, Episode] = (0, 0, Episode(id="", since=0))
        """A merge's winner, its time, and the loser's episode."""

    def declare(self) -> None:
        runtime = self.saves.runtime
        self.unit = self.fold._unit(self.model.of)
        runtime.hidden(self.unit, self.model.at_risk, self._at_risk)
        runtime.hidden(self.unit, self.model.recovered, self._recovered)
        for condition in (self.model.at_risk, self.model.recovered):
            runtime.watch_later(self.unit, condition)
        self._low = runtime.timer(f"save {self.name}", self._fire)

    def finish(self) -> None:
        runtime = self.saves.runtime
        self._is_at_risk = runtime.asks(self.unit, self.model.at_risk)
        self._is_good = runtime.asks(self.unit, self.model.recovered)

    def _at_risk(self, row: int, t: int, holds: bool) -> None:
        """Told when it changes, and once more when the workspace has changed."""
        episode = self.episodes.get(row)
        if episode is not None:
            episode.at_risk = holds
            if not holds and (episode.lost or episode.over):
                del self.episodes[row]
        elif holds:
            if self._carried[:2] == (row, t):
                episode = self._carried[2]
                episode.lapses()
                episode.at_risk, episode.due = True, NEVER
            else:
                ident = stable_id("save", self.name, self.fold.id_of(self.unit, row), t)
                episode = Episode(id=ident, since=t)
                self._tell(row, "at_risk", {"episode": ident})
            episode.good = self._is_good(row)
            self.episodes[row] = episode
            self._arm(row, episode, t)

    def _recovered(self, row: int, t: int, holds: bool) -> None:
        episode = self.episodes.get(row)
        if episode is None or episode.good == holds:
            return
        episode.good = holds
        if not holds:
            episode.lapses()
        elif not episode.recovers(t, self.rules):
            return
        self._arm(row, episode, t)

    def touched(self, row: int, t: int, touch: Touch, ghost: bool) -> None:
        """A touch counts while the subject is at risk."""
        episode = self.episodes.get(row)
        if episode is not None:
            episode.touched(touch, ghost)
            self._arm(row, episode, t)

    def _arm(self, row: int, episode: Episode, t: int) -> None:
        due = episode.next_due(t, self.rules)
        if due != episode.due:
            episode.due = due
            if due != NEVER:
                self.fold.wheel.push(due, self._low + (row << OP_BITS))

    def _fire(self, row: int, due: int) -> None:
        episode = self.episodes.get(row)
        if episode is None or episode.due != due:
            return
        episode.at_risk = self._is_at_risk(row)
        if episode.recovered is not None and not self._is_good(row):
            # The conditions were rewritten meanwhile.
            episode.good = False
            episode.lapses()
            self._arm(row, episode, due)
            return
        verdict = episode.verdict()
        touch = episode.credit if verdict != LOST else episode.touch
        would = episode.would_credit if verdict != LOST else episode.would
        data: dict[str, Any] = {
            "episode": episode.id,
            "since": episode.since,
            "at_risk": episode.at_risk,
            "touch": None if touch is None else touch._asdict(),
            "would": None if would is None else would._asdict(),
        }
        if episode.recovered is not None:
            data["recovered"] = episode.recovered
            if touch is not None:
                data["after"] = episode.recovered - touch.at
        self._tell(row, verdict, data | {"id": stable_id(episode.id, verdict, due)})
        if episode.at_risk:
            episode.lost, episode.over, episode.due = verdict == LOST, verdict != LOST, NEVER
        else:
            del self.episodes[row]
        if verdict in (SAVED, LOST):
            self.saves.derive(self.unit, row, f"${verdict} {self.name}")

    def _tell(self, row: int, kind: str, data: dict[str, Any]) -> None:
        self.fold.emit(self.unit, row, kind, self.name, data)

    def merge(self, winner: int, loser: int, t: int) -> None:
        """The winner's conditions decide, and are evaluated next: an episode of the loser alone goes on if
        they tell that the winner is at risk now.
        """
        theirs, mine = self.episodes.pop(loser, None), self.episodes.get(winner)
        if theirs is None:
            return
        if mine is None:
            self._carried = (winner, t, theirs)
        else:
            self._arm(winner, joined(mine, theirs), t)

    def dump(self) -> Any:
        return [[row, msgspec.to_builtins(episode)] for row, episode in self.episodes.items()]

    def load(self, held: Any) -> None:
        self.episodes = {row: msgspec.convert(episode, Episode) for row, episode in held}


__all__ = ["Saves"]
