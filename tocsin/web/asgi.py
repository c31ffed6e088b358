"""The web server's application: the live feed and static files as plain ASGI, everything else by Django."""

# ruff: noqa: E402 - Django must be set up before anything that has models is imported
from __future__ import annotations

import asyncio
import os
import signal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.kernel.django_settings")

import django

django.setup()

from django.core.asgi import get_asgi_application

from tocsin.record import database
from tocsin.record.store import install_clock
from tocsin.web.field_feed import feed, field_feed
from tocsin.web.field_receipts import field_receipts
from tocsin.web.files import PREFIX, files
from tocsin.web.live import hub, live
from tocsin.web.streams import Receive, Scope, Send

database.ensure(pool=True)
install_clock()
_pages = get_asgi_application()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Route one connection."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["path"] == "/live":
        await live(scope, receive, send)
    elif scope["path"] == "/field/feed":
        await field_feed(scope, receive, send)
    elif scope["path"] == "/field/receipts":
        await field_receipts(scope, receive, send)
    elif scope["path"].startswith(PREFIX):
        await files(scope, receive, send)
    else:
        await _pages(scope, receive, send)  # type: ignore[arg-type]


async def _lifespan(receive: Receive, send: Send) -> None:
    """Say that we are ready; hear that it is over."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _end_streams_when_told_to_stop()
            await send({"type": "lifespan.startup.complete"})
        else:
            hub.close()
            feed.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


def _end_streams_when_told_to_stop() -> None:
    """Open streams would hold a stopping server for ever: the server waits for every connection, and tells
    the application only after. So the streams are ended by the signal itself, before the server's own handler.
    """
    loop = asyncio.get_running_loop()
    handlers = dict(
        getattr(loop, "_signal_handlers", {})
    )  # asyncio has no public way to add a second one
    for number in (signal.SIGTERM, signal.SIGINT):
        if (handle := handlers.get(number)) is not None:
            loop.add_signal_handler(number, _stop, handle)


def _stop(server: asyncio.Handle) -> None:
    hub.close()
    feed.close()
    server._run()
