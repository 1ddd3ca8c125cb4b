"""What routes share: who asks, how control records become audit entries, pages, parameters, answers."""

from __future__ import annotations

from typing import Annotated, Any, Final, Generic, TypeVar

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...clock import stopwatch_ns
from ...effects import Effect
from ...errors import SevenfoldError
from ...limits import API_EFFECTS_SHOWN_ITEMS_MAX, API_PAGE_ITEMS_MAX, IDENTIFIER_CHARS_MAX
from ..audit import OK, Audit
from ..history import History
from ..keys import Key
from ..live import Live, Told, UnavailableError
from ..members import Member, Members, Session, Sessions
from ..metrics import CONTROL_SECONDS
from ..services import Services
from .door import key_of, member_of

Item = TypeVar("Item")
NOBODY: Final = Key(id="nobody", kind="api", hint="", name="nobody", source=None, scope=None, created=0)
"""Who asks where nobody has to say who they are."""
_LOOKS_MAX: Final = 500
"""How often a question is asked again that could look at a part only."""


class Items(Struct, Generic[Item], kw_only=True):
    """A page. `next` goes into `after` for the one that follows; null at the end."""

    items: list[Item]
    next: int | None = None


class Happened(Struct, kw_only=True):
    """An effect: what the engine decided."""

    time: int
    kind: str
    of: str
    subject: str
    name: str
    data: dict[str, Any]


class Done(Struct, kw_only=True):
    """A change is made: `position` of its record in the log, engine `time` (ms UTC), and the first of the
    effects it had; `left_out` are so many more, which are in the history.
    """

    position: int
    time: int
    effects: list[Happened]
    left_out: int = 0


class Person(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whom it is about, by one or more identifiers (`user_id`, `email`, `anonymous_id`, `phone`, ...)."""

    user_id: Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_CHARS_MAX)] | UnsetType = UNSET
    email: Annotated[str, Meta(min_length=3, max_length=IDENTIFIER_CHARS_MAX)] | UnsetType = UNSET
    anonymous_id: Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_CHARS_MAX)] | UnsetType = UNSET
    phone: Annotated[str, Meta(min_length=3, max_length=IDENTIFIER_CHARS_MAX)] | UnsetType = UNSET

    def named(self) -> dict[str, str]:
        """The identifiers that are given."""
        pairs = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in pairs if value is not UNSET}


class Caller:
    """Whoever asks: the parts of the service, and a note in the audit log for each change."""

    def __init__(
        self,
        services: Services,
        audit: Audit,
        key: Key,
        member: Member | None = None,
        session: Session | None = None,
    ) -> None:
        self.services, self.audit, self.key = services, audit, key
        self.member, self.session = member, session
        """Who is logged in; None where a program asks with a key."""

    @property
    def live(self) -> Live:
        return self.services.live

    @property
    def history(self) -> History:
        return self.services.history

    @property
    def by(self) -> str:
        """The caller as effects and records name them: a member by their name among the people who act."""
        if self.member is not None:
            return self.member.acts_as or self.member.email
        return f"key {self.key.name}"

    @property
    def members(self) -> Members:
        return Members(self.services.keys.store, self.services.clock)

    @property
    def sessions(self) -> Sessions:
        return Sessions(self.services.keys.store, self.services.clock)

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        """A question to the fold; again while it could look at a part of its answer only."""
        for _ in range(_LOOKS_MAX):
            found = await self.services.live.ask(question, **arguments)
            if found is not None:
                return found
        raise UnavailableError("the answer takes too long", fix="ask again")

    async def pages(self, question: str, /, *, limit: int, after: int, **arguments: Any) -> dict[str, Any]:
        """Items of a question that looks at a part at a time, until there are enough."""
        items: list[Any] = []
        following: int | None = after
        for _ in range(_LOOKS_MAX):
            found = await self.ask(question, limit=limit - len(items), after=following, **arguments)
            items += found["items"]
            following = found["next"]
            if following is None or len(items) >= limit:
                break
        return {"items": items, "next": following}

    async def tell(self, action: str, target: str, record: dict[str, Any], /, **detail: Any) -> Told:
        """Appends a control record and waits until it is folded; the audit log says what came of it."""
        began = stopwatch_ns()
        try:
            told = await self.live.control(record)
        except SevenfoldError as error:
            self.note(action, target, result=error.code, **detail)
            raise
        CONTROL_SECONDS.observe((stopwatch_ns() - began) / 1e9)
        self.note(action, target, position=told.position, **detail)
        return told

    def note(
        self, action: str, target: str, /, *, position: int | None = None, result: str = OK, **detail: Any
    ) -> None:
        """An entry of the audit log."""
        self.audit.note(self.key.id, action, target, position=position, result=result, detail=detail)


def done(told: Told) -> Done:
    """What became of a change."""
    effects = [happened(one) for one in told.effects[:API_EFFECTS_SHOWN_ITEMS_MAX]]
    left_out = len(told.effects) - len(effects)
    return Done(position=told.position, time=told.time, effects=effects, left_out=left_out)


def happened(effect: Effect) -> Happened:
    """An effect as the API shows it."""
    return Happened(
        time=effect.time,
        kind=effect.kind,
        of=effect.of,
        subject=effect.subject,
        name=effect.name,
        data=effect.data,
    )


class Callers:
    """Makes the `caller` of each request, once its gate has let it in."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request[Any, Any, Any]) -> Caller:
        services = self._services
        audit = Audit(None, services.clock, store=services.keys.store)
        if request.route_handler.opt.get("scope") == "open":
            return Caller(services, audit, NOBODY)
        return Caller(services, audit, key_of(request), *(member_of(request) or ()))


Asked = NamedDependency[Caller]
Limit = Annotated[
    int, Parameter(ge=1, le=API_PAGE_ITEMS_MAX, required=False, description="Items of a page at most.")
]
After = Annotated[
    int, Parameter(ge=0, le=2**53, required=False, description="`next` of the page before; 0 at the start.")
]
Newer = Annotated[
    int | None,
    Parameter(ge=0, le=2**53, required=False, description="Oldest first, beginning after this number."),
]
Older = Annotated[
    int | None,
    Parameter(
        ge=0, le=2**53, required=False, description="Newest first, beginning before this number (`next`)."
    ),
]
Id = Annotated[str, Parameter(min_length=1, max_length=64, description="The id: 16 hexadecimal digits.")]
Text = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_CHARS_MAX)]
PAGE: Final = 50
"""Items of a page where nothing else is asked for."""
