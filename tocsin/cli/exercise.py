"""`tocsin exercise`: what went wrong once, played again against the real system, and scored."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from tocsin.exercise import scenario as scenarios
from tocsin.exercise.results import Result, as_json, local, results, shown, shown_target
from tocsin.exercise.terms import DraftWritten, Post, Scenario, Scripted

app = typer.Typer(
    help="Play what went wrong once again, with and without Tocsin, and see the score."
)
console = Console(highlight=False)
QUICK = 500
"""Background posts of a quick run."""

Name = Annotated[
    str, typer.Argument(help="The exercise, such as january-6; `tocsin exercise list` names them.")
]


@app.command("list")
def list_() -> None:
    """The exercises there are."""
    table = Table(
        "Exercise", "What it is", "Happenings", "Posts", "Measures", box=None, pad_edge=False
    )
    for name in scenarios.names():
        s = scenarios.load(name)
        posts = sum(isinstance(i, Post) for i in s.injects)
        table.add_row(name, s.title, str(len(s.injects) - posts), str(posts), str(len(s.measures)))
    console.print(table)


@app.command()
def show(name: Name) -> None:
    """What happens in an exercise, when, and how well the public record knows it."""
    s = scenarios.load(name)
    console.print(f"[bold]{s.title}[/]\n{s.summary}\n")
    table = Table("When", "Who", "What happened then", "Known", box=None, pad_edge=False)
    for inject in s.injects:
        if isinstance(inject, Scripted):
            who = s.person(inject.actor).role
            table.add_row(local(s, inject.at), who, _what(inject), inject.certainty.value)
    console.print(table)
    console.print(
        f"\nTimes are {s.zone}. Every text in it was written for the exercise; roles stand for people."
    )


def _what(inject: Scripted) -> str:
    title = f"“{inject.title}” " if isinstance(inject, DraftWritten) else ""
    return f"{title}{inject.historical}"


@app.command()
def run(
    name: Name = "january-6",
    as_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a measure, nothing else.")
    ] = False,
    keep: Annotated[
        str, typer.Option(help="Keep the database of the column with Tocsin under this name.")
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help=f"Only {QUICK} background posts.")] = False,
    seed: Annotated[int | None, typer.Option(help="Another draw of background posts.")] = None,
) -> None:
    """Play an exercise in databases of its own, both columns at once, and print the score.

    Nothing of this site is touched, and no mail leaves the machine.
    """
    import django  # noqa: PLC0415 - list and show need none of this

    django.setup()
    from tocsin.exercise.demo import bar  # noqa: PLC0415
    from tocsin.exercise.ground import Run, ground  # noqa: PLC0415

    scenario = scenarios.load(name)
    base: dict[str, Any] = {
        "scenario": name,
        "count": QUICK if quick else None,
        "seed": seed,
        "keep": False,
    }
    quiet = Console(stderr=True, quiet=as_lines)
    with ExitStack() as open_, bar(quiet, scenario, scenario.ends) as advance:
        control_place = open_.enter_context(ground(f"exercise_{os.getpid()}_control"))
        with_place = open_.enter_context(
            ground(keep or f"exercise_{os.getpid()}_with", keep=bool(keep))
        )
        control = Run(control_place, base | {"column": "control"})
        open_.callback(control.stop)
        tocsin = Run(with_place, base | {"column": "with", "keep": bool(keep)})
        open_.callback(tocsin.stop)
        with_values, said = tocsin.wait(advance)
        control_values, _ = control.wait()
    found = results(scenario, with_values, control_values)
    if as_lines:
        for result in found:
            typer.echo(json.dumps(as_json(result), ensure_ascii=False))
        return
    _print(scenario, found, said)
    if keep:
        console.print(f"Kept. To look round in it: TOCSIN_DATABASE_NAME={keep} tocsin up")
        console.print(
            f"Sign in as analyst, reviewer, lead, partner or oversight; password: {said['password']}"
        )


def _print(scenario: Scenario, found: list[Result], said: dict[str, Any]) -> None:
    table = Table(
        "", "Question", "With Tocsin", "Without", "Target", box=box.HORIZONTALS, show_lines=True
    )
    for r in found:
        mark = "[green]met[/]" if r.met else "[bold red]not met[/]"
        without = shown(scenario, r.measure, r.control.value)
        table.add_row(
            mark,
            r.measure.question,
            f"[bold]{shown(scenario, r.measure, r.with_tocsin.value)}[/]\n[dim]{r.with_tocsin.note}[/]",
            f"{without}\n[dim]{r.control.note}[/]",
            shown_target(scenario, r.measure),
        )
    console.print(table)
    good = sum(r.met for r in found)
    bare = sum(r.met_in_control for r in found)
    score = f"[bold]{good} of {len(found)}[/] targets met with Tocsin, {bare} without."
    console.print(f"{score} Times are {scenario.zone}; --json adds what history says of each.")
    days = (scenario.ends - scenario.starts).days
    console.print(
        f"{days} days, {said['chatter']:,} background posts and {said['entries']:,} entries "
        f"played in {said['seconds']:g} s."
    )
    wrong = len(said["unlike"])
    agree = (
        f"[bold red]{wrong} rows do not agree with it[/]" if wrong else "the tables agree with it"
    )
    console.print(f"The record of it verifies ({said['verified']:,} entries), and {agree}.")
    for line in said["unlike"][:5]:
        console.print(f"  {line}")
    for line in said["refused"]:
        console.print(f"[dim]Refused: {line}[/]")
