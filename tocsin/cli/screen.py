"""`tocsin screen`: a plain filter. JSON lines in, flagged JSON lines out; no database, nothing kept."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.console import Console
from rich.table import Table

from tocsin.kernel.errors import Invalid

if TYPE_CHECKING:
    from tocsin.screen.engine import Engine


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "screen",
        help="Screen JSON lines from standard input; flagged ones come out. Needs no server.",
    )(screen)


def screen(
    text_field: Annotated[
        str, typer.Option(help="Name of the field that holds the text.")
    ] = "text",
    masked: Annotated[
        bool, typer.Option("--masked", help="Put the masked text in that field.")
    ] = False,
    dead: Annotated[
        Path | None,
        typer.Option(help="Where lines that could not be screened are noted, without content."),
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Folder of indicator files; those that ship if not given.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only check that every example of the catalogue comes true."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No summary on standard error.")
    ] = False,
) -> None:
    """Read standard input to its end; write flagged lines to standard output as they are found.

    Raises: Invalid for a folder or field that cannot be used; BadCatalogue.
    """
    from tocsin.screen.engine import Engine  # noqa: PLC0415 - compiling takes a second; `--help` should not

    if catalogue is not None and not catalogue.is_dir():
        raise Invalid(
            f"there is no folder {catalogue}", field="--catalogue", cure="Check the path."
        )
    engine = Engine.load(catalogue)
    if check:
        _check(engine)
        return
    if sys.stdin.isatty():
        raise Invalid(
            "nothing is piped in", cure="Try: tocsin screen < posts.jsonl > flagged.jsonl"
        )
    _run(engine, text_field, dead, masked=masked, quiet=quiet)


def _check(engine: Engine) -> None:
    from tocsin.screen.checking import check  # noqa: PLC0415

    console = Console()
    broken = check(engine)
    for sentence in broken:
        console.print(f"[red]not true[/] {sentence}", highlight=False)
    count = len(engine.catalogue.indicators)
    console.print(
        f"Catalogue {engine.version}: {count} indicators, "
        + (
            "every example comes true."
            if not broken
            else f"{len(broken)} examples do not come true."
        )
    )
    if broken:
        raise typer.Exit(1)


def _run(engine: Engine, text_field: str, dead: Path | None, *, masked: bool, quiet: bool) -> None:
    from tocsin.screen.filter import run  # noqa: PLC0415

    with ExitStack() as stack:
        letters: BinaryIO | None = None
        if dead is not None:
            try:
                letters = stack.enter_context(dead.open("wb"))
            except OSError as error:
                raise Invalid(
                    f"cannot write {dead}: {error.strerror}",
                    field="--dead",
                    cure="Choose another place.",
                ) from error
        try:
            tally = run(
                sys.stdin.buffer,
                sys.stdout.buffer,
                letters,
                text_field=text_field,
                masked_only=masked,
                engine=engine,
            )
        except BrokenPipeError:  # whoever reads us has seen enough
            sys.stderr.close()
            return
    if quiet:
        return
    table = Table(show_header=False, box=None)
    table.add_row("lines", f"{tally.lines:,}")
    table.add_row("screened", f"{tally.screened:,}")
    table.add_row(
        "flagged",
        f"{tally.flagged:,}",
        ", ".join(f"{n:,} {p}" for p, n in tally.priorities.items()),
    )
    table.add_row("groups of near-copies", f"{tally.groups:,}")
    table.add_row(
        "refused", f"{tally.refused:,}", ", ".join(f"{n:,} {r}" for r, n in tally.refusals.items())
    )
    Console(stderr=True).print(table)
