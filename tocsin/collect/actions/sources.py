"""Sources: adding one with its authority and purpose, changing, pausing; and what becomes of their health."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from tocsin.collect import rules, store, terms
from tocsin.collect.configs import check_config
from tocsin.collect.models import Source
from tocsin.collect.terms import (
    Charter,
    FeedHealth,
    Health,
    Reliability,
    Scope,
    SourceKind,
    SourceState,
)
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.models import Agency, Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp, stamp

LEAST_EVERY_S = 30
_LONGEST_NAME = 120
_CHANGEABLE = frozenset(
    {
        "name", "authority", "purpose", "scope", "valid_from", "valid_until", "retention_days",
        "reliability", "config", "every_s", "tlp", "operation",
    }
)  # fmt: skip


def add_source(
    actor: Actor,
    *,
    kind: SourceKind,
    name: str,
    authority: str,
    purpose: str,
    config: dict[str, Any] | None = None,
    agency: str = "",
    operation: str = "",
    tlp: str = "",
    scope: Scope | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    retention_days: int = 180,
    reliability: Reliability = Reliability.F,
    every_s: int = 300,
) -> str:
    """Add a source of the actor's own agency; returns its id. What it brings in is marked `agency`, `tlp`, `operation`.

    Raises: Forbidden; Invalid naming the field when authority, purpose, retention, config or marking is unsound.
    """
    permit(actor, Permission.MANAGE_SOURCES)
    agency = agency or actor.agency
    if agency != actor.agency and not actor.system:
        raise Forbidden("a source belongs to the agency of whoever adds it")
    fields = {
        "kind": SourceKind(kind).value,
        "name": " ".join(name.split()),
        "authority": authority,
        "purpose": purpose,
        "scope": msgspec.to_builtins(scope or Scope()),
        "valid_from": valid_from,
        "valid_until": valid_until,
        "retention_days": retention_days,
        "reliability": Reliability(reliability).value,
        "config": config or {},
        "every_s": every_s,
        "tlp": tlp or (Tlp.AMBER.value if operation else Tlp.AMBER_STRICT.value),
        "operation": operation,
    }
    row = Source(id=new_id("src"), agency=agency, state=SourceState.ACTIVE.value, **fields)
    with writing(actor) as w:
        _check(row)
        data = _data({**fields, "state": row.state})
        marking = Marking(data.pop("agency", agency), data.pop("tlp"), data.pop("operation"))
        w.append(terms.SOURCE_ADDED, row.id, data, marking=marking)
    return row.id


def change_source(actor: Actor, *, source: str, version: int, **changes: Any) -> None:
    """Change fields of a source you have open at `version`. Reports that are in already keep what they came in under.

    Raises: Forbidden; NotFound; Conflict; Invalid naming the field.
    """
    permit(actor, Permission.MANAGE_SOURCES)
    if unknown := sorted(set(changes) - _CHANGEABLE):
        raise Invalid("cannot be changed", field=unknown[0], cure="Leave it out.")
    if isinstance(changes.get("scope"), Scope):
        changes["scope"] = msgspec.to_builtins(changes["scope"])
    with writing(actor) as w:
        row = _locked(actor, source, version)
        for name, value in changes.items():
            setattr(row, name, value)
        _check(row)
        data = {**_data(changes), "version": version + 1}
        w.append(terms.SOURCE_CHANGED, source, data, marking=marking_of(row))


def pause_source(actor: Actor, *, source: str, version: int, reason: str) -> None:
    """Stop reading a source, for a reason. Raises: Forbidden; NotFound; Conflict; Invalid without a reason."""
    permit(actor, Permission.MANAGE_SOURCES)
    if len(reason.strip()) < 5:
        raise Invalid("say why it is paused", field="reason", cure="A few words are enough.")
    with writing(actor) as w:
        row = _locked(actor, source, version)
        if row.state == SourceState.PAUSED:
            raise Conflict("it is paused already")
        data = {
            "state": SourceState.PAUSED.value,
            "version": version + 1,
            "why": w.keep(source, {"text": reason}),
        }
        w.append(terms.SOURCE_CHANGED, source, data, marking=marking_of(row))
        duties.discharge(w, source, "mend_feed", "the source was paused")


def resume_source(actor: Actor, *, source: str, version: int) -> None:
    """Read a paused source again. Raises: Forbidden; NotFound; Conflict."""
    permit(actor, Permission.MANAGE_SOURCES)
    with writing(actor) as w:
        row = _locked(actor, source, version)
        if row.state == SourceState.ACTIVE:
            raise Conflict("it is being read already")
        data = {"state": SourceState.ACTIVE.value, "version": version + 1}
        w.append(terms.SOURCE_CHANGED, source, data, marking=marking_of(row))


def note_health(w: Writing, row: Source, health: FeedHealth) -> bool:
    """Put a change of health on the record, in the caller's transaction; returns whether there was one.

    Failing opens the duty to mend it; being read again (not: "not modified") discharges it.
    """
    if (row.health, row.health_reason) == (health.health.value, health.reason.value):
        return False
    data = {
        "health": health.health.value,
        "reason": health.reason.value,
        "permanence": health.permanence.value,
        "since": stamp(health.since) if health.since else None,
    }
    w.append(terms.SOURCE_HEALTH, row.id, data, marking=marking_of(row))
    if health.health is Health.FAILING:
        if not Duty.objects.filter(subject=row.id, kind="mend_feed", discharged_at=None).exists():
            duties.open_duty(
                w,
                "mend_feed",
                row.id,
                f"Mend a source that cannot be read: {row.name}",
                marking_of(row),
                owner_agency=row.agency,
                owner_role=Role.COLLECTOR.value,
            )
    elif row.health == Health.FAILING:
        duties.discharge(w, row.id, "mend_feed", "it was read again")
    return True


def _locked(actor: Actor, source: str, version: int) -> Source:
    store.source(actor, source)  # absent and hidden are the same
    row = Source.objects.select_for_update().get(id=source)
    if row.agency != actor.agency and not actor.system:
        raise Forbidden("only its own agency changes a source")
    if row.version != version:
        raise Conflict(
            "somebody changed this source since you opened it", cure="Reload and try again."
        )
    return row


def _check(row: Source) -> None:
    """Refuse a source that could not be used, naming the field."""
    if not row.name or len(row.name) > _LONGEST_NAME:
        raise Invalid(
            "give it a name of at most 120 characters",
            field="name",
            cure="For example: City news feed.",
        )
    taken = Source.objects.filter(agency=row.agency, name__iexact=row.name).exclude(id=row.id)
    if taken.exists():
        raise Invalid(
            f"your agency has a source called {row.name!r}",
            field="name",
            cure="Choose another name.",
        )
    if not Agency.objects.filter(id=row.agency).exists():
        raise Invalid(
            f"there is no agency {row.agency!r}", field="agency", cure="Add the agency first."
        )
    if row.tlp not in list(Tlp):
        raise Invalid(
            f"{row.tlp!r} is no marking", field="tlp", cure=f"Use one of: {', '.join(Tlp)}."
        )
    if row.every_s < LEAST_EVERY_S:
        raise Invalid(
            "that is too often", field="every_s", cure=f"Use {LEAST_EVERY_S} seconds or more."
        )
    if row.operation and not Operation.objects.filter(id=row.operation).exists():
        raise Invalid(
            f"there is no operation {row.operation!r}", field="operation", cure="Open it first."
        )
    _check_charter(row)
    check_config(SourceKind(row.kind), row.config)


def _check_charter(row: Source) -> None:
    try:
        charter: Charter = store.charter(row)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(str(error), field="scope", cure="Correct the limits.") from error
    for ruling in rules.charter_problems(charter):
        raise Invalid(ruling.plain, field=_FIELDS.get(ruling.field, ruling.field), cure=ruling.cure)
    if row.purpose == "protect-event" and not row.operation:
        raise Invalid(
            "Collecting to protect an event needs the event named.",
            field="operation",
            cure="Name the operation this is collected for.",
        )
    allowed = charter.scope.operations
    if allowed and row.operation not in allowed:
        raise Invalid(
            f"its limits name other operations: {', '.join(sorted(allowed))}",
            field="operation",
            cure="Choose one of those, or widen the limits.",
        )


_FIELDS = {"purposes": "purpose", "retention": "retention_days"}


def _data(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: stamp(v) if isinstance(v, datetime) else v for k, v in fields.items()}
