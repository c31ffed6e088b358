"""Is the system itself well: duties on time, worker, feeds, deliveries, record. For the rail beside every list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from tocsin.collect.models import Source
from tocsin.deliver.models import Delivery, Destination
from tocsin.duties import store as duties
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import visible_to
from tocsin.record.models import Checkpoint, Heartbeat, Pending
from tocsin.web.subjects import page
from tocsin.web.templatetags._times import span

SILENT_AFTER = timedelta(seconds=15)
"""A loop beats every 2 s; several beats missed are a loop that stands still."""
WAITING_AT_MOST = 1_000
CHECKPOINT_WITHIN = timedelta(seconds=10)
SEND_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Health:
    """One line of `parts/health.html`; state is well, slow or down."""

    state: str
    label: str
    value: str
    url: str = ""


def health(actor: Actor, now: datetime) -> list[Health]:
    """What the rail shows. Counts only, no content; feeds only to those who may see their sources."""
    lines = [_duties(now), _worker(now), _record(now)]
    if Permission.READ_CONTENT in actor.permissions:
        lines[2:2] = [_deliveries(now)]
    if actor.permissions & {Permission.MANAGE_SOURCES, Permission.COLLECT}:
        lines[2:2] = [_feeds(actor)]
    return lines


def _duties(now: datetime) -> Health:
    audit = duties.audit(now)
    if audit.well:
        return Health("well", "Duties", "all on time")
    late = span(now - audit.oldest) if audit.oldest else ""
    return Health("down", "Duties", f"{audit.late} late, by {late}")


def _worker(now: datetime) -> Health:
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    if not beats:
        return Health("down", "Worker", "not running")
    silent = sorted(name for name, at in beats.items() if now - at > SILENT_AFTER)
    if len(silent) == len(beats):
        return Health("down", "Worker", f"silent for {span(now - max(beats.values()))}")
    if silent:
        return Health("slow", "Worker", f"{', '.join(silent)} silent")
    return Health("well", "Worker", "running")


def _feeds(actor: Actor) -> Health:
    rows = visible_to(actor, Source.objects.filter(state="ACTIVE"))
    counted = rows.aggregate(
        all=Count("id"), ill=Count("id", filter=Q(health__in=("failing", "stale")))
    )
    url = page("sources")
    if not counted["all"]:
        return Health("slow", "Sources", "none yet", url)
    if counted["ill"]:
        return Health("down", "Sources", f"{counted['ill']} of {counted['all']} not read", url)
    return Health("well", "Sources", f"{counted['all']} read", url)


def _deliveries(now: datetime) -> Health:
    due = Delivery.objects.filter(next_try_at__lte=now).aggregate(
        n=Count("id"), oldest=Min("next_try_at")
    )
    nobody = Destination.objects.filter(state="NOBODY", closed_at=None).count()
    if due["oldest"] and now - due["oldest"] > SEND_WITHIN:
        return Health(
            "down", "Deliveries", f"{due['n']} wait, the oldest {span(now - due['oldest'])}"
        )
    if nobody:
        return Health("slow", "Deliveries", f"{nobody} with nobody to tell", page("directory"))
    return Health("well", "Deliveries", f"{due['n']} on their way" if due["n"] else "none waiting")


def _record(now: datetime) -> Health:
    waiting = len(Pending.objects.values_list("n")[: WAITING_AT_MOST + 1])
    last = Checkpoint.objects.order_by("-size").first()
    url = page("record-latest")
    if waiting > WAITING_AT_MOST:
        return Health("down", "Record", f"over {WAITING_AT_MOST} entries not yet in the tree", url)
    if last is None:
        return Health("slow" if not waiting else "down", "Record", "not signed yet", url)
    if waiting and now - last.signed_at > CHECKPOINT_WITHIN:
        return Health("down", "Record", f"last signed {span(now - last.signed_at)} ago", url)
    return Health("well", "Record", f"signed to entry {last.size}", url)
