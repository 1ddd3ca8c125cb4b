"""Settings are one table: it gives the environment variables, the defaults, the types and the documentation.

The only file that reads the environment. A flag on the command line goes before the variable, and that before
the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sevenfold.errors import SettingsError
from sevenfold.limits import RECORD_EVENTS_MAX, SEGMENT_BYTES_MAX, WAITING_BYTES_MAX


class Setting(Struct, frozen=True):
    """One row: its name in Python, its type, its default, and what it does."""

    name: str
    kind: type
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"SEVENFOLD_{self.name.upper()}"


SETTINGS: Final = (
    Setting("data_folder", Path, Path("sevenfold-data"), "Where the log and the snapshots lie."),
    Setting("log_segment_bytes", int, SEGMENT_BYTES_MAX, "Size at which the log begins a new file."),
    Setting("import_batch_events", int, RECORD_EVENTS_MAX, "Events that an import appends at a time."),
    Setting("progress", bool, True, "Whether long commands show a progress bar."),
    Setting("host", str, "127.0.0.1", "Address that the service listens on; 0.0.0.0 for all."),
    Setting("port", int, 8700, "Port that the service listens on."),
    Setting(
        "public_url", str, "", "How the world reaches the service (https://...), for links and webhooks."
    ),
    Setting("trusted_proxies", str, "", "Networks whose X-Forwarded-For and -Proto are believed, by commas."),
    Setting("workspace", str, "", "Folder or pack put in force when the log is empty."),
    Setting("snapshot_minutes", int, 10, "Minutes between snapshots while events come in."),
    Setting("snapshots_kept", int, 3, "Snapshots kept; older ones are deleted."),
    Setting("waiting_bytes", int, WAITING_BYTES_MAX, "Bytes of events that may wait to be stored; then 429."),
    Setting("stop_seconds", int, 20, "How long a stop may take to finish what is under way."),
    Setting("api_rate_per_s", int, 100, "Requests a second that one API key may make."),
    Setting("write_rate_per_s", int, 1_000_000, "Events a second that one write key may send."),
    Setting("api_allowed_origins", str, "", "Other sites whose pages may call the API, by commas."),
    Setting(
        "geo_database", str, "", "A MaxMind database (.mmdb) that tells country, city and zone of addresses."
    ),
    Setting("keep_ip", bool, False, "Whether addresses stay in events once country and city are known."),
    Setting("metrics_open", bool, False, "Whether /metrics answers without a key."),
    Setting(
        "outgoing_networks",
        str,
        "",
        "Networks of your own that webhooks may reach (CIDR, by commas); others that are not public never.",
    ),
    Setting(
        "inapp_require_proof",
        bool,
        False,
        "Whether messages in the product are shown only to who is proven to be logged in.",
    ),
    Setting("api_url", str, "http://127.0.0.1:8700", "Where commands reach the running service."),
    Setting("api_key", str, "", "API key of commands; or where it is, as `env:NAME` or `file:PATH`."),
    Setting(
        "learning",
        bool,
        True,
        "Whether predictions are learned and told beside the service; it takes a second fold's memory.",
    ),
    Setting("learning_after_s", int, 20, "Seconds after the start of the service until learning begins."),
    Setting("history_days", int, 3_650, "Days that the history (timelines, messages) is kept."),
    Setting("dead_letter_days", int, 90, "Days that dropped events are kept."),
    Setting("alert_minutes", int, 5, "Minutes between looks at what alerts are about."),
    Setting("alert_email", str, "", "Where alerts go by e-mail, by commas, over `alert_channel`."),
    Setting("alert_channel", str, "", "The channel of the workspace (e-mail or Slack) that carries alerts."),
    Setting(
        "oidc_issuer", str, "", "Identity provider (OpenID Connect) that members may log in with: its URL."
    ),
    Setting("oidc_client_id", str, "", "What the identity provider calls this service."),
    Setting("oidc_client_secret", str, "", "Where its secret is, as `env:NAME` or `file:PATH`."),
    Setting("oidc_name", str, "single sign-on", "What its button says."),
    Setting("oidc_scopes", str, "openid email profile", "What the identity provider is asked for."),
    Setting("oidc_role_claim", str, "", "The claim that says what somebody may do, such as `groups`."),
    Setting("oidc_roles", str, "", "Role by value of that claim: `growth=editor`, by commas."),
    Setting(
        "oidc_domains", str, "", "Domains whose people may come in uninvited: `acme.com=viewer`, by commas."
    ),
    Setting("dns_servers", str, "", "Name servers that are asked about sending domains, by commas."),
    Setting(
        "approval", bool, False, "Whether whatever reaches customers is published only once another approved."
    ),
)


class Settings(Struct, frozen=True):
    """The values in force."""

    data_folder: Path
    log_segment_bytes: int
    import_batch_events: int
    progress: bool
    host: str = "127.0.0.1"
    port: int = 8700
    public_url: str = ""
    trusted_proxies: str = ""
    workspace: str = ""
    snapshot_minutes: int = 10
    snapshots_kept: int = 3
    waiting_bytes: int = WAITING_BYTES_MAX
    stop_seconds: int = 20
    metrics_open: bool = False
    outgoing_networks: str = ""
    api_rate_per_s: int = 100
    write_rate_per_s: int = 1_000_000
    api_allowed_origins: str = ""
    inapp_require_proof: bool = False
    geo_database: str = ""
    keep_ip: bool = False
    api_url: str = "http://127.0.0.1:8700"
    api_key: str = ""
    learning: bool = True
    learning_after_s: int = 20
    history_days: int = 3_650
    dead_letter_days: int = 90
    alert_minutes: int = 5
    alert_email: str = ""
    alert_channel: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_name: str = "single sign-on"
    oidc_scopes: str = "openid email profile"
    oidc_role_claim: str = ""
    oidc_roles: str = ""
    oidc_domains: str = ""
    dns_servers: str = ""
    approval: bool = False


def environment(variables: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """The process's variables, or those given; nothing else reads them."""
    return os.environ if variables is None else variables


def load_settings(variables: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """Settings from flags, then the environment, then defaults. A flag of None was not given.

    Raises SettingsError for a value of a wrong type or an unknown flag.
    """
    found = environment(variables)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        given = flags.pop(setting.name, None)
        if given is None:
            text = found.get(setting.variable)
            given = setting.default if text is None else _read(setting, text)
        values[setting.name] = given
    if flags:
        known = ", ".join(setting.name for setting in SETTINGS)
        raise SettingsError(f"There is no setting {next(iter(flags))!r}", fix=f"the settings are {known}")
    return Settings(**values)


def _read(setting: Setting, text: str) -> Any:
    try:
        if setting.kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                text.lower()
            ]
        value = setting.kind(text)
        if setting.kind is int and value < 1:
            raise ValueError(text)
    except (KeyError, ValueError) as error:
        wanted = {bool: "yes or no", int: "a whole number from 1"}[setting.kind]
        raise SettingsError(f"{text!r} is not {wanted}", where=setting.variable, fix=setting.help) from error
    return value
