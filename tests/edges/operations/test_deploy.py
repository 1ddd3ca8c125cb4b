"""The files by which the service is run elsewhere: what can be told of them without a network."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from sevenfold.settings import SETTINGS

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
INSTRUCTIONS = {
    "FROM", "RUN", "CMD", "LABEL", "EXPOSE", "ENV", "COPY", "ENTRYPOINT", "VOLUME", "USER", "WORKDIR", "ARG",
    "STOPSIGNAL", "HEALTHCHECK",
}  # fmt: skip


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of the container file, continued lines joined."""
    text = (DEPLOY / "Containerfile").read_text()
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(one.split(" ", 1)[0], one.split(" ", 1)[1]) for one in lines if one and not one.startswith("#")]


def test_the_container_file_holds_known_instructions_and_copies_what_is_there() -> None:
    found = instructions()
    assert found[0][0] == "FROM"
    assert {name for name, _ in found} <= INSTRUCTIONS
    for name, rest in found:
        if name == "COPY" and not rest.startswith("--from"):
            *sources, _ = shlex.split(rest)
            assert all((ROOT / source).exists() for source in sources), rest


def test_the_container_runs_without_rights_and_says_how_it_is() -> None:
    names = [name for name, _ in instructions()]
    users = [rest for name, rest in instructions() if name == "USER"]
    assert users == ["sevenfold"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert {"HEALTHCHECK", "VOLUME", "STOPSIGNAL"} <= set(names)


def test_settings_that_are_set_elsewhere_are_settings() -> None:
    known = {setting.variable for setting in SETTINGS}
    for name in ("Containerfile", "sevenfold.service"):
        text = (DEPLOY / name).read_text()
        assert set(re.findall(r"\bSEVENFOLD_[A-Z_]+(?==\S)", text)) <= known


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "sevenfold.service"
    # The program lies elsewhere here; its place is all that is changed.
    there = (DEPLOY / "sevenfold.service").read_text().replace("/opt/sevenfold/bin/sevenfold", "/bin/true")
    unit.write_text(there)
    told = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, ""), told.stderr
