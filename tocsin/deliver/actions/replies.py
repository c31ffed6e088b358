"""Bounces and replies: what comes back by mail moves a receipt as far as it proves, never further.

A bounce proves that it did not arrive: the next way is tried at once, and the line of the directory is
flagged. A machine's answer ("out of office") proves that a mailbox has it. A person's reply that carries the
secret of the link proves that somebody had it on a screen; only its own words "received" (or the like) as the
first line acknowledge. Anything else changes nothing.
"""

from __future__ import annotations

import logging

from imapclient.exceptions import IMAPClientError

from tocsin.deliver import returned, rules, store, terms
from tocsin.deliver.actions import answering, reaching
from tocsin.deliver.channels import inbox
from tocsin.deliver.models import Delivery, Destination, Mailbox
from tocsin.deliver.returned import Kind, Returned
from tocsin.deliver.terms import Channel, How, Reason, State
from tocsin.kernel import settings
from tocsin.kernel.errors import Conflict, NotFound
from tocsin.people.terms import SYSTEM
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing

log = logging.getLogger(__name__)
_MOST = 500
_COUNTS_AS_OUT = (State.SENT.value, State.DELIVERED.value)


def read_mailbox() -> int:
    """Take in what came back by mail since the last time; returns how many letters. A worker's step."""
    s = settings.current()
    if not s.mailbox_host:
        return 0
    name = f"{s.mailbox_user}@{s.mailbox_host}/{s.mailbox_folder}"
    count = 0
    try:
        with inbox.opened(s) as box:
            kept = Mailbox.objects.filter(name=name, validity=box.validity).first()
            for uid, letter in box.after(kept.uid if kept else 0, _MOST):
                take_back(letter)
                at = {"validity": box.validity, "uid": uid}
                Mailbox.objects.update_or_create(name=name, defaults=at)
                count += 1
    except (OSError, IMAPClientError) as e:
        log.warning("the mailbox of bounces and replies could not be read: %s", e)
    return count


def take_back(letter: bytes) -> Kind:
    """Take in one letter that came back; the same one again changes nothing. Returns what it proved."""
    back = returned.read(letter)
    delivery = Delivery.objects.filter(id=back.delivery, channel=Channel.EMAIL.value).first()
    if delivery is None:
        return Kind.NOTHING
    if back.kind is Kind.FAILED:
        return _bounced(delivery, back)
    if back.kind is Kind.DELAYED:
        return back.kind
    if back.kind is Kind.DELIVERED:
        return _arrived(delivery, back) if _address_is(delivery, back.address) else Kind.NOTHING
    if not _proves(back):
        return Kind.NOTHING
    if back.kind is Kind.ANSWERED_BY_MACHINE:
        return _arrived(delivery, back)
    return _replied(back)


def _proves(back: Returned) -> bool:
    """Whether it carries the secret of the link that was sent."""
    try:
        return bool(back.secret) and store.delivery_of(back.secret).id == back.delivery
    except NotFound:
        return False


def _address_is(delivery: Delivery, address: str) -> bool:
    """Whether a delivery went to this address: a bounce that names another one is not about it."""
    card = store.cards([delivery.card]).get(delivery.card)
    if card is None or delivery.place >= len(card.ways):
        return False
    return card.ways[delivery.place].address.casefold() == address.casefold()


def _locked(delivery: Delivery) -> tuple[Destination, Delivery]:
    (row,) = reaching.locked([delivery.destination])
    return row, Delivery.objects.get(id=delivery.id)


def _bounced(delivery: Delivery, back: Returned) -> Kind:
    if not _address_is(delivery, back.address):
        return Kind.NOTHING
    with writing(SYSTEM) as w:
        row, fresh = _locked(delivery)
        if fresh.state not in _COUNTS_AS_OUT:
            return Kind.NOTHING  # answered, or failed before: a bounce takes nothing of that back
        said = f"{back.status} {back.words}".strip() or Reason.BOUNCED.value
        data = {
            "id": fresh.id,
            "recipient": fresh.recipient,
            "reason": Reason.BOUNCED.name,
            "detail": w.keep(row.id, {"detail": said}, sealed=True),
            "falls": _falls(row, fresh),
        }
        if data["falls"]:
            row.state = str(data["falls"])
        w.append(terms.DELIVERY_BOUNCED, row.id, data, marking=marking_of(fresh))
        reaching.move_on(w, [row], same_person=True, failed={row.id: [fresh.recipient]})
    return Kind.FAILED


def _falls(row: Destination, bounced: Delivery) -> str:
    """Where a role stands without the message that came back; '' where that is unchanged."""
    if row.closed_at or row.state not in _COUNTS_AS_OUT:
        return ""
    others = Delivery.objects.filter(destination=row.id).exclude(id=bounced.id)
    best = rules.best(State(s) for s in others.values_list("state", flat=True)) or State.QUEUED
    return best.value if best.rung < State(row.state).rung else ""


def _arrived(delivery: Delivery, back: Returned) -> Kind:
    """It lies in their mailbox, as their system says."""
    with writing(SYSTEM) as w:
        row, fresh = _locked(delivery)
        if fresh.delivered_at is not None or fresh.sent_at is None:
            return back.kind
        raises = row.closed_at is None and rules.raises(State(row.state), State.DELIVERED)
        data = {
            "id": fresh.id,
            "state": State.DELIVERED.value,
            "attempts": fresh.attempts,
            "shown": State(fresh.state).rung < State.DELIVERED.rung
            and fresh.state in _COUNTS_AS_OUT,
            "raises": raises,
        }
        w.append(terms.DELIVERY_SENT, row.id, data, marking=marking_of(fresh))
    return back.kind


def _replied(back: Returned) -> Kind:
    """A person wrote back. Their words are kept where the sender sees the try they answer."""
    try:
        link = answering.follow(back.secret)
    except Conflict:
        return Kind.NOTHING
    answering.opened_by_link(back.secret)
    with writing(link.actor) as w:
        row, fresh = _locked(link.delivery)
        if back.words and not fresh.detail:
            _keep_words(w, row, fresh, back.words)
    if back.kind is Kind.ACKNOWLEDGED:
        try:
            answering.acknowledge_by_link(back.secret, how=How.REPLY)
        except Conflict:
            return Kind.REPLY  # a newer edition is out: that one is to be acknowledged
    return back.kind


def _keep_words(w: Writing, row: Destination, delivery: Delivery, words: str) -> None:
    said = w.keep(row.id, {"detail": f"They wrote: {words}"}, sealed=True)
    data = {"id": delivery.id, "said": said}
    w.append(terms.DELIVERY_SAID, row.id, data, marking=marking_of(delivery))
