"""Hosted pages: HTML with everything escaped, without scripts, under a policy that allows its one style
sheet.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from markupsafe import Markup

from .wording import Words

_STYLE: Final = (resources.files(__package__) / "html" / "style.css").read_text("utf-8").strip()
_SHEET: Final = Markup(_STYLE)  # noqa: S704 - a file of this package
_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # The address of the page is all that it takes to change it.
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}
_PAGES: Final = Environment(
    loader=PackageLoader(__package__, "html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    template: str, words: Words, *, title: str, name: str, status: int = 200, **values: Any
) -> Response[str]:
    """A page as an answer. `title` and `values` are texts from anywhere; all are escaped."""
    text = _PAGES.get_template(template).render(
        words=words, title=title, name=name, style=_SHEET, **{"said": "", **values}
    )
    return Response(
        text,
        status_code=status,
        media_type="text/html; charset=utf-8",
        headers={**HEADERS, "content-language": words.locale},
    )
