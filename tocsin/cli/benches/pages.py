"""Server time of the main pages with 100,000 reports, 10,000 situations and 5,000 open duties.

The tables are filled by COPY-like SQL (rows as `apply` would leave them, content in the vault), not through
entries: what is measured is reading, not writing. A few subjects have entries, for the record's pages.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tocsin.cli.benches import Measure, fresh_database, percentile

AGENCIES = 20
_WORDS = (
    "north doors tunnel march vote crowd bridge river permit station guard camera roof window Wednesday "
    "noon steps speaker stage fence buses hotel garage radio friends angry louder flags signs singing walk meet"
).split()


def run(*, quick: bool = False) -> Iterator[Measure]:
    """p50 and p95 of each page, as a watch analyst and a release authority; `quick` = a twentieth of the rows."""
    share = 20 if quick else 1
    sizes = {"reports": 100_000 // share, "situations": 10_000 // share, "duties": 5_000 // share}
    with fresh_database("pages"):
        people = _people()
        ids = _fill(people["march"], **sizes)
        rows = ", ".join(f"{n} {what}" for what, n in sizes.items())
        how = f"{rows}, {AGENCIES} agencies; in process, middleware and templates included"
        for role in ("collector", "release_authority"):
            for name, address in _addresses(ids).items():
                yield from _time(people[role], name, address, how)


def _addresses(ids: dict[str, str]) -> dict[str, str]:
    return {
        "owed": "/",
        "owed_part": "/owed/part",
        "owed_all": "/?show=all",
        "owed_later": "/owed/later?show=all&from=2000",
        "rail": "/owed/rail",
        "queue": "/queue",
        "report": f"/reports/{ids['report']}",
        "situations": "/situations",
        "situation": f"/situations/{ids['situation']}",
        "warnings": "/warnings",
        "sources": "/sources",
        "directory": "/directory",
        "record": f"/record/{ids['report']}",
        "record_latest": "/record",
        "shifts": "/shifts",
        "notices": "/notices",
        "search_rare": "/search?q=zeppelin",
        "search_two": "/search?q=tunnel+roof",
        "search_common": "/search?q=north",
        "search_filter": "/search?precedence=IMMEDIATE&kind=reports",
    }


def _time(person: str, name: str, address: str, how: str) -> Iterator[Measure]:
    from django.test import Client  # noqa: PLC0415

    from tocsin.people.models import Account  # noqa: PLC0415

    client = Client(SERVER_NAME="localhost")
    account = Account.objects.get(person=person)
    client.force_login(account)
    answer = client.get(address)
    if answer.status_code != 200:
        return  # this role has no such page, or its stage is not installed
    took = []
    for _ in range(25):
        begin = time.perf_counter()
        client.get(address)
        took.append(time.perf_counter() - begin)
    for part, label in ((0.5, "p50"), (0.95, "p95")):
        value = round(percentile(took, part) * 1000, 1)
        yield Measure(f"pages.{name}.{account.username}.{label}", value, "ms", f"25 times; {how}")


def _people() -> dict[str, str]:
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.people import actions  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415

    for n in range(AGENCIES):
        actions.add_agency(SYSTEM, agency=f"a{n}", name=f"Agency {n}")
    found: dict[str, str] = {}
    for role in (Role.COLLECTOR, Role.RELEASE_AUTHORITY, Role.OPERATION_LEAD):
        for n in range(AGENCIES * 3):
            agency = f"a{n % AGENCIES}"
            person = actions.add_person(
                SYSTEM,
                username=f"{role.value}{n}",
                name=f"Person {role.value} {n}",
                agency=agency,
                roles=[role],
            )
            found.setdefault(role.value, person)
    now = clock.now()
    for n in range(4):
        found["march"] = actions.open_operation(
            SYSTEM, name=f"Event {n}", lead_agency="a0", agencies=["a1", "a2", "a3"],
            starts_at=now + timedelta(days=2 + n), ends_at=now + timedelta(days=3 + n),
        )  # fmt: skip
    return found


def _fill(march: str, *, reports: int, situations: int, duties: int) -> dict[str, str]:
    from django.db import connection  # noqa: PLC0415

    from tocsin.assess.models import Situation  # noqa: PLC0415
    from tocsin.collect.models import Report, Source  # noqa: PLC0415
    from tocsin.duties.models import Duty  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    now, chance = clock.now(), random.Random(6)
    Source.objects.bulk_create(
        Source(
            id=f"src_{n:020d}", kind="api", name=f"Source {n}", authority="a", purpose="p", agency=f"a{n % AGENCIES}",
            retention_days=180, added_at=now,
        )
        for n in range(100)
    )  # fmt: skip
    for start in range(0, reports, 5_000):
        batch = [_report(n, march, now, chance) for n in range(start, min(reports, start + 5_000))]
        _keep(((r.id, r.content, "", _text(n + start, chance)) for n, r in enumerate(batch)), now)
        Report.objects.bulk_create(batch, batch_size=1_000)
    topics = [_situation(n, march, now) for n in range(situations)]
    _keep(
        ((s.id, s.title, f"Topic {n}: {_text(n, chance)[:60]}", "") for n, s in enumerate(topics)),
        now,
    )
    Situation.objects.bulk_create(topics, batch_size=1_000)
    Duty.objects.bulk_create(
        (_duty(n, march, now, chance) for n in range(duties)), batch_size=1_000
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE record_vault")
        cursor.execute("ANALYZE collect_report")
        cursor.execute("ANALYZE assess_situation")
        cursor.execute("ANALYZE duties_duty")
    return {"report": f"rpt_{0:020d}", "situation": f"sit_{0:020d}"}


def _text(n: int, chance: random.Random) -> str:
    words = chance.choices(_WORDS, k=24)
    return " ".join([*words, "zeppelin"] if n % 20_011 == 7 else words)


def _keep(rows: Any, now: Any) -> None:
    from tocsin.record.models import Vault  # noqa: PLC0415

    Vault.objects.bulk_create(
        (
            Vault(
                id=vault,
                subject=subject,
                body={"title": title, "text": text},
                salt=b"0" * 16,
                kept_at=now,
            )
            for subject, vault, title, text in rows
        ),
        batch_size=1_000,
    )


def _marks(n: int, march: str) -> dict[str, str]:
    """A fifth belongs to an event; a tenth goes to the whole community."""
    return {
        "agency": f"a{n % AGENCIES}",
        "tlp": "GREEN" if n % 10 == 0 else "AMBER",
        "operation": march if n % 5 == 0 else "",
    }


def _report(n: int, march: str, now: Any, chance: random.Random) -> Any:
    from tocsin.collect.models import Report  # noqa: PLC0415

    at = now - timedelta(days=30) + timedelta(seconds=n * 20)
    return Report(
        id=f"rpt_{n:020d}", source=f"src_{n % 100:020d}", identity=f"i{n}", content_hash=f"h{n}",
        content=f"vlt_r{n:020d}", original="", received_at=at, last_seen=at, posted_at=at, score=chance.randrange(1000),
        precedence="IMMEDIATE" if n % 500 == 0 else "ROUTINE", categories=["weapons"], indicators=["weapons@1"],
        spans=[[0, 5, "weapons@1", "weapons"]], group=f"g{n}", state="OPEN" if n < 4_000 else "DECIDED",
        retention_until=now + timedelta(days=100), **_marks(n, march),
    )  # fmt: skip


def _situation(n: int, march: str, now: Any) -> Any:
    from tocsin.assess.models import Situation  # noqa: PLC0415

    at = now - timedelta(minutes=n)
    return Situation(
        id=f"sit_{n:020d}", kind="topic", title=f"vlt_s{n:020d}", categories=["weapons"], opened_by="system",
        opened_at=at, changed_at=at, state="OPEN" if n % 3 else "CLOSED", **_marks(n, march),
    )  # fmt: skip


def _duty(n: int, march: str, now: Any, chance: random.Random) -> Any:
    from tocsin.duties.models import Duty  # noqa: PLC0415
    from tocsin.record.terms import stamp  # noqa: PLC0415

    opened = now - timedelta(hours=chance.random() * 4)
    due = now + timedelta(hours=chance.random() * 30 - 0.5)
    kind, role, subject = [
        ("assess", "collector", f"rpt_{n:020d}"),
        ("assess", "collector", f"rpt_{n:020d}"),
        ("assess", "collector", f"rpt_{n:020d}"),
        ("review", "release_authority", f"wrn_{n:020d}"),
        ("assess_whole", "release_authority", f"sit_{n:020d}"),
    ][n % 5]
    late = due + timedelta(hours=1)
    return Duty(
        id=f"dut_{n:020d}", kind=kind, subject=subject, title="Assess a flagged report", ladder=kind,
        ladder_version="1", opened_at=opened, due_at=due,
        next_at=due if due > now else late, rung=0 if due > now else 1,
        owner_agency=f"a{n % AGENCIES}", owner_role=role,
        steps=[
            {"tell": "owner", "at": stamp(due)},
            {"tell": "role:release_authority", "at": stamp(late)},
            {"tell": "lead:operation_lead", "at": stamp(late)},
        ],
        **_marks(n, march),
    )  # fmt: skip
