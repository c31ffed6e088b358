"""A place of its own for each run: a database, a data directory, a process. The site's are never touched.

Each column plays in a process of its own with its own settings: its mail goes to files in its own
directory, whatever mail server the site uses, and its record is signed with its own key.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tocsin.exercise.results import Value, unpacked
from tocsin.kernel import settings
from tocsin.kernel.errors import Conflict, Invalid, TocsinError
from tocsin.record import database
from tocsin.record.terms import unstamp

_OWN = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATA_DIR",
    "SMTP_HOST",
    "SECRET_KEY",
    "PSEUDONYM_KEY",
    "WEBHOOK_SECRET",
)

Progress = Callable[[datetime], None]


class ExerciseFailed(TocsinError):
    """A run broke off: script and product disagree, or the machine failed it."""

    code = "exercise_failed"


@contextmanager
def ground(name: str, *, keep: bool = False) -> Iterator[dict[str, str]]:
    """The environment of a run in an empty database `name`, which is dropped at the end unless kept.

    Raises: Conflict when a database of that name exists.
    """
    owner, app = _urls(name)
    if urlsplit(owner).path.strip("/") == _site():
        raise Conflict(
            "that is this site's own database", field="keep", cure="Choose another name."
        )
    with psycopg.connect(_admin(owner), autocommit=True) as c:
        if c.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            raise Conflict(
                f"there is a database {name!r}", field="keep", cure="Choose another name."
            )
        database.make_role(c)
        c.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    home = Path(tempfile.mkdtemp(prefix="tocsin-exercise-"))
    try:
        plain = {k: v for k, v in os.environ.items() if not _overridden(k)}
        yield plain | {
            "TOCSIN_DATABASE_URL": app,
            "TOCSIN_DATABASE_OWNER_URL": owner,
            "TOCSIN_DATA_DIR": str(home),
            "TOCSIN_SMTP_HOST": "",
            "DJANGO_SETTINGS_MODULE": "tocsin.kernel.django_settings",
        }
    finally:
        shutil.rmtree(home, ignore_errors=True)
        if not keep:
            with psycopg.connect(_admin(owner), autocommit=True) as c:
                c.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )


def _overridden(key: str) -> bool:
    name = key.removeprefix(settings.PREFIX)
    return key.startswith(settings.PREFIX) and name.removesuffix("_FILE") in _OWN


def _urls(name: str) -> tuple[str, str]:
    """The owner's and the application's URL of a database beside the site's."""
    s = settings.current()
    if not s.database_url:
        owner = database.embedded_url(s.data_dir, name, "postgres")
        return owner, database.embedded_url(s.data_dir, name, database.APP_ROLE)
    return _other(database.owner_url(), name), _other(s.database_url, name)


def _site() -> str:
    s = settings.current()
    return urlsplit(s.database_url).path.strip("/") if s.database_url else s.database_name


def _admin(owner: str) -> str:
    return _other(owner, "postgres")


def _other(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


class Run:
    """A column being played in a process of its own. `wait` for its values."""

    def __init__(self, environment: dict[str, str], orders: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tocsin.exercise", json.dumps(orders)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait(
        self,
        progress: Progress | None = None,
        ready: Callable[[dict[str, Any]], None] | None = None,
    ) -> tuple[dict[str, Value], dict[str, Any]]:
        """Its values and what else it says of the run; `ready` hears that a team may take its seats.

        Raises: ExerciseFailed; Invalid for what it was ordered.
        """
        end: dict[str, Any] = {}
        for line in self._process.stdout or ():
            said = json.loads(line)
            if "ready" in said and ready:
                ready(said["ready"])
            elif "at" in said and progress:
                progress(unstamp(said["at"]))
            elif "at" not in said:
                end = said
        errors = self._process.stderr.read() if self._process.stderr else ""
        code = self._process.wait()
        if "refused" in end:
            raise Invalid(end["refused"], field=end["field"], cure=end["cure"])
        if code or "values" not in end:
            raise ExerciseFailed(f"the run broke off: {errors.strip()[-2000:] or f'code {code}'}")
        return unpacked(end["values"]), end["run"]

    def stop(self) -> None:
        """End the process, where it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)
