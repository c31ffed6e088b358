"""Administration and operations on the screen: who may, what changes, what is refused and how it says so."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tocsin.kernel.clock import VirtualClock
from tocsin.people import tokens
from tocsin.people.models import (
    Account,
    Agency,
    ApiToken,
    Grant,
    Member,
    Operation,
    Participation,
    Qualification,
)
from tocsin.people.store import actor
from tocsin.people.terms import Permission, Role

pytestmark = pytest.mark.usefixtures("db", "virtual")
ADMIN_PAGES = ["/admin", "/admin/agencies", "/admin/people", "/admin/ladders"]
ET = ZoneInfo("America/New_York")


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def client(cast: Cast, name: str) -> Client:
    signed_in = Client()
    signed_in.force_login(
        cast.account(name), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return signed_in


def typed(at: object) -> str:
    return at.astimezone(ET).strftime("%Y-%m-%dT%H:%M")  # type: ignore[attr-defined,no-any-return]


def test_every_page_opens_for_whom_it_is_meant(cast: Cast) -> None:
    ada = client(cast, "ada")
    for url in [*ADMIN_PAGES, f"/admin/people/{cast.people['ana']}", "/operations"]:
        assert ada.get(url).status_code == 200, url
    for name in ("lou", "ana", "paul", "olga"):
        assert client(cast, name).get(f"/operations/{cast.march}").status_code == 200, name


def test_nobody_else_administers(cast: Cast) -> None:
    urls = [*ADMIN_PAGES, f"/admin/people/{cast.people['ana']}"]
    for name in ("otto", "lou", "ines"):
        other = client(cast, name)
        assert {other.get(url).status_code for url in urls} == {403}
        assert {
            other.post(url, {"act": "grant", "role": "administrator"}).status_code for url in urls
        } <= {403, 405}
    anonymous = Client()
    for url in [
        *urls,
        "/operations",
        f"/operations/{cast.march}",
        f"/operations/{cast.march}/edit",
    ]:
        assert anonymous.get(url).status_code == 302
    assert not Grant.objects.filter(person=cast.people["ana"], role="administrator").exists()


def test_the_outsider_finds_no_operation(cast: Cast) -> None:
    otto = client(cast, "otto")
    assert otto.get(f"/operations/{cast.march}").status_code == 404
    assert otto.get(f"/operations/{cast.march}/edit").status_code == 404
    assert otto.post(f"/operations/{cast.march}/cite", {"warning": "wrn_1"}).status_code == 404
    assert "The march" not in otto.get("/operations").content.decode()


def test_an_administrator_adds_a_person_who_can_then_work(cast: Cast) -> None:
    ada = client(cast, "ada")
    given = {
        "name": "Nora Nye", "username": "nora", "agency": "metro", "roles": ["partner", "field"],
        "email": "nora@metro.example", "password": "a long enough phrase",
    }  # fmt: skip
    made = ada.post("/admin/people", given)
    account = Account.objects.get(username="nora")
    assert (made.status_code, made["Location"]) == (302, f"/admin/people/{account.person}")
    assert account.check_password("a long enough phrase")
    assert actor(account.person).roles == {Role.PARTNER, Role.FIELD}
    again = ada.post("/admin/people", given)
    assert again.status_code == 422
    assert "is taken" in again.content.decode()
    assert 'value="Nora Nye"' in again.content.decode(), "what was typed is kept"
    weak = ada.post("/admin/people", {**given, "username": "nora2", "password": "short"})
    assert weak.status_code == 422
    assert not Account.objects.filter(username="nora2").exists()


def test_roles_standing_qualification_and_password_of_a_person(
    cast: Cast, virtual: VirtualClock
) -> None:
    ada, ned = client(cast, "ada"), cast.people["ned"]
    url = f"/admin/people/{ned}"
    assert ada.post(url, {"act": "grant", "role": "release_authority"}).status_code == 302
    assert Permission.RELEASE in actor(ned).permissions
    assert ada.post(url, {"act": "revoke", "role": "collector"}).status_code == 302
    assert actor(ned).roles == {Role.RELEASE_AUTHORITY}
    assert ada.post(url, {"act": "novice", "novice": "no"}).status_code == 302
    assert not Member.objects.get(person=ned).novice
    until = virtual.now() + timedelta(days=30)
    assert (
        ada.post(
            url, {"act": "qualify", "qualification": "tradecraft", "expires_at": typed(until)}
        ).status_code
        == 302
    )
    assert Qualification.objects.get(person=ned, name="tradecraft").expires_at == until
    assert ada.post(url, {"act": "password", "password": "another long phrase"}).status_code == 302
    assert Account.objects.get(person=ned).check_password("another long phrase")
    refused = ada.post(url, {"act": "revoke", "role": "collector"})
    assert refused.status_code == 422
    assert "does not hold that role" in refused.content.decode()
    assert (
        ada.post(url, {"act": "qualify", "qualification": "x", "expires_at": "soon"}).status_code
        == 422
    )
    assert ada.post(url, {"act": "grant", "role": "emperor"}).status_code == 422


def test_a_key_is_shown_once_acts_as_the_person_and_ends(cast: Cast) -> None:
    ada, url = client(cast, "ada"), f"/admin/people/{cast.people['paul']}"
    shown = ada.post(url, {"act": "issue", "key_name": "dispatch"})
    found = re.search(r"tocsin_[\w-]{20,}", shown.content.decode())
    assert found
    assert shown["Cache-Control"] == "no-store"
    assert found[0] not in ada.get(url).content.decode()
    acting = tokens.holder(found[0])
    assert acting is not None
    assert acting.person == cast.people["paul"]
    assert ada.post(url, {"act": "issue", "key_name": " "}).status_code == 422
    key = ApiToken.objects.get()
    assert ada.post(url, {"act": "end-key", "key": str(key.id)}).status_code == 302
    assert tokens.holder(found[0]) is None
    assert ada.post(url, {"act": "end-key", "key": str(key.id)}).status_code == 422


def test_nobody_grants_or_ends_themselves(cast: Cast) -> None:
    url = f"/admin/people/{cast.people['ada']}"
    ada = client(cast, "ada")
    assert ada.post(url, {"act": "grant", "role": "collector"}).status_code == 422
    assert ada.post(url, {"act": "leave"}).status_code == 422
    assert actor(cast.people["ada"]).roles == {Role.ADMINISTRATOR}


def test_who_leaves_can_no_longer_act_or_sign_in(cast: Cast) -> None:
    ana = client(cast, "ana")
    assert ana.get("/operations").status_code == 200
    assert (
        client(cast, "ada")
        .post(f"/admin/people/{cast.people['ana']}", {"act": "leave"})
        .status_code
        == 302
    )
    assert cast.ana.permissions == frozenset()
    assert not Account.objects.get(person=cast.people["ana"]).is_active
    assert ana.get("/operations").status_code == 302, "her open session has ended"


def test_an_agency_is_added_and_a_bad_id_is_refused_in_its_field(cast: Cast) -> None:
    ada = client(cast, "ada")
    assert (
        ada.post("/admin/agencies", {"agency": "park_police", "name": "Park police"}).status_code
        == 302
    )
    assert Agency.objects.get(id="park_police").short == "Park police"
    refused = ada.post("/admin/agencies", {"agency": "park police", "name": "Park police"})
    assert refused.status_code == 422
    assert "letters, digits and underscores" in refused.content.decode()


def test_a_lead_opens_an_operation_names_who_must_know_and_moves_it(
    cast: Cast, virtual: VirtualClock
) -> None:
    lou, start = client(cast, "lou"), virtual.now() + timedelta(days=10)
    given = {
        "name": "The parade", "place": "Main street", "starts_at": typed(start), "keywords": "parade, floats, parade",
        "ends_at": typed(start + timedelta(hours=3)), "agencies": ["capitol"], "k": "2",
        "checklist": ["weapons", "call-to-arms"],
    }  # fmt: skip
    too_many = lou.post("/operations/new", {**given, "k": "3"})
    assert too_many.status_code == 422
    assert "could never be reached" in too_many.content.decode()
    back = lou.post("/operations/new", {**given, "ends_at": typed(start - timedelta(hours=1))})
    assert back.status_code == 422
    assert "ends before it starts" in back.content.decode()
    made = lou.post("/operations/new", given)
    assert made.status_code == 302
    row = Operation.objects.get(name="The parade")
    assert (row.lead_agency, row.starts_at, row.keywords) == ("fusion", start, ["parade", "floats"])
    assert set(Participation.objects.filter(operation=row.id).values_list("agency", flat=True)) == {
        "fusion",
        "capitol",
    }

    url = f"/operations/{row.id}/edit"
    seats = {
        "act": "must_know",
        "version": "1",
        "seat": ["capitol:partner", "nowhere:partner", "capitol:emperor"],
    }
    assert lou.post(url, seats).status_code == 302
    row.refresh_from_db()
    assert row.must_know == [{"agency": "capitol", "role": "partner"}]
    stale = lou.post(url, {**seats, "seat": []})
    assert stale.status_code == 422
    assert "somebody changed this operation" in stale.content.decode().lower()
    move = {
        "act": "move",
        "version": "2",
        "starts_at": typed(start + timedelta(days=1)),
        "ends_at": typed(start + timedelta(days=2)),
    }
    assert lou.post(url, move).status_code == 302
    assert lou.post(url, {"act": "join", "agency": "metro"}).status_code == 302
    assert lou.post(url, {"act": "join", "agency": "metro"}).status_code == 422
    plan = {
        "act": "plan",
        "version": "3",
        "name": "The big parade",
        "k": "1",
        "checklist": ["weapons"],
    }
    assert lou.post(url, plan).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.starts_at, row.version) == (
        "The big parade",
        start + timedelta(days=1),
        4,
    )
    assert lou.get(f"/operations/{row.id}").status_code == 200


def test_a_partner_reads_the_operation_but_does_not_change_it(cast: Cast) -> None:
    page = client(cast, "olga").get(f"/operations/{cast.march}").content.decode()
    assert "Olga Ortiz" in page, "who answers for the seat is named"
    assert "/edit" not in page
    for name in ("olga", "paul"):
        tried = client(cast, name).post(
            f"/operations/{cast.march}/edit", {"act": "must_know", "version": "1", "seat": []}
        )
        assert tried.status_code == 403
    assert Operation.objects.get(id=cast.march).version == 1


def test_a_seat_that_nobody_answers_for_is_shown(cast: Cast) -> None:
    client(cast, "ada").post(f"/admin/people/{cast.people['mona']}", {"act": "leave"})
    assert ">nobody<" in client(cast, "lou").get(f"/operations/{cast.march}").content.decode()
