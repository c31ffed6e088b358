"""All channels of one thread: each is opened on first use and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tocsin.deliver.channels.inapp import InApp
from tocsin.deliver.channels.job import Job, PermanentFailure
from tocsin.deliver.channels.mail import Mail
from tocsin.deliver.channels.phone import Phone
from tocsin.deliver.channels.services import Services
from tocsin.deliver.channels.webhook import Webhook
from tocsin.deliver.terms import Channel, Reason, State
from tocsin.kernel.settings import Settings


class Road(Protocol):
    """A way out; see the package for what it promises."""

    def send(self, job: Job) -> State: ...
    def close(self) -> None: ...


_ROADS: dict[Channel, Callable[[Settings], Road]] = {
    Channel.WEBHOOK: Webhook,
    Channel.INAPP: InApp,
    Channel.SMS: Phone,
    Channel.VOICE: Phone,
    Channel.SERVICE: Services,
}


class Roads:
    """Sends a job by the channel it names."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mail: Mail | None = None
        self._others: dict[str, Road] = {}

    def send(self, job: Job) -> State:
        """Raises: Later, TemporaryFailure, PermanentFailure."""
        if not job.address and job.channel != Channel.INAPP:
            raise PermanentFailure(Reason.FORGOTTEN)
        road = self.mail() if job.channel == Channel.EMAIL else self._other(Channel(job.channel))
        return road.send(job)

    def mail(self) -> Mail:
        """The mail channel; also for messages that are not warnings."""
        if self._mail is None:
            self._mail = Mail(self._settings)
        return self._mail

    def _other(self, channel: Channel) -> Road:
        if channel not in self._others:
            self._others[channel] = _ROADS[channel](self._settings)
        return self._others[channel]

    def close(self) -> None:
        if self._mail is not None:
            self._mail.close()
        for road in self._others.values():
            road.close()
        self._mail, self._others = None, {}
