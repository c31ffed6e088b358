"""What a phone sends, act by act, put into the words of the actions. Order is the phone's own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import DataError

from tocsin.kernel.errors import Invalid, TocsinError
from tocsin.operate import actions
from tocsin.operate.devices import Session
from tocsin.operate.store import field
from tocsin.people.terms import Actor
from tocsin.plan.geometry import Point

log = logging.getLogger("tocsin.field")
ACTS_CAP = 50
"""Acts of one request; a phone that has more sends them in the next."""


class Said:
    """One act as it was sent, read strictly."""

    def __init__(self, given: Any) -> None:
        if not isinstance(given, dict):
            raise Invalid("is no act", field="acts", cure="Send objects with key, kind and at.")
        self.given = given
        self.key = self.text("key")
        if not self.key:
            raise Invalid("is missing", field="key", cure="Give each act an id of its own.")

    def text(self, name: str) -> str:
        value = self.given.get(name, "")
        if not isinstance(value, str):
            raise Invalid("is no text", field=name, cure="Send a text.")
        return value

    def texts(self, name: str) -> list[str]:
        value = self.given.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise Invalid("is no list of texts", field=name, cure="Send a list.")
        return value

    def number(self, name: str) -> int | None:
        value = self.given.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**31 - 1:
            raise Invalid("is no whole number", field=name, cure="Send a whole number.")
        return value

    def whole(self, name: str) -> int:
        return self.number(name) or 0

    def time(self, name: str = "at") -> datetime | None:
        """Raises: Invalid for what is no time with a zone."""
        if not (text := self.text(name)):
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError as e:
            raise Invalid("is no time", field=name, cure="Write it as 2026-03-02T09:00:00Z.") from e
        if at.tzinfo is None:
            raise Invalid("has no zone", field=name, cure="End it with Z.")
        return at

    def point(self) -> Point | None:
        """`lat`, `lon` in 1e-7 degrees; both or neither."""
        lat, lon = self.number("lat"), self.number("lon")
        return Point(lat, lon) if lat is not None and lon is not None else None


Do = Callable[[Actor, Session, Said], object]


def which(a: Actor, d: Said) -> str:
    """The sighting an act is about: by its id, or by the act that reported it. Raises: NotFound."""
    return field.reported(a, d.text("of")) if d.text("of") else d.text("sighting")


def _sighting(a: Actor, s: Session, d: Said) -> str:
    return actions.report_sighting(
        a, operation=s.operation, text=d.text("text"), kind=d.text("what") or "PERSON",
        aggravators=d.texts("aggravators"), at_point=d.point(), place=d.text("place"), area=d.text("area"),
        position=d.text("position"), bearing=d.number("bearing"), post=d.text("post"), device=s.device,
        seen_at=d.time(), key=d.key,
    )  # fmt: skip


def _update(a: Actor, s: Session, d: Said) -> int:
    return actions.update_sighting(
        a, sighting=which(a, d), text=d.text("text"), aggravators=d.texts("aggravators"), at_point=d.point(),
        place=d.text("place"), bearing=d.number("bearing"), seen_at=d.time() if d.given.get("seen") else None,
        key=d.key,
    )  # fmt: skip


def _lost(a: Actor, s: Session, d: Said) -> int:
    return actions.track_lost(
        a, sighting=which(a, d), direction=d.text("direction"), at=d.time(), key=d.key
    )


def _over(a: Actor, s: Session, d: Said) -> object:
    return actions.resolve(a, sighting=which(a, d), reason=d.text("reason"), key=d.key)


def _ack(a: Actor, s: Session, d: Said) -> bool:
    return actions.acknowledge(
        a, sighting=which(a, d), version=d.whole("version"), at=d.time(), device=s.device, key=d.key
    )


def _ask(a: Actor, s: Session, d: Said) -> str:
    asked = actions.ask(
        a, operation=s.operation, text=d.text("text"), at_point=d.point(), place=d.text("place"),
        area=d.text("area"), position=d.text("position"), post=d.text("post"), at=d.time(), key=d.key,
    )  # fmt: skip
    return str(asked.id)


def _answer(a: Actor, s: Session, d: Said) -> None:
    actions.answer_question(
        a, question=d.text("question"), whose=d.text("whose"), text=d.text("text"), key=d.key
    )


def _decide(a: Actor, s: Session, d: Said) -> None:
    actions.decide_hold(
        a,
        hold=d.text("hold"),
        decision=d.text("decision"),
        reason=d.text("reason"),
        version=d.whole("version"),
        key=d.key,
    )


def _check_in(a: Actor, s: Session, d: Said) -> None:
    actions.check_in(a, operation=s.operation, post=d.text("post"), at=d.time(), key=d.key)


def _vacate(a: Actor, s: Session, d: Said) -> object:
    return actions.vacate(
        a,
        operation=s.operation,
        post=d.text("post"),
        reason=d.text("reason"),
        at=d.time(),
        key=d.key,
    )


ACTS: dict[str, Do] = {
    "sighting": _sighting,
    "update": _update,
    "lost": _lost,
    "over": _over,
    "ack": _ack,
    "ask": _ask,
    "answer": _answer,
    "decide": _decide,
    "check_in": _check_in,
    "vacate": _vacate,
}


def perform(a: Actor, session: Session, given: Any) -> dict[str, Any]:
    """Do one act; what came of it. A refusal is an answer too: the phone shows it and goes on to the next act.

    What breaks on our side is not caught: then the phone keeps the act, and everything after it, and tries again.
    """
    key = given.get("key", "") if isinstance(given, dict) else ""
    try:
        said = Said(given)
        do = ACTS.get(said.text("kind"))
        if do is None:
            raise Invalid(
                f"{said.text('kind')[:20]!r} is unknown",
                field="kind",
                cure=f"Use {', '.join(ACTS)}.",
            )
        answer = do(a, session, said)
    except TocsinError as e:
        if e.status >= 500:
            raise
        return {"key": key, "ok": False, **refusal(e)}
    except DataError as e:
        log.warning("an act was not stored: %s", e)
        return {
            "key": key,
            "ok": False,
            **refusal(Invalid("holds what cannot be kept", cure="Write it plainly.")),
        }
    return {"key": said.key, "ok": True, "answer": answer}


def here(session: Session, given: Any) -> None:
    """Note where the phone is, and what its battery holds; it may know one without the other. Raises: Invalid."""
    d = Said({"key": "here", **given} if isinstance(given, dict) else given)
    own = {"operation": session.operation, "device": session.device, "person": session.person}
    point, battery = d.point(), d.number("battery")
    if point is not None:
        Point.degrees(point.lat / 1e7, point.lon / 1e7)
        actions.note_location(
            **own, point=point, post=d.text("post"), at=d.time(), accuracy_m=d.whole("accuracy_m"), battery=battery
        )  # fmt: skip
    elif battery is not None:
        actions.note_battery(**own, post=d.text("post"), battery=battery)


def refusal(e: TocsinError) -> dict[str, str]:
    """A refusal in the app's words."""
    return {"code": e.code, "field": e.field, "message": e.message, "cure": e.cure}
