"""Messages a second out of one process: real SMTP on loopback, signed and not, a webhook, and a provider's
API.
"""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_network

import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from sevenfold.channels import mime
from sevenfold.channels.base import Adapter, Outgoing
from sevenfold.channels.dkim import Signer, private_pem
from sevenfold.channels.outside import Outside
from sevenfold.channels.sendgrid import SendGridAdapter, SendGridSettings
from sevenfold.channels.smtp import SmtpAdapter, SmtpSettings
from sevenfold.channels.webhook import Webhook, WebhookSettings
from sevenfold.messages.rendered import Rendered

from .figures import Figure, Report, plain
from .measuring import quiet
from .receivers import receiver

CONNECTIONS = 20
SECRET = "whsec_" + "c2V2ZW5mb2xkIG1lYXN1cmVzIGl0c2VsZg=="
_HTML = "<p>Hello {name}, your order {order} is on its way.</p>" * 120


def measure(quick: bool) -> Report:
    count = 1_000 if quick else 5_000
    key = private_pem(generate_private_key(65537, 2048))
    mails = [_mail(number) for number in range(count)]
    calls = [_call(number) for number in range(count)]
    figures: list[Figure] = []
    with quiet(), receiver("smtp") as smtp, receiver("http") as http:
        signed = {"dkim_domain": "shop.test", "dkim_selector": "s1", "dkim_key": key}
        url = f"http://127.0.0.1:{http}"
        inside = Outside((ip_network("127.0.0.0/8"),))
        lanes = (
            ("smtp", _smtp(smtp), mails),
            ("smtp_signed", _smtp(smtp, **signed), mails),
            ("webhook", _webhook(url, inside), calls),
            ("api", _api(url), mails),
        )
        for name, adapter, messages in lanes:
            wall_s, cpu_s = uvloop.run(_sent(adapter, messages))
            figures.append(plain(f"{name}_messages_per_s", count / wall_s, "messages/s"))
            figures.append(plain(f"{name}_cpu_ms", cpu_s / count * 1_000, "ms/message"))
        figures += _parts(key, mails[0])
    notes = [
        f"{count:,} messages each, {CONNECTIONS} at a time, adapters alone (no log, no fold, no rendering); "
        f"mails of {len(mails[0].content.html or '') / 1_024:.0f} KB of HTML and a plain part",
        "receivers in processes of their own on the same machine: aiosmtpd (the slower side) and uvicorn; "
        "`smtp_signed` with DKIM, RSA of 2,048 bits; `api` has SendGrid's shape; webhooks are signed",
        "rates are wall time; `cpu_ms` is processor time of the sending process",
    ]
    return Report("delivery", figures, notes)


def _smtp(port: int, **changes: str) -> Adapter:
    given = {"host": "127.0.0.1", "port": port, "security": "none", "connections": CONNECTIONS}
    settings = msgspec.convert({**given, "messages_per_connection": 1_000, **changes}, SmtpSettings)
    return SmtpAdapter(settings)


def _webhook(url: str, outside: Outside) -> Adapter:
    given = {"url": url, "secret": SECRET, "concurrency": CONNECTIONS}
    return Webhook(msgspec.convert(given, WebhookSettings), outside=outside)


def _api(url: str) -> Adapter:
    given = {"api_key": "SG.bench", "base_url": url, "concurrency": CONNECTIONS}
    return SendGridAdapter(msgspec.convert(given, SendGridSettings))


async def _sent(adapter: Adapter, messages: list[Outgoing]) -> tuple[float, float]:
    """(wall, processor) seconds until all were handed over."""
    waiting = iter(messages)

    async def lane() -> None:
        for message in waiting:
            result = await adapter.send(message)
            assert result.verdict == "accepted", result

    try:
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(lane() for _ in range(CONNECTIONS)))
        return time.perf_counter() - wall, time.process_time() - cpu
    finally:
        await adapter.close()


def _parts(key: str, message: Outgoing) -> list[Figure]:
    """What making and signing a mail costs."""
    parts = mime.mail(message)
    raw = mime.raw(parts, message_id="a@shop.test", date=0, seed="a")
    signer = Signer("shop.test", "s1", key)
    return [
        plain(
            "make_mail_us",
            _us(lambda: mime.raw(mime.mail(message), message_id="a@x", date=0, seed="a")),
            "us",
        ),
        plain("sign_mail_us", _us(lambda: signer.header(raw, 0)), "us"),
    ]


def _us(work: object, times: int = 300) -> float:
    assert callable(work)
    before = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - before) / times * 1e6


def _mail(number: int) -> Outgoing:
    html = _HTML.format(name=f"Person {number}", order=number)
    content = Rendered(
        template="order",
        digest="0",
        channel="email",
        locale="en",
        subject=f"Your order {number}",
        html=f"<html><body>{html}</body></html>",
        text=f"Hello, your order {number} is on its way.",
        from_="Shop <hello@shop.test>",
        headers={"List-Unsubscribe": f"<https://go.shop.test/u/{number:0160}>"},
    )
    address = f"person{number}@customer.test"
    return Outgoing(effect=f"{number:016x}", channel="mail", address=address, person="p", content=content)


def _call(number: int) -> Outgoing:
    payload = {"order": number, "person": f"p{number}", "note": "x" * 400}
    content = Rendered(template="hook", digest="0", channel="webhook", locale="en", payload=payload)
    return Outgoing(effect=f"{number:016x}", channel="hook", address=None, person="p", content=content)
