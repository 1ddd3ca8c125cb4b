"""What the documents show is run: the tutorial's code, the commands of the README and the guides."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from sevenfold.cli import main
from tests.docs.blocks import blocks, run_python

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", *GUIDES]


def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    for code in blocks(ROOT / "docs" / "tutorial.md", "python"):
        run_python(code, scope, "docs/tutorial.md")


def files(page: Path) -> dict[str, str]:
    """Files that a page shows: a line with the name in backquotes and a colon, then the block."""
    pattern = r"`([\w./-]+\.(?:yaml|csv|ndjson|json|mjml|liquid))`:\n\n```\w+\n(.*?)^```"
    return dict(re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", [PAGES[0], *GUIDES], ids=lambda page: page.stem)
def test_commands_of_a_page_run_and_print_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    service = Service()
    request.addfinalizer(service.stop)
    for name, text in files(page).items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    commands = 0
    for block in blocks(page, "console"):
        output: list[str] | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                commands += 1
                output = _run(line.removeprefix("$ "), service)
            elif output is not None and line.strip() and line.strip() != "...":
                printed = "\n".join(output)
                assert " ".join(line.split()) in output, f"{page.name} shows {line!r}; printed:\n{printed}"
    assert commands or not blocks(page, "console")
    if page.stem == "README":
        scope: dict[str, Any] = {}
        for code in blocks(page, "python"):
            run_python(code, scope, page.name)


class Service:
    """A service that a page starts, on any free port; what it prints is read as if it were the usual one."""

    USUAL = "http://127.0.0.1:8700"

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.url = self.key = ""

    def start(self, args: list[str]) -> list[str]:
        command = [sys.executable, "-m", "sevenfold.cli", *args, "--port", "0"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        assert self._process.stdout is not None
        lines = []
        for line in self._process.stdout:
            lines.append(" ".join(line.split()))
            if line.startswith("Interrupt"):
                break
        text = "\n".join(lines)
        found = re.search(r"http://127\.0\.0\.1:\d+", text)
        key = re.search(r"wk_[\w-]+", text)
        assert found is not None and key is not None, text
        self.url, self.key = found[0], key[0]
        return text.replace(self.url, self.USUAL).splitlines()

    def curl(self, args: list[str]) -> list[str]:
        """What `curl -u KEY: URL -d BODY` prints."""
        assert args[0] == "-u" and args[3] == "-d", args
        url = args[2].replace(self.USUAL, self.url)
        auth = (args[1].rstrip(":").replace("YOUR_WRITE_KEY", self.key), "")
        return [httpx.post(url, content=args[4], auth=auth, trust_env=False).text]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(30) == 0
            assert self._process.stdout is not None
            self._process.stdout.close()


def _run(line: str, service: Service) -> list[str] | None:
    """The lines a `sevenfold` command prints, with single spaces, or `curl` at a service that the page
    started; None for other commands,
    which are not run.
    """
    if not line.startswith("sevenfold ") and not (service.url and line.startswith("curl ")):
        return None
    program, *args = shlex.split(line)
    if program == "sevenfold" and args[0] == "serve":
        return service.start(args)
    if program == "curl":
        return service.curl(args)
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, f"{line}\n{result.output}"
    return [" ".join(one.split()) for one in result.output.splitlines()]


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=str)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
