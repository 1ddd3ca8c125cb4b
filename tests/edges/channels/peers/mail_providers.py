"""SendGrid, Postmark, Resend and SES as their documentation describes them: strict about what they are asked.

The shapes are written down from the API references named with each; a field that is not there is refused, as
the providers do.
"""

from __future__ import annotations

import base64
import email
import email.policy
from typing import Any, Literal

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from msgspec import Struct

from sevenfold.channels.correlation import TAG
from tests.edges.channels.peers.http import Answered, Asked, HttpPeer

API_KEY = "SG.example-of-a-key"
SERVER_TOKEN = "11111111-2222-3333-4444-555555555555"
RESEND_KEY = "re_example_of_a_key"
ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class Strict(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A request's shape."""


class MailPeer(HttpPeer):
    """A provider that takes mails: `mails` are the bodies it took, `effects` our ids in them."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []
        self.effects: list[str] = []

    def shape(self, asked: Asked, type_: type) -> Any:
        """The body in a shape, or None with a complaint."""
        try:
            return msgspec.json.decode(asked.body, type=type_)
        except msgspec.DecodeError as error:
            self.complaints.append(f"{asked.path}: {error}")
            return None


# --------------------------------------------------------------------------------------------------- SendGrid
# https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send


class SgMailbox(Strict):
    email: str
    name: str | None = None


class SgPersonalization(Strict):
    to: list[SgMailbox]
    custom_args: dict[str, str] = {}
    subject: str | None = None


class SgContent(Strict):
    type: Literal["text/plain", "text/html"]
    value: str


class SgSwitch(Strict):
    enable: bool
    enable_text: bool | None = None


class SgTracking(Strict):
    click_tracking: SgSwitch | None = None
    open_tracking: SgSwitch | None = None
    subscription_tracking: SgSwitch | None = None


class SgMail(Strict, rename={"from_": "from"}):
    personalizations: list[SgPersonalization]
    from_: SgMailbox
    subject: str
    content: list[SgContent]
    reply_to: SgMailbox | None = None
    headers: dict[str, str] = {}
    tracking_settings: SgTracking | None = None
    ip_pool_name: str | None = None


_SG_RESERVED = {
    *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
    *("to", "from", "subject", "reply-to", "cc", "bcc"),
}
"""Header names that the API does not take."""


class SendGridPeer(MailPeer):
    """202 with X-Message-Id, and the errors of the API."""

    def accept(self, asked: Asked) -> Answered:
        if asked.headers.get("authorization") != f"Bearer {API_KEY}":
            return sendgrid_error(401, "The provided authorization grant is invalid, expired, or revoked")
        if (asked.method, asked.path) == ("GET", "/v3/scopes"):
            return Answered(200, {"scopes": ["mail.send", "sender_verification_eligible"]})
        if (asked.method, asked.path) != ("POST", "/v3/mail/send"):
            return self.refuse(f"{asked.method} {asked.path}", sendgrid_error(404, "not found"))
        if asked.headers.get("content-type") != "application/json":
            return self.refuse(
                "content type", sendgrid_error(415, "Content-Type should be application/json.")
            )
        mail = self.shape(asked, SgMail)
        wrong = "no JSON of the right shape" if mail is None else self._wrong(mail)
        if wrong:
            return self.refuse(wrong, sendgrid_error(400, wrong))
        self.mails.append(mail)
        self.effects.append(mail.personalizations[0].custom_args.get(TAG, ""))
        return Answered(202, b"", {"X-Message-Id": f"sg{len(self.mails):04}"})

    def _wrong(self, mail: SgMail) -> str:
        if len(mail.personalizations) != 1 or not mail.content:
            return "one personalization, some content"
        order = [one.type for one in mail.content]
        if order != sorted(order, reverse=True):
            return "text/plain comes before text/html"
        if any(name.lower() in _SG_RESERVED for name in mail.headers):
            return "a reserved header"
        if any(not value.isascii() or "\n" in value for value in mail.headers.values()):
            return "headers are ASCII of one line"
        return ""


def sendgrid_error(
    status: int, message: str, field: str | None = None, headers: dict[str, str] | None = None
) -> Answered:
    return Answered(status, {"errors": [{"message": message, "field": field, "help": None}]}, headers or {})


# --------------------------------------------------------------------------------------------------- Postmark
# https://postmarkapp.com/developer/api/email-api


class PmHeader(Strict, rename="pascal"):
    name: str
    value: str


class PmMail(Strict, rename="pascal"):
    from_: str = msgspec.field(name="From")
    to: str
    subject: str = ""
    text_body: str | None = None
    html_body: str | None = None
    reply_to: str | None = None
    tag: str | None = None
    metadata: dict[str, str] = {}
    headers: list[PmHeader] = []
    message_stream: str = "outbound"
    track_opens: bool | None = None
    track_links: Literal["None", "HtmlAndText", "HtmlOnly", "TextOnly"] | None = None


class PostmarkPeer(MailPeer):
    """200 with MessageID, and error codes with 422."""

    def accept(self, asked: Asked) -> Answered:
        if asked.headers.get("x-postmark-server-token") != SERVER_TOKEN:
            return postmark_error(10, "Request does not contain a valid Server token.", status=401)
        if (asked.method, asked.path) == ("GET", "/server"):
            return Answered(200, {"ID": 1, "Name": "Test"})
        if (asked.method, asked.path) != ("POST", "/email"):
            return self.refuse(f"{asked.method} {asked.path}", Answered(404, b""))
        if asked.headers.get("accept") != "application/json":
            return self.refuse("accept", postmark_error(403, "accept application/json"))
        mail = self.shape(asked, PmMail)
        wrong = "no JSON of the right shape" if mail is None else self._wrong(mail)
        if wrong:
            return self.refuse(wrong, postmark_error(300, wrong))
        self.mails.append(mail)
        self.effects.append(mail.metadata.get(TAG, ""))
        told = {"To": mail.to, "SubmittedAt": "2026-11-22T05:00:00Z", "ErrorCode": 0, "Message": "OK"}
        return Answered(200, {**told, "MessageID": f"0a129aee-e1cd-480d-b08d-{len(self.mails):012}"})

    def _wrong(self, mail: PmMail) -> str:
        if not (mail.text_body or mail.html_body):
            return "a text or an HTML body"
        if any(len(key) > 20 or len(value) > 80 for key, value in mail.metadata.items()):
            return "metadata has names of at most 20 and values of at most 80 characters"
        return ""


def postmark_error(
    code: int, message: str, status: int = 422, headers: dict[str, str] | None = None
) -> Answered:
    return Answered(status, {"ErrorCode": code, "Message": message}, headers or {})


# ----------------------------------------------------------------------------------------------------- Resend
# https://resend.com/docs/api-reference/emails/send-email


class RsTag(Strict):
    name: str
    value: str


class RsMail(Strict, rename={"from_": "from"}):
    from_: str
    to: list[str] | str
    subject: str
    html: str | None = None
    text: str | None = None
    reply_to: str | list[str] | None = None
    headers: dict[str, str] = {}
    tags: list[RsTag] = []


class ResendPeer(MailPeer):
    """200 with an id, the same one for the same key and body; 409 for a key with another body."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, tuple[bytes, str]] = {}

    def accept(self, asked: Asked) -> Answered:
        authorization = asked.headers.get("authorization", "")
        if not authorization:
            return resend_error(401, "missing_api_key", "Missing API key in the authorization header.")
        if authorization != f"Bearer {RESEND_KEY}":
            return resend_error(403, "invalid_api_key", "API key is invalid")
        if (asked.method, asked.path) == ("GET", "/domains"):
            return Answered(200, {"object": "list", "data": []})
        if (asked.method, asked.path) != ("POST", "/emails"):
            return self.refuse(asked.path, resend_error(404, "not_found", "no such endpoint"))
        mail = self.shape(asked, RsMail)
        wrong = "no JSON of the right shape" if mail is None else self._wrong(mail)
        if wrong:
            return self.refuse(wrong, resend_error(422, "validation_error", wrong))
        key = asked.headers.get("idempotency-key", "")
        if key in self._keys:
            body, ident = self._keys[key]
            if body != asked.body:
                words = "Same idempotency key used with a different request payload."
                return resend_error(409, "invalid_idempotent_request", words)
            return Answered(200, {"id": ident})
        self.mails.append(mail)
        ident = f"49a3999c-0ce1-4ea6-ab68-{len(self.mails):012}"
        if key:
            self._keys[key] = (asked.body, ident)
        self.effects.append(next((one.value for one in mail.tags if one.name == TAG), ""))
        return Answered(200, {"id": ident})

    def _wrong(self, mail: RsMail) -> str:
        if not (mail.html or mail.text):
            return "Missing `html` or `text` field."
        for tag in mail.tags:
            for text in (tag.name, tag.value):
                if not text or len(text) > 256 or not text.replace("_", "").replace("-", "").isalnum():
                    return "Tags should only contain ASCII letters, numbers, underscores, or dashes."
        return ""


def resend_error(status: int, name: str, message: str, headers: dict[str, str] | None = None) -> Answered:
    return Answered(status, {"statusCode": status, "name": name, "message": message}, headers or {})


# -------------------------------------------------------------------------------------------------------- SES
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html


class SesRaw(Strict):
    data: str = msgspec.field(name="Data")


class SesContent(Strict):
    raw: SesRaw = msgspec.field(name="Raw")


class SesDestination(Strict):
    to: list[str] = msgspec.field(name="ToAddresses")


class SesTag(Strict):
    name: str = msgspec.field(name="Name")
    value: str = msgspec.field(name="Value")


class SesMail(Strict):
    content: SesContent = msgspec.field(name="Content")
    destination: SesDestination = msgspec.field(name="Destination")
    from_: str | None = msgspec.field(name="FromEmailAddress", default=None)
    tags: list[SesTag] = msgspec.field(name="EmailTags", default=[])
    configuration_set: str | None = msgspec.field(name="ConfigurationSetName", default=None)
    tenant: str | None = msgspec.field(name="TenantName", default=None)


class SesPeer(MailPeer):
    """Checks the signature with botocore, takes raw mails, and parses them."""

    def __init__(self, region: str = "eu-central-1") -> None:
        super().__init__()
        self._region = region
        self._account = Credentials(ACCESS_KEY, SECRET_KEY)

    def accept(self, asked: Asked) -> Answered:
        if not self._signed(asked):
            return ses_error(
                403, "SignatureDoesNotMatch", "The request signature we calculated does not match."
            )
        if (asked.method, asked.path) == ("GET", "/v2/email/account"):
            return Answered(200, {"SendingEnabled": True, "ProductionAccessEnabled": True})
        if (asked.method, asked.path) != ("POST", "/v2/email/outbound-emails"):
            return self.refuse(asked.path, ses_error(404, "NotFoundException", "no such operation"))
        mail = self.shape(asked, SesMail)
        if mail is None:
            return ses_error(400, "BadRequestException", "the shape is not right")
        raw = email.message_from_bytes(
            base64.b64decode(mail.content.raw.data, validate=True), policy=email.policy.default
        )
        if raw.defects or raw["From"] is None:
            return self.refuse("raw mail", ses_error(400, "BadRequestException", "the mail cannot be read"))
        self.mails.append(raw)
        self.effects.append(next((one.value for one in mail.tags if one.name == TAG), ""))
        return Answered(200, {"MessageId": f"0107019ac{len(self.mails):06}-0000-000000"})

    def _signed(self, asked: Asked) -> bool:
        """Whether botocore signs the same request in the same way."""
        authorization = asked.headers.get("authorization", "")
        if f"Credential={ACCESS_KEY}/" not in authorization:
            return False
        named = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        request = AWSRequest(asked.method, f"http://{asked.headers['host']}{asked.path}", data=asked.body)
        for name in named:
            request.headers[name] = asked.headers.get(name, "")
        request.context["timestamp"] = asked.headers.get("x-amz-date", "")
        signer = SigV4Auth(self._account, "ses", self._region)
        canonical = signer.canonical_request(request)
        signature = signer.signature(signer.string_to_sign(request, canonical), request)
        return authorization.endswith(f"Signature={signature}")


def ses_error(status: int, name: str, message: str, headers: dict[str, str] | None = None) -> Answered:
    told = {"x-amzn-ErrorType": f"{name}:http://internal.amazon.com/coral/", **(headers or {})}
    return Answered(status, {"message": message}, told)
