"""`make screenshots`: the pictures of the console's guide, of a company that has lived for a month."""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.browser.console.world import NARROW, WIDE, Console, console, lived, settled

OUT = Path(__file__).parents[3] / "docs/images/console"
SIZES = {"wide": WIDE, "narrow": NARROW}
DRAWN_MS = 700


def places(desk: Console) -> dict[str, str]:
    """What is shown, by the name of its picture."""
    person = desk.ask("GET", "/api/people?limit=1&lifecycle=customer&stage=retention")["items"][0]["id"]
    account = desk.ask("GET", "/api/accounts?limit=1")["items"][0]["id"]
    task = desk.ask("GET", "/api/tasks?limit=1")["items"][0]["id"]
    return {
        "home": "/",
        "person": f"/people/{person}",
        "account": f"/accounts/{account}",
        "task": f"/tasks/{task}",
        "set-up": "/set-up",
        "journey": "/journeys/onboarding?step=five_days",
        "journey-report": "/journeys/onboarding?view=report",
    }


def ready(page: Page) -> None:
    """Waits for what is drawn after the page has come."""
    settled(page)
    page.wait_for_timeout(DRAWN_MS)


def main() -> None:
    """Writes `docs/images/console/NAME-SIZE-SCHEME.png`: each page wide and light, home in every way."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as held:
        _write(Path(held), lived(Path(held)))


def _write(folder: Path, company: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        with console(folder / "data", browser, data=company) as desk:
            desk.set_up()
            for name, path in places(desk).items():
                for size, scheme in [("wide", "light")] if name != "home" else _every():
                    page = desk.page(path, SIZES[size], scheme)
                    ready(page)
                    _keep(page.screenshot(), OUT / f"{name}-{size}-{scheme}.png")
                    sys.stdout.write(f"{name}-{size}-{scheme}\n")
                    page.context.close()
        browser.close()


def _keep(picture: bytes, path: Path) -> None:
    """Fewer colours, which nobody sees, make it a third as large."""
    with Image.open(BytesIO(picture)) as held:
        held.convert("RGB").quantize(128).save(path, optimize=True)


def _every() -> list[tuple[str, str]]:
    return [(size, scheme) for size in SIZES for scheme in ("light", "dark")]


if __name__ == "__main__":
    main()
