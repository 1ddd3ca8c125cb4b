"""Whether a person opened a message or followed its link, or a machine did. Pure, and the first rule that
fits says.

| reason | rule |
|---|---|
| `head` | the request was HEAD: somebody looks where a link leads |
| `prefetch` | the browser says that it only fetches ahead (`Sec-Purpose`, `Purpose`, `X-Purpose`, `X-Moz`) |
| `no_agent` | there is no user agent; every browser and mail program sends one |
| `scanner` | the user agent names itself a bot, a library, a link preview or a mail security product |
| `privacy_proxy` | an opening by Apple's Mail Privacy Protection, which fetches every picture whether or not
the mail is read: its agent is `Mozilla/5.0` alone | | `gmail_prefetch` | an opening by Gmail fetching ahead
for an open inbox, which has an agent of its own | | `network` | the address belongs to a mail security
product, or to Apple's servers | | `too_soon` | an e-mail was opened or a link in one followed within
CLICK_TOO_SOON_MS of being sent | | `several` | this is the third different link of one e-mail within
CLICKS_AT_ONCE_MS |

Gmail's image proxy (`GoogleImageProxy`) fetches when somebody looks, so it counts as a person, unless it
comes too soon. What was marked changes no signal, segment or journey; it is counted apart. The first two
links of a scanner that comes late under the name of a browser pass as a person's: no rule can see ahead, and
to wait would delay every journey that branches on a click.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Final, Literal

from msgspec import Struct

from ...limits import CLICK_TOO_SOON_MS, CLICKS_AT_ONCE_ITEMS_MAX, OPEN_TOO_SOON_MS

APPLE_PROXY: Final = "Mozilla/5.0"
GMAIL_PREFETCH: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
"""As Gmail sends it for an inbox that is open (bird.com, "Gmail is prefetching images")."""
_SCANNERS: Final = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|scan|preview|prefetch|monitor|headless|phantomjs|lighthouse"
    r"|curl/|wget/|python|httpx|aiohttp|go-http-client|java/|okhttp|libwww|perl|ruby|php|node-fetch|axios|undici"
    r"|barracuda|proofpoint|mimecast|bitdefender|ironport|fireeye|symantec|messagelabs|sophos|trendmicro|trustwave"
    r"|zscaler|forcepoint|cloudmark|checkpoint|urldefense|safelinks|microsoft office|ms-office"
    r"|facebookexternalhit|whatsapp|telegram|skypeuripreview|embedly|quora link|vkshare|yahoomailproxy",
    re.IGNORECASE,
)
_APART: Final = re.compile(r"googleimageproxy", re.IGNORECASE)
NETWORKS: Final = tuple(
    ip_network(one)
    for one in (
        "17.0.0.0/8",  # Apple
        "64.235.144.0/20", "209.222.80.0/21",  # Barracuda
        "67.231.144.0/20", "148.163.128.0/19",  # Proofpoint
        "205.139.110.0/23", "207.211.31.0/24", "216.205.24.0/24", "63.128.21.0/24",  # Mimecast
        "40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17",  # Exchange Online Protection
    )
)  # fmt: skip
"""Where these companies' mail systems call from, as they publish it for allow lists."""
_AHEAD: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")


class Look(Struct, frozen=True, kw_only=True):
    """One request for a pixel or a link. `kind` is the type of the message's channel, `since_sent` ms since
    it was sent (None: not known), `links` how many different links of the message were followed just now,
    this one included.
    """

    what: Literal["opened", "clicked"]
    method: str = "GET"
    headers: Mapping[str, str] = {}
    address: str = ""
    kind: str = "email"
    since_sent: int | None = None
    links: int = 1


def machine(look: Look) -> str:
    """Why it was a machine; "" when it was a person, as far as one can tell."""
    agent = look.headers.get("user-agent", "").strip()
    if look.method == "HEAD":
        return "head"
    if any(
        re.search("prefetch|preview|prerender", look.headers.get(one, ""), re.IGNORECASE) for one in _AHEAD
    ):
        return "prefetch"
    if not agent:
        return "no_agent"
    if _SCANNERS.search(_APART.sub("", agent)):
        return "scanner"
    if look.what == "opened" and agent == APPLE_PROXY:
        return "privacy_proxy"
    if look.what == "opened" and agent == GMAIL_PREFETCH:
        return "gmail_prefetch"
    if _known(look.address):
        return "network"
    if look.kind == "email" and look.since_sent is not None:
        soon = CLICK_TOO_SOON_MS if look.what == "clicked" else OPEN_TOO_SOON_MS
        if look.since_sent < soon:
            return "too_soon"
    if look.kind == "email" and look.what == "clicked" and look.links >= CLICKS_AT_ONCE_ITEMS_MAX:
        return "several"
    return ""


def _known(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped.version == network.version and mapped in network for network in NETWORKS)
