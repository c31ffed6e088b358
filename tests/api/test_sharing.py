"""Warnings out in every format, CAP receipts in, another agency's message passed on with its original."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.api.sharing import THREAT, System
from tests.cast import make_cast
from tests.stories.flagged import flag
from tests.stories.warned import in_review, now, released
from tocsin.collect.actions import add_source
from tocsin.collect.models import Report
from tocsin.collect.terms import SourceKind
from tocsin.deliver.actions import add_recipient, fan_out
from tocsin.deliver.models import Delivery, Destination
from tocsin.exchange.bulletins import bulletin, original
from tocsin.exchange.keys import alert_key
from tocsin.exchange.models import Relay
from tocsin.formats import atom, cap, cap_sign, edxl, misp, stix
from tocsin.formats.cap_terms import Alert, Area, Info, Reference
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.people.models import Account
from tocsin.record.models import Entry, Site
from tocsin.warn import actions as warn
from tocsin.warn import store
from tocsin.warn.models import Warning

FORMATS = ["cap", "edxl", "stix", "misp"]


@pytest.fixture
def system(db: None, virtual: VirtualClock) -> System:
    return System(make_cast())


def get(system: System, who: str, path: str, **query: str) -> Any:
    return system.get(who, f"/api/v1{path}", {"Accept": "*/*"}, **query)


def send(system: System, who: str, raw: bytes, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {system.keys[who]}"}
    path = "/api/v1/cap" + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
    return Client().post(path, raw, content_type="application/cap+xml", headers=headers)


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_says_what_the_warning_says_and_the_same_each_time(
    system: System, form: str
) -> None:
    row = released(system.cast)
    answer = get(system, "paul", f"/warnings/{row.id}/export/{form}")
    assert answer.status_code == 200
    assert b"North doors named" in answer.content
    assert b"AMBER" in answer.content
    again = get(system, "mona", f"/warnings/{row.id}/export/{form}")
    assert again.content == answer.content
    warn.update(system.cast.ana, warning=row.id, version=now(row.id).version)
    assert get(system, "ana", f"/warnings/{row.id}/export/{form}").content == answer.content


@pytest.mark.parametrize("form", FORMATS)
def test_the_outsider_the_administrator_and_the_early_get_nothing(
    system: System, form: str
) -> None:
    row = released(system.cast)
    for who in ("otto", "ada"):
        assert get(system, who, f"/warnings/{row.id}/export/{form}").status_code == 404
    assert Client().get(f"/api/v1/warnings/{row.id}/export/{form}").status_code == 401
    draft = in_review(system.cast)
    assert get(system, "ana", f"/warnings/{draft.id}/export/{form}").status_code == 409
    assert get(system, "paul", f"/warnings/{draft.id}/export/{form}").status_code == 404


def test_an_unknown_format_is_refused(system: System) -> None:
    assert get(system, "ana", f"/warnings/{released(system.cast).id}/export/pdf").status_code == 422


def test_our_alert_is_signed_and_refers_to_what_it_replaces(
    system: System, virtual: VirtualClock
) -> None:
    row = released(system.cast)
    certificate = Client().get("/api/v1/alerts.pem").content.decode()
    assert certificate == alert_key()[1]
    first = get(system, "paul", f"/warnings/{row.id}/export/cap").content
    alert = cap.read(cap_sign.verify(first, certificates=[certificate]))
    assert (alert.kind, alert.identifier, alert.scope) == ("Alert", row.id, "Restricted")
    assert (alert.infos[0].urgency, alert.infos[0].certainty) == ("Expected", "Likely")
    virtual.advance(timedelta(minutes=1))
    fresh = now(
        warn.update(
            system.cast.ana, warning=row.id, version=now(row.id).version, changed="The time."
        )
    )
    warn.submit(system.cast.ana, warning=fresh.id, version=fresh.version)
    warn.release(system.cast.rhea, warning=fresh.id, version=now(fresh.id).version)
    update = cap.read(get(system, "paul", f"/warnings/{fresh.id}/export/cap").content)
    assert update.kind == "Update"
    assert update.references == (Reference(alert.sender, alert.identifier, alert.sent),)
    virtual.advance(timedelta(minutes=1))
    warn.cancel(
        system.cast.rhea, warning=fresh.id, version=now(fresh.id).version, reason="It was a hoax."
    )
    path = f"/warnings/{fresh.id}/export/cap"
    cancel = cap.read(get(system, "paul", path, cancelled="true").content)
    assert (cancel.kind, cancel.identifier) == ("Cancel", f"{fresh.id}.cancel")
    assert cancel.references[0].identifier == fresh.id
    assert cap.read(get(system, "paul", path).content).kind == "Update"  # what was issued stays
    entries = atom.read(get(system, "paul", "/alerts.atom").content)
    assert [e.id for e in entries] == [f"{fresh.id}.cancel", fresh.id, row.id]
    assert atom.read(get(system, "otto", "/alerts.atom").content) == []


def test_in_an_exercise_alerts_are_drills(system: System) -> None:
    Site.objects.update_or_create(id=1, defaults={"exercise": "march"})
    row = released(system.cast)
    alert = cap.read(get(system, "paul", f"/warnings/{row.id}/export/cap").content)
    assert alert.status == "Exercise"


def answer_to(system: System, row: Warning, kind: str, **changes: Any) -> bytes:
    alert = cap.read(get(system, "ana", f"/warnings/{row.id}/export/cap").content)
    fields: dict[str, Any] = {
        "identifier": "metro-1",
        "sender": "alerts@metro.example",
        "sent": clock.now().replace(microsecond=0),
        "status": "Actual",
        "kind": kind,
        "scope": "Public",
        "references": (Reference(alert.sender, alert.identifier, alert.sent),),
        **changes,
    }
    return cap.write(Alert(**fields))


def standing(row: Warning, agency: str) -> Destination:
    return Destination.objects.get(warning=row.id, seat_agency=agency)


def test_an_ack_from_a_system_is_delivered_and_never_acknowledged(system: System) -> None:
    row = released(system.cast)
    fan_out()
    answer = send(system, "mona", answer_to(system, row, "Ack"))
    assert answer.json() == {"kind": "Ack", "receipts": 1, "flagged": 0, "counted": 0}
    theirs = standing(row, "metro")
    assert theirs.delivered_at is not None
    assert (theirs.acknowledged_at, theirs.read_at) == (None, None)
    assert standing(row, "capitol").delivered_at is None
    assert send(system, "mona", answer_to(system, row, "Ack")).json()["receipts"] == 0


@pytest.mark.parametrize("part", ["sender", "identifier", "sent"])
def test_an_ack_that_names_another_message_moves_nothing(system: System, part: str) -> None:
    row = released(system.cast)
    fan_out()
    right = cap.read(answer_to(system, row, "Ack")).references[0]
    wrong = {
        "sender": Reference("fusion@elsewhere.example", right.identifier, right.sent),
        "identifier": Reference(right.sender, "wrn_00000000000000000000", right.sent),
        "sent": Reference(right.sender, right.identifier, right.sent - timedelta(days=1)),
    }[part]
    answer = send(system, "mona", answer_to(system, row, "Ack", references=(wrong,)))
    assert answer.status_code == 404
    assert standing(row, "metro").delivered_at is None


def test_the_outsider_acknowledges_nothing(system: System) -> None:
    row = released(system.cast)
    fan_out()
    assert send(system, "otto", answer_to(system, row, "Ack")).status_code == 404
    assert not Entry.objects.filter(kind="destination.taken").exists()


def test_an_error_from_their_system_tries_the_next_way(system: System) -> None:
    person = Account.objects.get(username="mona").person
    add_recipient(
        system.cast.rhea,
        agency="metro",
        role="partner",
        name="Metro desk",
        ways=[("webhook", "https://metro.example/in"), ("inapp", "")],
        person=person,
    )
    row = released(system.cast)
    fan_out()
    assert Delivery.objects.filter(warning=row.id).count() == 1
    refused = answer_to(system, row, "Error", note="Our system cannot read severity.")
    assert send(system, "mona", refused).json()["receipts"] == 1
    assert [d.channel for d in Delivery.objects.filter(warning=row.id).order_by("id")] == [
        "webhook",
        "inapp",
    ]
    entry = Entry.objects.get(kind="destination.not_taken")
    assert b"severity" not in bytes(entry.body)
    assert standing(row, "metro").acknowledged_at is None


def their_alert(**changes: Any) -> Alert:
    info = Info(
        ("Security",),
        "Threat",
        "Immediate",
        "Severe",
        "Likely",
        sender_name="Metro control",
        headline="Armed group moving on the capitol",
        description=THREAT,
        areas=(Area("The Mall"),),
    )
    fields: dict[str, Any] = {
        "identifier": "metro-77",
        "sender": "alerts@metro.example",
        "sent": clock.now().replace(microsecond=0),
        "status": "Actual",
        "kind": "Alert",
        "scope": "Public",
        "infos": (info,),
    }
    return Alert(**{**fields, **changes})


def test_a_system_that_speaks_cap_gets_a_signed_answer_to_its_alert(system: System) -> None:
    def told(path: str, raw: bytes) -> tuple[int, Alert]:
        headers = {**system.headers("ana"), "Accept": "application/cap+xml"}
        answer = Client().post(path, raw, content_type="application/cap+xml", headers=headers)
        pem = Client().get("/api/v1/alerts.pem").content.decode()
        return answer.status_code, cap.read(cap_sign.verify(answer.content, certificates=[pem]))

    theirs = their_alert()
    status, ack = told(f"/api/v1/cap?source={system.source}", cap.write(theirs))
    assert (status, ack.kind, ack.addresses) == (200, "Ack", theirs.sender)
    assert ack.references == (Reference(theirs.sender, theirs.identifier, theirs.sent),)
    assert Report.objects.count() == 1
    status, error = told("/api/v1/cap", cap.write(theirs))  # it names no source of ours
    assert (status, error.kind) == (200, "Error")
    assert "which source" in error.note
    headers = {**system.headers("mona"), "Accept": "application/cap+xml"}
    row = released(system.cast)
    fan_out()
    again = Client().post(
        "/api/v1/cap",
        answer_to(system, row, "Ack"),
        content_type="application/cap+xml",
        headers=headers,
    )
    assert (again.status_code, again.content) == (204, b""), "nobody answers an answer"
    assert standing(row, "metro").delivered_at is not None


def test_an_alert_sent_in_is_a_report_and_is_passed_on_intact_and_credited(system: System) -> None:
    theirs = cap_sign.self_signed("metro", at=clock.now())
    raw = cap_sign.sign(cap.write(their_alert()), key=theirs[0], certificate=theirs[1])
    assert send(system, "ana", raw).status_code == 422  # an alert needs its source
    assert send(system, "otto", raw, source=system.source).status_code == 404
    answer = send(system, "ana", raw, source=system.source)
    assert answer.json() == {"kind": "Alert", "receipts": 0, "flagged": 1, "counted": 0}
    came = Report.objects.get()
    found = original(came)
    assert found is not None
    assert (found.raw, found.sender, found.identifier) == (raw, "alerts@metro.example", "metro-77")

    client = Client()
    client.force_login(
        Account.objects.get(username="ana"),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    page = client.get(f"/reports/{came.id}")
    assert b"Metro control" in page.content
    answer = client.post(f"/reports/{came.id}/relay")
    draft = Warning.objects.get()
    assert answer["Location"] == f"/warnings/{draft.id}/edit"
    assert Relay.objects.get().report == came.id
    assert "Metro control as metro-77" in store.content(draft).summary
    warn.submit(system.cast.ana, warning=draft.id, version=draft.version)
    warn.release(system.cast.rhea, warning=draft.id, version=now(draft.id).version)

    b = bulletin(now(draft.id))
    assert [o.raw for o in b.originals] == [raw]
    envelope = edxl.read(get(system, "paul", f"/warnings/{draft.id}/export/edxl").content)
    assert [a.identifier for a in envelope.alerts] == [draft.id, "metro-77"]
    assert cap_sign.verify(envelope.originals[1], certificates=[theirs[1]])
    ours = cap.read(get(system, "paul", f"/warnings/{draft.id}/export/cap").content)
    assert "alerts@metro.example" in ours.source
    assert (
        b"alerts@metro.example" in get(system, "paul", f"/warnings/{draft.id}/export/stix").content
    )
    event = misp.read(get(system, "paul", f"/warnings/{draft.id}/export/misp").content)
    assert event.tlp == "AMBER"


def test_a_report_that_came_as_no_message_is_not_passed_on(system: System) -> None:
    row = flag(system.cast, ["weapons"])
    client = Client()
    client.force_login(
        Account.objects.get(username="ana"),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    client.post(f"/reports/{row.id}/relay")
    assert not Warning.objects.exists()


def login(username: str) -> Client:
    client = Client()
    account = Account.objects.get(username=username)
    client.force_login(account, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_the_pages_lead_to_the_files_and_the_outsider_gets_none(system: System) -> None:
    row = released(system.cast)
    page = login("paul").get(f"/warnings/{row.id}").content.decode()
    for form in FORMATS:
        assert f"/warnings/{row.id}/export/{form}" in page
        answer = login("paul").get(f"/warnings/{row.id}/export/{form}")
        assert answer.status_code == 200
        assert "attachment" in answer["Content-Disposition"]
        assert login("otto").get(f"/warnings/{row.id}/export/{form}").status_code == 404
    assert login("paul").get(f"/warnings/{row.id}/export/exe").status_code == 404


def test_an_inbox_is_opened_on_the_page_by_who_may(system: System) -> None:
    other = add_source(
        system.cast.ana,
        kind=SourceKind.API,
        name="Metro by TAXII",
        authority="partner-report",
        purpose="threat-to-life",
    )
    client = login("ana")
    assert "Metro by TAXII" in client.get("/sharing").content.decode()
    sent = {"title": "From Metro", "source": other, "writers": ["metro"]}
    assert client.post("/sharing", {**sent, "writers": []}).status_code == 422
    assert client.post("/sharing", sent)["Location"] == "/sharing"
    assert "From Metro" in login("mona").get("/sharing").content.decode()
    assert "From Metro" not in login("otto").get("/sharing").content.decode()
    assert "Open a collection" not in login("paul").get("/sharing").content.decode()


def test_a_fetched_object_of_ours_reads_back_as_ours(system: System) -> None:
    row = released(system.cast)
    read = stix.read(get(system, "paul", f"/warnings/{row.id}/export/stix").content)
    assert all(isinstance(o, stix.Object) for o in read)
