"""The demo: an empty site is brought to the evening before the event, and left running there.

The same runner plays the exercise into the site's own database and stops at `demo_stops_at`; from then on the
site's clock shows that moment and runs on at its real pace, the scripted people are silent, and the worker goes
on asking: whoever signs in takes it from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tocsin.exercise.control import WITH
from tocsin.exercise.labels import Ask
from tocsin.exercise.live.terms import FieldStory
from tocsin.exercise.runner import stage
from tocsin.exercise.scenario import load as load_scenario
from tocsin.exercise.terms import Person, Scenario
from tocsin.kernel import clock, settings
from tocsin.kernel.ids import secret_code
from tocsin.record.models import Entry, Site

NAME = "january-6"
CHATTER = 4000
"""Background posts of the demo: enough for charts and counts, few enough for a minute."""

FILE = "demo.json"
_LEFT_OPEN = timedelta(hours=10)
_LEFT_BY = "ia"
_LISTS = frozenset({Ask.ASSESS_REPORT, Ask.SECOND_READ, Ask.SETTLE_DISAGREEMENT})


class Account(NamedTuple):
    """Somebody one can sign in as: whose seat, and what to try there."""

    username: str
    person: str
    tries: str


ACCOUNTS = (
    Account("analyst", "ia-senior-collector", "Work off the queue; read a no-report a second time; file a concern."),
    Account("reviewer", "ia-watch-officer", "Release or refuse the report in review before its clock runs out."),
    Account("lead", "uscp-operations-commander", "See the whole picture, the plan and who has which warning."),
    Account("partner", "mpd-watch-commander", "Acknowledge the Norfolk warning that waits for you."),
    Account("oversight", "uscp-inspector", "Follow the record: who knew what, and when."),
    Account("privacy", "ia-privacy-officer", "Look at what is masked, kept and for how long."),
    Account("admin", "uscp-administrator", "Agencies, people, ladders: everything but content."),
)  # fmt: skip


def load(console: Console) -> None:
    """Load the demo into this site's database where it is empty, and say how to sign in; else only say so.

    Raises: Invalid when the site would send real mail.
    """
    if Entry.objects.exists():
        _remind(console)
        return
    scenario = load_scenario(NAME)
    password = secret_code(3)
    with _bar(console, scenario, scenario.demo_stops_at) as advance:
        accounts = {a.person: (a.username, password) for a in ACCOUNTS}
        with stage(
            scenario, WITH, count=CHATTER, accounts=accounts, answering=_answering(scenario)
        ) as play:
            play.run(scenario.demo_stops_at, advance)
    set_clock(scenario, scenario.demo_stops_at)
    _write(scenario, password)
    console.print(
        f"{play.world.chatter:,} background posts went by, {len(play.world.labels):,} items were flagged."
    )
    _remind(console)


def _answering(scenario: Scenario) -> Callable[[Person, Ask, datetime], bool]:
    """In the last hours one agency's lists are left: there must be something to do for whoever signs in."""
    quiet = scenario.demo_stops_at - _LEFT_OPEN

    def answers(person: Person, ask: Ask, at: datetime) -> bool:
        return person.agency != _LEFT_BY or ask not in _LISTS or at < quiet

    return answers


def set_clock(scenario: Scenario, shows: datetime) -> None:
    """Let the site's clock show `shows` now and run on at its real pace; processes take it up when they start."""
    offset = shows - clock.SystemClock().now()
    values = {"exercise": scenario.id, "clock_offset_us": offset // timedelta(microseconds=1)}
    Site.objects.update_or_create(id=1, defaults=values)


def _write(scenario: Scenario, password: str) -> None:
    """Keep the demo's password for the welcome page, readable by this system's account only."""
    agencies = {a.id: a.name for a in scenario.agencies}
    rows = []
    for account in ACCOUNTS:
        person = scenario.person(account.person)
        row = {"username": account.username, "name": person.role, "role": person.seats[0].value}
        rows.append({**row, "agency": agencies[person.agency], "try": account.tries})
    path = settings.current().data_dir / FILE
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"exercise": scenario.id, "password": password, "accounts": rows}, file, indent=1)


def accounts() -> dict[str, Any] | None:
    """What the welcome page shows of the demo: {"exercise", "password", "accounts"}; None where none is loaded."""
    site = Site.objects.filter(id=1).first()
    path = settings.current().data_dir / FILE
    if site is None or not site.exercise or not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _remind(console: Console) -> None:
    demo = accounts()
    if demo is None:
        console.print(
            "This site holds a record of its own already: the demo is not loaded into it."
        )
        return
    table = Table("Sign in as", "Who that is", "Agency", "What to try", box=None, pad_edge=False)
    for row in demo["accounts"]:
        table.add_row(row["username"], row["name"], row["agency"], row["try"])
    console.print(table)
    console.print(f"Password for all of them: [bold]{demo['password']}[/]")
    console.print(f"Start here: [bold]{settings.current().base_url}/welcome[/]")


class _bar:
    """A progress bar over the time of the exercise."""

    def __init__(self, console: Console, scenario: Scenario | FieldStory, until: datetime) -> None:
        self._bar = Progress(
            TextColumn("Playing {task.fields[day]}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._scenario = scenario
        total = (until - scenario.starts).total_seconds()
        self._task = self._bar.add_task("", total=total, day="")

    def __enter__(self) -> Callable[[datetime], None]:
        self._bar.start()
        return self._advance

    def _advance(self, at: datetime) -> None:
        local = at + self._scenario.local_offset
        done = (at - self._scenario.starts).total_seconds()
        self._bar.update(self._task, completed=done, day=f"{local.day} {local:%b %H:%M}")

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


bar = _bar
"""The same bar for the command line."""
