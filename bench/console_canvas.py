"""The canvas of a journey of 150 steps in a real Chromium: how soon it stands, how long it takes to lay
out, how smoothly it is moved and zoomed, and how soon a key is answered.

Frames are what `requestAnimationFrame` is given while the wheel turns; without a graphics card all of them
are painted by the processor. Run alone: `python -m bench.console_canvas`.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect, sync_playwright

from tests.edges.server.serving import served

from .figures import Figure, Report, at_most, plain, table

STEPS = 150
TURNS, TURNS_QUICK = 120, 40
FRAME_MS_MAX, LAYOUT_MS_MAX, KEY_MS_MAX, WAIT_MS = 34, 250, 200, 60_000
_FRAMES = """
window.frames = []; let last = performance.now();
const take = (now) => { frames.push(now - last); last = now; window.taking && requestAnimationFrame(take); };
window.taking = true; requestAnimationFrame(take);
"""

_PAINTED = """
new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))))
"""


def measure(quick: bool) -> Report:
    """Figures of the canvas. Needs a Chromium and the built console, which whoever asks has looked for."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "data", "seven-stage") as service:
        http = httpx.Client(base_url=service.url, timeout=60, trust_env=False)
        body = {"token": service.setup_token, "name": "Mona", "email": "mona@example.com"}
        csrf = http.post("/api/setup", json=body | {"password": "four quiet green rivers"}).json()["csrf"]
        written = http.put(
            "/api/drafts/long",
            json={"plan": long_plan(STEPS), "revision": None},
            headers={"x-sevenfold-csrf": csrf},
        )
        assert written.status_code == 200, written.text
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.set_default_timeout(WAIT_MS)
            context.add_cookies(
                [{"name": one.name, "value": one.value or "", "url": service.url} for one in http.cookies.jar]
            )
            page = context.new_page()
            page.goto(f"{service.url}/journeys/long")
            figures = _figures(page, TURNS_QUICK if quick else TURNS)
            browser.close()
        http.close()
    return Report("console_canvas", figures, notes=[f"{STEPS} steps, painted by the processor"])


def long_plan(steps: int) -> dict[str, Any]:
    """A journey of so many steps: waits, messages, and at every fifth a branch that leads past two."""
    made: dict[str, Any] = {}
    for number in range(steps):
        step: dict[str, Any] = {"kind": "wait", "for": f"{1 + number % 9}d"}
        if number % 5 == 1:
            step = {"kind": "message", "template": "welcome_page"}
        elif number % 5 == 3 and number + 3 < steps:
            paths = [{"when": "signups >= 1", "go": f"step_{number + 3}", "name": "signed up"}]
            step = {"kind": "branch", "paths": paths}
        made[f"step_{number}"] = step
    triggers = [{"kind": "event", "event": "Signed Up"}]
    return {"title": "A long journey", "triggers": triggers, "steps": made}


def _figures(page: Page, turns: int) -> list[Figure]:
    expect(page.locator('[data-box="step_0"]')).to_be_visible(timeout=WAIT_MS)
    stands = page.evaluate("performance.now()")
    laid_out = page.evaluate("performance.getEntriesByName('canvas layout').map((one) => one.duration)")
    moved, zoomed = _turned(page, turns, zoom=False), _turned(page, turns, zoom=True)
    page.locator(".canvas").focus()
    keys = []
    for _ in range(20):
        page.evaluate("window.began = performance.now()")
        page.keyboard.press("ArrowDown")
        keys.append(page.evaluate(_PAINTED))
    return [
        plain("canvas_stands_after_ms", stands, "ms"),
        at_most("canvas_layout_ms", max(laid_out), "ms", LAYOUT_MS_MAX),
        at_most("canvas_frame_moving_ms_median", statistics.median(moved), "ms", FRAME_MS_MAX),
        plain("canvas_frame_moving_ms_p95", _p95(moved), "ms"),
        at_most("canvas_frame_zooming_ms_median", statistics.median(zoomed), "ms", FRAME_MS_MAX),
        plain("canvas_frame_zooming_ms_p95", _p95(zoomed), "ms"),
        at_most("canvas_key_to_paint_ms_median", statistics.median(keys), "ms", KEY_MS_MAX),
    ]


def _turned(page: Page, turns: int, *, zoom: bool) -> list[float]:
    """The frames while the wheel turns."""
    page.mouse.move(600, 500)
    page.evaluate(_FRAMES)
    if zoom:
        page.keyboard.down("Control")
    for turn in range(turns):
        page.mouse.wheel(0, (60 if turn % 40 < 20 else -60) if zoom else (90 if turn % 60 < 45 else -90))
        page.wait_for_timeout(12)
    if zoom:
        page.keyboard.up("Control")
    found: list[float] = page.evaluate("(window.taking = false, window.frames.slice(2))")
    return found


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]


if __name__ == "__main__":
    print(table(measure(quick=False)))
