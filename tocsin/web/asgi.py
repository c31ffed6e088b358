"""The web server's application: the live feed and static files as plain ASGI, everything else by Django."""

# ruff: noqa: E402 - Django must be set up before anything that has models is imported
from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.kernel.django_settings")

import django

django.setup()

from django.core.asgi import get_asgi_application

from tocsin.record import database
from tocsin.record.store import install_clock
from tocsin.web.files import PREFIX, files
from tocsin.web.live import Receive, Scope, Send, live

database.ensure(pool=True)
install_clock()
_pages = get_asgi_application()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Route one connection."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/live":
        await live(scope, receive, send)
    elif scope["path"].startswith(PREFIX):
        await files(scope, receive, send)
    else:
        await _pages(scope, receive, send)  # type: ignore[arg-type]
