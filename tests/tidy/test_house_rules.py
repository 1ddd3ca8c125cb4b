"""House rules: the direction of imports, the one home of time, chance and environment, and no traces."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sevenfold"
MODULES = sorted(PACKAGE.rglob("*.py"))
PURE = (
    "events",
    "profiles",
    "lifecycle",
    "journeys",
    "messages",
    "engine",
    "state.py",
    "carry",
    "restate.py",
    "effects.py",
)
EDGES = ("log", "warehouse", "channels", "connectors", "server", "importers", "cli", "settings", "clock")
# What reads disk, network, time, chance or environment.
BANNED_IN_PURE = {
    *("asyncio", "duckdb", "fcntl", "ftplib", "getpass", "glob", "gzip", "http", "httpx", "locale", "mmap"),
    *(
        "multiprocessing",
        "os",
        "pathlib",
        "pyarrow",
        "random",
        "requests",
        "secrets",
        "select",
        "shutil",
        "signal",
    ),
    *(
        "smtplib",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
    ),
}
# Calls with one home each: (dotted name, its homes).
ONE_HOME = [
    (re.compile(r"(datetime|date)\.(now|utcnow|today)$"), ()),
    (re.compile(r"time\.\w+$"), ("clock.py",)),
    (re.compile(r"random\.\w+$"), ("simulate",)),
    (re.compile(r"(np|numpy)\.random\.\w+$"), ("simulate", "learning", "measures")),
    (re.compile(r"os\.(environ|getenv)$"), ("settings.py",)),
    (re.compile(r"(secrets|uuid)\.\w+$"), ("server",)),
]
FIND_BY_HASH = ("identifiers.py", "usual.py")
"""Identifiers are found by hash; nothing that is found, decided or written depends on it."""
UNITS = {
    *(
        "BYTES",
        "CHARS",
        "MS",
        "S",
        "DAYS",
        "HOURS",
        "IDS",
        "EVENTS",
        "ROWS",
        "ITEMS",
        "TASKS",
        "LEVELS",
        "RECORDS",
        "RUNS",
    ),
    *(
        "BITS",
        "MAGNITUDE",
        "PROFILES",
        "VALUES",
        "FILES",
        "NODES",
        "PROBLEMS",
        "BUCKETS",
        "ENTRIES",
        "PASSES",
        "REASONS",
        "PER",
        "SHOWN",
        "STEPS",
        "VISITS",
        "VERSIONS",
    ),
}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def pure_modules() -> list[Path]:
    return [path for path in MODULES if part_of(path) in PURE]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).with_suffix("").parts[: -node.level] if node.level else ()
            module = ".".join([*package, *(node.module.split(".") if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


@pytest.mark.parametrize("path", pure_modules(), ids=name_of)
def test_a_pure_module_imports_no_edge(path: Path) -> None:
    for name in imports(path):
        head, *rest = name.split(".")
        assert head not in BANNED_IN_PURE, f"{name_of(path)} imports {name}"
        if head == "sevenfold" and rest:
            assert rest[0] not in EDGES, f"{name_of(path)} imports the edge {name}"


@pytest.mark.parametrize("path", pure_modules(), ids=name_of)
def test_a_pure_module_opens_and_prints_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            banned = {"open", "print", "input", "eval", "hash"} - (
                {"hash"} if path.name in FIND_BY_HASH else set()
            )
            assert node.func.id not in banned, f"{name_of(path)}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_time_chance_and_environment_are_read_in_their_one_home(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Attribute):
            continue
        called = dotted(node)
        for pattern, homes in ONE_HOME:
            if pattern.match(called) and part_of(path) not in homes:
                raise AssertionError(
                    f"{name_of(path)}:{node.lineno} reads {called}; its home is {homes or 'nowhere'}"
                )


def test_every_limit_has_its_unit_in_the_name() -> None:
    for node in ast.parse((PACKAGE / "limits.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            assert isinstance(target, ast.Name)
            if not target.id.startswith("_"):
                assert UNITS & set(target.id.split("_")), f"{target.id} names no unit"


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_machine_or_leaves_work_undone() -> None:
    # Put together here, so that this file does not find itself.
    traces = re.compile(
        "|".join(["/" + "work/", "/" + "tmp/", "/" + "root/", "TO" + "DO", "FIX" + "ME", "XX" + "X:"])
    )
    registry = re.compile(r"--(?:extra-)?index-url|--find-links|pypi\.org|files\.pythonhosted")
    for path in tracked():
        if path.suffix not in {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".json", ".html", ""}:
            continue
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            assert not traces.search(line), f"{name_of(path)}:{number}: {line.strip()[:80]}"
            if path.parts[-2] == "requirements" and path.suffix == ".txt":
                assert not registry.search(line), f"{name_of(path)}:{number}: {line.strip()[:80]}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), name_of(path)
