"""A partner's own page: what waits, passing it on, contacts, the rota; and the doors without a password."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.posting import Sink, settings_as, sink
from tests.stories.warned import now as current
from tests.stories.warned import released
from tocsin.deliver import actions, store
from tocsin.deliver.actions import entering, relaying, trying
from tocsin.deliver.models import Destination, Mailed, Push, Reader, Recipient, Relay, Trial
from tocsin.deliver.terms import CHECKED_EVERY
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people import actions as people
from tocsin.people.models import Account, Shift
from tocsin.people.terms import Role
from tocsin.record.models import Entry
from tocsin.warn import actions as warn


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def waiting(cast: Cast, mail: Sink) -> str:
    """The destination that waits for Mona."""
    actions.add_recipient(
        cast.rhea,
        agency="metro",
        role="partner",
        name="Mona",
        ways=[("inapp", ""), ("email", "mona@metro.example")],
        person=cast.people["mona"],
    )
    released(cast)
    actions.fan_out()
    actions.send_due(threads=0)
    return Destination.objects.get(seat_agency="metro").id


def as_(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.account(name))
    return client


def link_in(text: str) -> str:
    """The path of the link in a mail."""
    found = re.search(r"http://127\.0\.0\.1:8000(/\S+)", text)
    assert found is not None
    return found[1]


def test_the_page_shows_what_waits_and_answers_it_by_one_press(cast: Cast, waiting: str) -> None:
    mona = as_(cast, "mona")
    page = mona.get("/partner").content.decode()
    assert "North doors named for the march" in page
    assert page.index("North doors") < page.index("How warnings reach you")
    mona.post(f"/answers/{waiting}", {"do": "acknowledge"})
    assert Destination.objects.get(id=waiting).acknowledged_by == cast.people["mona"]
    assert "What you were sent" in mona.get("/partner").content.decode()
    assert 'href="/partner"' in mona.get("/").content.decode(), "it is in the menu"


def test_passed_on_to_ones_people_each_says_they_have_read_it(
    cast: Cast, waiting: str, mail: Sink, client: Client
) -> None:
    mona = as_(cast, "mona")
    typed = {"people": "Sgt Bo bo@metro.example\n<eve@metro.example>", "note": "Brief your shift."}
    answer = mona.post(f"/partner/{waiting}/pass", typed)
    relay = Relay.objects.get()
    assert answer.headers["Location"] == f"/partner/passed/{relay.id}"
    assert actions.send_relays() == 2
    assert actions.send_relays() == 0
    bo = next(m for m in mail.messages if m.to == "bo@metro.example")
    assert "Brief your shift." in bo.text
    assert "passed to you by Metro police" in bo.text
    assert "TLP:AMBER" in bo.text
    path = link_in(bo.text)
    for method in (client.get, client.head):
        assert method(path).status_code == 200
    assert not Reader.objects.exclude(read_at=None).exists(), "looking is not reading"
    assert client.post(path, {"do": "read"}).status_code == 200
    before = Entry.objects.count()
    client.post(path, {"do": "read"})
    assert Entry.objects.count() == before
    assert [r.state for r in Reader.objects.order_by("id")] == ["READ", "SENT"]
    page = mona.get(f"/partner/passed/{relay.id}").content.decode()
    assert "1 of 2 have read it" in page
    assert "Sgt Bo" in page
    assert Destination.objects.get(id=waiting).acknowledged_at is None, "it answers for nobody else"
    for other in ("rhea", "olga", "otto"):
        assert as_(cast, other).get(f"/partner/passed/{relay.id}").status_code in (403, 404)


def test_a_sheet_is_signed_by_name_once(cast: Cast, waiting: str, client: Client) -> None:
    relay = actions.pass_to(cast.mona, destination=waiting, sheet=True)
    sheet = as_(cast, "mona").get(f"/partner/passed/{relay}/sheet").content.decode()
    assert "<path d=" in sheet
    path = f"/a/p/{relaying.token(relay)}"
    assert client.post(path, {"do": "read", "name": " "}).status_code == 422
    assert client.post(path, {"do": "read", "name": "PO  Kay"}).status_code == 200
    client.post(path, {"do": "read", "name": "po kay"})
    assert Reader.objects.count() == 1
    row = Relay.objects.get()
    assert [card.name for _, card in store.readers(row)] == ["PO Kay"]


def test_what_may_not_be_passed_on(cast: Cast, waiting: str) -> None:
    with pytest.raises(Invalid):
        actions.pass_to(cast.mona, destination=waiting)
    with pytest.raises(Invalid):
        actions.pass_to(cast.mona, destination=waiting, people=[("x", "no-address")])
    for who in (cast.olga, cast.rhea):
        with pytest.raises(Forbidden):
            actions.pass_to(who, destination=waiting, sheet=True)
    with pytest.raises((Forbidden, NotFound)):
        actions.pass_to(cast.otto, destination=waiting, sheet=True)
    red = released(cast, label="RED")
    actions.fan_out()
    mine = Destination.objects.get(warning=red.id, seat_agency="metro").id
    with pytest.raises(Forbidden, match="RED"):
        actions.pass_to(cast.mona, destination=mine, sheet=True)
    answer = as_(cast, "mona").post(f"/partner/{waiting}/pass", {"people": "nobody here"})
    assert answer.status_code == 422
    assert b"Line 1 holds no e-mail address" in answer.content
    assert b"nobody here" in answer.content, "what was typed is kept"
    assert not Relay.objects.exists()


def test_a_link_to_what_was_passed_on_ends_with_the_warning(
    cast: Cast, waiting: str, virtual: VirtualClock, client: Client
) -> None:
    relay = actions.pass_to(cast.mona, destination=waiting, sheet=True)
    row = current(Relay.objects.get().warning)
    warn.cancel(cast.ruth, warning=row.id, version=row.version, reason="A false alarm.")
    path = f"/a/p/{relaying.token(relay)}"
    assert "cancelled" in client.get(path).content.decode().lower()
    virtual.advance(timedelta(days=31))
    assert client.get(path).status_code == 409
    assert client.get(path[:-2] + "xx").status_code == 404
    assert client.get(f"/a/p/{relaying.token('rdr_unknown')}").status_code == 404


def test_a_test_of_the_ways_is_proved_by_a_press(
    cast: Cast, waiting: str, mail: Sink, client: Client, virtual: VirtualClock
) -> None:
    line = Recipient.objects.get()
    mona = as_(cast, "mona")
    mona.post("/partner/test", {"recipient": line.id})
    assert actions.send_trials() == 2
    assert [t.result for t in Trial.objects.order_by("place")] == ["DELIVERED", "SENT"]
    (test,) = [m for m in mail.messages if m.message["Subject"].startswith("TEST")]
    assert "Nothing has happened" in test.text
    path = link_in(test.text)
    assert client.get(path).status_code == 200
    assert Recipient.objects.get().verified_at is None
    client.post(path)
    assert Recipient.objects.get().verified_at == virtual.now()
    assert "came" in mona.get("/partner").content.decode()
    with pytest.raises(Conflict):
        actions.test_ways(cast.mona, recipient=line.id)
    virtual.advance(timedelta(minutes=3))
    with pytest.raises(Forbidden):
        actions.test_ways(cast.otto, recipient=line.id)
    with pytest.raises(NotFound):
        trying.follow("tst_forged.abc")


def test_a_partner_keeps_the_contacts_of_their_own_agency_and_of_no_other(cast: Cast) -> None:
    mona = as_(cast, "mona")
    typed = {"agency": "metro", "role": "partner", "name": "Night desk", "rank": 1}
    answer = mona.post(
        "/directory/new", {**typed, "email": "night@metro.example", "sms": "+12025550123"}
    )
    assert answer.headers["Location"] == "/partner"
    line = Recipient.objects.get()
    assert (line.agency, line.kinds) == ("metro", ["email", "sms"])
    refused = mona.post(
        "/directory/new", {**typed, "agency": "capitol", "email": "x@capitol.example"}
    )
    assert refused.status_code == 403
    with pytest.raises(Forbidden):
        actions.add_recipient(
            cast.mona,
            agency="capitol",
            role="partner",
            name="X",
            ways=[("email", "x@capitol.example")],
        )
    kept_by_lead = actions.add_recipient(
        cast.rhea,
        agency="metro",
        role="partner",
        name="Lead's line",
        ways=[("email", "l@metro.example")],
    )
    with pytest.raises((Forbidden, NotFound)):
        actions.remove_recipient(cast.mona, recipient=kept_by_lead, version=1)
    page = mona.get("/partner").content.decode()
    assert "Night desk" in page
    assert "Lead&#x27;s line" in page, "one may know how one is reached"
    assert "Night desk" not in as_(cast, "olga").get("/partner").content.decode()


def test_the_rota_is_for_ones_own_agency(cast: Cast) -> None:
    times = {"starts_at": "2026-03-03T08:00", "ends_at": "2026-03-03T20:00"}
    mona = as_(cast, "mona")
    mona.post("/partner/rota", {"seat": f"{cast.people['mona']}:partner", **times})
    assert Shift.objects.get().person == cast.people["mona"]
    mona.post("/partner/rota", {"seat": f"{cast.people['olga']}:operation_lead", **times})
    assert Shift.objects.count() == 1
    at = Shift.objects.get().starts_at
    with pytest.raises(Forbidden):
        people.plan_shift(
            cast.mona,
            person=cast.people["paul"],
            role=Role.PARTNER,
            starts_at=at,
            ends_at=at + timedelta(hours=1),
        )


def test_a_browser_is_told_only_for_who_asked(cast: Cast) -> None:
    mona = as_(cast, "mona")
    body = {"endpoint": "https://push.example/1", "p256dh": "k", "auth": "a"}
    send: dict[str, Any] = {"content_type": "application/json"}
    assert mona.post("/partner/push", json.dumps(body), **send).status_code == 204
    bad = json.dumps({**body, "endpoint": "http://127.0.0.1/x"})
    assert mona.post("/partner/push", bad, **send).status_code == 422
    assert mona.post("/partner/push", "no json", **send).status_code == 422
    paul = as_(cast, "paul")
    off = json.dumps({"endpoint": body["endpoint"], "off": True})
    paul.post("/partner/push", off, **send)
    assert Push.objects.get().person == cast.people["mona"]
    mona.post("/partner/push", off, **send)
    assert not Push.objects.exists()
    worker = mona.get("/sw.js")
    assert worker["Service-Worker-Allowed"] == "/partner"
    assert worker["Content-Type"].startswith("text/javascript")


# Signing in by a link


def asked(client: Client, address: str, mail: Sink) -> list[str]:
    """Ask for a link; the paths of the links that were mailed."""
    before = len(mail.messages)
    assert client.post("/accounts/link", {"email": address}).status_code == 200
    actions.send_links()
    return [link_in(m.text) for m in mail.messages[before:]]


def test_a_link_signs_in_once_by_a_press_and_not_by_looking(
    cast: Cast, mail: Sink, client: Client
) -> None:
    (path,) = asked(client, "MONA@metro.example", mail)
    for method in (client.get, client.head):
        assert method(path).status_code == 200
    assert "_auth_user_id" not in client.session
    assert client.post(path).headers["Location"] == "/partner"
    assert client.get("/partner").status_code == 200
    again = Client()
    assert again.post(path).headers["Location"] == "/accounts/link"
    assert "_auth_user_id" not in again.session


def test_a_link_ends_after_a_quarter_of_an_hour_and_is_sent_once_a_minute(
    cast: Cast, mail: Sink, client: Client, virtual: VirtualClock
) -> None:
    (path,) = asked(client, "mona@metro.example", mail)
    assert asked(client, "mona@metro.example", mail) == []
    virtual.advance(timedelta(minutes=2))
    assert len(asked(client, "mona@metro.example", mail)) == 1
    virtual.advance(timedelta(minutes=14))
    client.post(path)
    assert "_auth_user_id" not in client.session


def test_asking_says_the_same_for_an_address_nobody_has(
    cast: Cast, mail: Sink, client: Client
) -> None:
    known = client.post("/accounts/link", {"email": "mona@metro.example"})
    unknown = client.post("/accounts/link", {"email": "nobody@nowhere.example"})
    token = re.compile(rb'X-CSRFToken": "\w+"')
    assert token.sub(b"", known.content) == token.sub(b"", unknown.content)
    assert actions.send_links() == 1
    Account.objects.filter(username="mona").update(is_active=False)
    Mailed.objects.all().delete()
    assert asked(client, "mona@metro.example", mail) == []
    with pytest.raises(Conflict):
        entering.whose("per_1~9999999999~x.forged")


def test_a_link_does_not_pass_the_second_step(cast: Cast, mail: Sink, client: Client) -> None:
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: PLC0415

    TOTP.activate(cast.account("mona"), generate_totp_secret())
    (path,) = asked(client, "mona@metro.example", mail)
    assert client.post(path).headers["Location"].startswith("/accounts/2fa/authenticate")
    assert client.get("/partner").status_code == 302


def test_the_door_offers_link_passkey_and_only_a_known_agencys_own(
    client: Client, db: None
) -> None:
    page = client.get("/accounts/login/").content.decode()
    assert 'href="/accounts/link"' in page
    assert 'id="passkey_login"' in page
    assert "<script>" not in page, "the policy of the pages allows no script in them"
    assert "/accounts/oidc/" not in page


# The directory stays true


def test_what_nothing_proved_for_long_is_owed_until_it_is(
    cast: Cast, virtual: VirtualClock, client: Client
) -> None:
    line = actions.add_recipient(
        cast.rhea, agency="metro", role="partner", name="Desk", ways=[("email", "d@metro.example")]
    )
    assert actions.check_directory() == 0
    virtual.advance(CHECKED_EVERY + timedelta(days=1))
    assert actions.check_directory() == 1
    assert actions.check_directory() == 0
    duty = Duty.objects.get(kind="check_directory")
    assert (duty.owner_agency, duty.subject) == ("fusion", "dir_fusion")
    assert "1 line not proved" in duty.title
    rhea = as_(cast, "rhea")
    assert "/directory/checks/dir_fusion" in rhea.get("/").content.decode()
    assert "Desk" in rhea.get("/directory/checks/dir_fusion").content.decode()
    assert as_(cast, "otto").get("/directory/checks/dir_fusion").status_code == 404
    actions.verify_recipient(cast.rhea, recipient=line, version=1)
    assert actions.check_directory() == 1
    duty.refresh_from_db()
    assert duty.discharged_at is not None


def test_a_line_whose_last_messages_nobody_opened_is_silent(cast: Cast, mail: Sink) -> None:
    actions.add_recipient(
        cast.rhea, agency="metro", role="partner", name="Desk", ways=[("email", "d@metro.example")]
    )
    for n in range(3):
        assert store.silent(Recipient.objects.all()) == set(), n
        released(cast)
        actions.fan_out()
        actions.send_due(threads=0)
    assert store.silent(Recipient.objects.all()) == {Recipient.objects.get().id}
    assert "silent" in as_(cast, "rhea").get("/directory").content.decode()
    actions.acknowledge_by_link(mail.messages[-1].token)
    assert store.silent(Recipient.objects.all()) == set()


def test_the_operation_says_who_has_no_second_independent_way(cast: Cast) -> None:
    address = f"/operations/{cast.march}"
    lou = as_(cast, "lou")
    assert lou.get(address).content.decode().count("nobody in the directory") == 2
    two_mailboxes = [("email", "a@metro.example"), ("email", "b@metro.example")]
    line = actions.add_recipient(
        cast.rhea, agency="metro", role="partner", name="Desk", ways=two_mailboxes
    )
    page = lou.get(address).content.decode()
    assert "Mend before it starts" in page
    assert "one way only" in page
    actions.change_recipient(
        cast.rhea,
        recipient=line,
        version=1,
        agency="metro",
        role="partner",
        name="Desk",
        ways=[*two_mailboxes, ("voice", "+12025550123")],
    )
    assert "one way only" not in lou.get(address).content.decode()


CARDS = """BEGIN:VCARD
VERSION:3.0
FN:Duty desk
ORG:Metro police;Operations
ROLE:Partner
EMAIL;TYPE=INTERNET:second@metro.example
EMAIL;TYPE=INTERNET,PREF:desk@metro.example
TEL;TYPE=CELL:+1 202-555-0123
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Night desk
ORG:metro
TITLE:partner
TEL;TYPE=work,voice;VALUE=uri:tel:+12025550199
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:No role
ORG:metro
EMAIL:x@metro.example
END:VCARD
BEGIN:VCARD
this is no card
END:VCARD
"""


def test_contacts_come_in_as_vcards_with_a_report_row_by_row(cast: Cast) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415

    rhea = as_(cast, "rhea")

    def bring(text: str) -> str:
        sent = SimpleUploadedFile("contacts.vcf", text.encode())
        return str(rhea.post("/directory/import", {"file": sent}).headers["Location"])

    page = rhea.get(bring(CARDS)).content.decode()
    lines = store.lines(Recipient.objects.order_by("rank"))
    assert [(n.row.rank, n.card.name, n.row.kinds) for n in lines] == [
        (1, "Duty desk", ["email", "email", "sms"]),
        (2, "Night desk", ["voice"]),
    ]
    assert lines[0].card.ways[0].address == "desk@metro.example"
    assert "has no role" in page.lower()
    assert page.count("No role") >= 1
    before = Entry.objects.count()
    bring(CARDS)
    assert Entry.objects.count() == before, "the same file twice changes nothing"
