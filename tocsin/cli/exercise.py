"""`tocsin exercise`: what went wrong once, played again against the real system, and scored."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from tocsin.exercise import scenario as scenarios
from tocsin.exercise.live import loading as field
from tocsin.exercise.live.terms import FieldStory
from tocsin.exercise.results import Result, as_json, local, results, shown, shown_target
from tocsin.exercise.terms import DraftWritten, Post, Scenario, Scripted
from tocsin.kernel.errors import NotFound

app = typer.Typer(
    help="Play what went wrong once again, with and without Tocsin, and see the score."
)
console = Console(highlight=False)
QUICK = 500
"""Background posts of a quick run."""
SAY_EVERY_S = 30
"""How often a team that trains is told the time of its exercise (seconds of the machine's clock)."""

Name = Annotated[
    str, typer.Argument(help="The exercise, such as january-6; `tocsin exercise list` names them.")
]


@app.command("list")
def list_() -> None:
    """The exercises there are."""
    table = Table(
        "Exercise", "What it is", "Happenings", "Posts", "Measures", box=None, pad_edge=False
    )
    for name in field.names():
        f = field.load(name)
        table.add_row(name, f.title, str(len(f.injects)), "-", str(len(f.measures)))
    for name in scenarios.names():
        s = scenarios.load(name)
        posts = sum(isinstance(i, Post) for i in s.injects)
        table.add_row(name, s.title, str(len(s.injects) - posts), str(posts), str(len(s.measures)))
    console.print(table)


@app.command()
def show(name: Name) -> None:
    """What happens in an exercise, when, and how well the public record knows it."""
    s = _load(name)
    console.print(f"[bold]{s.title}[/]\n{s.summary}\n")
    table = Table("When", "Who", "What happened then", "Known", box=None, pad_edge=False)
    for inject in s.injects:
        if isinstance(inject, Scripted):
            who = next(p.role for p in s.people if p.id == inject.actor)
            table.add_row(local(s, inject.at), who, _what(inject), inject.certainty.value)
    console.print(table)
    console.print(
        f"\nTimes are {s.zone}. Every text in it was written for the exercise; roles stand for people."
    )


def _load(name: str) -> Scenario | FieldStory:
    """The exercise of that name, of either kind. Raises: NotFound, BadScenario."""
    if name.replace("_", "-") in field.names():
        return field.load(name)
    if name.replace("_", "-") in scenarios.names():
        return scenarios.load(name)
    cure = f"Choose one of: {', '.join((*field.names(), *scenarios.names()))}."
    raise NotFound(f"there is no exercise called {name!r}.", field="exercise", cure=cure)


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

    scenario = _load(name)
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
        who = "analyst, reviewer, lead, partner or oversight"
        if isinstance(scenario, FieldStory):
            who = f"{', '.join(p.id for p in scenario.people[:4])} or any other of the cast"
        console.print(f"Sign in as {who}; password: {said['password']}")


@app.command()
def train(
    name: Annotated[
        str, typer.Argument(help="An exercise in the field: butler-2024 or dnc-sweep.")
    ] = "butler-2024",
    as_: Annotated[
        list[str] | None,
        typer.Option(
            "--as", help="Whose seat somebody takes; may be given again. Without: the lead's."
        ),
    ] = None,
    pace: Annotated[int, typer.Option(help="How many times as fast as real, 1 to 60.")] = 1,
    port: Annotated[int, typer.Option(help="Where the team signs in, on this machine.")] = 8765,
    keep: Annotated[str, typer.Option(help="Keep the database under this name.")] = "",
) -> None:
    """Train a team: it takes seats of an exercise, which goes on at its pace, and is scored at the end.

    It plays in a place of its own: nothing of this site is touched, and no mail leaves the machine. Ctrl-C ends it
    early and scores what was played.
    """
    import django  # noqa: PLC0415

    django.setup()
    from tocsin.exercise.ground import Run, ground  # noqa: PLC0415
    from tocsin.exercise.live import training  # noqa: PLC0415

    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # so that what was begun here is ended here
    story = field.load(name)
    seats = training.seats(story, as_ or ())
    orders = {
        "scenario": name,
        "column": "with",
        "keep": bool(keep),
        "train": {"as": seats, "pace": pace},
    }
    with ExitStack() as open_:
        place = open_.enter_context(ground(keep or f"training_{os.getpid()}", keep=bool(keep)))
        place |= {"TOCSIN_BASE_URL": f"http://127.0.0.1:{port}"}
        play = Run(place, orders)
        open_.callback(play.stop)
        team = Team(story, place, port, open_)
        try:
            values, said = play.wait(team.clock, team.sit)
        except KeyboardInterrupt:
            console.print("Ended early; scoring what was played.")
            values, said = play.wait()
    found = results(story, values, values)
    _scored(story, found, said)


class Team:
    """What a team sees in the terminal while it trains: where to sign in, and the time of the exercise."""

    def __init__(
        self, story: FieldStory, place: dict[str, str], port: int, open_: ExitStack
    ) -> None:
        self._story, self._place, self._port, self._open = story, place, port, open_
        self._sat, self._shown = False, 0.0
        console.print(f"Playing {story.title} up to {local(story, story.training_at)}…")

    def sit(self, ready: dict[str, Any]) -> None:
        """The exercise has come to where the team takes over."""
        self._sat = True
        order = [sys.executable, "-m", "tocsin.cli.main", "web", "--port", str(self._port)]
        web = subprocess.Popen(order, env=self._place, start_new_session=True)
        self._open.callback(web.wait)
        self._open.callback(web.terminate)
        base = f"http://127.0.0.1:{self._port}"
        console.print(
            f"Sign in at [bold]{base}[/] as {', '.join(ready['as'])}; password: [bold]{ready['password']}[/]"
        )
        console.print(f"The board: {base}/operations/{ready['operation']}/board")

    def clock(self, at: datetime) -> None:
        """The time of the exercise, once it is the team's."""
        if self._sat and time.monotonic() - self._shown >= SAY_EVERY_S:
            self._shown = time.monotonic()
            console.print(f"[dim]{at + self._story.local_offset:%H:%M}[/]")


def _scored(story: FieldStory, found: list[Result], said: dict[str, Any]) -> None:
    table = Table(
        "", "Question", "Your team", "Target", "History", box=box.HORIZONTALS, show_lines=True
    )
    for r in found:
        mark = "[green]met[/]" if r.met else "[bold red]not met[/]"
        mine = (
            f"[bold]{shown(story, r.measure, r.with_tocsin.value)}[/]\n[dim]{r.with_tocsin.note}[/]"
        )
        table.add_row(
            mark, r.measure.question, mine, shown_target(story, r.measure), r.measure.historical
        )
    console.print(table)
    console.print(f"[bold]{sum(r.met for r in found)} of {len(found)}[/] targets met.")
    columns = (
        "Seat",
        "Told of",
        "Acknowledged",
        "Middle",
        "Slowest",
        "Decided",
        "Answered",
        "Made up for",
    )
    people = Table(*columns, box=None)
    for m in said["marks"]:
        spans = [f"{m[k]} s" if m[k] is not None else "–" for k in ("middle_s", "slowest_s")]
        counts = [str(m[k]) for k in ("decided", "answered", "covered")]
        people.add_row(m["role"], str(m["told"]), str(m["acknowledged"]), *spans, *counts)
    console.print(people)
    for line in said["refused"]:
        console.print(f"[dim]Refused: {line}[/]")


def _print(scenario: Scenario | FieldStory, found: list[Result], said: dict[str, Any]) -> None:
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
    span = scenario.ends - scenario.starts
    length = f"{span.days} days" if span.days > 1 else f"{round(span.total_seconds() / 3600)} hours"
    posts = f", {said['chatter']:,} background posts" if said["chatter"] else ""
    console.print(
        f"{length}{posts} and {said['entries']:,} entries played in {said['seconds']:g} s."
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
