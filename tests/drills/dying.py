"""A process of its own, whose embedded database is killed under it (see test_standing)."""

# ruff: noqa: E402, T201 - Django must be set up first; it speaks to the test by what it prints
from __future__ import annotations

import os
import signal
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.kernel.django_settings")

import django

django.setup()

import psycopg

from tocsin.record import database

database.ensure()
url = database.owner_url()
with psycopg.connect(url) as c:
    c.execute("CREATE TABLE drill AS SELECT 'kept' AS word")
sound = database.mend()
os.kill(database._server.get_pid(), signal.SIGKILL)
deadline = time.monotonic() + 10  # a killed process takes a moment to be seen as dead
while not (died := database.mend()) and time.monotonic() < deadline:
    time.sleep(0.05)
with psycopg.connect(url) as c:
    found = c.execute("SELECT word FROM drill").fetchone()
print(sound, died, found[0] if found else "lost", database.mend())
