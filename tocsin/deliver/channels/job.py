"""One thing to send, and the two ways in which sending fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.deliver.terms import Reason
from tocsin.kernel.errors import TocsinError

if TYPE_CHECKING:
    from tocsin.deliver.channels.letters import Letter, Paper


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery, with all a channel needs: no channel reads a table for it.

    `until` = when the lease ends; `link` = where the recipient answers; `urgency` = 3 (FLASH) to 0; `tries` =
    how many there were before this one; `paper` makes the file that goes with a mail, where one is wanted.
    """

    delivery: str
    channel: str
    address: str
    name: str
    person: str
    recipient: str
    link: str
    letter: Letter
    until: datetime
    urgency: int = 0
    tries: int = 0
    paper: Callable[[], Paper | None] | None = None


class Later(TocsinError):
    """Not tried: the channel's own limit says to wait so long. No failure, and no try."""

    code = "later"

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"the channel has no room for {wait}")
        self.wait = wait


class Undelivered(TocsinError):
    """A channel could not deliver. `detail` = what the other side said, for the sender's eyes."""

    code = "undelivered"
    permanent = False

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.detail = " ".join(detail.split())[:500]


class TemporaryFailure(Undelivered):
    """It may work later: try again after a while."""


class PermanentFailure(Undelivered):
    """It will not work on this channel: go on to the next at once."""

    permanent = True
