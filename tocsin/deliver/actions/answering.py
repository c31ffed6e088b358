"""A person answers: opened, acknowledged, acted, not for me. By the link sent, signed in, or by voice."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.deliver import rules, store, terms
from tocsin.deliver.actions import reaching
from tocsin.deliver.models import Delivery, Destination, Recipient
from tocsin.deliver.terms import How, Occasion, State
from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.rules import permit, permit_on
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.warn.models import Warning

_LONGEST = 4000
_OVER = "this is no longer waiting for an answer"


@dataclass(frozen=True, slots=True)
class Link:
    """What a valid link stands for: who answers, for which destination, about which warning."""

    actor: Actor
    delivery: Delivery
    destination: Destination
    warning: Warning
    name: str


def follow(token: str) -> Link:
    """What a link leads to. Holding it is the authority to read this warning and to answer it.

    Raises: NotFound for a link that is forged or mangled; Conflict for one that no longer works.
    """
    delivery = store.delivery_of(token)
    destination = Destination.objects.get(id=delivery.destination)
    warning = Warning.objects.get(id=delivery.warning)
    lasting = destination.occasion == Occasion.PURGE  # asked long after the warning was over
    if not lasting and not rules.link_works(clock.now(), warning.expires_at, warning.ended_at):
        raise Conflict(
            "this link no longer works: the warning was over more than 30 days ago",
            cure="Ask the agency that sent it if you still need it.",
        )
    recipient = Recipient.objects.get(id=delivery.recipient)
    card = store.cards([delivery.card]).get(delivery.card)
    person = recipient.person or recipient.id
    actor = Actor(person=person, agency=destination.seat_agency)
    return Link(actor, delivery, destination, warning, card.name if card else "")


def opened_by_link(token: str) -> None:
    """Note that the warning was visibly on the recipient's screen; the first time counts."""
    link = follow(token)
    with writing(link.actor) as w:
        _opened(w, link.destination.id, [link.delivery.id])


def acknowledge_by_link(token: str, *, how: How = How.LINK) -> bool:
    """The recipient says: I have it. Returns False when it was acknowledged before (nothing changes).

    Raises: NotFound, Conflict.
    """
    link = follow(token)
    with writing(link.actor) as w:
        row, duties = _lock(link.destination.id)
        return _acknowledge(w, row, duties, how, link.delivery)


def act_by_link(token: str, text: str) -> None:
    """The recipient says what they have done; that acknowledges too. Raises: NotFound, Conflict, Invalid."""
    link = follow(token)
    words = _words(text)
    with writing(link.actor) as w:
        row, duties = _lock(link.destination.id)
        _acknowledge(w, row, duties, How.LINK, link.delivery)
        _act(w, row, words, link.delivery)


def pass_by_link(token: str, text: str = "") -> None:
    """The recipient says: not for me. The next person is asked at once. Raises: NotFound, Conflict."""
    link = follow(token)
    with writing(link.actor) as w:
        row, _ = _lock(link.destination.id)
        _pass(w, row, link.delivery, text)


def see(actor: Actor, *, warning: str) -> None:
    """Note that a signed-in person had the warning on screen, for the destinations that are theirs."""
    if not actor.agency or actor.system:
        return
    rows = Destination.objects.filter(warning=warning, seat_agency=actor.agency)
    mine = [r.id for r in rows if store.is_for(actor, r)]
    if not mine:
        return
    with writing(actor) as w:
        for destination in sorted(mine):
            sent = Delivery.objects.filter(destination=destination, recipient__in=_lines_of(actor))
            _opened(w, destination, list(sent.values_list("id", flat=True)))


def acknowledge(actor: Actor, *, destination: str) -> bool:
    """A signed-in person acknowledges for a role they hold. Returns False when it was done before.

    Raises: Forbidden, NotFound; Conflict when it no longer waits.
    """
    permit(actor, Permission.ACKNOWLEDGE)
    with writing(actor) as w:
        row, duties, delivery = _mine(actor, destination)
        return _acknowledge(w, row, duties, How.SIGNED_IN, delivery)


def act(actor: Actor, *, destination: str, text: str) -> None:
    """A signed-in person says what they have done; that acknowledges too.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.ACKNOWLEDGE)
    words = _words(text)
    with writing(actor) as w:
        row, duties, delivery = _mine(actor, destination)
        _acknowledge(w, row, duties, How.SIGNED_IN, delivery)
        _act(w, row, words, delivery)


def pass_on(actor: Actor, *, destination: str, text: str = "") -> None:
    """A signed-in person says: not for me. The next person is asked at once.

    Raises: Forbidden, NotFound; Conflict when it no longer waits, or was not sent to this person.
    """
    permit(actor, Permission.ACKNOWLEDGE)
    with writing(actor) as w:
        row, _, delivery = _mine(actor, destination)
        if delivery is None:
            raise Conflict(
                "this was not sent to you by name", cure="Acknowledge it, or leave it to others."
            )
        _pass(w, row, delivery, text)


def acknowledge_by_voice(actor: Actor, *, destination: str, who: str, text: str = "") -> bool:
    """The sender's watch floor reached the role by phone or radio and notes who answered.

    Raises: Forbidden, NotFound; Invalid when nobody is named; Conflict when it no longer waits.
    """
    permit(actor, Permission.DRAFT)
    if not who.strip():
        raise Invalid(
            "say who answered", field="who", cure="The post or the name, as they gave it."
        )
    with writing(actor) as w:
        row, duties = _lock(destination)
        permit_on(actor, Permission.DRAFT, marking_of(row), shared=row.sender == actor.agency)
        if row.sender != actor.agency:
            raise Forbidden("only the agency that sent a warning notes an answer by voice")
        said = w.keep(row.id, {"who": who.strip()[:200], "text": text.strip()[:_LONGEST]})
        return _acknowledge(w, row, duties, How.BY_VOICE, None, said)


def _lock(destination: str) -> tuple[Destination, list[Duty]]:
    """The destination and its open duties, locked in the order of this stage. Raises: NotFound."""
    duties = reaching.locked_duties([destination])
    rows = reaching.locked([destination])
    if not rows:
        raise NotFound("there is no such thing, or it is not yours to see")
    return rows[0], duties


def _mine(actor: Actor, destination: str) -> tuple[Destination, list[Duty], Delivery | None]:
    """A destination this actor answers for, locked, and the delivery that went to them, if one did."""
    row = get_visible(actor, Destination.objects.all(), id=destination)
    permit_on(actor, Permission.ACKNOWLEDGE, marking_of(row), shared=True)
    if not store.is_for(actor, row):
        raise Forbidden(
            "this waits for an answer of another role or agency",
            cure="Only a person of that role can answer it.",
        )
    row, duties = _lock(destination)
    sent = Delivery.objects.filter(destination=destination, recipient__in=_lines_of(actor))
    return row, duties, sent.order_by("-queued_at", "-id").first()


def _lines_of(actor: Actor) -> list[str]:
    return list(Recipient.objects.filter(person=actor.person).values_list("id", flat=True))


def _opened(w: Writing, destination: str, deliveries: list[str]) -> None:
    rows = reaching.locked([destination])
    for d in Delivery.objects.filter(id__in=deliveries, read_at=None).order_by("id"):
        row = rows[0]
        raises = row.closed_at is None and rules.raises(State(row.state), State.OPENED)
        data = {
            "id": d.id,
            "shown": State(d.state).rung < State.OPENED.rung and d.state != State.PASSED,
            "raises": raises,
        }
        if raises:
            row.state = State.OPENED.value
        w.append(terms.DELIVERY_OPENED, row.id, data, marking=marking_of(d))


def _acknowledge(
    w: Writing,
    row: Destination,
    duties: list[Duty],
    how: How,
    delivery: Delivery | None,
    said: dict[str, str] | None = None,
) -> bool:
    """Acknowledge a locked destination; takes back what has not left, ends what was owed."""
    if row.acknowledged_at is not None:
        return False
    if row.closed_at is not None:
        raise Conflict(_OVER, cure="A newer message says what holds now.")
    data = {
        "delivery": delivery.id if delivery else "",
        "verifies": delivery.recipient if delivery else "",
        "by": w.author.person,
        "how": how.value,
        "said": said,
    }
    w.append(terms.DESTINATION_ACKNOWLEDGED, row.id, data, marking=marking_of(row))
    reaching.stop_pending(w, [row], but=delivery.id if delivery else "")
    reaching.discharge(w, duties, f"acknowledged {how.words}")
    return True


def _act(w: Writing, row: Destination, words: str, delivery: Delivery | None) -> None:
    if row.acted_at is not None:
        raise Conflict(
            "what was done is already on the record", cure="Call the sender to add to it."
        )
    data = {
        "delivery": delivery.id if delivery else "",
        "acted": w.keep(row.id, {"text": words}),
    }
    w.append(terms.DESTINATION_ACTED, row.id, data, marking=marking_of(row))


def _pass(w: Writing, row: Destination, delivery: Delivery, text: str) -> None:
    if row.acknowledged_at is not None or row.closed_at is not None:
        raise Conflict(_OVER, cure="Nothing is left to do.")
    fresh = Delivery.objects.get(id=delivery.id)
    if fresh.state == State.PASSED:
        return
    said = w.keep(row.id, {"text": text.strip()[:_LONGEST]}) if text.strip() else None
    data = {"id": delivery.id, "said": said}
    w.append(terms.DELIVERY_PASSED, row.id, data, marking=marking_of(delivery))
    reaching.move_on(w, [row], same_person=False, passed=True)


def _words(text: str) -> str:
    words = text.strip()
    if not words:
        raise Invalid("say what you have done", field="text", cure="A few words are enough.")
    if len(words) > _LONGEST:
        raise Invalid(f"longer than {_LONGEST} characters", field="text", cure="Say it shorter.")
    return words
