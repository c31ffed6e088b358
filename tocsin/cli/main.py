"""`tocsin`: one command, a sub-command for each part. Errors are one line with the cure, never a traceback."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress

import typer
from rich.console import Console
from rich.text import Text

from tocsin import __version__
from tocsin.kernel.errors import TocsinError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.kernel.django_settings")

app = typer.Typer(
    help="Tocsin gets a warning from those who see it to those who must act on it, and proves it did.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
# One module a group; imported only when it is asked for, so that `tocsin screen` starts at once.
GROUPS = ("collect", "record", "duties", "people", "retain", "exercise", "witness", "oversee")
SINGLE = {
    "up": "site",
    "web": "site",
    "worker": "site",
    "check": "site",
    "migrate": "site",
    "backup": "site",
    "restore": "site",
    "screen": "screen",
    "bench": "bench",
}


def setup() -> None:
    """Make Django ready, the database reachable and the site's clock set; for the commands that need them."""
    if "--help" in sys.argv:
        return  # a group is set up before its command is asked for help
    import django  # noqa: PLC0415
    from django.db import ProgrammingError  # noqa: PLC0415

    django.setup()
    from tocsin.record import database, store  # noqa: PLC0415

    database.ensure()
    with suppress(ProgrammingError):  # no tables yet: `check` says so, `migrate` makes them
        store.install_clock()


def main() -> None:
    """Entry point of the `tocsin` script."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    sys.argv = [a for a in sys.argv if a != "--debug"]
    try:
        _mount(arguments)
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has had enough
        raise SystemExit(0) from None
    except Exception as error:
        code, words = _in_words(error)
        if debug or not code:
            raise
        said = Text.assemble((code, "bold red"), f": {words}")
        Console(stderr=True, soft_wrap=True).print(said, highlight=False)
        raise SystemExit(2) from error


def _in_words(error: Exception) -> tuple[str, str]:
    """An error's code and words with the cure; ("", "") for one that is our own fault."""
    if isinstance(error, TocsinError):
        return error.code, str(error)
    if isinstance(error, OSError) and error.filename:
        return "file", f"{error.filename}: {error.strerror or error}."
    if "No space left on device" in str(error):
        return (
            "disk",
            "the disk of the database is full; nothing was changed. Make room, then try again.",
        )
    psycopg = sys.modules.get("psycopg")  # imported only where a database was asked for
    database = sys.modules.get("django.db")
    if database and isinstance(error, database.OperationalError):
        return (
            "database",
            f"the database does not answer: {error} Is it running? See `tocsin check`.",
        )
    if psycopg and isinstance(error, psycopg.OperationalError):
        return (
            "database",
            f"the database does not answer: {error} Is it running? See `tocsin check`.",
        )
    if database and isinstance(error, database.ProgrammingError) and "does not exist" in str(error):
        return "database", "the database has no tables, or old ones. Run `tocsin migrate`."
    return "", ""


def _mount(arguments: list[str]) -> None:
    """Add the commands: all of them for `--help`, else only the one that is asked for."""
    wanted = next((a for a in arguments if not a.startswith("-")), "")
    for name in GROUPS:
        if wanted in ("", name):
            app.add_typer(importlib.import_module(f"tocsin.cli.{name}").app, name=name)
    modules = (
        {SINGLE[wanted]}
        if wanted in SINGLE
        else (set() if wanted in GROUPS else set(SINGLE.values()))
    )
    for module in sorted(modules):
        importlib.import_module(f"tocsin.cli.{module}").mount(app)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Show the version and stop."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


if __name__ == "__main__":
    main()
