"""Why an event was dropped, and what was mended in one that was kept: two closed sets."""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import Self


class Reason(StrEnum):
    """Why an event was dropped. The value is stored with the dead letter and never changes."""

    def __new__(cls, value: str, sentence: str) -> Self:
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.__doc__ = sentence
        return reason

    TOO_LARGE = (
        "too_large",
        "The event's JSON is larger than EVENT_BYTES_MAX.",
    )
    TOO_DEEP = (
        "too_deep",
        "Objects and arrays are nested deeper than EVENT_DEPTH_LEVELS_MAX.",
    )
    NOT_JSON = (
        "not_json",
        "The bytes are not JSON in UTF-8: truncated, or damaged, or something else.",
    )
    NOT_AN_OBJECT = (
        "not_an_object",
        "It is JSON, but a list, a string or a number.",
    )
    NOT_FINITE = (
        "not_finite",
        "It holds NaN or Infinity, which JSON does not have and no signal can add up.",
    )
    NUMBER_OUT_OF_RANGE = (
        "number_out_of_range",
        "A number is beyond NUMBER_MAGNITUDE_MAX.",
    )
    UNKNOWN_TYPE = (
        "unknown_type",
        "`type` is none of identify, track, page, screen, group, alias.",
    )
    NO_USER_ANON_ID = (
        "no_user_anon_id",
        "Neither userId nor anonymousId says whose event it is.",
    )
    NO_PREVIOUS_ID = (
        "no_previous_id",
        "An alias call needs both previousId and userId.",
    )
    NO_GROUP_ID = (
        "no_group_id",
        "A group call needs groupId.",
    )
    ID_TOO_LONG = (
        "id_too_long",
        "An identifier is longer than IDENTIFIER_CHARS_MAX.",
    )
    NO_EVENT_NAME = (
        "no_event_name",
        "A track call has no event name.",
    )
    EVENT_NAME_TOO_LONG = (
        "event_name_too_long",
        "The event's name is longer than EVENT_NAME_CHARS_MAX.",
    )
    PROFILE_FLOOD = (
        "profile_flood",
        "The profile had PROFILE_EVENTS_PER_HOUR_MAX events in this hour already: a loop, or a bot.",
    )
    TOO_MANY_EVENTS = (
        "too_many_events",
        "BATCH_EVENTS_MAX events of its request came before it.",
    )
    BAD_ROW = (
        "bad_row",
        "A row of an imported file does not fit its mapping.",
    )


class Note(IntFlag):
    """What was mended in an event that was kept."""

    FIELD_MENDED = 1
    """A field of a wrong type was taken as absent."""
    TIME_INVALID = 2
    """The time could not be read: the time of receipt stands in."""
    SENT_AT_INVALID = 4
    """`sentAt` could not be read: the clock was not corrected."""
    CLOCK_UNUSABLE = 8
    """The client's clock was off by more than CLOCK_SKEW_TRUSTED_MS_MAX."""
    FROM_THE_FUTURE = 16
    """The time lay after receipt: the time of receipt stands in."""
    MESSAGE_ID_HASHED = 32
    """The message id was longer than MESSAGE_ID_CHARS_MAX: its digest stands in."""
    MESSAGE_ID_MADE = 64
    """There was no message id: the digest of the event and its time of receipt stands in."""
