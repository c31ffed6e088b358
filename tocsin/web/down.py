"""When the database cannot be reached: known at once to every request, and over by itself when it answers again.

One request finds out; from then on a try a second asks the database, and everybody else is answered without waiting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import psycopg
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

TRY_EVERY_S = 1.0
ANSWER_WITHIN_S = 2
_SHUT = {"57P01", "57P02", "57P03", "53300"}  # it stops, crashed, starts, or takes nobody more


def lost(error: BaseException | None) -> bool:
    """Whether an error says that the database cannot be reached, and not that it refused what was asked."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state in _SHUT or state.startswith("08")


class Outage:
    """What this process knows of the database: reached, or since when not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._down = False
        self._tried = 0.0

    def begins(self) -> bool:
        """Somebody had no answer: whether it cannot be reached, or only had no connection free."""
        with self._lock:
            if not self._down and time.monotonic() - self._tried >= TRY_EVERY_S:
                self._down = not _answers()
                self._tried = time.monotonic()
            return self._down

    def lasts(self) -> bool:
        """Whether it still cannot be reached; asks it at most once a second, in one thread."""
        if not self._down:
            return False
        with self._lock:
            if time.monotonic() - self._tried >= TRY_EVERY_S:
                self._down = not _answers()
                self._tried = time.monotonic()
                if not self._down:  # the pool waits longer after each try of its own: begin anew
                    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has it
            return self._down


outage = Outage()


def _answers() -> bool:
    """Ask it over a connection of our own, past the pool."""
    values = connection.settings_dict
    try:
        with psycopg.connect(
            dbname=values["NAME"], user=values["USER"], password=values["PASSWORD"], host=values["HOST"],
            port=values["PORT"], connect_timeout=ANSWER_WITHIN_S,
        ):  # fmt: skip
            return True
    except psycopg.Error:
        return False


class DownMiddleware:
    """First in the chain: while the database cannot be reached nothing is begun, and the answer says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if outage.lasts():
            return _unreachable(request)
        return self.get_response(request)


def _unreachable(request: HttpRequest) -> HttpResponse:
    from tocsin.web.pages import errors  # noqa: PLC0415 - it needs the whole of Django, this is read before

    return errors.unreachable(request, sure=True)


class OneLine(logging.Filter):
    """A database that cannot be reached is a line in the log, not a page of code for each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and lost(record.exc_info[1]):
            words = str(record.exc_info[1]).strip().split("\n")[0]
            record.msg, record.args = f"the database cannot be reached: {words}", ()
            record.exc_info, record.exc_text = None, None
        return True
