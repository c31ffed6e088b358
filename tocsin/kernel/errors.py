"""One error base: each failure has a stable code, says what is wrong, where, and the cure."""

from __future__ import annotations


class TocsinError(Exception):
    """Base of every failure Tocsin reports to a person.

    `code` is stable (API clients and tests rely on it), `field` names what was wrong, `cure` what to do.
    """

    code = "error"
    status = 500

    def __init__(self, message: str, *, field: str = "", cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.cure = cure

    def __str__(self) -> str:
        said = f"{self.field}: {self.message}" if self.field else self.message
        if not self.cure:
            return said
        return f"{said}{'' if said.endswith(('.', '!', '?', ':')) else '.'} {self.cure}"


class Invalid(TocsinError):
    """The input is wrong: `field` says which part, `cure` how to put it right."""

    code = "invalid"
    status = 422


class Forbidden(TocsinError):
    """This actor may not do this."""

    code = "forbidden"
    status = 403


class NotFound(TocsinError):
    """No such thing, or not for this actor's eyes: the two are never told apart."""

    code = "not_found"
    status = 404


class Conflict(TocsinError):
    """Somebody else changed it since you looked, or its state no longer allows this."""

    code = "conflict"
    status = 409


class BadSettings(TocsinError):
    """A setting is unknown, missing or malformed."""

    code = "bad_settings"


class Corrupt(TocsinError):
    """The record does not verify; the message names the first bad place."""

    code = "corrupt"
