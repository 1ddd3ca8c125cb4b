"""What a change would do, before it is made: weights of a score, a condition of a segment, a template for
somebody real; and whether a channel works.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from litestar import post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from ...channels.base import ChannelError, Outgoing
from ...channels.deliverability import Dns, Domain, Finding, examine
from ...clock import stopwatch_ns
from ...errors import SevenfoldError
from ...limits import (
    CHANNEL_PROBE_S_MAX,
    IDENTIFIER_CHARS_MAX,
    SCORE_PREVIEW_EXAMPLES_ITEMS_MAX,
    SEGMENT_PREVIEW_S_MAX,
    TEST_SEND_S_MAX,
)
from ...messages.compiling import CompiledTemplate
from ...messages.context import context_of, rows_by_key
from ...messages.faults import RenderError
from ...messages.policy import DeliveryChannel
from ...messages.render import render
from ...messages.rendered import Rendered
from ...messages.templates import Template, version_of
from ...workspace.base import ACCOUNT, PERSON
from ...workspace.models import Segment as SegmentModel
from ...workspace.models import Workspace
from ...workspace.template_checks import kind_of
from ..errors import ForbiddenError, InvalidError
from ..members import includes
from ..questions import QuestionError
from ..sender.carriers import registered
from .base import Asked, Caller
from .segments import Name
from .subjects import Subject

_LINKS = {
    name: f"https://example.com/{name}"
    for name in ("unsubscribe", "preferences", "view", "confirm", "referral")
}
_PAGE = 10


# ----------------------------------------------------------------------------------------------------- scores


class WeightsAsked(Struct, kw_only=True, forbid_unknown_fields=True):
    """All weight sets of a score as they are to be, as the workspace's YAML has them; how many examples."""

    weights: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=200)]
    limit: Annotated[int, Meta(ge=0, le=SCORE_PREVIEW_EXAMPLES_ITEMS_MAX)] = 10


class ScoreMoved(Subject, kw_only=True):
    """Somebody whose score would be another."""

    worth: float | None
    before: float
    after: float
    band_before: str | None
    band_after: str | None


class ScorePreview(Struct, kw_only=True):
    """What other weights would change. `moves` are [band before, band after, how many] (null: unknown);
    `looked_at` of `of_all` subjects: an even part where there are very many.
    """

    of: str
    looked_at: int
    of_all: int
    before: dict[str, int]
    after: dict[str, int]
    moves: list[tuple[str | None, str | None, int]]
    known: int
    mean_change: float | None
    examples: list[ScoreMoved]


@post(
    "/scores/{name:str}/preview",
    scope="read",
    status_code=200,
    tags=["segments"],
    operation_id="preview_score",
)
async def preview_score(caller: Asked, name: Name, data: JSONBody[WeightsAsked]) -> ScorePreview:
    """What other weights of a score would do to real people, with examples by name. Changes nothing."""
    found = await caller.ask("score_preview", score=name, weights=data.weights, limit=data.limit)
    return msgspec.convert(found, ScorePreview)


# --------------------------------------------------------------------------------------------------- segments


class ConditionAsked(Struct, kw_only=True, forbid_unknown_fields=True):
    """A condition as a segment's `when` has it, for subjects of a kind."""

    when: Any
    of: Annotated[str, Meta(min_length=1, max_length=100)] = PERSON
    limit: Annotated[int, Meta(ge=0, le=50)] = _PAGE


class Held(Subject, kw_only=True):
    """Somebody for whom a condition holds, each part of it with the value it sees."""

    atoms: list[dict[str, Any]]


class SegmentPreview(Struct, kw_only=True):
    """How many a condition holds for now, of how many looked at, and the first of them. `complete` is false
    when time ran out before everybody was looked at.
    """

    count: int
    looked_at: int
    share: float | None
    complete: bool
    items: list[Held]


@post("/segments/preview", scope="read", status_code=200, tags=["segments"], operation_id="preview_segment")
async def preview_segment(caller: Asked, data: JSONBody[ConditionAsked]) -> SegmentPreview:
    """How many are in a segment that is yet to be made, and some of them. Changes nothing."""
    if data.when is None:
        raise InvalidError("a segment that asks for nothing is kept by hand", where="when")
    try:
        msgspec.convert({"when": data.when, "of": data.of}, SegmentModel)
    except msgspec.ValidationError as error:
        raise InvalidError(str(error), where="when") from error
    began, after = stopwatch_ns(), 0
    count, looked_at, items = 0, 0, list[Any]()
    while True:
        page = await caller.ask(
            "condition_preview", of=data.of, when=data.when, limit=data.limit - len(items), after=after
        )
        count, looked_at = count + page["count"], looked_at + page["looked_at"]
        items += page["items"]
        late = (stopwatch_ns() - began) / 1e9 > SEGMENT_PREVIEW_S_MAX
        if page["next"] is None or late:
            break
        after = page["next"]
    return SegmentPreview(
        count=count,
        looked_at=looked_at,
        share=count / looked_at if looked_at else None,
        complete=page["next"] is None,
        items=msgspec.convert(items, list[Held]),
    )


# -------------------------------------------------------------------------------------------------- templates


class RenderAsked(Struct, kw_only=True, forbid_unknown_fields=True):
    """For whom a template is rendered: a `person` (id; null: nobody known), with the `event` that set the
    journey off, the step's data, `values` laid over what is known of them. `template` is what is being
    written, instead of what is in force.
    """

    person: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    template: dict[str, Any] | None = None
    event: dict[str, Any] = {}
    step: dict[str, Any] = {}
    values: dict[str, Any] = {}
    locale: Annotated[str, Meta(max_length=35)] | None = None


class RenderedShown(Struct, kw_only=True):
    """What would be sent, or why it cannot be rendered (`error`, with the field and line)."""

    content: dict[str, Any] | None
    warnings: list[str]
    error: dict[str, Any] | None
    needs: list[str]
    """What the template speaks of."""


class MessageTest(RenderAsked, kw_only=True, forbid_unknown_fields=True):
    """As for rendering, and where to: the `address` of a member (one's own when not given); on channels other
    than e-mail a publisher gives any.
    """

    address: Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_CHARS_MAX)] | None = None
    channel: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


class MessageTested(Struct, kw_only=True):
    """What the provider made of a test: `accepted`, or why not."""

    verdict: str
    reason: str
    detail: str
    channel: str
    address: str
    provider_id: str


@post(
    "/templates/{name:str}/render",
    scope="read",
    status_code=200,
    tags=["messages"],
    operation_id="render_template",
)
async def render_template(caller: Asked, name: Name, data: JSONBody[RenderAsked]) -> RenderedShown:
    """A template as somebody real would get it. Links lead nowhere, and nothing is sent."""
    found, compiled = await _rendered(caller, name, data)
    needs = sorted(compiled.variables)
    if isinstance(found, RenderError):
        return RenderedShown(content=None, warnings=[], error=msgspec.to_builtins(found), needs=needs)
    return RenderedShown(content=found.to_json(), warnings=list(found.warnings), error=None, needs=needs)


async def _rendered(
    caller: Caller, name: str, data: RenderAsked
) -> tuple[Rendered | RenderError, CompiledTemplate]:
    workspace = caller.live.workspace
    if data.template is not None:
        try:
            model = msgspec.convert(data.template, Template)
        except msgspec.ValidationError as error:
            raise InvalidError(str(error), where="template") from error
        workspace = msgspec.structs.replace(workspace, templates={**workspace.templates, name: model})
    if name not in workspace.templates:
        raise QuestionError(f"there is no template `{name[:100]}`", where="name")
    person: dict[str, Any] = {}
    account = None
    if data.person is not None:
        person = await caller.ask("profile", of=PERSON, id=data.person)
        if person.get("accounts"):
            account = await caller.ask("profile", of=ACCOUNT, id=person["accounts"][0]["id"])
    return await asyncio.to_thread(_render, workspace, name, data, person, account)


def _render(
    workspace: Workspace, name: str, data: RenderAsked, person: dict[str, Any], account: dict[str, Any] | None
) -> tuple[Rendered | RenderError, CompiledTemplate]:
    template = workspace.templates[name]
    compiled = CompiledTemplate(version_of(name, template, workspace.partials, kind_of(workspace, template)))
    from ..sender.rendering import iso

    context = context_of(
        workspace,
        person,
        person_id=person.get("id", ""),
        now=iso(person.get("time", 0)),
        account=account,
        account_id="" if account is None else account["id"],
        event=data.event,
        step=data.step,
        links=_LINKS,
        catalogue=rows_by_key(workspace),
    )
    for key, value in data.values.items():
        known = context.get(key)
        context[key] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
    about = context["person"]
    language = about.get("locale") or about.get("language")
    zone = about.get("timezone")
    found = render(
        compiled,
        context,
        locale=data.locale or (language if isinstance(language, str) else None),
        zone=zone if isinstance(zone, str) else None,
        message_id=f"preview/{name}",
    )
    return found, compiled


@post(
    "/templates/{name:str}/test-send",
    scope="write",
    status_code=200,
    tags=["messages"],
    operation_id="test_send_template",
)
async def test_send_template(caller: Asked, name: Name, data: JSONBody[MessageTest]) -> MessageTested:
    """Sends a template as somebody real would get it to a member, marked as a test. It is no message of the
    engine: it counts for no cap and appears in no history, only in the audit log.
    """
    found, compiled = await _rendered(caller, name, data)
    if isinstance(found, RenderError):
        raise InvalidError(found.message, where=found.where, fix=found.fix)
    kind = compiled.version.kind
    channel, model = _channel(caller.live.workspace, compiled.version.template.channel, data.channel)
    address = _address(caller, kind, data.address)
    if found.subject is not None:
        found = msgspec.structs.replace(found, subject=f"[Test] {found.subject}")
    effect = f"test-{caller.services.clock.now()}"
    message = Outgoing(
        effect=effect, channel=channel, address=address, person=data.person or "", content=found,
        transactional=True, data={"template": name},
    )  # fmt: skip
    adapter = registered(channel, model)
    try:
        async with asyncio.timeout(TEST_SEND_S_MAX):
            result = await adapter.send(message)
    except TimeoutError as error:
        raise ChannelError(
            "the provider does not answer", where=channel, fix="look at the channel"
        ) from error
    finally:
        await adapter.close()
    caller.note("template.test", name, channel=channel, verdict=result.verdict)
    return MessageTested(
        verdict=result.verdict,
        reason=result.reason,
        detail=result.detail,
        channel=channel,
        address=address,
        provider_id=result.provider_id,
    )


def _channel(workspace: Workspace, wanted: str, named: str | None) -> tuple[str, DeliveryChannel]:
    """The channel of the workspace that carries a template. Raises InvalidError."""
    for name, model in workspace.channels.items():
        if (named is None and wanted in (name, model.type)) or named == name:
            return name, model
    raise InvalidError(f"no channel of the workspace carries `{wanted}`", where="channel", fix="declare one")


def _address(caller: Caller, kind: str, given: str | None) -> str:
    """Where a test goes. Raises ForbiddenError for an address that it must not go to."""
    own = caller.member.email if caller.member is not None else None
    address = given or own
    if address is None:
        raise InvalidError("a test goes to an address", where="address")
    if kind == "email":
        if caller.members.with_email(address) is None:
            raise ForbiddenError(
                "a test goes to a member's address", where="address", fix="invite them first"
            )
    elif caller.member is not None and not includes(caller.member.role, "publisher"):
        raise ForbiddenError("this needs the role `publisher`", where="address", fix="ask a publisher")
    return address


# --------------------------------------------------------------------------------------------------- channels


class ChannelAsked(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is looked at: the DNS of the `domain` (of the sender address when not given), and with `probe`
    whether the provider takes the settings. `channel` is the definition being written, instead of what is in
    force.
    """

    domain: Annotated[str, Meta(max_length=253)] | None = None
    selectors: Annotated[list[str], Meta(max_length=10)] = []
    spf: Annotated[str, Meta(max_length=253)] = ""
    probe: bool = True
    channel: dict[str, Any] | None = None


class FindingShown(Struct, kw_only=True):
    """One thing looked at: `standing` is fine, warning, wrong or unknown; `record` is the DNS record to make
    (name, type, value).
    """

    what: str
    standing: str
    said: str
    fix: str
    record: tuple[str, str, str] | None


class Verified(Struct, kw_only=True):
    """Whether a channel works. `ok`: nothing is wrong (there may be warnings)."""

    channel: str
    ok: bool
    findings: list[FindingShown]


@post(
    "/channels/{name:str}/verify",
    scope="write",
    status_code=200,
    tags=["channels"],
    operation_id="verify_channel",
)
async def verify_channel(caller: Asked, name: Name, data: JSONBody[ChannelAsked]) -> Verified:
    """Looks at a channel: of e-mail the DNS of its domain (SPF, DKIM, DMARC, MX, alignment), and whether its
    provider takes the settings. Nobody is written to.
    """
    model = caller.live.workspace.channels.get(name)
    if data.channel is not None:
        try:
            model = msgspec.convert(data.channel, DeliveryChannel)
        except msgspec.ValidationError as error:
            raise InvalidError(str(error), where="channel") from error
    if model is None:
        raise QuestionError(f"there is no channel `{name[:100]}`", where="name")
    findings: list[Finding] = []
    if model.type == "email":
        findings += await _dns(caller, model, data)
    if data.probe and model.provider is not None:
        findings.append(await _probe(name, model))
    caller.note("channel.verify", name, wrong=[one.what for one in findings if one.standing == "wrong"])
    shown = [FindingShown(**msgspec.structs.asdict(one)) for one in findings]
    return Verified(channel=name, ok=all(one.standing != "wrong" for one in findings), findings=shown)


async def _dns(caller: Caller, model: DeliveryChannel, data: ChannelAsked) -> list[Finding]:
    settings = model.settings
    sender = str(settings.get("from") or "").strip().rstrip(">")
    domain = data.domain or sender.rpartition("@")[2]
    if not domain:
        fix = "give `domain`, or the setting `from` of the channel"
        return [Finding(what="domain", standing="unknown", said="the sending domain is not known", fix=fix)]
    bounces = str(settings.get("bounce_address") or "").rpartition("@")[2]
    selectors = [str(settings[key]) for key in ("dkim_selector", "dkim_second_selector") if settings.get(key)]
    asked = Domain(
        sender=domain,
        envelope=bounces,
        spf_include=data.spf,
        dkim=dict.fromkeys([*data.selectors, *selectors], ""),
    )
    servers = [one.strip() for one in caller.services.settings.dns_servers.split(",") if one.strip()]
    port = 53
    if servers and ":" in servers[0] and servers[0].count(":") == 1:
        port = int(servers[0].rpartition(":")[2])
        servers = [one.rpartition(":")[0] for one in servers]
    return await examine(asked, Dns(servers, port))


async def _probe(name: str, model: DeliveryChannel) -> Finding:
    try:
        adapter = registered(name, model)
    except SevenfoldError as error:
        return Finding(what="settings", standing="wrong", said=error.message, fix=error.fix)
    try:
        async with asyncio.timeout(CHANNEL_PROBE_S_MAX):
            result = await adapter.check()
    except TimeoutError:
        return Finding(what="provider", standing="wrong", said="the provider does not answer")
    finally:
        await adapter.close()
    if result.verdict == "accepted":
        return Finding(what="provider", standing="fine", said="the provider takes these settings")
    standing: Literal["wrong", "unknown"] = "unknown" if result.verdict == "unknown" else "wrong"
    return Finding(what="provider", standing=standing, said=result.detail or result.reason, fix=result.reason)


HANDLERS = [preview_score, preview_segment, render_template, test_send_template, verify_channel]
