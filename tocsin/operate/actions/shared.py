"""What every act of a running operation shares: whose operation it is, acts sent twice, words and labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model

from tocsin.kernel.errors import Conflict, Invalid, NotFound
from tocsin.operate.models import Act
from tocsin.operate.terms import KEY_CAP, LABEL_CAP, TEXT_CAP, Aggravator
from tocsin.people.models import Operation
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor
from tocsin.people.visibility import get_visible
from tocsin.plan.geometry import E7, Point
from tocsin.record.actions import Writing
from tocsin.record.terms import Marking, Tlp

Row = TypeVar("Row", bound=Model)
_AHEAD = timedelta(minutes=2)


def operation_for(actor: Actor, operation: str) -> Operation:
    """The operation. Raises: NotFound where the actor's agency takes no part, the same as where there is none."""
    found = operations_of(actor).filter(id=operation).first()
    if found is None:
        raise NotFound(
            "there is no such operation, or your agency takes no part in it", field="operation"
        )
    return found


def opened(actor: Actor, model: type[Row], row_id: str) -> tuple[Row, Operation]:
    """A row, locked, and its operation. Raises: NotFound."""
    found = get_visible(actor, model.objects.all(), id=row_id)  # type: ignore[attr-defined]
    operation = operation_for(actor, found.operation)
    return model.objects.select_for_update().get(id=row_id), operation  # type: ignore[attr-defined]


def marking(operation: Operation) -> Marking:
    """All who take part see it; nobody else does."""
    return Marking(operation.lead_agency, Tlp.AMBER.value, operation.id)


def once(actor: Actor, key: str, do: Callable[[], str]) -> str:
    """Do it, unless this act was done before: then its first answer. Raises: Invalid for a key that is none."""
    if not key:
        return do()
    if len(key) > KEY_CAP or not key.isascii() or not key.isprintable():
        raise Invalid("is no id", field="key", cure=f"Send up to {KEY_CAP} plain characters.")
    act = f"{actor.person}:{key}"
    if (answer := _answered(act)) is not None:
        return answer
    try:
        with transaction.atomic():
            return do()
    except (IntegrityError, Conflict):
        # The same act came twice at once: the other one was done.
        if (answer := _answered(act)) is not None:
            return answer
        raise


def _answered(act: str) -> str | None:
    return Act.objects.filter(id=act).values_list("answer", flat=True).first()


def when(w: Writing, at: datetime | None) -> datetime:
    """When it happened, by the device's own clock; a clock far ahead is wrong, so then it is ours."""
    if at is None or at.tzinfo is None or at > w.at + _AHEAD:
        return w.at
    return at


def words(
    w: Writing, subject: str, text: str, field: str = "text", *, least: int = 1
) -> dict[str, str]:
    """Free words, kept in the vault. Raises: Invalid."""
    tidy = text.strip()
    if len(tidy) < least:
        raise Invalid("says too little", field=field, cure="Say it in a few words.")
    if len(tidy) > TEXT_CAP:
        raise Invalid(f"is longer than {TEXT_CAP} letters", field=field, cure="Make it shorter.")
    return w.keep(subject, {"text": tidy})


def label(text: str, field: str = "place") -> str:
    """A name of a place, on one line. Raises: Invalid."""
    tidy = " ".join(text.split())
    if len(tidy) > LABEL_CAP:
        raise Invalid(f"is longer than {LABEL_CAP} letters", field=field, cure="Make it shorter.")
    return tidy


def point(at: Point | None) -> dict[str, int | None]:
    """A place as entries hold it. Raises: Invalid when it is not on the globe."""
    if at is not None and (abs(at.lat) > 90 * E7 or abs(at.lon) > 180 * E7):
        raise Invalid("is not on the globe", field="at_point", cure="Latitude first.")
    return {"lat": at.lat if at else None, "lon": at.lon if at else None}


def aggravators(given: Sequence[str]) -> list[str]:
    """Raises: Invalid for one that nobody knows."""
    known = set(Aggravator)
    for a in given:
        if a not in known:
            raise Invalid(f"{a!r} is unknown", field="aggravators", cure=f"Use {', '.join(known)}.")
    return [str(Aggravator(a).value) for a in dict.fromkeys(given)]


def chosen(enum: Any, value: Any, field: str) -> Any:
    """A member of an enum. Raises: Invalid."""
    try:
        return enum(value)
    except ValueError:
        options = ", ".join(str(m.value) for m in enum)
        raise Invalid(f"{value!r} is unknown", field=field, cure=f"Use {options}.") from None


def number(model: type[Row], operation: str) -> int:
    """The next number of a thing within its operation; the caller holds the operation's lock."""
    return int(model.objects.filter(operation=operation).count()) + 1  # type: ignore[attr-defined]


def lock(operation: Operation) -> None:
    """One new thing at a time in an operation, so that numbers are dense and nobody is told twice."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [operation.id])
