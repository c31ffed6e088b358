"""Who knocks with a device's token: the one question the feed and the field app's addresses ask."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.operate.rules.devices import Standing
from tocsin.operate.store.devices import Session, actor_of, carriers, look, look_all

HEADER = "Device "
COOKIE = "tocsin_device"


def session_of(token: str) -> Session | None:
    """The device whose token this is, when it may act now; None for any other."""
    return look(token)[1]


def sessions_of(tokens: Sequence[str]) -> list[Session | None]:
    """As `session_of`, for many at once, in order."""
    return [session for _, session in look_all(tokens)]


def token_of(authorization: str) -> str:
    """The token in an Authorization header, '' where there is none."""
    return authorization.removeprefix(HEADER).strip() if authorization.startswith(HEADER) else ""


__all__ = [
    "COOKIE",
    "HEADER",
    "Session",
    "Standing",
    "actor_of",
    "carriers",
    "look",
    "session_of",
    "sessions_of",
    "token_of",
]
