"""What watches by itself, by name: whose it is, and how often it says that it works (incidents B, 15:51)."""

from __future__ import annotations

import hashlib
import secrets

from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.operate import terms
from tocsin.operate.actions import shared
from tocsin.operate.models import Pulse, Sensor
from tocsin.operate.terms import SENSOR_EVERY_S, SENSORS_CAP
from tocsin.people.models import Participation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.plan.actions.staffing import may_staff
from tocsin.record.actions import writing


def register_sensor(
    actor: Actor, *, operation: str, label: str, agency: str, place: str = "", every_s: int = 0
) -> tuple[str, str]:
    """Put a sensor on the operation; returns its id, and the key with which it says that it works ('' where it
    cannot). The key is shown once and not kept. `every_s` = how often it does, 0 = people say when it is down.

    Raises: Forbidden for another agency's, NotFound, Invalid.
    """
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        plan = shared.operation_for(actor, operation)
        shared.lock(plan)
        if not Participation.objects.filter(operation=plan.id, agency=agency).exists():
            raise Invalid("takes no part in the operation", field="agency", cure="Choose another.")
        if not may_staff(actor, plan, agency):
            raise Forbidden("this is another agency's", cure="Ask that agency, or whoever leads.")
        named = shared.label(label, "label")
        live = Sensor.objects.filter(operation=plan.id, state="LIVE")
        if not named or live.filter(label__iexact=named).exists():
            raise Invalid(
                "is needed, and no other sensor's",
                field="label",
                cure="Such as: radar, north mast.",
            )
        if live.count() >= SENSORS_CAP:
            raise Invalid(f"more than {SENSORS_CAP}", field="label", cure="Take some off first.")
        least, most = SENSOR_EVERY_S
        if every_s and not least <= every_s <= most:
            raise Invalid(
                "is out of reach", field="every_s", cure=f"Give {least} to {most} seconds."
            )
        sensor, key = new_id("sns", w.at), secrets.token_urlsafe(32) if every_s else ""
        data = {
            "label": named,
            "by_agency": agency,
            "place": shared.label(place),
            "every_s": every_s,
        }
        w.append(terms.SENSOR_REGISTERED, sensor, data, marking=shared.marking(plan))
        if key:
            Pulse.objects.create(sensor=sensor, digest=_digest(key))
    return sensor, key


def remove_sensor(actor: Actor, *, sensor: str) -> None:
    """Take a sensor off the operation; its key is worth nothing from now on. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Sensor, sensor)
        if not may_staff(actor, plan, row.by_agency):
            raise Forbidden("this is another agency's", cure="Ask that agency, or whoever leads.")
        if row.state != "LIVE":
            raise Conflict("it was taken off already", cure="Reload and look again.")
        w.append(terms.SENSOR_REMOVED, sensor, {}, marking=marking_of(row))
        Pulse.objects.filter(sensor=sensor).delete()


def sensor_heard(key: str) -> bool:
    """A sensor says that it works; returns whether anybody knows the key. Not on the record: only silence is news."""
    return bool(Pulse.objects.filter(digest=_digest(key)).update(heard_at=clock.now()))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
