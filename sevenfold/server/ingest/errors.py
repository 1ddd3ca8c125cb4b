"""What ingest refuses whole: a request that cannot be read, or comes at the wrong time or without a key.

Clients rely on two things: the status is 400, 401, 429 or 503 and no other, and the body holds `code` and
`message` (several SDKs send a refused batch again ten times when it does not).
"""

from __future__ import annotations

from ...errors import SevenfoldError


class RequestError(SevenfoldError):
    """The request makes no sense, and would not make any if it were sent again."""

    code = "invalid_request"
    status = 400


class MethodError(RequestError):
    """This path does not know this method."""

    code = "method_not_allowed"


class PathError(RequestError):
    """There is nothing at this path."""

    code = "not_found"


class TooLargeError(RequestError):
    """The request is larger than REQUEST_BYTES_MAX, as it came or unpacked."""

    code = "request_too_large"


class TooSlowError(RequestError):
    """The body took longer than REQUEST_BODY_S_MAX to arrive."""

    code = "request_too_slow"


class EncodingError(RequestError):
    """The body is packed in a way that we do not know, or is damaged."""

    code = "encoding_invalid"


class NotJsonError(RequestError):
    """The body is not JSON, or not an object."""

    code = "not_json"


class NoBatchError(RequestError):
    """A batch call has no list of events called `batch`."""

    code = "no_batch"


class TooManyError(RequestError):
    """A batch is so long that not even its events are looked at."""

    code = "too_many_events"


class WriteKeyError(RequestError):
    """No write key came with the request, or one that is none, was revoked or has expired."""

    code = "write_key_invalid"
    status = 401


class LaterError(SevenfoldError):
    """Everything is right with the request; it only has to be sent again, `retry_after_s` from now."""

    code = "try_again"
    status = 503

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, fix=f"send it again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class RateError(LaterError):
    """More events came with this key than its rate allows, or more than there is room for."""

    code = "rate_limited"
    status = 429


class DrainingError(LaterError):
    """The service is starting or stopping, or cannot write to its disk."""

    code = "unavailable"
