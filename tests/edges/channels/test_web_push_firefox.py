"""A real Firefox subscribes, and its service worker is given what the channel sends."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest

from sevenfold.channels.outside import Outside
from sevenfold.channels.vapid import new_keys
from sevenfold.channels.web_push import WebPush, WebPushSettings, notification
from tests.edges.channels.conformance import send
from tests.edges.channels.test_web_push import push

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PREFERENCES = {
    "dom.push.enabled": True,
    "dom.push.connection.enabled": True,
    "dom.push.testing.allowInsecureServerURL": True,
    "permissions.default.desktop-notification": 1,
    "dom.push.testing.ignorePermission": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.firstRunURL": "",
    "app.update.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.server": "",
}
pytestmark = pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed")
if FIREFOX is not None:
    autopush = pytest.importorskip("tests.edges.channels.peers.autopush")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[tuple[object, str]]:
    """The push service and our private key, with a Firefox that is subscribing."""
    private, public = new_keys()
    with autopush.Autopush() as service:
        preferences = PREFERENCES | {"dom.push.serverURL": f"ws://127.0.0.1:{service.port}/socket/"}
        lines = (f'user_pref("{name}", {json.dumps(value)});' for name, value in preferences.items())
        (tmp_path / "user.js").write_text("\n".join(lines))
        assert FIREFOX is not None
        url = f"http://127.0.0.1:{service.port}/?key={public}"
        command = [FIREFOX, "--headless", "--no-remote", "--profile", str(tmp_path), url]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield service, private
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def test_a_real_browser_decrypts_what_the_channel_sends(browser: tuple[object, str]) -> None:
    service, private = browser
    assert isinstance(service, autopush.Autopush)
    address = service.subscription.result(45)
    given = {"private_key": private, "subject": "mailto:ops@shop.test", "services": "127.0.0.1"}
    adapter = WebPush(msgspec.convert(given, WebPushSettings), outside=Outside((ip_network("127.0.0.0/8"),)))
    message = push(address)
    # As large as web push allows, to the byte.
    room = 3_993 - len(msgspec.json.encode(notification(message)))
    message = push(address, body=f"{message.content.body}{'x' * room}")
    assert len(msgspec.json.encode(notification(message))) == 3_993
    (result,) = send(adapter, message)
    assert result.verdict == "accepted", result
    assert json.loads(service.shown.result(10)) == notification(message)
    assert service.acknowledged == [100]
