"""Answering: by the link with a confirming press only, signed in, by voice; once; and never by a stranger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.posting import Sink, settings_as, sink
from tests.stories.warned import now as current
from tests.stories.warned import released
from tocsin.deliver import actions, store
from tocsin.deliver.models import Delivery, Destination, Recipient
from tocsin.deliver.terms import State
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.store import agency_names
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


@pytest.fixture
def sent(cast: Cast, mail: Sink) -> tuple[str, str]:
    """(warning, token): Metro's desk has it by mail; Mona is next, by her page here."""
    add = actions.add_recipient
    way = [("email", "desk@metro.example")]
    add(cast.rhea, agency="metro", role="partner", name="Desk", ways=way)
    here = {"person": cast.people["mona"], "ways": [("inapp", "")]}
    add(cast.rhea, agency="metro", role="partner", name="Mona", rank=2, **here)  # type: ignore[arg-type]
    row = released(cast)
    work()
    return row.id, mail.messages[0].token


def work() -> None:
    actions.fan_out()
    actions.send_due(threads=0)
    fire_due()
    actions.send_due(threads=0)


def metro(warning: str) -> Destination:
    return Destination.objects.get(warning=warning, seat_agency="metro", occasion="release")


def kinds(subject: str) -> list[str]:
    return list(Entry.objects.filter(subject=subject).order_by("n").values_list("kind", flat=True))


def test_a_get_shows_the_whole_text_and_changes_nothing(
    sent: tuple[str, str], client: Client
) -> None:
    warning, token = sent
    before = Entry.objects.count()
    for _ in range(3):
        page = client.get(f"/a/{token}")
        assert page.status_code == 200
    body = page.content.decode()
    assert "A group will try the north doors during the march." in body
    assert "Man the north doors from noon." in body
    assert "TLP:AMBER" in body
    assert page["Referrer-Policy"] == "no-referrer"
    assert "no-store" in page["Cache-Control"]
    assert client.head(f"/a/{token}").status_code == 405
    assert Entry.objects.count() == before
    assert metro(warning).state == State.SENT


def test_seen_counts_as_opened_and_not_as_answered(sent: tuple[str, str], client: Client) -> None:
    warning, token = sent
    for _ in range(2):
        assert client.post(f"/a/{token}", {"do": "seen"}).status_code == 204
    row = metro(warning)
    assert (row.state, row.acknowledged_at) == (State.OPENED, None)
    assert kinds(row.id).count("delivery.opened") == 1
    assert not store.informed(current(warning)).acknowledged


def test_the_press_acknowledges_once_however_often_it_is_pressed(
    sent: tuple[str, str], client: Client
) -> None:
    warning, token = sent
    for _ in range(2):
        page = client.post(f"/a/{token}", {"do": "acknowledge"}, follow=True)
        assert "Acknowledged" in page.content.decode()
    row = metro(warning)
    assert row.state == State.ACKNOWLEDGED
    assert kinds(row.id).count("destination.acknowledged") == 1
    assert not Duty.objects.filter(subject=row.id, discharged_at=None).exists()
    assert Recipient.objects.get(id=row.acknowledged_by).verified_at is not None


def test_it_works_without_cookies_and_under_csrf_checks(sent: tuple[str, str]) -> None:
    warning, token = sent
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"/a/{token}", {"do": "acknowledge"}).status_code == 302
    assert metro(warning).acknowledged_at is not None


def test_i_have_acted_says_what_and_acknowledges(sent: tuple[str, str], client: Client) -> None:
    warning, token = sent
    empty = client.post(f"/a/{token}", {"do": "act", "text": " "})
    assert empty.status_code == 422
    assert "say what you have done" in empty.content.decode().lower()
    assert metro(warning).acknowledged_at is None
    client.post(f"/a/{token}", {"do": "act", "text": "Two officers at the doors."})
    row = metro(warning)
    assert (row.state, row.acknowledged_at is not None) == (State.ACTED, True)
    assert "Two officers at the doors." in client.get(f"/a/{token}").content.decode()
    assert client.post(f"/a/{token}", {"do": "act", "text": "Again"}).status_code == 409


def test_not_for_me_asks_the_next_person_at_once(sent: tuple[str, str], client: Client) -> None:
    warning, token = sent
    client.post(f"/a/{token}", {"do": "pass"})
    client.post(f"/a/{token}", {"do": "pass"})
    row = metro(warning)
    states = list(
        Delivery.objects.filter(destination=row.id)
        .order_by("queued_at", "id")
        .values_list("why", "state")
    )
    assert states == [("FIRST", State.PASSED), ("PASSED_ON", State.QUEUED)]
    work()
    assert metro(warning).state == State.DELIVERED
    client.post(f"/a/{token}", {"do": "acknowledge"})
    assert metro(warning).acknowledged_at is not None


@pytest.mark.parametrize("what", ["get", "acknowledge", "seen", "act", "pass", "show"])
def test_a_forged_link_opens_nothing(sent: tuple[str, str], client: Client, what: str) -> None:
    warning, token = sent
    delivery, _, signature = token.partition(".")
    other = Delivery.objects.exclude(id=delivery).values_list("id", flat=True).first() or "dlv_x"
    forged = [
        "x",
        delivery,
        f"{delivery}.",
        f"{delivery}.{signature[:-1]}",
        f"{delivery}.{signature[::-1]}",
        f"{other}.{signature}",
        f"{delivery.upper()}.{signature}",
    ]
    for bad in forged:
        post = client.post(f"/a/{bad}", {"do": what, "text": "x"}) if what != "get" else None
        page = post or client.get(f"/a/{bad}")
        assert page.status_code == 404, bad
        assert "north doors" not in page.content.decode().lower()
    assert metro(warning).state == State.SENT


def test_a_red_text_is_shown_only_when_asked_for(cast: Cast, mail: Sink, client: Client) -> None:
    way = [("email", "desk@metro.example")]
    actions.add_recipient(cast.rhea, agency="metro", role="partner", name="Desk", ways=way)
    row = released(cast, label="RED")
    work()
    token = mail.messages[0].token
    page = client.get(f"/a/{token}").content.decode()
    assert "north doors" not in page.lower()
    assert 'value="acknowledge"' not in page
    assert "north doors" in client.post(f"/a/{token}", {"do": "show"}).content.decode().lower()
    assert metro(row.id).state == State.OPENED


def test_a_link_works_until_thirty_days_after_the_warning(
    sent: tuple[str, str], client: Client, virtual: VirtualClock
) -> None:
    _, token = sent
    virtual.advance(timedelta(days=33))
    assert client.get(f"/a/{token}").status_code == 200
    virtual.advance(timedelta(days=2))
    gone = client.get(f"/a/{token}")
    assert gone.status_code == 409
    assert "north doors" not in gone.content.decode().lower()
    with pytest.raises(Conflict):
        actions.acknowledge_by_link(token)


def test_a_replaced_warning_asks_for_nothing_any_more(
    cast: Cast, sent: tuple[str, str], client: Client
) -> None:
    warning, token = sent
    row = current(warning)
    warn.cancel(cast.rhea, warning=warning, version=row.version, reason="The posts were a hoax.")
    work()
    page = client.get(f"/a/{token}").content.decode()
    assert "Nothing to do here" in page
    assert "CANCELLED" in page
    assert client.post(f"/a/{token}", {"do": "acknowledge"}).status_code == 409


def test_signed_in_partners_see_what_waits_and_answer_it(
    cast: Cast, sent: tuple[str, str], client: Client
) -> None:
    warning, _ = sent
    client.force_login(cast.account("mona"))
    assert "North doors named" in client.get("/answers").content.decode()
    destination = metro(warning).id
    page = client.get(f"/answers/{destination}")
    assert "Acknowledge: I have it" in page.content.decode()
    assert client.post(f"/answers/{destination}/seen").status_code == 204
    assert (
        metro(warning).state == State.SENT
    )  # it was not sent to her yet: her look is not a receipt
    client.post(f"/answers/{destination}", {"do": "acknowledge"})
    row = metro(warning)
    assert (row.acknowledged_by, row.acknowledged_how) == (cast.people["mona"], "signed_in")
    assert "Nothing waits for you" in client.get("/answers").content.decode()


def test_a_delivery_to_a_page_here_is_delivered_then_opened(
    cast: Cast, sent: tuple[str, str], client: Client, virtual: VirtualClock
) -> None:
    warning, _ = sent
    for _ in range(31):
        virtual.advance(MINUTE)
        work()
    assert metro(warning).state == State.DELIVERED
    client.force_login(cast.account("mona"))
    client.post(f"/answers/{metro(warning).id}/seen")
    assert metro(warning).state == State.OPENED


@pytest.mark.parametrize("who", ["otto", "paul", "olga", "ana", "ada", "pia"])
def test_nobody_but_the_role_acknowledges(
    cast: Cast, sent: tuple[str, str], client: Client, who: str
) -> None:
    warning, _ = sent
    destination = metro(warning).id
    outcomes = (Forbidden, NotFound)
    with pytest.raises(outcomes):
        actions.acknowledge(cast.actor(who), destination=destination)
    with pytest.raises(outcomes):
        actions.act(cast.actor(who), destination=destination, text="x")
    with pytest.raises(outcomes):
        actions.pass_on(cast.actor(who), destination=destination)
    client.force_login(cast.account(who))
    post = client.post(f"/answers/{destination}", {"do": "acknowledge"})
    assert post.status_code in (403, 404)
    assert metro(warning).acknowledged_at is None


def test_the_outsider_finds_every_door_shut(
    cast: Cast, sent: tuple[str, str], client: Client
) -> None:
    warning, _ = sent
    destination = metro(warning).id
    line = Recipient.objects.values_list("id", flat=True).first()
    client.force_login(cast.account("otto"))
    for door in (
        f"/warnings/{warning}/receipts",
        f"/warnings/{warning}/receipts/part",
        f"/answers/{destination}",
    ):
        assert client.get(door).status_code == 404, door
    assert client.post(f"/answers/{destination}/seen").status_code == 404
    assert "North doors" not in client.get("/answers").content.decode()
    assert "desk@metro.example" not in client.get("/directory?q=desk").content.decode()
    for door in ("/directory/new", "/directory/import", f"/directory/{line}"):
        assert client.get(door).status_code == 403, door
    for door in ("/directory/import/template.csv", "/directory/import/imp_x"):
        assert client.get(door).status_code == 403, door
    for act in (
        lambda: actions.add_recipient(
            cast.otto, agency="other", role="partner", name="x", ways=[("email", "x@y.example")]
        ),
        lambda: actions.remove_recipient(cast.otto, recipient=str(line), version=1),
        lambda: actions.verify_recipient(cast.otto, recipient=str(line), version=1),
        lambda: actions.acknowledge_by_voice(cast.otto, destination=destination, who="x"),
    ):
        with pytest.raises((Forbidden, NotFound)):
            act()
    client.logout()
    for door in ("/answers", "/directory", f"/warnings/{warning}/receipts"):
        assert client.get(door).status_code == 302, door


def test_an_answer_by_voice_is_noted_by_the_sender_only_and_says_so(
    cast: Cast, sent: tuple[str, str], client: Client
) -> None:
    warning, _ = sent
    destination = metro(warning).id
    with pytest.raises(Invalid):
        actions.acknowledge_by_voice(cast.ana, destination=destination, who=" ")
    for stranger in (cast.olga, cast.mona):
        with pytest.raises(Forbidden):
            actions.acknowledge_by_voice(stranger, destination=destination, who="Desk sergeant")
    client.force_login(cast.account("ana"))
    client.post(
        f"/answers/{destination}", {"do": "voice", "who": "Desk sergeant", "text": "On it."}
    )
    row = metro(warning)
    assert (row.acknowledged_by, row.acknowledged_how) == (cast.people["ana"], "by_voice")
    cells = [c for r in store.matrix(cast.rhea, current(warning)).rows for c in r.cells if c.must]
    assert [c.note for c in cells if c.state == State.ACKNOWLEDGED] == ["by voice, as noted"]


def test_informed_shows_only_when_every_must_know_role_has_answered(
    cast: Cast, sent: tuple[str, str], client: Client
) -> None:
    warning, token = sent
    client.force_login(cast.account("rhea"))

    def page() -> str:
        return client.get(f"/warnings/{warning}/receipts").content.decode()

    assert "Not yet informed: 0 of 2" in page()
    actions.acknowledge_by_link(token)
    assert "Not yet informed: 1 of 2" in page()
    capitol = Destination.objects.get(warning=warning, seat_agency="capitol")
    actions.acknowledge(cast.olga, destination=capitol.id)
    assert "Informed: 2 of 2" in page()
    assert "Not yet informed" not in page()


def test_the_matrix_says_what_happens_next_and_hides_names_from_others(
    cast: Cast, sent: tuple[str, str]
) -> None:
    warning, _ = sent
    own = store.matrix(cast.rhea, current(warning))
    names = set(agency_names().values())
    assert {r.agency for r in own.rows} <= names
    desk = next(c for r in own.rows for c in r.cells if c.state == State.SENT)
    assert desk.note == "Desk was asked by e-mail"
    assert desk.next.endswith("then another way to them is tried")
    nobody = next(c for r in own.rows for c in r.cells if c.state == State.NOBODY)
    assert "operation lead is told" in nobody.next
    paul = store.matrix(cast.paul, current(warning))
    seen = [c for r in paul.rows for c in r.cells if c.state == State.SENT]
    assert [c.note for c in seen] == [""]
    assert "Desk" not in repr(paul)


def test_the_matrix_costs_the_same_number_of_queries_whatever_its_size(
    cast: Cast, sent: tuple[str, str], django_assert_max_num_queries: object
) -> None:
    warning, _ = sent
    with django_assert_max_num_queries(15):  # type: ignore[operator]
        store.matrix(cast.rhea, current(warning))
