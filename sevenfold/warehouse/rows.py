"""Effects become rows: one small function a kind of effect, each giving its table and the row's values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from sevenfold import effects as e
from sevenfold.effects import Effect
from sevenfold.warehouse.schema import BY_NAME, TABLES

Values = tuple[Any, ...]
Columns = dict[str, list[Values]]
"""Rows by table."""
_ENCODE: Final = msgspec.json.Encoder().encode
_MASK: Final = (1 << 64) - 1
PERSON: Final = "person"
ACCOUNT: Final = "account"


def key(text: str) -> int:
    """An id as an unsigned 64-bit integer: its value when it is 16 hexadecimal digits, else its digest; 0 for
    an empty one.
    """
    if not text:
        return 0
    if len(text) == 16:
        try:
            return int(text, 16) & _MASK
        except ValueError:
            pass
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def shown(ident: int) -> str:
    """An id as people write it: 16 hexadecimal digits."""
    return f"{ident:016x}"


def _json(value: Any) -> str | None:
    return _ENCODE(value).decode() if value else None


def _id(value: Any) -> int | None:
    return key(value) if isinstance(value, str) and value else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


_TOLD: Final = frozenset(
    ("effect", "recipient", "run", "step", "visit", "template", "version", "channel", "category", "topic",
     "intent", "reason", "until", "ghost", "transactional")
)  # fmt: skip


class Rows:
    """Rows of many effects, in order. `forwards` is who is part of whom, which merges change."""

    def __init__(self, accounts: Mapping[int, int], probabilities: Probabilities | None = None) -> None:
        self.tables: Columns = {table.name: [] for table in TABLES}
        self.changes: list[tuple[str, int, int]] = []
        """Merges, merges taken back and erasures: (what, subject, other)."""
        self._accounts = accounts
        """The account of each person, as events last told."""
        self._probabilities = probabilities

    def add(self, number: int, effect: Effect) -> None:
        """One effect with its number."""
        data = effect.data
        make = _KINDS.get(effect.kind, _task if effect.kind.startswith("task_") else _happening)
        head = (number, effect.time, effect.of, key(effect.subject))
        make(self, head, effect, data)


Probabilities = Callable[[str, str], float | None]
"""The probability that somebody is treated (not held out) in a journey, by its name and subject kind."""
Head = tuple[int, int, str, int]
Data = Mapping[str, Any]


def _created(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    to.tables["subjects"].append((*head, str(data.get("key", ""))))


def _identity(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    number, time, _, subject = head
    other = key(str(data.get("loser", "")))
    to.tables["identity"].append((number, time, effect.kind, subject, other))
    if subject or other:
        to.changes.append((effect.kind, subject, other))
    for ident in data.get("ids", ()) if effect.kind == "erased" else ():
        to.changes.append(("erased", key(ident), 0))


def _decision(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    person = _id(get("recipient")) or (head[3] if effect.of == PERSON else None)
    rest = {name: value for name, value in data.items() if name not in _TOLD and value is not None}
    ghost = bool(get("ghost")) or effect.kind in ("would_send", "would_call")
    to.tables["decisions"].append(
        (
            *head, person, effect.kind, effect.name, _id(get("run")), _text(get("step")),
            _whole(get("visit")), _id(get("effect")), _text(get("template")), _text(get("version")),
            _text(get("channel")),
            _text(get("category")), _text(get("topic")), _text(get("intent")), _text(get("reason")),
            _whole(get("until")), ghost, get("transactional") is True, _json(rest),
        )
    )  # fmt: skip


def _outcome(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    outcome = str(get("outcome") or effect.kind)
    journey = "" if get("stranger") else effect.name
    to.tables["outcomes"].append(
        (
            *head, journey, _id(get("run")), _text(get("step")), _id(get("effect")), outcome,
            _text(get("template")), _text(get("channel")), _text(get("reason")), get("machine") is True,
        )
    )  # fmt: skip


def _stage(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    why = data.get("why") or {}
    cause = why.get("cause") or {}
    to.tables["transitions"].append(
        (
            *head, effect.name, str(data.get("from") or ""), str(data.get("to") or ""),
            _text(why.get("rule")),
            _text(cause.get("kind")), _text(cause.get("name")), _json(why.get("atoms")),
        )
    )  # fmt: skip


def _segment(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    to.tables["segment_changes"].append((*head, effect.name, effect.kind == e.ENTERED))


def _band(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    to.tables["bands"].append(
        (
            *head, effect.name, effect.kind, _text(get("from")), _text(get("to")), _float(get("value")),
            _float(get("before")), _float(get("after")),
        )
    )  # fmt: skip


def _run(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    run, ghost = _id(get("run")), str(get("ghost") or "")
    to.tables["run_starts"].append(
        (*head, effect.name, run, _whole(get("version")), _text(get("trigger")), _text(get("key")), ghost)
    )
    treated = to._probabilities(effect.name, effect.of) if to._probabilities is not None else None
    if ghost == "shadow" or treated == 1.0:
        return
    arm = "control" if ghost else "treated"
    chance = None if treated is None else 1 - treated if ghost else treated
    to.tables["assignments"].append(
        (*head, _account(to, head), "holdout", effect.name, effect.name, run, "", arm, ghost, chance)
    )


def _account(to: Rows, head: Head) -> int:
    return head[3] if head[2] == ACCOUNT else to._accounts.get(head[3], 0)


def _ended(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    to.tables["run_ends"].append(
        (
            *head, effect.name, _id(get("run")), _text(get("step")), str(get("reason") or ""),
            _whole(get("after")),
        )
    )  # fmt: skip


def _refused(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    if effect.of == "workspace":
        _happening(to, head, effect, data)
    else:
        to.tables["refusals"].append((*head, effect.name, str(data.get("reason", ""))))


def _step(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    run, step = _id(get("run")), str(get("step") or "")
    to.tables["steps"].append(
        (
            *head, effect.name, run, step, _whole(get("visit")), effect.kind, _text(get("outcome")),
            _whole(get("until")), _whole(get("waited")),
        )
    )  # fmt: skip
    split = get("split")
    if isinstance(split, str):
        share = _float(get("share"))
        to.tables["assignments"].append(
            (
                *head, _account(to, head), "split", split, effect.name, run, step, str(get("outcome")), "",
                None if share is None else share / 100,
            )
        )  # fmt: skip


def _goal(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    to.tables["goals"].append(
        (
            *head, effect.name, _id(get("run")), _text(get("step")), str(get("goal") or ""),
            _float(get("value")), _whole(get("after")), bool(get("ghost")),
        )
    )  # fmt: skip


def _choice(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    shares = get("propensities") or {}
    chosen = str(get("chosen") or "")
    to.tables["choices"].append(
        (
            *head, effect.name, _id(get("run")), _text(get("step")), _whole(get("visit")),
            _id(get("choice")), str(get("policy") or ""), _whole(get("version")), _text(get("model")), chosen,
            shares.get(chosen, 0) / 1_000_000, get("ghost") is True, _text(get("level")),
            effect.time + (_whole(get("within")) or 0), _ENCODE(get("context") or {}).decode(),
            _json(get("actions")), _json(shares),
        )
    )  # fmt: skip


def _rewarded(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    after = _whole(get("after"))
    to.tables["rewards"].append((*head, effect.name, _id(get("choice")), _text(get("policy")), after))


def _autonomy(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    rest = {name: value for name, value in data.items() if name not in ("policy", "by", "because")}
    to.tables["autonomy"].append(
        (
            *head[:2], effect.name, effect.kind, _text(get("policy")), _text(get("by")),
            _text(get("because")), _json(rest),
        )
    )  # fmt: skip


_TASK_TOLD: Final = frozenset(
    ("task", "run", "reason", "owner", "to", "due", "outcome", "turn", "arm", "probability")
)


def _task(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    change = {"task": "opened", "would_task": "would_open"}.get(
        effect.kind, effect.kind.removeprefix("task_")
    )
    rest = {name: value for name, value in data.items() if name not in _TASK_TOLD and value is not None}
    to.tables["task_changes"].append(
        (
            *head, effect.name, _id(get("task")), _id(get("run")), change, _text(get("reason")),
            _text(get("owner")) or _text(get("to")), _whole(get("due")), _text(get("outcome")), _json(rest),
        )
    )  # fmt: skip
    arm = get("arm")
    if isinstance(arm, str):
        to.tables["assignments"].append(
            (
                *head, _account(to, head), "order", effect.name, str(get("journey") or ""), _id(get("run")),
                _text(get("step")) or "", arm, "", _float(get("probability")),
            )
        )  # fmt: skip


def _contaminated(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    experiments = ", ".join(str(one) for one in data.get("experiments", ()))
    to.tables["contaminations"].append((*head, effect.name, experiments))


def _save(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    touch = get("touch") or {}
    to.tables["saves"].append(
        (
            *head, effect.name, effect.kind, _id(get("episode")), _text(touch.get("kind")),
            _text(touch.get("name")), _id(touch.get("id")), _whole(touch.get("at")), bool(get("would")),
            _whole(get("after")),
        )
    )  # fmt: skip


def _offer(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    journey = _text(get("journey"))
    to.tables["offers"].append(
        (
            *head, effect.name, effect.kind.removeprefix("offer_"), _text(get("code")), journey,
            _id(get("run")), _float(get("cost")),
        )
    )  # fmt: skip


def _consent(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    get = data.get
    rest = {name: value for name, value in data.items() if name not in ("status", "channel", "source")}
    to.tables["consents"].append(
        (*head, effect.kind, _text(get("status")), _text(get("channel")), _text(get("source")), _json(rest))
    )


def _happening(to: Rows, head: Head, effect: Effect, data: Data) -> None:
    to.tables["happenings"].append((*head, effect.kind, effect.name, _json(data)))


_KINDS: Final[dict[str, Callable[[Rows, Head, Effect, Data], None]]] = {
    e.CREATED: _created,
    **dict.fromkeys((e.MERGED, e.UNMERGED, "erased"), _identity),
    **dict.fromkeys(("message", "webhook", "held", "deferred", "would_send", "would_call"), _decision),
    **dict.fromkeys(("outcome", "revoked", "cancelled", "released"), _outcome),
    e.STAGE: _stage,
    **dict.fromkeys((e.ENTERED, e.LEFT), _segment),
    **dict.fromkeys((e.BAND, e.JUMP, e.VELOCITY), _band),
    "run": _run,
    "ended": _ended,
    e.REFUSED: _refused,
    **dict.fromkeys(("step", "wait"), _step),
    "goal": _goal,
    **dict.fromkeys(("task", "would_task"), _task),
    "contaminated": _contaminated,
    "choice": _choice,
    "rewarded": _rewarded,
    **dict.fromkeys(
        (
            *("learned", "moved", "suggestion", "suggestion_accepted", "suggestion_refused", "halted"),
            *("resumed_option", "autonomy", "policy"),
        ),
        _autonomy,
    ),
    **dict.fromkeys(("at_risk", "saved", "save_lost", "recovered_untouched"), _save),
    **dict.fromkeys(
        ("offer_given", "offer_empty", "offer_redeemed", "offer_refused", "offer_expired"), _offer
    ),
    **dict.fromkeys(("consent", "suppressed", "unsuppressed", "opt_outs"), _consent),
}
assert set(BY_NAME) >= {"decisions", "outcomes", "happenings"}
