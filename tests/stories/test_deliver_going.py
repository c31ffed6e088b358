"""A release to very many: paused, taken back, corrected; always an honest account of who already has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.posting import Sink, settings_as, sink
from tests.stories.test_deliver_replies import dsn, reply
from tests.stories.warned import now as current
from tests.stories.warned import released
from tocsin.deliver import actions, store, terms
from tocsin.deliver.actions import relaying
from tocsin.deliver.actions.sending import claim
from tocsin.deliver.models import Delivery, Destination, Halt, Reader
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, NotFound
from tocsin.record.checking import fsck
from tocsin.record.models import Entry
from tocsin.warn import actions as warn

MANY = 12


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def half(cast: Cast, mail: Sink) -> str:
    """A FLASH of which five messages have left and the rest waits; Capitol's lead is not reached yet."""
    for rank in range(1, MANY + 1):
        actions.add_recipient(
            cast.rhea,
            agency="metro",
            role="partner",
            name=f"P{rank}",
            ways=[("email", f"p{rank}@metro.example")],
            rank=rank,
        )
    row = released(cast, precedence="FLASH")
    actions.fan_out()
    taken = claim(5, "x")
    from tocsin.deliver.actions.sending import _send_here, note_answers  # noqa: PLC0415

    _send_here(taken)
    note_answers()
    assert len(mail.messages) == 5
    return row.id


def test_a_pause_holds_what_has_not_left_and_says_who_has_it(
    half: str, cast: Cast, mail: Sink, client: Client
) -> None:
    actions.pause(cast.rhea, warning=half)
    actions.send_due(threads=0)
    assert len(mail.messages) == 5
    progress = store.matrix(cast.rhea, current(half)).progress
    assert progress is not None
    assert (progress.left, progress.waits, progress.total) == (5, MANY - 5, MANY)
    assert progress.going == "PAUSED"
    assert store.matrix(cast.mona, current(half)).progress is None, "the sender's business alone"
    client.force_login(cast.account("rhea"))
    page = client.get(f"/warnings/{half}/receipts").content.decode()
    assert "paused" in page
    assert "Take back the 7 that wait" in page
    assert "cannot be taken back" in page
    client.post(f"/warnings/{half}/receipts/sending", {"do": "go_on"})
    actions.send_due(threads=0)
    assert len(mail.messages) == MANY


def test_others_are_sent_meanwhile(half: str, cast: Cast, mail: Sink) -> None:
    actions.pause(cast.rhea, warning=half)
    released(cast, precedence="ROUTINE")
    actions.fan_out()
    actions.send_due(threads=0)
    assert len(mail.messages) == 6


def test_taking_back_ends_what_waits_for_good_and_nothing_else(
    half: str, cast: Cast, mail: Sink
) -> None:
    actions.pause(cast.rhea, warning=half)
    actions.take_back_rest(cast.rhea, warning=half)
    actions.fan_out()
    actions.send_due(threads=0)
    assert len(mail.messages) == 5
    progress = store.matrix(cast.rhea, current(half)).progress
    assert progress is not None
    assert (progress.left, progress.waits, progress.stopped) == (5, 0, MANY - 5)
    metro = Destination.objects.get(warning=half, seat_agency="metro")
    assert metro.closed_at is None, "somebody has it, and still owes an answer"
    assert Duty.objects.filter(subject=metro.id, kind="acknowledge", discharged_at=None).exists()
    capitol = Destination.objects.get(warning=half, seat_agency="capitol")
    assert capitol.close_reason == "TAKEN_BACK"
    assert not Duty.objects.filter(subject=capitol.id, discharged_at=None).exists()
    way = [("email", "olga@capitol.example")]
    actions.add_recipient(cast.rhea, agency="capitol", role="operation_lead", name="Olga", ways=way)
    actions.fan_out()
    actions.send_due(threads=0)
    assert len(mail.messages) == 5, "a line added later brings nothing back"
    for again in (actions.pause, actions.go_on, actions.take_back_rest):
        with pytest.raises(Conflict):
            again(cast.rhea, warning=half)


def test_a_cancellation_goes_to_those_who_have_it(half: str, cast: Cast, mail: Sink) -> None:
    way = [("email", "olga@capitol.example")]
    actions.pause(cast.rhea, warning=half)
    actions.add_recipient(cast.rhea, agency="capitol", role="operation_lead", name="Olga", ways=way)
    actions.fan_out()
    actions.take_back_rest(cast.rhea, warning=half)
    had = {m.to for m in mail.messages}
    warn.cancel(cast.ruth, warning=half, version=current(half).version, reason="A false alarm.")
    for _ in range(2):
        actions.fan_out()
        actions.send_due(threads=0)
    told = {m.to for m in mail.messages[5:]}
    assert had <= told
    assert "olga@capitol.example" not in told, "she never got what is cancelled"
    assert not Delivery.objects.filter(state__in=["QUEUED", "RETRYING"]).exists()


def test_only_the_sender_with_authority_holds_it_up(half: str, cast: Cast, client: Client) -> None:
    for who in (cast.ana, cast.mona):
        with pytest.raises(Forbidden):
            actions.pause(who, warning=half)
    with pytest.raises((Forbidden, NotFound)):
        actions.pause(cast.otto, warning=half)
    with pytest.raises(Forbidden):
        actions.pause(cast.olga, warning=half)
    assert not Halt.objects.exists()
    client.force_login(cast.account("otto"))
    answer = client.post(f"/warnings/{half}/receipts/sending", {"do": "pause"})
    assert answer.status_code == 404


def test_the_tables_come_out_of_the_record_as_they_are(
    committed: None, mail: Sink, virtual: VirtualClock, database_url: str
) -> None:
    """Bounces, replies, halts, what was passed on, proofs: each entry of them rebuilds its rows."""
    cast = make_cast()
    ways = [("email", "desk@metro.example"), ("email", "second@metro.example")]
    line = actions.add_recipient(cast.rhea, agency="metro", role="partner", name="Desk", ways=ways)
    row = released(cast)
    actions.fan_out()
    actions.send_due(threads=0)
    actions.take_back(dsn(mail.messages[0]))
    actions.send_due(threads=0)
    actions.take_back(reply(mail.messages[1], "Which doors?"))
    metro = Destination.objects.get(warning=row.id, seat_agency="metro").id
    relay = actions.pass_to(
        cast.mona, destination=metro, people=[("Bo", "bo@metro.example")], sheet=True, note="Look."
    )
    actions.send_relays()
    relaying.read_it(relaying.token(relay), name="Kay")
    relaying.read_it(relaying.token(Reader.objects.get(state="SENT").id))
    actions.verify_recipient(cast.rhea, recipient=line, version=1)
    actions.pause(cast.rhea, warning=row.id)
    actions.take_back_rest(cast.rhea, warning=row.id)
    actions.fan_out()
    made = set(Entry.objects.values_list("kind", flat=True))
    new: tuple[str, ...] = (
        "DELIVERY_BOUNCED",
        "DELIVERY_SAID",
        "SENDING_CHANGED",
        "DESTINATION_CLOSED",
    )
    new += ("RELAY_MADE", "RELAY_READER", "RELAY_MAILED", "RELAY_READ")
    assert made >= {getattr(terms, name) for name in new}
    assert fsck(database_url) == []
