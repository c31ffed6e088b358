"""From release to answer: no answer goes to the next way, the next person, then up. Nothing ends in silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cast import Cast, make_cast
from tests.stories.posting import Sink, hook, settings_as, sink
from tests.stories.warned import now as current
from tests.stories.warned import released, words
from tocsin.deliver import actions, store
from tocsin.deliver.models import Delivery, Destination, FanOut, Lease
from tocsin.deliver.terms import State, Why
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.people.actions import change_operation
from tocsin.people.models import Operation
from tocsin.record import applying
from tocsin.record.models import Entry
from tocsin.warn import actions as warn

MINUTE = timedelta(minutes=1)


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def listed(cast: Cast, agency: str, role: str, *lines: tuple[str, list[str]]) -> list[str]:
    """Put people into the directory, in order; a way that starts with http is a webhook."""
    return [
        actions.add_recipient(
            cast.rhea,
            agency=agency,
            role=role,
            name=name,
            ways=[("webhook" if a.startswith("http") else "email", a) for a in ways],
            rank=rank,
        )
        for rank, (name, ways) in enumerate(lines, 1)
    ]


def work(virtual: VirtualClock, minutes: int = 0) -> None:
    """Let the worker run, a minute at a time."""
    for step in range(minutes + 1):
        if step:
            virtual.advance(MINUTE)
        actions.fan_out()
        actions.send_due(threads=0)
        fire_due()
        actions.send_due(threads=0)


def seat(warning: str, agency: str, occasion: str = "release") -> Destination:
    return Destination.objects.get(warning=warning, seat_agency=agency, occasion=occasion)


def tries(destination: str) -> list[tuple[str, str]]:
    rows = Delivery.objects.filter(destination=destination).order_by("queued_at", "id")
    return [(d.why, d.state) for d in rows]


def owed(destination: str, kind: str = "acknowledge") -> Duty | None:
    return Duty.objects.filter(subject=destination, kind=kind, discharged_at=None).first()


def test_a_release_goes_to_the_first_person_of_every_role_once(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(
        cast, "metro", "partner", ("Desk", ["desk@metro.example"]), ("Chief", ["c@metro.example"])
    )
    row = released(cast)
    for _ in range(3):
        work(virtual)
    assert [m.to for m in mail.messages] == ["desk@metro.example"]
    metro = seat(row.id, "metro")
    assert metro.state == State.SENT
    duty = owed(metro.id)
    assert duty is not None
    assert (duty.owner_agency, duty.owner_role, duty.precedence) == (
        "metro",
        "partner",
        "IMMEDIATE",
    )
    assert FanOut.objects.get(warning=row.id).destinations == 2
    assert Lease.objects.count() == 0


def test_a_draft_goes_to_nobody(cast: Cast, mail: Sink, virtual: VirtualClock) -> None:
    from tests.stories.warned import in_review  # noqa: PLC0415

    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    in_review(cast)
    work(virtual)
    assert mail.messages == []
    assert not Destination.objects.exists()


def test_no_answer_goes_to_the_next_way_the_next_person_and_up(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(
        cast,
        "metro",
        "partner",
        ("Desk", ["desk@metro.example", "desk2@metro.example"]),
        ("Chief", ["chief@metro.example"]),
    )
    row = released(cast)
    work(virtual)
    metro = seat(row.id, "metro")
    work(virtual, 14)
    assert [m.to for m in mail.messages] == ["desk@metro.example"]
    work(virtual, 1)
    assert mail.messages[-1].to == "desk2@metro.example"
    work(virtual, 15)
    assert mail.messages[-1].to == "chief@metro.example"
    assert not Notice.objects.filter(duty=owed(metro.id).id).exists()  # type: ignore[union-attr]
    work(virtual, 15)
    told = Notice.objects.filter(duty=owed(metro.id).id)  # type: ignore[union-attr]
    assert set(told.values_list("person", flat=True)) == {cast.people["lou"]}
    assert tries(metro.id) == [
        (Why.FIRST.name, State.SENT),
        (Why.NEXT_WAY.name, State.SENT),
        (Why.NEXT_PERSON.name, State.SENT),
    ]
    by_hand = owed(metro.id, "reach_by_hand")
    assert by_hand is not None
    assert by_hand.owner_role == "release_authority"
    assert "every way" in by_hand.title
    assert Notice.objects.filter(duty=by_hand.id, person=cast.people["rhea"]).exists()


def test_an_answer_stops_the_ladder(cast: Cast, mail: Sink, virtual: VirtualClock) -> None:
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example", "desk2@metro.example"]))
    row = released(cast)
    work(virtual, 5)
    actions.acknowledge_by_link(mail.messages[0].token)
    work(virtual, 60)
    assert len(mail.messages) == 1
    metro = seat(row.id, "metro")
    assert (metro.state, metro.acknowledged_how) == (State.ACKNOWLEDGED, "link")
    assert owed(metro.id) is None


def test_an_answer_takes_back_what_has_not_left(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example", "desk2@metro.example"]))
    row = released(cast)
    work(virtual)
    mail.refuse = lambda to: "451 later"
    work(virtual, 15)
    metro = seat(row.id, "metro")
    assert tries(metro.id)[-1] == (Why.NEXT_WAY.name, State.RETRYING)
    actions.acknowledge_by_link(mail.messages[0].token)
    mail.refuse = lambda to: None
    work(virtual, 3)
    assert [m.to for m in mail.messages] == ["desk@metro.example"]
    assert tries(metro.id)[-1] == (Why.NEXT_WAY.name, State.STOPPED)


def test_a_role_with_nobody_is_said_loudly_and_sent_to_once_somebody_is_named(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    row = released(cast)
    work(virtual)
    metro = seat(row.id, "metro")
    assert metro.state == State.NOBODY
    by_hand = owed(metro.id, "reach_by_hand")
    assert by_hand is not None
    assert Notice.objects.filter(duty=by_hand.id, person=cast.people["rhea"]).exists()
    assert "the directory names nobody" in by_hand.title
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    work(virtual, 1)
    assert [m.to for m in mail.messages] == ["desk@metro.example"]
    assert tries(metro.id) == [(Why.NEWLY_LISTED.name, State.SENT)]
    assert seat(row.id, "metro").state == State.SENT


def test_a_stranger_cannot_name_himself_for_another_agency(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    from tocsin.people.actions import grant_role  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM, Role  # noqa: PLC0415

    grant_role(SYSTEM, person=cast.people["otto"], role=Role.RELEASE_AUTHORITY)
    way = [("email", "otto@other.example")]
    actions.add_recipient(cast.otto, agency="metro", role="partner", name="Otto", ways=way)
    row = released(cast)
    work(virtual, 1)
    assert mail.messages == []
    assert seat(row.id, "metro").state == State.NOBODY


def test_an_agencys_own_lines_win_over_the_senders(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "capitol", "operation_lead", ("Old number", ["old@capitol.example"]))
    way = [("email", "new@capitol.example")]
    actions.add_recipient(cast.olga, agency="capitol", role="operation_lead", name="Olga", ways=way)
    released(cast)
    work(virtual)
    assert [m.to for m in mail.messages] == ["new@capitol.example"]


def test_flash_goes_to_everybody_at_once(cast: Cast, mail: Sink, virtual: VirtualClock) -> None:
    listed(cast, "metro", "partner", *((f"P{i}", [f"p{i}@metro.example"]) for i in range(4)))
    row = released(cast, precedence="FLASH")
    work(virtual)
    assert sorted(m.to for m in mail.messages) == [f"p{i}@metro.example" for i in range(4)]
    duty = owed(seat(row.id, "metro").id)
    assert duty is not None
    assert duty.due_at - duty.opened_at == timedelta(minutes=10)


def test_refused_for_now_is_tried_again_with_growing_waits(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    mail.refuse = lambda to: "451 try later"
    row = released(cast)
    work(virtual)
    metro = seat(row.id, "metro")
    delivery = Delivery.objects.get(destination=metro.id)
    assert (delivery.state, delivery.failure, delivery.reason) == (
        State.RETRYING,
        "temporary",
        "BUSY",
    )
    assert delivery.next_try_at is not None
    assert timedelta(seconds=12) <= delivery.next_try_at - virtual.now() <= timedelta(seconds=18)
    assert metro.state == State.QUEUED
    mail.refuse = lambda to: None
    virtual.advance(timedelta(seconds=20))
    actions.send_due(threads=0)
    assert len(mail.messages) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.failure) == (State.SENT, 2, "")
    assert seat(row.id, "metro").state == State.SENT


def test_refused_for_good_goes_to_the_next_at_once(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(
        cast,
        "metro",
        "partner",
        ("Gone", ["gone@metro.example", "gone2@metro.example"]),
        ("Chief", ["chief@metro.example"]),
    )
    mail.refuse = lambda to: "550 no such user" if to.startswith("gone") else None
    row = released(cast)
    work(virtual)
    assert [m.to for m in mail.messages] == ["chief@metro.example"]
    assert tries(seat(row.id, "metro").id) == [
        (Why.FIRST.name, State.FAILED),
        (Why.FAILED_WAY.name, State.FAILED),
        (Why.FAILED_PERSON.name, State.SENT),
    ]


def test_everything_refused_for_good_is_handed_to_a_person_at_once(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "metro", "partner", ("Gone", ["gone@metro.example"]))
    mail.refuse = lambda to: "550 no such user"
    row = released(cast)
    work(virtual)
    metro = seat(row.id, "metro")
    assert metro.state == State.FAILED
    assert metro.exhausted_at is not None
    assert owed(metro.id, "reach_by_hand") is not None
    assert actions.acknowledge_by_voice(cast.ana, destination=metro.id, who="Desk sergeant")
    assert owed(metro.id, "reach_by_hand") is None
    assert owed(metro.id) is None
    assert seat(row.id, "metro").acknowledged_how == "by_voice"


def test_a_dead_mail_server_keeps_everything_queued(cast: Cast, virtual: VirtualClock) -> None:
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    with settings_as(smtp_host="127.0.0.1", smtp_port=9):
        row = released(cast)
        work(virtual)
    delivery = Delivery.objects.get(warning=row.id)
    assert (delivery.state, delivery.reason) == (State.RETRYING, "UNREACHABLE")
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port):
        work(virtual, 1)
        assert len(s.messages) == 1


def test_without_a_mail_server_mail_is_kept_as_files(
    cast: Cast, virtual: VirtualClock, tmp_path: Path
) -> None:
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    with settings_as(smtp_host="", data_dir=tmp_path):
        row = released(cast)
        work(virtual)
    files = list((tmp_path / "mail").glob("*.eml"))
    assert [f.stem for f in files] == [Delivery.objects.get(warning=row.id).id]
    assert b"To: Desk <desk@metro.example>" in files[0].read_bytes()


def test_an_update_reaches_everyone_who_got_the_first_and_says_what_changed(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(
        cast, "metro", "partner", ("Desk", ["desk@metro.example"]), ("Chief", ["c@metro.example"])
    )
    listed(cast, "capitol", "partner", ("Paul", ["paul@capitol.example"]))
    seats = [{"agency": "capitol", "role": "partner"}]
    row = released(cast, distribution=[*seats, *Operation.objects.get(id=cast.march).must_know])
    work(virtual, 30)  # desk did not answer, so that the chief was asked too
    update = warn.update(cast.ana, warning=row.id, version=current(row.id).version)
    fresh = current(update)
    changed = words(fresh.cites[0]["id"], changed="The south doors are named too.")
    warn.revise(
        cast.ana,
        warning=update,
        version=fresh.version,
        content=changed,
        distribution=[*Operation.objects.get(id=cast.march).must_know],
    )
    warn.submit(cast.ana, warning=update, version=current(update).version)
    mail.messages.clear()
    warn.release(cast.rhea, warning=update, version=current(update).version)
    work(virtual)
    got = sorted(m.to for m in mail.messages)
    assert got == ["c@metro.example", "desk@metro.example", "paul@capitol.example"]
    assert all("The south doors are named too." in m.text for m in mail.messages)
    assert "edition 2" in mail.messages[0].text
    old = seat(row.id, "metro")
    assert (old.close_reason, owed(old.id)) == ("REPLACED", None)
    assert owed(seat(update, "metro").id) is not None


def test_a_cancellation_reaches_everyone_who_got_it_and_stops_the_rest(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    row = released(cast)
    work(virtual)
    warn.cancel(
        cast.rhea, warning=row.id, version=current(row.id).version, reason="The posts were a hoax."
    )
    work(virtual)
    assert [m.to for m in mail.messages] == ["desk@metro.example"] * 2
    last = mail.messages[-1]
    assert "CANCELLED" in str(last.message["subject"])
    assert "The posts were a hoax." in last.text
    assert seat(row.id, "metro").close_reason == "CANCELLED"
    assert owed(seat(row.id, "metro").id) is None
    actions.acknowledge_by_link(last.token)
    assert seat(row.id, "metro", "cancel").state == State.ACKNOWLEDGED


def test_expiry_ends_what_was_owed_by_an_entry(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    row = released(cast)
    work(virtual)
    virtual.advance(timedelta(days=5))
    warn.expire_due()
    work(virtual)
    metro = seat(row.id, "metro")
    assert metro.close_reason == "EXPIRED"
    assert owed(metro.id) is None
    assert Entry.objects.filter(subject=metro.id, kind="destination.closed").exists()


def test_a_role_that_becomes_must_know_later_is_told_too(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "capitol", "partner", ("Paul", ["paul@capitol.example"]))
    row = released(cast)
    work(virtual)
    assert mail.messages == []
    operation = Operation.objects.get(id=cast.march)
    must = [*operation.must_know, {"agency": "capitol", "role": "partner"}]
    change_operation(cast.lou, operation=cast.march, version=operation.version, must_know=must)
    work(virtual)
    assert [m.to for m in mail.messages] == ["paul@capitol.example"]
    assert store.informed(current(row.id)).required == 3


@pytest.mark.parametrize("state", [410, 400])
def test_webhook_is_signed_and_a_refusal_goes_on(
    cast: Cast, mail: Sink, virtual: VirtualClock, state: int
) -> None:
    from base64 import b64decode, b64encode  # noqa: PLC0415
    from hmac import digest  # noqa: PLC0415

    from tocsin.deliver.channels.webhook import secret_of  # noqa: PLC0415
    from tocsin.kernel import settings  # noqa: PLC0415

    with (
        hook() as partner,
        settings_as(allow_private_addresses=True, smtp_host="127.0.0.1", smtp_port=mail.port),
    ):
        (line,) = listed(cast, "metro", "partner", ("System", [partner.url, "desk@metro.example"]))
        row = released(cast)
        work(virtual)
        headers, body = partner.got[0]
        key = secret_of(settings.secret(settings.current(), "webhook_secret"), line)
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        made = b64encode(digest(b64decode(key.removeprefix("whsec_")), said, "sha256")).decode()
        assert headers["webhook-signature"] == f"v1,{made}"
        (event,) = partner.events
        assert event["specversion"] == "1.0"
        assert event["type"] == "org.tocsin.warning.release"
        assert event["subject"] == row.id
        assert event["data"]["content"]["title"] == "North doors named for the march"
        assert seat(row.id, "metro").state == State.DELIVERED
        actions.acknowledge_by_link(event["data"]["acknowledge_url"].rsplit("/", 1)[1])
        assert seat(row.id, "metro").state == State.ACKNOWLEDGED

        partner.answers = [503, state]
        again = released(cast)
        work(virtual)
        assert Delivery.objects.get(warning=again.id).state == State.RETRYING
        work(virtual, 1)
        assert [m.to for m in mail.messages] == ["desk@metro.example"]


def test_webhook_into_our_own_network_is_refused(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    with hook() as partner:
        with settings_as(allow_private_addresses=True):
            listed(cast, "metro", "partner", ("System", [partner.url]))
        row = released(cast)
        work(virtual)
        assert partner.got == []
    assert Delivery.objects.get(warning=row.id).reason == "ADDRESS_REFUSED"


def test_the_text_of_a_red_warning_does_not_travel_by_mail(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    released(cast, label="RED")
    work(virtual)
    (taken,) = mail.messages
    assert "north doors" not in taken.raw.decode().lower()
    assert "tools" not in taken.raw.decode()
    assert "/a/" in taken.text
    assert taken.text.startswith("TLP:RED")
    assert taken.text.rstrip().endswith("TLP:RED")


def test_a_line_that_changes_on_the_way_keeps_the_address_it_was_queued_with(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    (line,) = listed(cast, "metro", "partner", ("Desk", ["desk@metro.example"]))
    released(cast)
    actions.fan_out()
    actions.change_recipient(
        cast.rhea,
        recipient=line,
        version=1,
        agency="metro",
        role="partner",
        name="Desk",
        ways=[("email", "other@metro.example")],
    )
    work(virtual)
    assert [m.to for m in mail.messages] == ["desk@metro.example"]


def test_the_record_rebuilds_to_the_same_tables(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, "metro", "partner", ("Desk", ["gone@metro.example"]), ("C", ["c@metro.example"]))
    mail.refuse = lambda to: "550 no" if to.startswith("gone") else None
    row = released(cast)
    work(virtual, 40)
    actions.acknowledge_by_link(mail.messages[-1].token)
    from tocsin.record import store as record  # noqa: PLC0415
    from tocsin.record.terms import Put  # noqa: PLC0415

    rebuilt = applying.fold(record.decode(bytes(e.body)) for e in Entry.objects.order_by("n"))
    metro = seat(row.id, "metro")
    net = rebuilt["deliver_destination", (metro.id,)]
    assert net.op is Put
    assert (net.values["state"], net.values["current"]) == (metro.state, metro.current)
    for delivery in Delivery.objects.filter(destination=metro.id):
        kept = rebuilt["deliver_delivery", (delivery.id,)].values
        assert (kept["state"], kept["attempts"]) == (delivery.state, delivery.attempts)
