"""Forgetting: what a person decides, and what the machine carries out when a schedule says so.

A purge deletes content, salts and search words (they are one row), leaves a tombstone, ends what was owed on
it, and tells whoever was given it. Keys in the key ring, files in our keeping and caches follow after the
commit; what fails there is done again by the next sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from tocsin.collect.models import Refusal, Report
from tocsin.deliver.actions import letters
from tocsin.deliver.actions.recalling import recall
from tocsin.deliver.models import Delivery, Import
from tocsin.duties.actions import discharge, discharge_rows, open_duty
from tocsin.duties.models import Duty
from tocsin.exchange.models import SharedObject
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Conflict, Forbidden, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission, Role
from tocsin.record import backup, keyring
from tocsin.record.actions import Writing, writing
from tocsin.record.models import Vault
from tocsin.record.terms import Marking, stamp
from tocsin.retain import rules, store, terms
from tocsin.retain.actions import holding
from tocsin.retain.models import Disclosure, Schedules, Tombstone
from tocsin.retain.store import Due
from tocsin.retain.terms import ORIGINAL, TELL, VALIDATE, Fate, Then, kind_of
from tocsin.warn.models import Warning

log = logging.getLogger(__name__)
BATCH = 200
"""Things a transaction: small enough that nobody waits for its locks."""

on_purged: list[Callable[[Sequence[str]], None]] = []
"""Called after a purge is committed, with the subjects: for files and caches that hold what was purged."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One thing to be purged, and why."""

    subject: str
    part: str
    why: str
    reason: str = ""


def purge(actor: Actor, *, subject: str, reason: str) -> int:
    """Purge a thing of one's own agency, for a reason that is recorded; returns how many contents went.

    Raises: Forbidden, NotFound, Invalid; UnderHold (the attempt is recorded); Conflict when nothing is left of it.
    """
    permit(actor, Permission.RETAIN)
    reason = rules.check_reason(reason)
    _own(actor, subject)
    if held := holding.now_held(subject):
        holding.refuse(actor, held, "content", subject)
    with writing(actor) as w:
        holding.lock(exclusive=False)
        rules.may_purge(holding.now_held(subject))
        if not Vault.objects.filter(subject=subject).exists():
            raise Conflict("nothing is left of it", field="subject")
        return _purge(w, [_Part(subject, "all", "purged by a person's decision", reason)])


def validate(actor: Actor, *, subject: str, reason: str) -> datetime:
    """Keep a thing for another term, for a reason that is recorded; returns until when.

    Only for what is kept for years: a temporary clock starts once, at collection.
    Raises: Forbidden, NotFound, Invalid, Conflict.
    """
    permit(actor, Permission.RETAIN)
    reason = rules.check_reason(reason)
    marking = _own(actor, subject)
    until = rules.validated_until(store.schedule(kind_of(subject)), clock.now())
    with writing(actor) as w:
        if not Vault.objects.filter(subject=subject).exists():
            raise Conflict("nothing is left of it to keep", field="subject")
        if (row := store.keeping(subject)) and row.sealed:
            holding.open_again(row)
        data = {"keep_until": stamp(until), "reason": w.keep(subject, {"text": reason})}
        w.append(terms.VALIDATED, subject, data, marking=marking)
        discharge(w, subject, VALIDATE, "validated: kept for another term")
    return until


def sweep() -> int:
    """Carry out what is due: ask people, purge what the machine may, seal what a hold covers. Returns how many.

    The worker's step; any number of workers, and a kill at any moment leaves the rest due.
    """
    adopt_policy(SYSTEM)
    now, count = clock.now(), 0
    while rows := store.due(now):
        did = sum(_sweep(rows[i : i + BATCH], now) for i in range(0, len(rows), BATCH))
        count += did
        if not did:
            break
    Import.objects.filter(at__lt=now - store.schedule("refused").term).delete()
    refresh_keys()
    return count


def adopt_policy(actor: Actor) -> str:
    """Put the schedules in force on the record, where their version is new; returns the version."""
    version = store.policy().version
    if Schedules.objects.filter(version=version).exists():
        return version
    permit(actor, Permission.ADMINISTER)
    with writing(actor) as w:
        data = {"version": version, "text": store.policy_text()}
        w.append(terms.POLICY_ADOPTED, "retention", data, marking=None)
    return version


def refresh_keys() -> bool:
    """Write the key ring anew where a purge came after it: from then on no backup opens what was purged.

    Nothing to do where no backup was ever made. Raises: BadSettings when the ring cannot be written.
    """
    known = keyring.written_epoch(keyring.path())
    if known is None or known >= Tombstone.objects.count():
        return False
    backup.write_keys()
    return True


def _sweep(rows: Sequence[Due], now: datetime) -> int:
    """One transaction: the fate of each, decided under the lock that keeps holds and purges apart."""
    with writing(SYSTEM) as w:
        holding.lock(exclusive=False)
        held = store.held_subjects({d.subject for d in rows}, store.active_holds())
        parts: list[_Part] = []
        asked = sealed = 0
        for d in rows:
            fate = rules.fate(store.schedule(d.kind), d.at, now, held=d.subject in held)
            if fate is Fate.PURGE:
                parts.append(_Part(d.subject, d.part, f"the time of its kind is over: {d.kind}"))
            elif fate is Fate.SEAL:
                sealed += _seal(w, d)
            elif fate is Fate.ASK:
                asked += _ask(w, d)
        _purge(w, parts)
    return len(parts) + asked + sealed


def forget(w: Writing, subject: str, why: str) -> int:
    """Purge a thing that no hold covers, in the caller's transaction, which shares the lock of `holding`; returns how
    many contents went.
    """
    return _purge(w, [_Part(subject, "all", why)])


def _seal(w: Writing, d: Due) -> int:
    marking = store.markings([d.subject]).get(d.subject)
    until = d.at if store.schedule(d.kind).then is Then.VALIDATE else None
    return holding.seal(w, d.subject, _contents(d.subject, d.part), marking or Marking(""), until)


def _contents(subject: str, part: str) -> list[str]:
    """The ids of a part's content that is not sealed under a hold."""
    if part.startswith("ref_"):
        ids = Refusal.objects.filter(id=part).values_list("content", "raw")
        return [vault for pair in ids for vault in pair if vault]
    if part.startswith("stx_"):
        return list(SharedObject.objects.filter(id=part).values_list("vault", flat=True))
    if part.startswith("vlt_"):
        return [part]
    rows = Vault.objects.filter(subject=subject, id__startswith="vlt_")
    rows = rows.filter(sealed=True) if part == ORIGINAL else rows
    return list(rows.values_list("id", flat=True))


def _ask(w: Writing, d: Due) -> int:
    """Owe a decision, once."""
    if Duty.objects.filter(subject=d.subject, kind=VALIDATE, discharged_at=None).exists():
        return 0
    marking = store.markings([d.subject]).get(d.subject)
    if marking is None:
        return 0
    open_duty(
        w, VALIDATE, d.subject, f"Keep or purge: {_called(d.kind)} whose time is nearly over", marking,
        owner_agency=marking.agency, owner_role=Role.PRIVACY_OFFICER.value,
        due_at=max(d.at, w.at),
    )  # fmt: skip
    return 1


def _called(kind: str) -> str:
    known = {
        "sar": "a suspicious activity report",
        "intelligence": "an entry of criminal intelligence",
        "finding": "a finding, or a report of findings,",
    }
    return known.get(kind, f"a {kind}")


def _purge(w: Writing, parts: Sequence[_Part]) -> int:
    """Purge things that no hold covers, in the caller's transaction; returns how many contents went.

    1. Delete from the vault (content, salt and search words are one row).
    2. A tombstone for each; what was owed on it ends.
    3. Those who were given it are told.
    4. After the commit: files and caches.
    """
    if not parts:
        return 0
    w.flush()
    seen = store.things({p.subject for p in parts})
    marks = store.markings({p.subject for p in parts})
    gone = _delete(parts)
    total = 0
    for p in parts:
        marking = marks.get(p.subject, Marking(""))
        count = gone.get((p.subject, p.part), 0)
        if not count and not _still_there(p):
            continue  # another worker did it
        total += count
        _bury(w, p, marking, count, seen[p.subject].made_at)
        if p.part == "all":
            _end_duties(w, p.subject)
            _tell(w, p.subject, marking)
    _end_looking(w, {p.subject for p in parts if p.part.startswith("ref_")})
    subjects = [p.subject for p in parts]
    transaction.on_commit(lambda: _after(subjects))
    return total


_DELETE = """
DELETE FROM record_vault WHERE id IN (
    SELECT id FROM record_vault WHERE subject = ANY(%s) AND (NOT %s OR (sealed AND id LIKE 'vlt\\_%%'))
    FOR UPDATE SKIP LOCKED)
RETURNING subject
"""
# Parts that are rows of their own under a subject, by the prefix of their ids.
_DELETE_ROWS = {
    "ref_": """
DELETE FROM record_vault v USING collect_refused r
WHERE r.id = ANY(%s) AND v.id IN (r.content, r.raw) RETURNING r.source, r.id
""",
    "stx_": """
DELETE FROM record_vault v USING exchange_sharedobject o
WHERE o.id = ANY(%s) AND v.id = o.vault RETURNING o.collection, o.id
""",
    "vlt_": "DELETE FROM record_vault WHERE id = ANY(%s) RETURNING subject, id",
}


def _delete(parts: Sequence[_Part]) -> dict[tuple[str, str], int]:
    """Delete content by part; returns how many pieces of each thing."""
    gone: dict[tuple[str, str], int] = {}
    for part in ("all", ORIGINAL):
        ids = [p.subject for p in parts if p.part == part]
        if ids:
            with connection.cursor() as cursor:
                cursor.execute(_DELETE, [ids, part == ORIGINAL])
                for (subject,) in cursor.fetchall():
                    gone[(subject, part)] = gone.get((subject, part), 0) + 1
    for prefix, delete in _DELETE_ROWS.items():
        if rows := [p.part for p in parts if p.part.startswith(prefix)]:
            with connection.cursor() as cursor:
                cursor.execute(delete, [rows])
                for subject, part in cursor.fetchall():
                    gone[(subject, part)] = gone.get((subject, part), 0) + 1
    return gone


def _still_there(p: _Part) -> bool:
    """A report whose content is gone already still ends by a tombstone of its own, once."""
    if p.part != "all" or not p.subject.startswith("rpt_"):
        return False
    rows = Report.objects.select_for_update(skip_locked=True).filter(id=p.subject)
    return rows.exclude(state="PURGED").exists()


def _bury(w: Writing, p: _Part, marking: Marking, count: int, made_at: datetime) -> None:
    tombstone = new_id("tmb", w.at)
    data = {
        "id": tombstone,
        "part": p.part,
        "why": p.why,
        "contents": count,
        "collected_at": stamp(made_at),
        "reason": w.keep(tombstone, {"text": p.reason}) if p.reason else None,
    }
    w.append(terms.CONTENT_PURGED, p.subject, data, marking=marking)


def _end_duties(w: Writing, subject: str) -> None:
    rows = Duty.objects.select_for_update().filter(subject=subject, discharged_at=None)
    discharge_rows(w, rows.order_by("id"), "purged")


def _end_looking(w: Writing, sources: Iterable[str]) -> None:
    """Nobody owes a look at refused input of which nothing is left."""
    w.flush()
    for source in sorted(sources):
        if not Refusal.objects.filter(source=source, state="OPEN").exists():
            discharge(w, source, "retry_refused", "purged: its time was over")


def _tell(w: Writing, subject: str, marking: Marking) -> None:
    """Tell whoever was given it: a warning's recipients by the ways they got it, others by a person's hand."""
    if subject.startswith("wrn_") and (row := Warning.objects.filter(id=subject).first()):
        recall(w, row)
    given = Disclosure.objects.filter(subject=subject).exclude(how="delivery")
    if given.exists():
        open_duty(
            w, TELL, subject, "Tell those who were given it that it was purged here", marking,
            owner_agency=marking.agency, owner_role=Role.PRIVACY_OFFICER.value,
        )  # fmt: skip


def told(actor: Actor, *, subject: str, reason: str) -> None:
    """Say that those who were given a purged thing have been told. Raises: Forbidden, NotFound, Invalid."""
    permit(actor, Permission.RETAIN)
    words = rules.check_reason(reason)
    _own(actor, subject)
    with writing(actor) as w:
        row = Tombstone.objects.filter(subject=subject, part="all").order_by("-purged_at").first()
        if row is None or not discharge(w, subject, TELL, "those who were given it were told"):
            raise Conflict("nobody waits to be told of it")
        kept = w.keep(row.id, {"text": words})
        marking = Marking(row.agency, row.tlp, row.operation)
        w.append(terms.RECIPIENTS_TOLD, subject, {"how": kept}, marking=marking)


def _own(actor: Actor, subject: str) -> Marking:
    """The marking of a thing of the actor's own agency. Raises: NotFound, Forbidden."""
    marking = store.markings([subject]).get(subject)
    if marking is None or (marking.agency != actor.agency and not actor.system):
        raise NotFound("there is no such thing, or it is not your agency's", field="subject")
    if store.schedule(kind_of(subject)).then is Then.KEEP:
        raise Forbidden(
            "this kind of thing has no time of its own: it lasts with what it belongs to"
        )
    return marking


def _after(subjects: Sequence[str]) -> None:
    for forget in on_purged:
        try:
            forget(subjects)
        except Exception:
            log.exception("could not forget everywhere: %s", ", ".join(subjects))


@on_purged.append
def _forget_kept_mail(subjects: Sequence[str]) -> None:
    """Mail that was kept as files, where no mail server is set: letters that speak of a purged warning."""
    letters._letter.cache_clear()
    folder = settings.current().data_dir / "mail"
    wanted = [s for s in subjects if s.startswith("wrn_")]
    sent = Delivery.objects.filter(warning__in=wanted, sent_at__isnull=False)
    for delivery in sent.values_list("id", flat=True) if wanted else ():
        (folder / f"{delivery}.eml").unlink(missing_ok=True)
