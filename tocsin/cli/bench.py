"""`tocsin bench`: measure, never judge."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from tocsin.cli import benches
from tocsin.kernel.errors import Invalid


def mount(app: typer.Typer) -> None:
    """Add the command to `tocsin`."""
    app.command("bench")(bench)


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="What to measure; none = list what there is.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small sizes, to see that it works.")
    ] = False,
) -> None:
    """Measure parts of Tocsin on this machine, in databases of their own that are dropped afterwards."""
    known = [m.name for m in pkgutil.iter_modules(benches.__path__)]
    if not names:
        typer.echo("\n".join(known))
        return
    console = Console()
    for name in names:
        if name not in known:
            raise Invalid(
                f"no benchmark {name!r}", field="NAME", cure=f"Choose of: {', '.join(known)}."
            )
    from tocsin.cli.main import setup  # noqa: PLC0415

    setup()
    for name in names:
        for measure in importlib.import_module(f"tocsin.cli.benches.{name}").run(quick=quick):
            if as_json:
                typer.echo(msgspec.json.encode(measure).decode())
            else:
                console.print(
                    f"[bold]{measure.name}[/]  {measure.value:,} {measure.unit}  [dim]{measure.conditions}[/]"
                )
