"""Running an installation: up, web, worker, migrate, check, backup, restore."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tocsin.kernel import settings
from tocsin.kernel.errors import BadSettings, Conflict, TocsinError

if TYPE_CHECKING:
    from tocsin.record.restoring import LeftOut

console = Console(highlight=False)
_BACK_OFF_S = (0.5, 1, 2, 5, 10)
STOP_WITHIN_S = 10
SAY_EVERY = 100_000  # entries
SOUND_AFTER_S = 60  # alive: a process that lived so long starts anew at once when it dies


def mount(app: typer.Typer) -> None:
    """Add the commands to `tocsin`."""
    for function in (up, web, worker, migrate, check, backup, restore):
        app.command(function.__name__)(function)


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="In an empty site, load the January 6 exercise half-way.")
    ] = False,
) -> None:
    """Everything in one terminal: database, web, worker. Ctrl-C stops it all."""
    s = settings.current()
    _port_is_free(s.host, s.port)
    console.print("[bold]Tocsin[/] starts …")
    migrate()
    _first_key()
    if demo:
        from tocsin.exercise import demo as exercise  # noqa: PLC0415

        exercise.load(console)
    children = [
        Child("web", ["web"]),
        Child("sequencer", ["worker", "--only", "sequencer"]),
        Child("worker", ["worker", "--without", "sequencer"]),
    ]
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    for child in children:
        child.start()
    if _answers(s.host, s.port, stop):
        console.print(f"[bold green]Tocsin is up:[/] {s.base_url}   [dim](Ctrl-C stops it)[/]")
    while not stop.wait(0.3):
        _mend_database()
        for child in children:
            child.mend()
    console.print("\nStopping …")
    for child in children:
        child.stop()
    from tocsin.record import database  # noqa: PLC0415

    database.stop()
    console.print("Stopped.")


def _mend_database() -> None:
    """Start the embedded database again when it has died; what fails is told, and tried again."""
    from tocsin.record import database  # noqa: PLC0415

    try:
        if database.mend():
            console.print("[bold red]the database ended[/]; it was started again")
    except BadSettings as e:
        console.print(f"[bold red]the database[/] {escape(str(e))}")


class Child:
    """A process of `tocsin up`: started again with back-off when it dies, and said so."""

    def __init__(self, name: str, arguments: list[str]) -> None:
        self.name = name
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0
        self._again_at = 0.0
        self._started_at = 0.0

    def start(self) -> None:
        command = [sys.executable, "-m", "tocsin.cli.main", *self._arguments]
        # Its own group: Ctrl-C in the terminal reaches only us, and we stop the children in order.
        self._process = subprocess.Popen(command, start_new_session=True)
        self._started_at = time.monotonic()

    def mend(self) -> None:
        """Start again what has died, when its back-off is over."""
        if self._process is None:
            if time.monotonic() >= self._again_at:
                self.start()
        elif (code := self._process.poll()) is not None:
            if time.monotonic() - self._started_at > SOUND_AFTER_S:
                self._deaths = 0
            wait = _BACK_OFF_S[min(self._deaths, len(_BACK_OFF_S) - 1)]
            console.print(
                f"[bold red]{self.name} ended[/] (code {code}); starting it again in {wait:g} s"
            )
            self._deaths += 1
            self._process, self._again_at = None, time.monotonic() + wait

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def web(
    host: Annotated[
        str, typer.Option(help="Address to listen on; the setting where not given.")
    ] = "",
    port: Annotated[int, typer.Option(help="Port to listen on; the setting where not given.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
) -> None:
    """The web server alone; any number may run."""
    from granian import Granian  # noqa: PLC0415
    from granian.constants import Interfaces  # noqa: PLC0415

    s = settings.current()
    Granian(
        "tocsin.web.asgi:application",
        address=host or s.host,
        port=port or s.port,
        interface=Interfaces.ASGI,
        workers=workers,
        workers_kill_timeout=5,
        backlog=4096,
        # Each open stream and each kept-alive connection counts: the default would stop at a thousand devices.
        backpressure=32_768,
        log_access=False,
        log_level="warning",  # type: ignore[arg-type]
    ).serve()


def worker(
    only: Annotated[
        list[str] | None, typer.Option(help="Run only this loop; may be given again.")
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="Run all but this loop.")] = None,
) -> None:
    """The loops that keep the clock; any number of workers may run."""
    arguments = [f"--only={name}" for name in only or []] + [
        f"--without={name}" for name in without or []
    ]
    os.execv(sys.executable, [sys.executable, "-m", "tocsin.worker", *arguments])  # noqa: S606 - our own module


def migrate(
    remake: Annotated[
        bool, typer.Option("--remake", help="Make the tables anew from the record in any case.")
    ] = False,
) -> None:
    """Bring the database's schema, tables and rights up to date; `up` does it by itself."""
    import django  # noqa: PLC0415

    from tocsin.record import database  # noqa: PLC0415

    django.setup()
    database.ensure()
    s, seen = settings.current(), 0

    def progress(entries: int) -> None:
        nonlocal seen
        before, seen = seen, seen + entries
        if seen // SAY_EVERY > before // SAY_EVERY:
            console.print(f"  making the tables from the record: {seen:,} entries so far")

    remade = database.migrate(
        database.owner_url(), s.database_url, remake=remake, progress=progress
    )
    if seen:
        what = f"{', '.join(remade)} changed" if remade else "they agree with it"
        console.print(f"The tables were held against {seen:,} entries of the record: {what}.")


def check(
    show_settings: Annotated[
        bool, typer.Option("--settings", help="List every setting and its value.")
    ] = False,
) -> None:
    """Say what is wrong with this installation, in plain words, with the cure."""
    if show_settings:
        _settings_table()
        return
    from django.db import OperationalError  # noqa: PLC0415

    from tocsin.cli.checks import Found, run_checks  # noqa: PLC0415
    from tocsin.cli.main import setup  # noqa: PLC0415

    trouble: list[Found] = []
    try:
        setup()
    except OperationalError:
        pass  # the first check says so
    except TocsinError as e:
        trouble = [Found("start", False, e.message, e.cure)]
    table = Table(box=None, show_header=False, pad_edge=False)
    bad = 0
    for found in [*trouble, *run_checks()]:
        bad += not found.well
        mark = "[green]well [/]" if found.well else "[bold red]WRONG[/]"
        words = escape(found.words)
        table.add_row(
            mark, found.name, words if found.well else f"{words}. [bold]{escape(found.cure)}[/]"
        )
    console.print(table)
    raise typer.Exit(1 if bad else 0)


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the backup.")],
    since: Annotated[
        Path | None,
        typer.Option(
            help="An earlier backup: write only what came since. Both are needed to restore."
        ),
    ] = None,
) -> None:
    """One encrypted file with everything: record, vault, tables, accounts, keys; or with what came since another."""
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()
    from tocsin.record import backup as backups  # noqa: PLC0415

    written = backups.write(file, passphrase(new=since is None), since)
    what = (
        f"{written.added:,} new of {written.entries:,} entries"
        if since
        else f"{written.entries:,} entries"
    )
    console.print(
        f"Backed up {what} to {file} ({written.bytes / 1e6:,.1f} MB), and read it back. "
        "Keep the passphrase elsewhere: without it nobody can restore this.\n"
        f"The words in it open only with the keys in {written.keys}. Keep its newest copy on other storage, "
        "in place of the one before: a purge takes its keys away there."
    )
    if since:
        console.print(f"To restore it, give {since} too, and every backup which that one followed.")


def restore(
    files: Annotated[
        list[Path],
        typer.Argument(help="A file that `tocsin backup` wrote, and those that followed it."),
    ],
    keys: Annotated[
        Path | None,
        typer.Option(
            help="The newest content.keys of the site; that of the data directory where not given."
        ),
    ] = None,
    at: Annotated[
        str,
        typer.Option(help="Only up to this moment (2026-11-21T14:05:00Z) or place in the record."),
    ] = "",
) -> None:
    """Restore a backup into an empty site, then verify the record and compare the tables with it."""
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()
    from tocsin.record import restoring  # noqa: PLC0415

    restored = restoring.read(
        files, passphrase(), keys=keys, at=restoring.moment(at) if at else None
    )
    console.print(
        f"Restored {restored.entries:,} entries and {restored.contents:,} contents of {restored.made_at}; "
        "the record verifies and the tables agree with it."
    )
    if restored.cut_at:
        _say_left_out(restored.cut_at, restored.left_out)
    if restored.forgotten:
        console.print(
            f"{restored.forgotten:,} contents were purged after this backup was made: they stay forgotten."
        )
    for name in restored.differing:
        console.print(
            f"[bold]TOCSIN_{name.upper()} is set here and is not the backup's:[/] unset it, "
            f"or sessions, pseudonyms or webhooks will not go on as before."
        )


def _say_left_out(cut_at: datetime, left_out: LeftOut | None) -> None:
    console.print(f"The record ends with what was signed at {cut_at:%d %B %Y %H:%M:%S} UTC.")
    if left_out is None:
        console.print("Nothing in these files was recorded after that.")
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in left_out.kinds)
    console.print(
        f"[bold]Left out: {left_out.entries:,} entries[/] recorded from {left_out.first:%d %B %H:%M:%S} to "
        f"{left_out.last:%d %B %H:%M:%S} UTC (most of all {kinds}), and their contents. Everybody signs in anew, and "
        "feeds are read again from their start; what is there already is not taken twice. A witness that has seen the "
        "longer record will say that this one was rolled back."
    )


def passphrase(*, new: bool = False) -> str:
    """The passphrase of backups: from TOCSIN_PASSPHRASE_FILE's file, or asked for at the terminal."""
    named = os.environ.get("TOCSIN_PASSPHRASE_FILE")
    if named:
        return Path(named).read_text().strip()
    return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new))


def _settings_table() -> None:
    from dataclasses import fields  # noqa: PLC0415

    s = settings.current()
    table = Table("Setting", "Value", "What it does", box=None)
    for f in fields(s):
        value = getattr(s, f.name)
        shown = "(set)" if f.metadata.get("secret") and value else str(value)
        table.add_row(f"TOCSIN_{f.name.upper()}", shown, f.metadata["doc"])
    console.print(table)


def _port_is_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            raise Conflict(
                f"port {port} of {host} is taken",
                field="port",
                cure="Stop what uses it, or set TOCSIN_PORT.",
            ) from e


def _answers(host: str, port: int, stop: threading.Event, within_s: float = 30) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and not stop.is_set():
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) == 0:
                return True
        time.sleep(0.1)
    return False


def _first_key() -> None:
    """Make the record's signing key before anything is recorded, so that one process makes it."""
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    load_signer()
