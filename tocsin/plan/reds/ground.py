"""What is red on the ground: positions nobody holds, roofs nobody listed, zones and ground nobody swept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.plan import store
from tocsin.plan.reds.registry import Red, source
from tocsin.plan.rules import Reason, Sweep, standing, sweep_standing

_POSITION_WORDS = {
    Reason.NOT_ASKED: "{label}: nobody was asked to hold it{far}.",
    Reason.ASSUMED: "{label}: assumed to be held by {agency}, which has not accepted it{far}.",
    Reason.DECLINED: "{label}: {agency} declined it, nobody holds it{far}.",
    Reason.MISSED: "{label}: the check-in was missed{far}.",
}


@source
def positions(operation: Operation, now: datetime) -> Iterator[Red]:
    """Every position with line of sight that is not held."""
    rows = list(store.positions(operation.id))
    held, names = store.held(rows), agency_names()
    lead = names.get(operation.lead_agency, operation.lead_agency)
    for p in rows:
        verdict = standing(held[p.id], now)
        if not verdict.red:
            continue
        agency = names.get(p.accepting, p.accepting)
        far = f", {p.metres} m away" if p.metres >= 0 else ""
        said = _POSITION_WORDS.get(verdict.why, "{label}: {why}{far}.")
        words = said.format(
            label=p.label, agency=agency or "nobody", far=far, why=verdict.why.value
        )
        theirs = p.accepting and verdict.why is not Reason.DECLINED
        due = p.check_in_due if verdict.why is Reason.MISSED else None
        yield Red("position", p.id, words, agency if theirs else lead, due, "plan-positions")


@source
def unlisted(operation: Operation, now: datetime) -> Iterator[Red]:
    """Buildings in range and in sight of what is protected, of which the plan says nothing."""
    lead = agency_names().get(operation.lead_agency, operation.lead_agency)
    found = store.unlisted(list(store.positions(operation.id)), list(store.areas(operation.id)))
    for building, target, sight in found:
        words = (
            f"{building.label}: {sight.metres} m from {target.label}, in sight of it, "
            "and no position on it is listed."
        )
        yield Red("building", building.id, words, lead, None, "plan-positions")


@source
def zones(operation: Operation, now: datetime) -> Iterator[Red]:
    """Zones whose sweep does not hold."""
    names = agency_names()
    for z in store.zones(operation.id):
        verdict = sweep_standing(Sweep(z.state, z.team, z.expires_at), now)
        if verdict.red:
            owner = names.get(z.team or operation.lead_agency, z.team or operation.lead_agency)
            yield Red(
                "zone", z.id, f"{z.label}: {verdict.why.value}.", owner, z.due_at, "plan-sweeps"
            )


@source
def uncovered(operation: Operation, now: datetime) -> Iterator[Red]:
    """Ground within standoff of a route or stage that no sweep covers."""
    lead = agency_names().get(operation.lead_agency, operation.lead_agency)
    labels = {a.id: a.label for a in store.areas(operation.id)}
    for c in store.coverage(operation.id):
        if not c.gaps:
            continue
        held = sorted({label for g in c.gaps for label in g["holds"]})
        where = f", with {', '.join(held[:5])} in it" if held else ""
        words = (
            f"{labels.get(c.area, 'A route')}: {c.open_m2:,} of {c.whole_m2:,} m² within standoff "
            f"are not swept{where}."
        )
        yield Red("coverage", c.area, words, lead, None, "plan-sweeps")
