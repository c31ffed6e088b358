"""All channels of one thread: each is opened on first use and kept."""

from __future__ import annotations

import logging
from typing import Protocol

from tocsin.deliver.channels.inapp import InApp
from tocsin.deliver.channels.job import Job, PermanentFailure
from tocsin.deliver.channels.mail import Mail
from tocsin.deliver.channels.webhook import Webhook
from tocsin.deliver.terms import Channel, Reason, State
from tocsin.kernel.settings import Settings

log = logging.getLogger(__name__)


class Road(Protocol):
    """A way out; see the package for what it promises."""

    def send(self, job: Job) -> State: ...
    def close(self) -> None: ...


class Roads:
    """Sends a job by the channel it names."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[str, Road] = {}

    def send(self, job: Job) -> State:
        """Raises: TemporaryFailure, PermanentFailure."""
        if not job.address and job.channel != Channel.INAPP:
            raise PermanentFailure(Reason.FORGOTTEN)
        return self._road(job.channel).send(job)

    def mail(self) -> Mail:
        """The mail channel, for messages that are not warnings."""
        road = self._road(Channel.EMAIL)
        assert isinstance(road, Mail)  # noqa: S101 - for the type checker
        return road

    def _road(self, channel: str) -> Road:
        if channel not in self._open:
            make = {Channel.EMAIL: Mail, Channel.WEBHOOK: Webhook}.get(Channel(channel))
            self._open[channel] = make(self._settings) if make else InApp()
        return self._open[channel]

    def close(self) -> None:
        for road in self._open.values():
            road.close()
        self._open.clear()
