"""The parts of the crash drill that run in processes of their own: the scene, the load, and the reckoning.

`python -m tocsin.cli.benches.crashing scene|load|reckon …`, on the installation that the environment names. The
load writes down each thing it is about to do and each that was acknowledged, one JSON line each, in a file that
no kill touches: that is what the reckoning holds the record to.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.kernel.django_settings")

PARTNERS, DESKS = 2, 3
_WORDS = "bakery library harbour festival council river garden museum station market bridge orchard".split()


def main() -> None:
    """Run the step that is named."""
    import django  # noqa: PLC0415 - settings first

    django.setup()
    from tocsin.record import database  # noqa: PLC0415

    logging.disable(logging.ERROR)  # a load that is killed on purpose fails loudly otherwise
    step, *rest = sys.argv[1:]
    if step == "scene":
        sys.stdout.write(json.dumps(scene()) + "\n")
        return
    database.ensure()
    if step == "load":
        load(json.loads(rest[0]), Path(rest[1]))
    else:
        sys.stdout.write(json.dumps(reckon(Path(rest[0]), rest[1])) + "\n")


def scene() -> dict[str, Any]:
    """An installation with two partners, a directory, an operation, a source and a key for its API."""
    from tocsin.cli.benches import delivering  # noqa: PLC0415
    from tocsin.collect.actions import add_source  # noqa: PLC0415
    from tocsin.collect.terms import SourceKind  # noqa: PLC0415
    from tocsin.kernel import settings  # noqa: PLC0415
    from tocsin.people import tokens  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.record import database  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    database.migrate(database.owner_url(), settings.current().database_url)
    load_signer()
    partners = delivering.agencies(PARTNERS)
    delivering.directory(
        (p, i + 1, "email", f"{p}.{i}@sink.example") for p in partners for i in range(DESKS)
    )
    event = delivering.operation(partners)
    lead = delivering.lead()
    source = add_source(
        SYSTEM, kind=SourceKind.API, name="County system", agency="lead", authority="exercise", purpose="exercise",
    )  # fmt: skip
    key = tokens.issue(SYSTEM, person=lead.person, name="load")
    return {"partners": partners, "event": event, "source": source, "key": key}


# The load


class Ledger:
    """What was acknowledged, and beside it what was tried, as lines of two files; any thread may write."""

    def __init__(self, acknowledged: TextIO, tried: TextIO) -> None:
        self._out, self._tried, self._lock = acknowledged, tried, threading.Lock()

    def note(self, what: str, subject: str, *, tried: bool = False, **more: Any) -> None:
        out = self._tried if tried else self._out
        with self._lock:
            out.write(json.dumps({"what": what, "id": subject, **more}) + "\n")
            out.flush()


def tried_beside(ledger: Path) -> Path:
    """Where what was tried is noted."""
    return ledger.with_suffix(".tried")


def load(given: dict[str, Any], ledger: Path) -> None:
    """Mixed load until the standard input closes: blocks of duties, answers, releases, reports by the API."""
    stop = threading.Event()
    with ledger.open("a") as out, tried_beside(ledger).open("a") as tried:
        notes = Ledger(out, tried)
        steps: list[Callable[[], None]] = [
            Duties(notes, 1).step, Duties(notes, 2).step, Releases(notes, given).step,
            Reports(notes, given, "a").step, Reports(notes, given, "b").step,
        ]  # fmt: skip
        threads = [threading.Thread(target=_again, args=(step, stop)) for step in steps]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        stop.set()
        for thread in threads:
            thread.join()


def _again(step: Callable[[], None], stop: threading.Event) -> None:
    from django.db import connections  # noqa: PLC0415

    while not stop.is_set():
        try:
            step()
        except Exception:  # noqa: BLE001 - whatever a kill looks like from here: not acknowledged
            connections.close_all()
            stop.wait(0.2)
    connections.close_all()


class Duties:
    """Blocks of duties that fall due within seconds, with content beside them; some are answered."""

    def __init__(self, notes: Ledger, seed: int) -> None:
        self._notes, self._chance = notes, random.Random(seed)
        self._open: list[str] = []
        self._count, self._name = 0, f"{os.getpid()}x{seed}"

    def step(self) -> None:
        if self._open and self._chance.random() < 0.4:
            self._answer(self._open.pop())
        else:
            self._owe()
        time.sleep(self._chance.random() * 0.06)

    def _owe(self) -> None:
        from tocsin.duties.actions import open_duty  # noqa: PLC0415
        from tocsin.kernel import clock  # noqa: PLC0415
        from tocsin.people.terms import SYSTEM  # noqa: PLC0415
        from tocsin.record.actions import writing  # noqa: PLC0415
        from tocsin.record.terms import Marking  # noqa: PLC0415

        self._count += 1
        block, size = f"rpt_drill{self._name}x{self._count}", self._chance.randint(1, 4)
        self._notes.note("block tried", block, tried=True, size=size)
        with writing(SYSTEM) as w:
            for i in range(size):
                due = clock.now() + timedelta(seconds=self._chance.random() * 3)
                open_duty(
                    w, "assess", f"{block}_{i}", "Assess a report", Marking("lead", "AMBER"),
                    owner_agency="lead", owner_role="collector", due_at=due,
                )  # fmt: skip
            kept = w.keep(block, {"text": f"what {block} says"})
            w.append(
                "vault.unmasked", block, {"vault": kept["vault"], "reason": kept}, marking=None
            )
        self._notes.note("block", block, size=size)
        self._open.append(f"{block}_0")

    def _answer(self, subject: str) -> None:
        from tocsin.duties.actions import discharge  # noqa: PLC0415
        from tocsin.people.terms import SYSTEM  # noqa: PLC0415
        from tocsin.record.actions import writing  # noqa: PLC0415

        with writing(SYSTEM) as w:
            discharge(w, subject, "assess", "answered")
        self._notes.note("answer", subject)


class Releases:
    """A warning to every desk, by the ordinary actions: draft, submit, release by a second person."""

    def __init__(self, notes: Ledger, given: dict[str, Any]) -> None:
        self._notes, self._given = notes, given

    def step(self) -> None:
        from tocsin.cli.benches import delivering  # noqa: PLC0415

        warning, _ = delivering.release(self._given["event"], self._given["partners"], "FLASH")
        self._notes.note("release", warning)
        time.sleep(1.0)


class Reports:
    """Reports by HTTP, each call sent until it is answered: with the same key, so that it counts once."""

    def __init__(self, notes: Ledger, given: dict[str, Any], name: str) -> None:
        self._notes, self._given, self._name = notes, given, f"{os.getpid()}{name}"
        self._chance, self._count = random.Random(name), 0
        self._webs = list(given["webs"])

    def step(self) -> None:
        self._count += 1
        key, tries, answer = f"{self._name}{self._count}", 0, ""
        words = " ".join(self._chance.sample(_WORDS, 8))
        item = {"text": f"i will kill the governor at city hall tonight, {words} {key}", "key": key}
        body = json.dumps({"source": self._given["source"], "items": [item]}).encode()
        while not answer and tries < 400:
            tries += 1
            answer = self._send(body, key)
            if not answer:
                self._next()
                time.sleep(0.1)
        if answer:
            self._notes.note(
                "report",
                key,
                answer=answer,
                tries=tries,
                source=self._given["source"],
                web=self._webs[0],
            )
        self._next()
        time.sleep(0.03)

    def _next(self) -> None:
        """The next server, as behind any balancer."""
        self._webs.append(self._webs.pop(0))

    def _send(self, body: bytes, key: str) -> str:
        headers = {
            "Authorization": f"Bearer {self._given['key']}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        url = f"http://127.0.0.1:{self._webs[0]}/api/v1/reports"
        request = urllib.request.Request(url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=8) as answer:
                return str(json.load(answer)["items"][0]["result"])
        except (urllib.error.URLError, OSError, ValueError):
            return ""


# The reckoning


def reckon(ledger: Path, ended: str) -> dict[str, Any]:
    """Hold the record to what was acknowledged. Each list names what is wrong; empty = nothing.

    `ended` = until when somebody was there to fire what was due.
    """
    notes: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    with ledger.open() as lines, tried_beside(ledger).open() as tried:
        for line in (*lines, *tried):
            one = json.loads(line)
            notes[one["what"]][one["id"]] = one
    lost: list[str] = []
    doubled: list[str] = []
    torn = list(_blocks(notes, lost, doubled))
    _answers(notes["answer"], lost, doubled)
    _reports(notes["report"], lost, doubled)
    unfired = _fired(doubled, ended)
    unsent = _sent(notes["release"], lost, doubled)
    acknowledged = {what: len(noted) for what, noted in notes.items() if what != "block tried"}
    return {
        "acknowledged": acknowledged, "lost": lost, "doubled": doubled, "torn": torn, "unfired": unfired,
        "unsent": unsent, **_sound(),
    }  # fmt: skip


def _rows(query: str, *values: str) -> list[tuple[Any, ...]]:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(query, values or None)
        return list(cursor.fetchall())


def _blocks(
    notes: dict[str, dict[str, dict[str, Any]]], lost: list[str], doubled: list[str]
) -> Iterator[str]:
    """All of a block or nothing; yields those of which a part is there."""
    opened = Counter(
        str(s).rpartition("_")[0]
        for (s,) in _rows(
            "SELECT subject FROM record_entry WHERE kind = 'duty.opened' AND subject LIKE 'rpt_drill%'"
        )
    )
    beside = Counter(
        str(s) for (s,) in _rows("SELECT subject FROM record_entry WHERE kind = 'vault.unmasked'")
    )
    words = Counter(
        str(s) for (s,) in _rows("SELECT subject FROM record_vault WHERE subject LIKE 'rpt_drill%'")
    )
    for block, one in notes["block tried"].items():
        found = (opened[block], beside[block], words[block])
        if found == (one["size"], 1, 1):
            continue
        if block in notes["block"] and 0 in found:
            lost.append(block)
        elif max(beside[block], words[block]) > 1 or opened[block] > one["size"]:
            doubled.append(block)
        elif found != (0, 0, 0):
            yield block


def _answers(noted: Iterable[str], lost: list[str], doubled: list[str]) -> None:
    ended = Counter(
        s for (s,) in _rows("SELECT subject FROM record_entry WHERE kind = 'duty.discharged'")
    )
    lost += [s for s in noted if not ended[s]]
    doubled += [s for s, count in ended.items() if s.startswith("rpt_drill") and count > 1]


def _reports(noted: dict[str, dict[str, Any]], lost: list[str], doubled: list[str]) -> None:
    """Each report by its key: on the record once, in the table once."""
    from tocsin.collect.pseudonyms import pseudonym  # noqa: PLC0415
    from tocsin.collect.rules import identity  # noqa: PLC0415
    from tocsin.collect.terms import Item  # noqa: PLC0415

    kept = Counter(
        i for (i,) in _rows(
            "SELECT convert_from(body, 'UTF8')::json->'data'->>'identity' FROM record_entry "
            "WHERE kind = 'report.flagged'"
        )
    )  # fmt: skip
    tables = Counter(i for (i,) in _rows("SELECT identity FROM collect_report"))
    for key, one in noted.items():
        same = pseudonym("identity", one["source"], identity(Item(text="", key=key)))
        if kept[same] != tables[same] or not kept[same]:
            lost.append(f"{key} (answered {one['answer']})")
    doubled += [i for i, count in kept.items() if count > 1]


def _fired(doubled: list[str], ended: str) -> int:
    """How many steps that were due long enough have not fired; what fired twice is added to `doubled`."""
    doubled += [
        f"{s} step {r}" for s, r in _rows(
            "SELECT convert_from(body, 'UTF8')::json->'data'->>'id', convert_from(body, 'UTF8')::json->'data'->>'rung' "
            "FROM record_entry WHERE kind = 'duty.fired' GROUP BY 1, 2 HAVING count(*) > 1"
        )
    ]  # fmt: skip
    late = (
        "SELECT count(*) FROM duties_duty WHERE discharged_at IS NULL "
        "AND next_at < %s::timestamptz - interval '2 s'"
    )
    return int(_rows(late, ended)[0][0])


def _sent(noted: Iterable[str], lost: list[str], doubled: list[str]) -> int:
    """How many letters still wait; a release without its letters is lost, one said to be sent twice doubled."""
    letters = Counter(w for (w,) in _rows("SELECT warning FROM deliver_delivery"))
    lost += [w for w in noted if letters[w] != PARTNERS * DESKS]
    doubled += [
        f"{s} sent" for (s,) in _rows(
            "SELECT convert_from(body, 'UTF8')::json->'data'->>'id' FROM record_entry "
            "WHERE kind = 'delivery.sent' GROUP BY 1 HAVING count(*) > 1"
        )
    ]  # fmt: skip
    return int(
        _rows("SELECT count(*) FROM deliver_delivery WHERE state IN ('QUEUED', 'RETRYING')")[0][0]
    )


def _sound() -> dict[str, Any]:
    """verify, the vault, and fsck; what is wrong in words."""
    from tocsin.kernel.errors import TocsinError  # noqa: PLC0415
    from tocsin.record import checking, database  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    wrong: list[str] = []
    entries = 0
    try:
        checking.place_pending()
        entries = checking.verify(load_signer().verifier).entries
        checking.verify_vault()
    except TocsinError as e:
        wrong.append(str(e))
    wrong += [
        f"{d.table}: {d.missing} missing, {d.extra} extra, {d.example[:200]}"
        for d in checking.fsck(database.owner_url())
    ]
    return {"entries": entries, "wrong": wrong}


if __name__ == "__main__":
    main()
