"""Crash points: web, workers, sequencers and the database killed with SIGKILL at random, again and again, under
mixed load; at the end the record is held to everything that was acknowledged.

A point counts only when the load got further since the one before, and only what is at work is killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tocsin.cli.benches import Measure, scratch
from tocsin.cli.benches.cluster import Cluster
from tocsin.cli.benches.delivering import Far

POINTS, FEW = 200, 20
WEIGHTS = {"backend": 16, "database": 12, "worker": 30, "sequencer": 30, "web": 12}
EACH = 2
"""Web servers, workers and sequencers each: while one starts again, the others are at work."""
WARM = {"web": 10, "database": 3}
"""Reports that went through it since it was started before it dies again: so that each time it is in the middle of the
load. A web server that has just started loads its models first: several seconds on a machine this busy."""
_PROGRESS_WITHIN_S = 60.0
_APP = "drill-"
_DONE = """
SELECT (SELECT count(*) FROM record_pending)
     + (SELECT count(*) FROM duties_duty WHERE discharged_at IS NULL AND next_at < now())
     + (SELECT count(*) FROM warn_warning w WHERE state = 'RELEASED'
        AND NOT EXISTS (SELECT 1 FROM deliver_fanout f WHERE f.warning = w.id AND f.occasion = 'release'))
     + (SELECT count(*) FROM deliver_delivery WHERE %s AND state IN ('QUEUED', 'RETRYING'))
"""


def run(*, quick: bool = False) -> Iterator[Measure]:
    """200 points; `quick` = 20."""
    points = FEW if quick else POINTS
    with scratch() as folder:
        found = strike(folder, points, seed=6)
    killed = ", ".join(f"{n} {what}" for what, n in sorted(found.killed.items()))
    how = (
        f"{points} SIGKILLs at random under load ({killed}), and one clean restart of the database"
    )
    yield Measure("crash.points", points, "kills", f"target 200; {how}")
    yield Measure("crash.took", round(found.seconds), "s", how)
    kinds = ", ".join(f"{n} {what}s" for what, n in found.acknowledged.items())
    yield Measure("crash.acknowledged", sum(found.acknowledged.values()), "commits", kinds)
    yield Measure("crash.entries", found.entries, "entries", how)
    for name in ("lost", "doubled", "torn", "wrong"):
        listed: list[str] = getattr(found, name)
        yield Measure(
            f"crash.{name}",
            len(listed),
            "commits",
            f"target 0; {_NAMES[name]} {'; '.join(listed[:5])}".strip(),
        )
    yield Measure(
        "crash.unfired", found.unfired, "steps", "target 0; due and not fired, all restarted"
    )
    yield Measure("crash.unsent", found.unsent, "letters", "target 0; waiting, all restarted")
    yield Measure(
        "crash.letters.twice",
        found.twice,
        "letters",
        f"of {found.letters}; taken twice by the mail server, same Message-ID",
    )


_NAMES = {
    "lost": "acknowledged and not there",
    "doubled": "there twice",
    "torn": "half of a commit there",
    "wrong": "findings of verify and fsck",
}


@dataclass(slots=True)
class Found:
    """What the reckoning found; the lists name what is wrong."""

    seconds: float = 0.0
    killed: Counter[str] = field(default_factory=Counter)
    acknowledged: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unfired: int = 0
    unsent: int = 0
    letters: int = 0
    twice: int = 0


def strike(folder: Path, points: int, seed: int) -> Found:
    """Run the drill in `folder`, until every letter went, past the leases of the killed."""
    with installed(folder) as (site, mail):
        given = site.python("scene")
        site.start(given)
        return reckoned(site, mail, points, seed, to_the_end=True)


@contextmanager
def installed(folder: Path, each: int = EACH) -> Iterator[tuple[Installation, Far]]:
    """An installation with so many processes of `each` kind, none started yet, and the mail server it sends to."""
    folder.chmod(0o755)  # the database's user passes through
    with ExitStack() as stack:
        cluster = Cluster(folder)
        stack.callback(cluster.close)
        cluster.start()
        mail = stack.enter_context(Far.mail())
        site = Installation(folder, cluster, mail.port, each)
        stack.callback(site.close)
        yield site, mail


def reckoned(site: Installation, mail: Far, points: int, seed: int, *, to_the_end: bool) -> Found:
    """Kill under the load that runs, let it settle, and hold the record to what was acknowledged."""
    begin = time.monotonic()
    killed = Killer(site, random.Random(seed)).kill(points)
    seconds = time.monotonic() - begin
    ended = site.settle(to_the_end)
    found = site.python("reckon", str(site.ledger), ended)
    taken = mail.taken()
    return Found(
        seconds=seconds, killed=killed, letters=len(taken), twice=sum(c > 1 for c in taken.values()), **found
    )  # fmt: skip


class Process:
    """A process of the installation in a group of its own, known to the database by its name."""

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], log: Path
    ) -> None:
        self.name = name
        self._command, self._log = command, log
        self._environment = {**environment, "PGAPPNAME": _APP + name}
        self.process: subprocess.Popen[bytes]
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL to it and all it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Installation:
    """One whole installation on a database of its own: web servers, workers, sequencers, and its load."""

    def __init__(self, folder: Path, cluster: Cluster, mail_port: int, each: int = EACH) -> None:
        self.cluster = cluster
        self._each = each
        self.ledger = folder / "ledger"
        self.log = folder / "processes.log"
        self.webs = {f"web-{i + 1}": port for i, port in enumerate(_free_ports(each))}
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as c:
            c.execute("CREATE ROLE tocsin_app LOGIN")
            c.execute("CREATE DATABASE tocsin")
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")},
            "DJANGO_SETTINGS_MODULE": "tocsin.kernel.django_settings",
            "TOCSIN_DATA_DIR": str(folder / "data"),
            "TOCSIN_DATABASE_URL": cluster.url(user="tocsin_app"),
            "TOCSIN_DATABASE_OWNER_URL": cluster.url(),
            "TOCSIN_BASE_URL": f"http://127.0.0.1:{self.webs['web-1']}",
            "TOCSIN_PORT": str(self.webs["web-1"]),
            "TOCSIN_SMTP_HOST": "127.0.0.1",
            "TOCSIN_SMTP_PORT": str(mail_port),
            "TOCSIN_ALLOW_PRIVATE_ADDRESSES": "1",
        }
        self.processes: dict[str, Process] = {}
        self._load: Process | None = None

    def python(self, step: str, *arguments: str) -> dict[str, Any]:
        """Run a step of `crashing` to its end; what it printed last. Raises: CalledProcessError."""
        command = [sys.executable, "-m", "tocsin.cli.benches.crashing", step, *arguments]
        with self.log.open("ab") as log:
            done = subprocess.run(
                command, env=self.environment, stdout=subprocess.PIPE, stderr=log, check=True
            )
        last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return last

    def start_web(self) -> None:
        """Start the web servers, where they are not up."""
        command = [sys.executable, "-m", "tocsin.cli.main", "web"]
        for name, port in self.webs.items():
            if name not in self.processes:
                environment = {**self.environment, "TOCSIN_PORT": str(port)}
                self.processes[name] = Process(name, command, environment, self.log)

    def start(self, given: dict[str, Any]) -> None:
        """Start everything, and the load on it."""
        self.start_web()
        worker = [sys.executable, "-m", "tocsin.worker"]
        for i in range(1, self._each + 1):
            for kind, how in (("worker", "--without"), ("sequencer", "--only")):
                command = [*worker, how, "sequencer"]
                name = f"{kind}-{i}"
                self.processes[name] = Process(name, command, self.environment, self.log)
        load = [sys.executable, "-m", "tocsin.cli.benches.crashing", "load"]
        told = json.dumps({**given, "webs": list(self.webs.values())})
        command = [*load, told, str(self.ledger)]
        self._load = Process("load", command, self.environment, self.log)

    def mend(self) -> None:
        """Start again what ended by itself, as `tocsin up` does: it found no database at its start."""
        for process in self.processes.values():
            if process.process.poll() is not None:
                process.start()

    def settle(self, to_the_end: bool) -> str:
        """End the load, wait until what it left is done, and end everything; returns when, by the database."""
        assert self._load is not None
        assert self._load.process.stdin is not None
        self._load.process.stdin.close()
        self._load.process.wait(120)
        with psycopg.connect(self.cluster.url(), autocommit=True) as c:
            wait_for(lambda: c.execute(_DONE % to_the_end).fetchone() == (0,), 120)
            [(ended,)] = c.execute("SELECT now()::text").fetchall()
        self._end()
        return str(ended)

    def _end(self) -> None:
        for process in self.processes.values():
            if process.process.poll() is None:
                process.kill()

    def close(self) -> None:
        """End everything, whatever state it is in."""
        self._end()
        if self._load is not None and self._load.process.poll() is None:
            self._load.kill()


class Killer:
    """Chooses what dies, and when."""

    def __init__(self, site: Installation, chance: random.Random) -> None:
        self._site, self._chance = site, chance
        self._killed: Counter[str] = Counter()
        self._seen = 0
        self._before: Counter[str] = Counter()

    def kill(self, points: int) -> Counter[str]:
        """So many points, each after the load got further; returns how many of what."""
        every = set(self._site.processes)
        wait_for(lambda: {p.name for p in self._at_work()} == every, _PROGRESS_WITHIN_S)
        webs = set(self._site.webs)
        wait_for(lambda: set(self._reports()) == webs, _PROGRESS_WITHIN_S)  # they take part
        restart = points // 2
        while self._killed.total() < points:
            wait_for(self._further, _PROGRESS_WITHIN_S)
            if self._killed.total() == restart:
                restart = 0  # once: told to stop in the middle of writing, and started again
                self._site.cluster.stop()
                self._site.cluster.start()
                continue
            time.sleep(self._chance.random() * 0.5)
            what = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            self._killed[what] += self._one(what)
        wait_for(self._further, _PROGRESS_WITHIN_S)
        return self._killed

    def _further(self) -> bool:
        self._site.mend()
        ledger = self._site.ledger
        before, self._seen = self._seen, ledger.stat().st_size if ledger.exists() else 0
        return self._seen > before

    def _one(self, what: str) -> int:
        """Kill one of that kind and start it again; 0 when none is at work just now."""
        if what in ("database", "backend"):
            return self._database(what)
        ready = [p for p in self._at_work() if p.name.startswith(what)]
        if what == "web":
            taken = self._reports() - self._before
            ready = [p for p in ready if taken[p.name] >= WARM["web"]]
        if not ready:
            return 0
        chosen = self._chance.choice(ready)
        chosen.kill()
        if what == "web":
            self._before[chosen.name] = self._reports()[chosen.name]
        chosen.start()
        return 1

    def _reports(self) -> Counter[str]:
        """How many reports each web server has acknowledged."""
        ledger, names = self._site.ledger, {port: name for name, port in self._site.webs.items()}
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        found = (json.loads(line) for line in lines if '"report"' in line and line.endswith("}"))
        return Counter(names[one["web"]] for one in found)

    def _database(self, what: str) -> int:
        """The whole of it, or one server process."""
        taken = self._reports().total()
        if taken - self._before[""] < WARM["database"]:
            return 0
        self._before[""] = taken
        if what == "backend":
            return self._backend()
        self._site.cluster.kill()
        self._site.cluster.start()
        return 1

    def _backend(self) -> int:
        """A server process in the middle of something, if there is one: PostgreSQL ends them all and recovers."""
        rows = self._ask(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'drill-%' "
            "ORDER BY state IN ('active', 'idle in transaction') DESC, random() LIMIT 1"
        )
        for (pid,) in rows:
            os.kill(pid, signal.SIGKILL)
        return len(rows)

    def _at_work(self) -> list[Process]:
        """Processes that have a connection: they are past their start."""
        names = {n for (n,) in self._ask("SELECT DISTINCT application_name FROM pg_stat_activity")}
        return [p for p in self._site.processes.values() if _APP + p.name in names]

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        try:
            with psycopg.connect(self._site.cluster.url(), connect_timeout=5) as c:
                return c.execute(query).fetchall()
        except psycopg.OperationalError:
            return []  # it recovers


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        bound = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in bound]


def wait_for(done: Callable[[], bool], within_s: float) -> None:
    """Ask again and again. Raises: TimeoutError."""
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("the installation did not get further")
        time.sleep(0.02)
