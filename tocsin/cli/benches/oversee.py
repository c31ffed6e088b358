"""Oversight: the world as it stood, over a million entries; one subject at any moment; who knew, as a page.

The entries are written by SQL, as `record` benches write theirs: what is measured is looking back, not writing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin.cli.benches import Measure, fresh_database, percentile

START = datetime(2026, 1, 1, tzinfo=UTC)
DESTINATIONS = 40


def run(*, quick: bool = False) -> Iterator[Measure]:
    """As-of over 10^6 entries (target: 60 s), one subject (100 ms), the timeline page (p95 100 ms)."""
    total = 20_000 if quick else 1_000_000
    with fresh_database("oversee") as url:
        person, subjects = _world(total)
        yield from _pages(person, subjects, total)
        yield from _as_of(url, total)


def _as_of(url: str, total: int) -> Iterator[Measure]:
    from django.db import connection  # noqa: PLC0415

    from tocsin.oversee import past  # noqa: PLC0415
    from tocsin.oversee.models import World  # noqa: PLC0415
    from tocsin.record.checking import place_pending  # noqa: PLC0415

    place_pending()
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(recorded_at) FROM record_entry")
        at = cursor.fetchone()[0]
    row = World.objects.create(id="pst_bench", at=at, asked_by="system", asked_at=at)
    begin = time.perf_counter()
    entries = past.build(url, row.id, at, lambda _: None)
    took = time.perf_counter() - begin
    yield Measure(
        f"oversee.as_of.entries_{entries}",
        round(took, 1),
        "s",
        "tables, indexes, views, statistics; target 60 s",
    )
    begin = time.perf_counter()
    with past.standing(row), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM collect_report")
        count = cursor.fetchone()[0]
    stepping = (time.perf_counter() - begin) * 1000
    yield Measure(
        "oversee.as_of.step_in",
        round(stepping, 1),
        "ms",
        f"{count} reports stand in that world, one counted query",
    )
    past.drop(url, row.id)


def _world(total: int) -> tuple[str, dict[str, str]]:
    """Agencies, an inspector, a warning with its destinations, a report looked at often, and reports to fill."""
    from tocsin.people import actions  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415

    for n in range(DESTINATIONS):
        actions.add_agency(SYSTEM, agency=f"a{n}", name=f"Agency {n}")
    person = actions.add_person(
        SYSTEM, username="ines", name="Inspector", agency="a0", roles=[Role.INSPECTOR]
    )
    march = actions.open_operation(
        SYSTEM,
        name="Event",
        lead_agency="a0",
        starts_at=START + timedelta(days=90),
        ends_at=START + timedelta(days=91),
    )
    subjects = _story(march)
    _fill(total)
    return person, subjects


def _story(march: str) -> dict[str, str]:
    """One warning sent to many and one report that was assessed, by entries that `apply` takes."""
    from tocsin.kernel.ids import new_id  # noqa: PLC0415
    from tocsin.oversee.terms import SEEN  # noqa: PLC0415
    from tocsin.people.terms import Actor  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415
    from tocsin.record.terms import Marking, stamp  # noqa: PLC0415

    author, marking = Actor(person=new_id("per"), agency="a0"), Marking("a0", "AMBER", march)
    report, warning = new_id("rpt"), new_id("wrn")
    with writing(author) as w:
        w.append("report.flagged", report, _report("bench", stamp(w.at)), marking=marking)
        content = w.keep(warning, {"title": "Doors", "text": "Words of the warning"})
        draft = {
            "type": "NOTE", "label": "AMBER", "precedence": "PRIORITY", "distribution": [], "expires_at": None,
            "cites": [{"id": report, "kind": "report", "version": 1, "commitment": "", "tlp": "AMBER"}],
            "series": warning, "edition": 1, "supersedes": "", "situation": "", "content": content,
        }  # fmt: skip
        w.append("warning.drafted", warning, draft, marking=marking)
        for n in range(40):
            seen = {"version": n + 1, "roles": ["collector"]}
            w.append(SEEN, report, seen, marking=Marking("a0", "AMBER+STRICT", march))
        _send(w, warning, marking)
    return {"report": report, "warning": warning}


def _send(w: Any, warning: str, marking: Any) -> None:
    from tocsin.kernel.ids import new_id  # noqa: PLC0415

    for n in range(DESTINATIONS):
        destination = new_id("dst", w.at)
        at = w.at - timedelta(minutes=60)
        opened = {
            "warning": warning, "series": warning, "edition": 1, "occasion": "release", "sender": "a0",
            "seat_agency": f"a{n}", "seat_role": "partner", "must_know": True,
            "precedence": "PRIORITY", "state": "QUEUED",
        }  # fmt: skip
        w.append("destination.opened", destination, opened, marking=marking, occurred_at=at)
        delivery, left = new_id("dlv", w.at), {"shown": False, "raises": True, "attempts": 1}
        queued = {
            "id": delivery, "warning": warning, "recipient": f"rcp_{n}", "card": "", "place": 0, "channel": "email",
            "why": "", "urgency": 1,
        }  # fmt: skip
        for minute, kind, data in (
            (0, "delivery.queued", queued),
            (1, "delivery.sent", {"id": delivery, "state": "SENT", **left}),
            (2, "delivery.sent", {"id": delivery, "state": "DELIVERED", **left}),
            (25 + n % 9, "delivery.opened", {"id": delivery, "shown": True, "raises": True}),
        ):
            w.append(
                kind, destination, data, marking=marking, occurred_at=at + timedelta(minutes=minute)
            )


def _report(identity: str, until: str) -> dict[str, Any]:
    blank = {"vault": "vlt_none", "commitment": "00"}
    return {
        "score": 500, "precedence": "ROUTINE", "indicators": ["weapons@1"], "categories": ["weapons"],
        "lowered_by": [], "spans": [], "catalogue": "1", "reliability": "F", "source": "src_bench",
        "kind": "file", "identity": identity,
        "hash": identity, "content": blank, "original": blank, "author": "", "thread": "", "lang": "en",
        "posted_at": None, "group": f"g{identity}", "group_size": 1, "leader": "", "authority": "",
        "purpose": "", "retention_until": until,
    }  # fmt: skip


def _fill(total: int) -> None:
    """Reports and decisions about their keeping, in blocks; then their places."""
    from tocsin.kernel.ids import new_id  # noqa: PLC0415
    from tocsin.oversee.terms import SEEN  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415
    from tocsin.record.checking import place_pending  # noqa: PLC0415
    from tocsin.record.terms import Marking, stamp  # noqa: PLC0415

    marking, made = Marking("a1", "AMBER", ""), 0
    while made < total:
        with writing(SYSTEM) as w:
            for n in range(made, min(total, made + 10_000), 5):
                report = new_id("rpt", w.at)
                w.append("report.flagged", report, _report(str(n), stamp(w.at)), marking=marking)
                for version in range(1, 5):
                    w.append(
                        SEEN, report, {"version": version, "roles": ["collector"]}, marking=marking
                    )
        made += 10_000
    place_pending()


def _pages(person: str, subjects: dict[str, str], total: int) -> Iterator[Measure]:
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from tocsin.people.models import Account  # noqa: PLC0415

    with connection.cursor() as cursor:
        for table in ("record_entry", "record_place", "deliver_destination", "oversee_viewing"):
            cursor.execute(f"ANALYZE {table}")
    client = Client(SERVER_NAME="localhost")
    client.force_login(Account.objects.get(person=person))
    how = f"40 times; {total} entries on the record; in process, templates included"
    for name, address, what in (
        ("timeline.warning", f"/timeline/{subjects['warning']}", f"to {DESTINATIONS} roles; target 100 ms"),
        ("timeline.report", f"/timeline/{subjects['report']}", "read 40 times, and its warning; target 100 ms"),
        ("subject_as_of", f"/timeline/{subjects['report']}/at?step=20", "one subject at one moment; target 100 ms"),
        ("timeline.role", "/timeline/role?agency=a1&role=partner", "what a role had by now"),
    ):  # fmt: skip
        took = []
        for _ in range(40):
            begin = time.perf_counter()
            answer = client.get(address)
            took.append((time.perf_counter() - begin) * 1000)
            if answer.status_code != 200:
                raise AssertionError(answer.content[:500])
        for part, label in ((0.5, "p50"), (0.95, "p95")):
            yield Measure(
                f"oversee.{name}.{label}", round(percentile(took, part), 1), "ms", f"{what}; {how}"
            )
