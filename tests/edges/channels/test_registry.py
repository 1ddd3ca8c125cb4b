"""Channels of a workspace find their provider, and what is wrong with them is said with file and line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sevenfold.channels.base import PROVIDERS, ChannelError
from sevenfold.channels.reference import reference
from sevenfold.channels.registry import (
    doubts,
    is_reference,
    is_secret,
    make_adapter,
    make_inbound,
    provider_of,
    providers,
)
from sevenfold.channels.resend import ResendAdapter, ResendInbound
from sevenfold.channels.smtp import SmtpAdapter
from sevenfold.messages.policy import DeliveryChannel
from sevenfold.messages.templates import CHANNELS
from sevenfold.workspace.loading import examine
from sevenfold.workspace.problems import Problem

OPEN = {"twilio.api_key"}
"""Settings whose names sound like secrets: Twilio's is the name of a key."""
ALSO = {"twilio": {"from": "env:X"}}
"""What a provider needs one of."""
EMAIL = {"smtp", "ses", "sendgrid", "postmark", "resend"}


def looked_up(reference: str) -> str:
    return {
        "env:KEY": "re_123",
        "env:PORT": "2525",
        "file:/run/secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }[reference]


def channel(**given: Any) -> DeliveryChannel:
    return msgspec.convert({"type": "email", **given}, DeliveryChannel)


def checked(folder: Path, channels: str) -> list[Problem]:
    (folder / "workspace.yaml").write_text("name: shop\n")
    (folder / "channels.yaml").write_text(channels)
    return [one for one in examine(folder).problems if one.severity == "error"]


# ---------------------------------------------------------------------------------------------------- finding


def test_every_kind_of_e_mail_provider_is_there() -> None:
    assert set(providers("email")) >= EMAIL
    assert all(name == found.name for name, found in PROVIDERS.items())


@pytest.mark.parametrize("name", sorted(providers()))
def test_a_provider_explains_itself(name: str) -> None:
    found = providers()[name]
    assert found.types
    assert set(found.types) <= set(CHANNELS)
    assert found.summary
    assert found.settings.__doc__
    for field in msgspec.structs.fields(found.settings):
        suspicious = any(word in field.encode_name for word in ("password", "token", "api_key", "secret"))
        if suspicious and f"{name}.{field.encode_name}" not in OPEN:
            assert is_secret(field.type), f"{name}.{field.encode_name} looks like a secret"


@pytest.mark.parametrize("name", sorted(providers()))
def test_every_setting_may_be_a_reference(name: str) -> None:
    found = providers()[name]
    fields = msgspec.structs.fields(found.settings)
    settings = {field.encode_name: "env:X" for field in fields if field.required} | ALSO.get(name, {})
    assert list(doubts(channel(type=found.types[0], provider=name, settings=settings or {}))) == []
    # All at once, for some belong together.
    every = {field.encode_name: "file:/x" for field in fields}
    assert list(doubts(channel(type=found.types[0], provider=name, settings=every))) == []


def test_a_channel_gets_both_sides_with_its_secrets_looked_up() -> None:
    settings = {"api_key": "env:KEY", "webhook_secret": "file:/run/secret", "timeout_s": 3}
    model = channel(provider="resend", settings=settings)
    adapter = make_adapter(model, looked_up)
    assert isinstance(adapter, ResendAdapter)
    assert adapter._settings.api_key == "re_123"
    assert isinstance(make_inbound(model, looked_up), ResendInbound)


def test_a_number_may_come_from_the_environment() -> None:
    model = channel(provider="smtp", settings={"host": "localhost", "security": "none", "port": "env:PORT"})
    adapter = make_adapter(model, looked_up)
    assert isinstance(adapter, SmtpAdapter)
    assert adapter._settings.port == 2_525


def test_an_email_channel_must_say_who_carries_it() -> None:
    with pytest.raises(ChannelError, match="does not say who") as raised:
        make_adapter(channel(), looked_up)
    assert all(name in raised.value.fix for name in EMAIL)


def test_the_only_provider_of_a_type_need_not_be_named() -> None:
    alone = [type_ for type_ in CHANNELS if len(providers(type_)) == 1]
    for type_ in alone:
        assert provider_of(channel(type=type_)) is next(iter(providers(type_).values()))


def test_a_mail_server_that_hands_nothing_back_is_not_listened_to() -> None:
    with pytest.raises(ChannelError, match="returned mails need"):
        make_inbound(channel(provider="smtp", settings={"host": "localhost"}), looked_up)


def test_what_was_looked_up_is_checked_as_well() -> None:
    found = {
        "env:HOST": "mail.other.test",
        "env:FROM": "nobody",
        "env:URL": "http://api.resend.com",
        "env:KEY": "k",
    }
    for provider, settings in (
        ("smtp", {"host": "env:HOST", "security": "none"}),
        ("smtp", {"host": "localhost", "from": "env:FROM"}),
        ("resend", {"api_key": "env:KEY", "base_url": "env:URL"}),
    ):
        with pytest.raises(ChannelError):
            make_adapter(channel(provider=provider, settings=settings), found.__getitem__)


def test_no_error_shows_a_secret() -> None:
    model = channel(provider="resend", settings={"api_key": "env:KEY", "webhook_secret": "env:KEY"})
    with pytest.raises(ChannelError) as raised:
        make_inbound(model, looked_up)
    assert "re_123" not in f"{raised.value} {raised.value.fix} {raised.value.where}"


def test_references_are_told_from_values() -> None:
    assert is_reference("env:X")
    assert is_reference("file:/x")
    assert not is_reference("x:env:")
    assert not is_reference(3)


# --------------------------------------------------------------------------------------------------- checking


@pytest.mark.parametrize(
    ("settings", "line", "code", "says"),
    [
        ("{api_key: re_123}", 4, "literal_secret", "stands here for everybody to read"),
        ("{api_key: env:KEY, webhok_secret: env:X}", 4, "unknown_field", "did you mean `webhook_secret`?"),
        ("{api_key: env:KEY, timeout_s: soon}", 4, "wrong_type", "`timeout_s`: expected `float`"),
        ("{}", 4, "missing_field", "needs the setting `api_key`"),
        (
            "{api_key: env:KEY, base_url: http://api.resend.com}",
            4,
            "wrong_value",
            "no address to send secrets to",
        ),
        ("{api_key: env:KEY, from: nobody}", 4, "wrong_value", "`from` is not one e-mail address"),
        ("{api_key: env:KEY, concurrency: 0}", 4, "wrong_value", "`concurrency` is 1 to 200"),
    ],
)
def test_a_wrong_setting_is_found_with_its_line(
    tmp_path: Path, settings: str, line: int, code: str, says: str
) -> None:
    text = f"mail:\n  type: email\n  provider: resend\n  settings: {settings}\n"
    (problem,) = checked(tmp_path, text)
    assert (problem.code, Path(problem.file).name, problem.line) == (code, "channels.yaml", line)
    assert says in str(problem)
    assert "re_123" not in str(problem)


def test_settings_on_lines_of_their_own_are_found_there(tmp_path: Path) -> None:
    text = "mail:\n  type: email\n  provider: smtp\n  settings:\n"
    text += "    host: localhost\n    security: tsl\n    prot: 25\n"
    problems = checked(tmp_path, text)
    assert [(one.line, one.code) for one in problems] == [(6, "wrong_type"), (7, "unknown_field")]
    assert "did you mean `port`?" in str(problems[1])


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("mail: {type: email, provider: sengrid}", "unknown_name", "did you mean `sendgrid`?"),
        ("text: {type: sms, provider: smtp}", "unknown_name", "no provider `smtp` for sms"),
        ("mail: {type: email, settings: {host: x}}", "unknown_name", "does not say who carries"),
        ("mail: {type: email, rate: fast}", "wrong_value", "no limit"),
        (
            "mail: {type: email, fallback: male}\nmale2: {type: email}",
            "unknown_name",
            "unknown channel `male`",
        ),
        ("mail: {type: email, fallback: text}\ntext: {type: sms}", "type_mismatch", "is no email"),
        ("a: {type: email, fallback: a}", "cycle", "a -> a"),
    ],
)
def test_a_wrong_channel_is_found(tmp_path: Path, text: str, code: str, says: str) -> None:
    (problem,) = checked(tmp_path, text + "\n")
    assert problem.code == code
    assert says in str(problem)


def test_a_circle_of_fallbacks_is_found(tmp_path: Path) -> None:
    text = "a: {type: email, fallback: b}\nb: {type: email, fallback: a}\nc: {type: email, fallback: a}\n"
    assert [(one.code, one.field) for one in checked(tmp_path, text)] == [
        ("cycle", "channels.a.fallback"),
        ("cycle", "channels.b.fallback"),
    ]


def test_what_is_right_is_right(tmp_path: Path) -> None:
    text = """
mail:
  type: email
  provider: ses
  rate: 80 per 1s
  fallback: spare
  settings: {region: eu-central-1, access_key_id: AKIA, secret_access_key: env:SES_SECRET, configuration_set:
  main}
spare:
  type: email
  provider: smtp
  settings: {host: env:SMTP_HOST, username: us, password: file:/run/secrets/smtp, port: env:SMTP_PORT}
plain: {type: email}
"""
    assert checked(tmp_path, text) == []


def test_a_workspace_without_providers_loads_no_adapter() -> None:
    code = (
        "import sys; from sevenfold.workspace.checking import check;"
        "from sevenfold.workspace.models import Workspace;"
        "from sevenfold.messages.policy import DeliveryChannel;"
        "check(Workspace(name='x', channels={'mail': DeliveryChannel(type='email')}));"
        "sys.exit('httpx' in sys.modules or 'aiosmtplib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_committed_reference_of_providers_is_fresh() -> None:
    committed = Path(__file__).parents[3] / "docs" / "reference" / "providers.md"
    assert committed.read_text("utf-8") == reference(), "run `python -m sevenfold.channels.reference`"
