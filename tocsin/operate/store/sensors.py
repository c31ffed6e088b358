"""The sensors of an operation, each as it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.operate.models import Absence, Pulse, Sensor
from tocsin.people.models import Operation
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to


@dataclass(frozen=True, slots=True)
class SensorNow:
    """A sensor; when it was last heard; that it is missing, where it is. `well` = nothing says that it fails."""

    row: Sensor
    heard_at: datetime | None
    absence: Absence | None
    well: bool

    @property
    def words(self) -> str:
        """How it stands, in a word or two."""
        if self.absence:
            return "down"
        if not self.row.every_s:
            return "nobody says that it is down"
        if self.well:
            return "heard"
        return "silent" if self.heard_at else "not heard yet"


def sensors(actor: Actor, operation: Operation, now: datetime) -> list[SensorNow]:
    """The sensors that are registered, by name."""
    live = visible_to(actor, Sensor.objects.filter(operation=operation.id, state="LIVE"))
    rows = list(live.order_by("label"))
    ids = [s.id for s in rows]
    heard = dict(Pulse.objects.filter(sensor__in=ids).values_list("sensor", "heard_at"))
    missing = Absence.objects.filter(operation=operation.id, about__in=ids).exclude(state="ENDED")
    gone = {a.about: a for a in missing}
    found = []
    for s in rows:
        at, absence = heard.get(s.id), gone.get(s.id)
        late = s.every_s > 0 and (at is None or at < now - timedelta(seconds=s.every_s))
        found.append(SensorNow(s, at, absence, not late and absence is None))
    return found
