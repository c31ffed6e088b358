"""What `tocsin check` looks at: each finding says in plain words how things stand, and the cure where they do not."""

from __future__ import annotations

import shutil
import smtplib
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from tocsin.kernel import clock, settings
from tocsin.kernel.errors import TocsinError
from tocsin.kernel.settings import Settings
from tocsin.record.loops import LOOPS

WORKER_SILENT_AFTER = timedelta(seconds=10)
CLOCKS_APART = timedelta(seconds=5)
DISK_LOW_BYTES = 2_000_000_000
MAIL_WITHIN_S = 5.0
PENDING_LATE = timedelta(seconds=5)
COSIGNED_WITHIN = timedelta(minutes=15)
APPEND_ONLY = {  # table -> a column to try a change on
    "record_entry": "n",
    "record_place": "n",
    "record_node": "level",
    "record_checkpoint": "size",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One thing looked at: whether it is well, what was seen, and what to do where it is not."""

    name: str
    well: bool
    words: str
    cure: str = ""


Check = Callable[[], Found]


def run_checks() -> Iterator[Found]:
    """Every check, in the order in which to mend things. A check that fails by itself is a finding too."""
    yield from _each(settings_sound, database_answers)
    if not _answers():
        yield from _each(key_files, disk, mail, policy, catalogue)
        return
    yield from _each(migrations)
    if _migrated():
        yield from _each(
            rights, clocks, workers, waiting, signing, witnesses, duties, retention, people
        )
    yield from _each(key_files, disk, mail, policy, catalogue)


def _each(*checks: Check) -> Iterator[Found]:
    for check in checks:
        try:
            yield check()
        except TocsinError as e:
            yield Found(_name(check), False, e.message, e.cure)
        except (DatabaseError, ImproperlyConfigured, OSError, ValueError) as e:
            yield Found(_name(check), False, f"could not be checked: {e}", "See the message.")


def _name(check: Check) -> str:
    return check.__name__.replace("_", " ")


def settings_sound() -> Found:
    """Settings that parse and are fit for more than one's own machine."""
    s = settings.current()
    away = s.host not in ("127.0.0.1", "localhost", "::1")
    if s.debug and away:
        return Found(
            "settings", False, "error pages for developers are on and others can reach this server",
            "Unset TOCSIN_DEBUG.",
        )  # fmt: skip
    if away and not s.base_url.startswith("https://"):
        return Found(
            "settings", False, f"others can reach this server, but links in e-mail start with {s.base_url}",
            "Set TOCSIN_BASE_URL to the https:// address in front of it.",
        )  # fmt: skip
    return Found("settings", True, f"served at {s.base_url}")


def database_answers() -> Found:
    """A database that answers, of a version we know."""
    s = settings.current()
    kind = "given" if s.database_url else "embedded"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            version = int(cursor.fetchone()[0]) // 10000
    except (DatabaseError, ImproperlyConfigured) as e:
        words = " ".join(f"does not answer: {e}".split())
        return Found("database", False, words, "Start it, or mend TOCSIN_DATABASE_URL.")
    if version < 15:
        return Found("database", False, f"is PostgreSQL {version}", "Use PostgreSQL 15 or newer.")
    return Found("database", True, f"PostgreSQL {version} ({kind}) answers")


def _answers() -> bool:
    try:
        connection.ensure_connection()
    except (DatabaseError, ImproperlyConfigured):
        return False
    return True


def migrations() -> Found:
    """A schema that is up to date."""
    waiting = _unapplied()
    if waiting:
        return Found(
            "schema", False, f"{len(waiting)} changes are not made yet", "Run `tocsin migrate`."
        )
    return Found("schema", True, "up to date")


def _unapplied() -> list[str]:
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{m.app_label}.{m.name}" for m, _ in plan]


def _migrated() -> bool:
    return "record_entry" in connection.introspection.table_names()


def rights() -> Found:
    """The application's role cannot change or delete what was recorded: each is really tried, and undone."""
    for table, column in APPEND_ONLY.items():
        name, same = sql.Identifier(table), sql.Identifier(column)
        change = sql.SQL("UPDATE {0} SET {1} = {1} WHERE false").format(name, same)
        if _allowed(change) or _allowed(sql.SQL("DELETE FROM {} WHERE false").format(name)):
            return Found(
                "append only", False, f"this application could change or delete {table}",
                "Run `tocsin migrate`, and connect as tocsin_app, never as the owner.",
            )  # fmt: skip
    return Found(
        "append only", True, "this application can add to the record, not change it (tried)"
    )


def _allowed(statement: sql.Composed) -> bool:
    """Whether the role has the right. Nothing is changed: no row matches, and it is rolled back.

    A refusal by the trigger does not count: an owner can switch triggers off.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.as_string())
            transaction.set_rollback(True)
    except DatabaseError as e:
        return not isinstance(e.__cause__, InsufficientPrivilege)
    return True


def clocks() -> Found:
    """The machine's clock and the database's agree."""
    from tocsin.record.models import Site  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs = cursor.fetchone()[0]
    site = Site.objects.filter(id=1).first()
    offset = (
        timedelta(microseconds=site.clock_offset_us) if site and site.exercise else timedelta(0)
    )
    ahead = clock.ahead()
    if ahead > CLOCKS_APART:
        return Found(
            "clock", False, f"this machine's clock was set back by {_span(ahead)}. Nothing is lost, the order is kept; "
            f"Tocsin goes on from the time it had, a tenth slower, and the clock catches up in {_span(ahead * 10)}",
            "Set it by NTP; if it was wrong before, nothing needs to be done.",
        )  # fmt: skip
    apart = abs(clock.now() - ahead - offset - theirs)
    if apart > CLOCKS_APART:
        return Found(
            "clock", False, f"this machine and the database are {apart.total_seconds():.0f} s apart",
            "Set both by NTP.",
        )  # fmt: skip
    if (last := _last_entry()) and not offset and last - clock.now() > CLOCKS_APART:
        return Found(
            "clock", False, f"the last entry was recorded at {last:%d %B %Y %H:%M} UTC, which has not come yet",
            "Set this machine's clock by NTP.",
        )  # fmt: skip
    if offset:
        return Found(
            "clock",
            True,
            f"agrees with the database; runs as in the exercise {site and site.exercise}",
        )
    return Found("clock", True, "agrees with the database")


def _last_entry() -> datetime | None:
    from tocsin.record.models import Entry  # noqa: PLC0415

    return Entry.objects.order_by("-n").values_list("recorded_at", flat=True).first()


def workers() -> Found:
    """Every loop was alive a moment ago."""
    from tocsin.record.models import Heartbeat  # noqa: PLC0415

    since = clock.now() - WORKER_SILENT_AFTER
    alive = set(Heartbeat.objects.filter(at__gte=since).values_list("name", flat=True))
    silent = [name for name in LOOPS if name not in alive]
    cure = "Start `tocsin up` or `tocsin worker`; what is due waits until then."
    if len(silent) == len(LOOPS):
        return Found("worker", False, "no worker is up", cure)
    if silent:
        return Found("worker", False, f"nobody does: {', '.join(silent)}", cure)
    return Found("worker", True, f"all {len(LOOPS)} loops are alive")


def waiting() -> Found:
    """Entries get their place in the tree within moments."""
    from tocsin.record.models import Entry, Pending  # noqa: PLC0415

    count = Pending.objects.count()
    first = Pending.objects.order_by("n").values_list("n", flat=True).first()
    oldest = (
        Entry.objects.filter(n=first).values_list("recorded_at", flat=True).first()
        if first
        else None
    )
    if oldest and clock.now() - oldest > PENDING_LATE:
        return Found(
            "record", False, f"{count:,} entries wait for their place, the oldest for {_span(clock.now() - oldest)}",
            "Start `tocsin up` or `tocsin worker --only sequencer`.",
        )  # fmt: skip
    turns = _sequencers()
    more = f"; {turns} sequencers are up and take turns" if turns > 1 else ""
    return Found("record", True, f"{count:,} entries wait for their place{more}")


def _sequencers() -> int:
    """How many sequencers are connected: one works at a time, the others stand by."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            ["tocsin sequencer"],
        )
        return int(cursor.fetchone()[0])


def signing() -> Found:
    """The newest checkpoint is signed by the key that lies here: every machine has the same one."""
    from tocsin.record.models import Checkpoint  # noqa: PLC0415
    from tocsin.record.note import open_checkpoint  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    newest = Checkpoint.objects.order_by("-size").first()
    if newest is None:
        return Found("signature", True, "nothing is signed yet")
    try:
        open_checkpoint(newest.note.encode(), load_signer().verifier)
    except TocsinError:
        return Found(
            "signature", False, "the record's newest checkpoint is signed by another key than the one that lies here",
            "Stop the sequencer that has another key; give every machine the same secrets/record.skey.",
        )  # fmt: skip
    return Found("signature", True, f"{newest.size:,} entries are signed by the key that lies here")


def witnesses() -> Found:
    """Outsiders vouched for the record a moment ago, and none says that it was rewritten."""
    from tocsin.record.proof.standing import standing  # noqa: PLC0415

    found = standing()
    if not found.policy:
        return Found("witnesses", True, "none is set: nobody outside vouches for the record")
    if found.broken:
        return Found("witnesses", False, found.broken, "Mend TOCSIN_WITNESS_POLICY's file.")
    wrong = [f"{w.names} {w.wrong}" for w in found.witnesses if w.wrong]
    if found.accused:
        cure = (
            "Keep everything as it is, and compare with a backup and with the witness's own state."
        )
        return Found("witnesses", False, "; ".join(wrong), cure)
    if found.quorum_at is None:
        return Found(
            "witnesses", False, f"{found.needed} never cosigned; {'; '.join(wrong) or 'nobody was asked yet'}",
            "Start `tocsin worker`, and give each witness our record.vkey.",
        )  # fmt: skip
    ago = clock.now() - found.quorum_at
    words = f"{found.needed} cosigned {found.quorum_size:,} entries {_span(ago)} ago"
    if ago > COSIGNED_WITHIN:
        return Found("witnesses", False, "; ".join([words, *wrong]), "Ask who runs them.")
    return Found("witnesses", True, "; ".join([words, *wrong]))


def duties() -> Found:
    """The auditor: everything that was due has fired."""
    from tocsin.duties import store  # noqa: PLC0415

    found = store.audit(clock.now())
    if not found.well:
        late = clock.now() - (found.oldest or clock.now())
        return Found(
            "duties", False, f"{found.late:,} of {found.open:,} did not fire, the oldest is {_span(late)} late",
            "Start `tocsin up` or `tocsin worker`.",
        )  # fmt: skip
    return Found("duties", True, f"{found.open:,} open, all on time")


def retention() -> Found:
    """What is over was forgotten, and no backup opens it any more."""
    from tocsin.record import keyring  # noqa: PLC0415
    from tocsin.retain import store  # noqa: PLC0415
    from tocsin.retain.models import Tombstone  # noqa: PLC0415

    found = store.standing(clock.now())
    if found.overdue:
        cure = "Start `tocsin worker`; what waits for a person is on the oversight page."
        return Found("retention", False, f"{found.overdue:,} purges are overdue", cure)
    ring = keyring.written_epoch(keyring.path())
    if ring is not None and ring < Tombstone.objects.count():
        cure = "Start `tocsin worker`, or run `tocsin retain keys`."
        return Found("retention", False, "backups still open what was purged", cure)
    return Found("retention", True, f"nothing is overdue; {found.holds:,} legal holds in force")


def people() -> Found:
    """Somebody can administer, and every agency that owes has somebody to tell."""
    from tocsin.people.models import Grant  # noqa: PLC0415
    from tocsin.people.terms import Role  # noqa: PLC0415

    if not Grant.objects.filter(role=Role.ADMINISTRATOR.value, revoked_at=None).exists():
        return Found(
            "people", False, "nobody is administrator",
            "Run `tocsin people agency add` and `tocsin people add … --role administrator`.",
        )  # fmt: skip
    return Found("people", True, "there is an administrator")


def key_files() -> Found:
    """Secrets that only their owner can read."""
    s = settings.current()
    folder = s.data_dir / "secrets"
    open_to_others = [p for p in _secrets(folder) if stat.S_IMODE(p.stat().st_mode) & 0o077]
    if open_to_others:
        names = ", ".join(str(p) for p in open_to_others)
        return Found(
            "keys",
            False,
            f"others on this machine can reach {names}",
            f"Run: chmod -R go= {folder}",
        )
    return Found("keys", True, f"only their owner can read {folder}")


def _secrets(folder: Path) -> list[Path]:
    return [folder, *sorted(folder.iterdir())] if folder.exists() else []


def disk() -> Found:
    """Room to write."""
    folder = settings.current().data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < DISK_LOW_BYTES:
        return Found(
            "disk", False, f"{free / 1e9:.1f} GB are free", "Make room, or move TOCSIN_DATA_DIR."
        )
    return Found("disk", True, f"{free / 1e9:,.0f} GB are free")


def mail() -> Found:
    """A mail server that takes us in."""
    s = settings.current()
    if not s.smtp_host:
        local = s.base_url.startswith(("http://127.0.0.1", "http://localhost"))
        words = f"no mail server: mail is kept as files in {s.data_dir / 'mail'}"
        return Found("mail", local, words, "" if local else "Set TOCSIN_SMTP_HOST.")
    try:
        _greet(s)
    except (OSError, smtplib.SMTPException) as e:
        return Found(
            "mail",
            False,
            f"{s.smtp_host}:{s.smtp_port} does not take us: {e}",
            "Mend the TOCSIN_SMTP_… settings.",
        )
    return Found("mail", True, f"{s.smtp_host}:{s.smtp_port} takes us")


def _greet(s: Settings) -> None:
    with smtplib.SMTP(s.smtp_host, s.smtp_port, timeout=MAIL_WITHIN_S) as server:
        if s.smtp_starttls:
            server.starttls()
        if s.smtp_user:
            server.login(s.smtp_user, s.smtp_password)
        server.noop()


def policy() -> Found:
    """A policy that loads."""
    from tocsin.duties import store  # noqa: PLC0415

    ladders = store.ladders()
    return Found(
        "policy", True, f"{len(ladders)} ladders, version {next(iter(ladders.values())).version}"
    )


def catalogue() -> Found:
    """Indicators whose every example comes true."""
    from tocsin.screen.checking import check  # noqa: PLC0415
    from tocsin.screen.engine import Engine  # noqa: PLC0415

    engine = Engine.load()
    if wrong := check(engine):
        return Found(
            "indicators",
            False,
            f"{len(wrong)} examples do not come true: {wrong[0]}",
            "Mend the catalogue.",
        )
    return Found(
        "indicators", True, f"{len(engine.catalogue.indicators)}, every example comes true"
    )


def _span(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"
