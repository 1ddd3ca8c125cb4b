"""What the listening sides of several providers share: states that come out of order, keywords, events."""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import phonenumbers

from ..limits import HOOK_RANKS_ENTRIES_MAX

Keyword = Literal["stop", "start", "help", ""]

_STOP: Final = "stop stopp stopall unsubscribe cancel end quit optout revoke"
_START: Final = "start unstop subscribe"
_HELP: Final = "help info"
_LOCAL: Final[Mapping[str, tuple[str, str, str]]] = {
    "AT CH DE LI LU": ("abmelden abbestellen austragen", "anmelden", "hilfe"),
    "FR BE CH LU CA MC": ("arret desabonner desinscription", "reprendre", "aide"),
    "ES MX AR CO CL PE EC UY US": ("parar alto baja cancelar", "alta empezar", "ayuda"),
    "BR PT": ("parar sair cancelar", "iniciar comecar", "ajuda"),
    "IT CH SM": ("basta annulla cancella disiscrivi", "inizia", "aiuto"),
    "NL BE": ("afmelden uitschrijven stoppen", "aanmelden", "hulp"),
    "SE": ("avsluta avregistrera sluta", "starta", "hjalp"),
    "NO": ("avslutt avmeld slutt", "start", "hjelp"),
    "DK": ("afmeld stopsms", "tilmeld", "hjaelp"),
    "FI": ("lopeta peru", "aloita", "apua"),
    "PL": ("rezygnacja wypisz", "zapisz", "pomoc"),
    "CZ SK": ("odhlasit zrusit", "prihlasit", "pomoc"),
    "TR": ("iptal ret cik", "basla", "yardim"),
    "ID": ("berhenti batal", "mulai", "bantuan"),
    "JP": ("停止 解除 配信停止", "開始", "ヘルプ"),
}
"""Words of stop, start and help by the countries in which somebody may mean them, without accents."""
_WHOLE: Final = {ord("ø"): "o", ord("ł"): "l", ord("ı"): "i", ord("æ"): "ae"}
"""Letters that do not come apart into a letter and an accent."""


def keyword_of(text: str, country: str = "") -> Keyword:
    """What a short message means where it comes from: the English words everywhere, further ones by country
    (ISO 3166). Only a message that is nothing but such a word counts; case, accents and full stops do not.
    """
    word = _plain(text)
    if not word or " " in word:
        return "stop" if word in ("stop all", "opt out") else ""
    named = (_STOP, _START, _HELP)
    local = [words for countries, words in _LOCAL.items() if country.upper() in countries.split()]
    meanings: tuple[Keyword, Keyword, Keyword] = ("stop", "start", "help")
    for place, meaning in enumerate(meanings):
        if word in named[place].split() or any(word in words[place].split() for words in local):
            return meaning
    return ""


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text[:200])
    kept = "".join(one for one in bare if not unicodedata.combining(one))
    kept = kept.casefold().translate(_WHOLE)
    bare_kana = unicodedata.normalize("NFKC", text[:200]).casefold().strip(" .!,\"'\t\r\n")
    plain = " ".join(kept.strip(" .!,\"'\t\r\n").split())
    return plain if plain.isascii() else bare_kana


def country_of(phone: str) -> str:
    """The country (ISO 3166) of a number in E.164; empty when it has none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or ""
    except phonenumbers.NumberParseException:
        return ""


def track(
    name: str, identifiers: Mapping[str, Any], properties: Mapping[str, Any], at: int, message_id: str
) -> dict[str, Any]:
    """An event of a person as the Segment specification has it. `identifiers` become traits of its context;
    `user_id` among them its user. `at` ms UTC.
    """
    traits = {key: value for key, value in identifiers.items() if value and key != "user_id"}
    event: dict[str, Any] = {
        "type": "track",
        "event": name,
        "messageId": message_id,
        "timestamp": iso(at),
        "context": {"traits": traits},
        "properties": {key: value for key, value in properties.items() if value not in (None, "")},
    }
    if identifiers.get("user_id"):
        event["userId"] = identifiers["user_id"]
    return event


def iso(at: int) -> str:
    """A time in ms UTC as ISO 8601."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Ranks:
    """How far each message has come, by the provider's id. News of an earlier state that comes late says
    nothing. The latest messages are remembered; of others every state is news, which is harmless, for an
    outcome that was told before changes nothing.
    """

    def __init__(self, order: Sequence[str]) -> None:
        self._rank = {state: rank for rank, state in enumerate(order)}
        self._seen: OrderedDict[str, int] = OrderedDict()

    def news(self, ident: str, state: str) -> bool:
        """Whether the state is further than what was heard of the message before."""
        rank = self._rank.get(state, -1)
        if rank <= self._seen.get(ident, -1):
            return False
        self._seen[ident] = rank
        self._seen.move_to_end(ident)
        if len(self._seen) > HOOK_RANKS_ENTRIES_MAX:
            self._seen.popitem(last=False)
        return True
