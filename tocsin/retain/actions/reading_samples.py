"""The reading of a sample: it matters and becomes an ordinary report, or it is forgotten with the reading."""

from __future__ import annotations

from datetime import timedelta

from tocsin.collect import terms
from tocsin.collect.models import Report, Source
from tocsin.duties import actions as duties
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.models import Vault
from tocsin.record.terms import stamp
from tocsin.retain.actions import holding, purging
from tocsin.screen import store as screen
from tocsin.screen.actions.sampling import DUTY
from tocsin.screen.actions.storing import on_flagged

_FORGOTTEN = "a sample: read, and found not to matter"


def read_sample(actor: Actor, *, report: str, version: int, matters: bool) -> None:
    """Say whether a sample matters. If so it is a report like any other, and owes a decision; if not, its content is
    purged in the same transaction (kept sealed where a legal hold covers it), and only the answer stays.

    Raises: Forbidden; NotFound; Conflict when somebody read it, or the post was edited, since.
    """
    permit(actor, Permission.ASSESS)
    with writing(actor) as w:
        holding.lock(exclusive=False)
        row = get_visible(actor, Report.objects.select_for_update(), id=report)
        if not actor.system and row.agency != actor.agency:
            raise Forbidden("another agency reads this sample")
        if row.state != terms.SAMPLE:
            raise Conflict("this is no sample that waits to be read", cure="Go on to the next.")
        if row.version != version:
            raise Conflict("the post was edited since you opened it", cure="Read it again.")
        w.append(terms.SAMPLE_READ, row.id, {"mattered": matters}, marking=marking_of(row))
        duties.discharge(w, row.id, DUTY, "it matters" if matters else "it does not matter")
        _keep(w, row) if matters else _forget(w, row)


def _keep(w: Writing, row: Report) -> None:
    marking = marking_of(row)
    days = Source.objects.values_list("retention_days", flat=True).get(id=row.source)
    until = row.received_at + timedelta(days=days)
    w.append(terms.SAMPLE_KEPT, row.id, {"retention_until": stamp(until)}, marking=marking)
    duties.open_duty(
        w, "assess", row.id, "Assess a report that was a sample", marking,
        owner_agency=row.agency, owner_role=Role.COLLECTOR.value,
        precedence=Precedence(row.precedence),
        event_start=screen.starts([row.operation]).get(row.operation),
    )  # fmt: skip
    w.flush()
    row.refresh_from_db()
    for hook in on_flagged:
        hook(w, [row])


def _forget(w: Writing, row: Report) -> None:
    w.flush()
    if holding.now_held(row.id):
        found = list(Vault.objects.filter(subject=row.id).values_list("id", flat=True))
        holding.seal(w, row.id, found, marking_of(row), None)
        return
    purging.forget(w, row.id, _FORGOTTEN)
