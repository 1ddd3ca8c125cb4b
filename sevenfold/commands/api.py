"""How commands speak to a running service: its address, its key, its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final, TypeVar

import click
import httpx
import msgspec

from sevenfold.errors import SettingsError, SevenfoldError
from sevenfold.settings import load_settings

Command = TypeVar("Command", bound=Callable[..., Any])
_TIMEOUT_S: Final = 60.0
_REFERENCES: Final = ("env:", "file:")


class UnreachableError(SevenfoldError):
    """No service answers at the address, or it ended the connection."""

    code = "service_unreachable"


class RefusedError(SevenfoldError):
    """The service refused; `code`, `message`, `where` and `fix` are its own."""

    code = "refused"


class Api:
    """The admin API of a running service."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)

    def get(self, path: str, **parameters: Any) -> Any:
        """The answer as JSON. Raises RefusedError, UnreachableError."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._asked("GET", path, params=given).json()

    def post(self, path: str, body: Any, *, once: bool = True) -> Any:
        """The same for a change; the same one said again is made once, unless `once` says otherwise."""
        content = msgspec.json.encode(body)
        headers = {"content-type": "application/json"}
        if once:
            headers["idempotency-key"] = sha256(path.encode() + b"\0" + content).hexdigest()
        return self._asked("POST", path, content=content, headers=headers).json()

    def put(self, path: str, body: Any) -> Any:
        """The same for what is there already, or not yet."""
        content = msgspec.json.encode(body)
        return self._asked("PUT", path, content=content, headers={"content-type": "application/json"}).json()

    def delete(self, path: str) -> Any:
        """Removes something; what is left, as JSON."""
        return self._asked("DELETE", path).json()

    def download(self, path: str) -> bytes:
        """What is no JSON."""
        return self._asked("GET", path).content

    @contextmanager
    def stream(self, path: str, after: int | None, **parameters: Any) -> Iterator[Iterator[str]]:
        """The lines of a stream, from after an event's number on."""
        headers = {} if after is None else {"last-event-id": str(after)}
        timeout = httpx.Timeout(_TIMEOUT_S)
        with (
            self._explained(),
            self._http.stream("GET", path, params=parameters, headers=headers, timeout=timeout) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                answer.read()
                raise _refused(answer)
            yield answer.iter_lines()

    def _asked(self, method: str, path: str, **more: Any) -> httpx.Response:
        with self._explained():
            answer = self._http.request(method, path, **more)
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise _refused(answer)
        return answer

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            fix = "start it with `sevenfold serve`, or say where it is with --url (SEVENFOLD_API_URL)"
            raise UnreachableError(
                f"no service answers ({type(error).__name__})", where=self.url, fix=fix
            ) from error

    def close(self) -> None:
        """Ends connections."""
        self._http.close()


def _refused(answer: httpx.Response) -> RefusedError:
    try:
        shape = answer.json()
        error = RefusedError(
            str(shape["message"]), where=str(shape.get("where", "")), fix=str(shape.get("fix", ""))
        )
        error.code = str(shape.get("code", error.code))
    except (ValueError, KeyError, TypeError, AttributeError):
        fix = "is it a Sevenfold service that answers there?"
        return RefusedError(f"the service answered {answer.status_code}", where=str(answer.url.path), fix=fix)
    return error


@contextmanager
def connected(url: str | None, key: str | None) -> Iterator[Api]:
    """The service of the options or settings. Raises SettingsError without a key."""
    settings = load_settings(None, api_url=url, api_key=key)
    secret = settings.api_key
    if secret.startswith(_REFERENCES):
        from sevenfold.server.secrets import look_up

        secret = look_up(secret)
    if not secret:
        raise SettingsError(
            "this needs an API key", where="SEVENFOLD_API_KEY", fix="give it with --key, or set the variable"
        )
    api = Api(settings.api_url, secret)
    try:
        yield api
    finally:
        api.close()


def service_options(command: Command) -> Command:
    """`--url` and `--key`: which service, and who asks."""
    key = click.option("--key", help="API key, or `env:NAME` or `file:PATH` [SEVENFOLD_API_KEY].")
    return click.option("--url", help="Where the service is [SEVENFOLD_API_URL].")(key(command))
