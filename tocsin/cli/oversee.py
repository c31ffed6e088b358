"""`tocsin oversee`: the world as it stood at a moment, for the pages and for the shell."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from tocsin.cli.printing import as_json, console, progress, table, when
from tocsin.kernel.errors import Invalid

app = typer.Typer(
    help="Look back: rebuild the world as it stood at a moment.", no_args_is_help=True
)


@app.callback()
def ready() -> None:
    """Connect to the database before any of these commands."""
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()


@app.command("as-of")
def as_of(
    moment: Annotated[
        str,
        typer.Argument(
            metavar="T", help="For example 2026-03-05T18:30, in the installation's zone."
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Build the world at T from the record; overseers then step into it under "Stand in the past"."""
    from tocsin.oversee import past  # noqa: PLC0415
    from tocsin.oversee.actions import ask_past, build_past  # noqa: PLC0415
    from tocsin.oversee.models import World  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415

    at = _moment(moment)
    world = ask_past(SYSTEM, at=at)
    row = World.objects.get(id=world)
    if row.state != "READY":
        with progress("Entries", past.place_at(at)) as step:
            row = build_past(world, step)
    if json:
        found = {"id": row.id, "at": row.at, "entries": row.entries, "took_ms": row.took_ms}
        as_json([{**found, "schema": past.schema_of(row.id)}])
        return
    console.print(
        f"The world of {when(row.at)} stands ready: {row.entries:,} entries in {row.took_ms / 1000:.1f} s, "
        f"in the schema {past.schema_of(row.id)}. Step into it on the page /asof."
    )


@app.command()
def worlds() -> None:
    """The moments that stand ready, or are asked for."""
    from tocsin.oversee.models import World  # noqa: PLC0415

    shown = table("Moment", "State", "Entries", "Asked for", "Id")
    for row in World.objects.order_by("-asked_at"):
        shown.add_row(
            when(row.at), row.state.lower(), f"{row.entries:,}", when(row.asked_at), row.id
        )
    console.print(shown)


@app.command()
def drop(world: Annotated[str, typer.Argument(help="The id that `worlds` shows.")]) -> None:
    """Take a moment down; it can be built again from the record."""
    from tocsin.oversee.actions import forget_past  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415

    forget_past(SYSTEM, world=world)
    console.print(f"{world} is taken down.")


def _moment(text: str) -> datetime:
    from tocsin.kernel.settings import current  # noqa: PLC0415

    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise Invalid(
            f"{text!r} is no time", field="T", cure="Write it as 2026-03-05T18:30."
        ) from e
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(current().timezone))
