"""What is fetched by a schedule: the rows of a query, or a file from a folder or an address."""

from __future__ import annotations

from msgspec import Struct

from ..channels.base import Secret
from .services import Service, service


class SqlSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url` says which database: `sqlite:PATH` and `duckdb:PATH` (opened for reading only) or
    `postgresql://...`, whose driver (`psycopg`) must be installed. It may hold a password and is therefore a
    reference. `query` is one SELECT; `:since` in it is the time of the last successful run (ISO 8601, 1970 at
    first), `:until` of this one.
    """

    url: Secret
    query: str


class FileSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"from_": "from"}):
    """`from`: a path (`*` in its last part means all that fit) or an http address, which must be a public one
    unless the operator allows its network. `token` is sent to it as bearer.
    """

    from_: str
    token: Secret = ""

    def __post_init__(self) -> None:
        if not self.from_:
            raise ValueError("the setting `from` is empty")


service(Service(name="sql", settings=SqlSettings, summary="The rows of a query, by a schedule"))
service(Service(name="file", settings=FileSettings, summary="A file or an address, by a schedule"))
