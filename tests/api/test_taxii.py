"""The TAXII 2.1 server: need to know at every endpoint, the media types, pages that neither skip nor repeat."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.api.sharing import CREATED, QUIET, ROOT, THREAT, System, report
from tests.cast import make_cast
from tests.stories.warned import in_review, now, released
from tocsin.collect.actions import pause_source
from tocsin.collect.models import Report
from tocsin.deliver.actions import fan_out
from tocsin.deliver.models import Destination
from tocsin.duties.models import Duty
from tocsin.exchange import actions
from tocsin.exchange.actions import publish_due
from tocsin.exchange.models import SharedObject
from tocsin.formats.stix_terms import TLP
from tocsin.formats.taxii import MEDIA_TYPE
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict
from tocsin.people.models import ApiToken, Operation, Participation, Share
from tocsin.record.models import Entry, Vault
from tocsin.record.store import content
from tocsin.retain.actions import sweep
from tocsin.retain.models import Tombstone
from tocsin.warn import actions as warn
from tocsin.warn.terms import Content


@pytest.fixture
def system(db: None, virtual: VirtualClock) -> System:
    return System(make_cast())


def pages(system: System, who: str, collection: str = "", **query: str) -> list[dict[str, Any]]:
    """Every object of a collection, by `next`."""
    out: list[dict[str, Any]] = []
    while True:
        body = system.objects(who, collection, **query).json()
        out += body.get("objects", [])
        if not body.get("more"):
            return out
        query["next"] = body["next"]


def mine(system: System, who: str) -> str:
    """The collection of warnings of somebody's agency."""
    listed = system.get(who, f"{ROOT}/collections/").json()["collections"]
    return str(next(c["id"] for c in listed if c["title"] == "Warnings for your agency"))


def test_discovery_leads_to_a_root_that_leads_to_collections(system: System) -> None:
    found = system.get("paul", "/taxii2/").json()
    assert found["default"].endswith("/taxii2/root/")
    root = system.get("paul", f"{ROOT}/")
    assert root["Content-Type"] == MEDIA_TYPE
    assert root.json()["versions"] == [MEDIA_TYPE]
    assert root.json()["max_content_length"] == 8 * 1024 * 1024
    [inbox] = system.get("paul", f"{ROOT}/collections/").json()["collections"]
    assert (inbox["id"], inbox["can_read"], inbox["can_write"]) == (system.inbox, True, True)


ENDPOINTS = [
    "/taxii2/",
    f"{ROOT}/",
    f"{ROOT}/collections/",
    f"{ROOT}/collections/{{inbox}}/",
    f"{ROOT}/collections/{{inbox}}/manifest/",
    f"{ROOT}/collections/{{inbox}}/objects/",
    f"{ROOT}/collections/{{inbox}}/objects/report--00000000-0000-4000-8000-000000000001/",
    f"{ROOT}/collections/{{inbox}}/objects/report--00000000-0000-4000-8000-000000000001/versions/",
    f"{ROOT}/status/00000000-0000-4000-8000-000000000001/",
]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_nobody_without_a_key_in_force_gets_anything(system: System, path: str) -> None:
    path = path.format(inbox=system.inbox)
    answer = Client().get(path, headers={"Accept": MEDIA_TYPE})
    assert answer.status_code == 401
    assert "Basic" in answer["WWW-Authenticate"]
    assert answer.json()["http_status"] == "401"
    ApiToken.objects.update(revoked_at=CREATED)
    assert system.get("paul", path).status_code == 401


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_media_type_we_do_not_speak_is_not_acceptable(system: System, path: str) -> None:
    path = path.format(inbox=system.inbox)
    for accept in ("text/html", "application/taxii+json;version=2.0", "application/stix+json"):
        assert system.get("paul", path, {"Accept": accept}).status_code == 406
    for accept in ("application/taxii+json", "*/*", MEDIA_TYPE, "text/html, */*;q=0.1"):
        assert system.get("paul", path, {"Accept": accept}).status_code != 406


@pytest.mark.parametrize("path", ENDPOINTS[3:8])
def test_the_outsider_and_the_administrator_find_no_collection(system: System, path: str) -> None:
    system.post("paul", [report(1)])
    for who in ("otto", "ada"):
        assert system.get(who, path.format(inbox=system.inbox)).status_code == 404
        assert system.get(who, f"{ROOT}/collections/").json() == {}


def test_the_key_counts_as_a_basic_password_and_a_persons_password_does_not(
    system: System,
) -> None:
    answer = system.get("", "/taxii2/", {"Authorization": system.basic("paul")})
    assert answer.status_code == 200
    for bad in ("Basic !!!", "Basic cGF1bDpwYXVs", "Digest x", "Bearer", "Basic"):
        assert system.get("", "/taxii2/", {"Authorization": bad}).status_code == 401


def test_only_agencies_named_may_send_and_only_in_our_media_type(system: System) -> None:
    assert (
        system.post("mona", [report(1)]).status_code == 403
    )  # takes part and reads, but is not named
    assert system.post("otto", [report(1)]).status_code == 404
    assert system.send("paul", "{}", kind="application/json").status_code == 415
    assert system.send("paul", "[1]").status_code == 422
    assert system.send("paul", "x" * (9 * 1024 * 1024)).status_code == 413
    assert not SharedObject.objects.exists()


def test_what_is_sent_is_kept_as_it_came_and_read_as_a_report_with_its_provenance(
    system: System,
) -> None:
    sent = report(1, THREAT, x_custom={"lat": 38.89, "odd": "\u00e9\U0001f600"})
    answer = system.post("paul", [sent, report(2)])
    assert answer.status_code == 202
    status = answer.json()
    assert (status["status"], status["success_count"], status["failure_count"]) == (
        "complete",
        2,
        0,
    )
    assert system.get("paul", f"{ROOT}/status/{status['id']}/").json() == status
    assert system.get("mona", f"{ROOT}/status/{status['id']}/").status_code == 404

    assert pages(system, "lou") == [sent, report(2)]
    row = Report.objects.get()  # the quiet one was counted, and only shared
    assert (row.source, row.agency, row.operation) == (system.source, "fusion", system.cast.march)
    assert Duty.objects.filter(kind="assess", subject=row.id, discharged_at=None).exists()
    original = content(row.original)
    assert original["extra"]["posted_by"] == "capitol"
    assert json.loads(original["extra"]["original"]) == sent
    assert Vault.objects.get(id=row.original).sealed


def test_no_row_and_no_entry_holds_the_id_of_an_object(system: System) -> None:
    """An id can be made from an address or an account: found in the record, it would confirm a guess."""
    system.post("paul", [report(7)])
    stored = b"".join(bytes(e.body) for e in Entry.objects.filter(kind__startswith="exchange."))
    assert b"00000000000000000007" not in stored.replace(b"-", b"")
    assert report(7)["id"] not in str(SharedObject.objects.values())


def test_each_object_stands_for_itself(system: System) -> None:
    wrong: list[Any] = [
        report(1),
        report(2, object_marking_refs=[TLP["RED"]]),
        report(3, spec_version="2.0"),
        report(4, modified="yesterday"),
        {"type": "report", "id": "report--not-a-uuid", "spec_version": "2.1"},
        {**report(5), "type": "note"},
        "no object",
        report(6, "NUL \u0000 inside"),
    ]
    status = system.post("paul", wrong).json()
    assert (status["total_count"], status["success_count"], status["failure_count"]) == (8, 1, 7)
    assert "TLP:RED" in status["failures"][0]["message"]
    assert [o["id"] for o in pages(system, "paul")] == [report(1)["id"]]


def test_the_same_version_again_adds_nothing_and_a_new_one_replaces_it_in_the_page(
    system: System,
) -> None:
    system.post("paul", [report(1), report(2)])
    system.post("paul", [report(1)])
    newer = report(1, "A changed text, still quiet", modified="2026-03-01T09:00:00.000Z")
    system.post("paul", [newer])
    assert SharedObject.objects.count() == 3
    assert pages(system, "paul") == [report(2), newer]
    every = pages(system, "paul", **{"match[version]": "all"})
    assert every == [report(1), report(2), newer]
    assert pages(system, "paul", **{"match[version]": "first"}) == [report(1), report(2)]
    assert pages(system, "paul", **{"match[version]": CREATED}) == [report(1), report(2)]
    path = f"{ROOT}/collections/{system.inbox}/objects/{newer['id']}"
    assert system.get("paul", f"{path}/versions/").json()["versions"] == [
        "2026-03-01T08:00:00.000000Z",
        "2026-03-01T09:00:00.000000Z",
    ]
    assert system.get("paul", f"{path}/").json()["objects"] == [newer]


def test_objects_are_matched_by_id_type_and_spec_version(system: System) -> None:
    note = {
        "type": "note",
        "spec_version": "2.1",
        "id": "note--00000000-0000-4000-8000-00000000000a",
        "created": CREATED,
        "modified": CREATED,
        "content": QUIET,
        "object_refs": [report(1)["id"]],
    }
    account = {
        "type": "user-account",
        "spec_version": "2.1",
        "id": "user-account--00000000-0000-4000-8000-00000000000b",
        "user_id": "x",
    }
    system.post("paul", [report(1), note, account])
    system.post("paul", [account])
    assert SharedObject.objects.count() == 3  # an object without versions is there once
    assert pages(system, "paul", **{"match[type]": "note,user-account"}) == [note, account]
    assert pages(system, "paul", **{"match[id]": report(1)["id"]}) == [report(1)]
    assert pages(system, "paul", **{"match[spec_version]": "2.0"}) == []
    listed = system.get("paul", f"{ROOT}/collections/{system.inbox}/manifest/").json()["objects"]
    assert [m["id"] for m in listed] == [report(1)["id"], note["id"], account["id"]]
    assert listed[0]["version"] == "2026-03-01T08:00:00.000000Z"


def test_pages_go_on_where_they_ended_by_next_and_by_date_added(system: System) -> None:
    sent = [report(n) for n in range(25)]
    system.post("paul", sent[:10])
    system.post("paul", sent[10:])
    assert pages(system, "paul", limit="7") == sent
    out: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:  # a client that knows only added_after
        answer = system.objects("paul", limit="4", **after)
        if not answer.json():
            break
        out += answer.json()["objects"]
        assert answer["X-TAXII-Date-Added-First"] <= answer["X-TAXII-Date-Added-Last"]
        after = {"added_after": answer["X-TAXII-Date-Added-Last"]}
    assert out == sent


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "many"},
        {"added_after": "yesterday"},
        {"next": "!!"},
        {"match[version]": "newest"},
        {"match[colour]": "red"},
    ],
)
def test_a_query_we_do_not_understand_is_refused_by_name(
    system: System, query: dict[str, str]
) -> None:
    answer = system.objects("paul", **query)
    assert answer.status_code == 400
    assert answer.json()["title"] == next(iter(query))


def test_a_wrong_method_says_which_are_right(system: System) -> None:
    answer = Client().put("/taxii2/", headers=system.headers("paul"))
    assert answer.status_code == 405
    assert answer["Allow"] == "GET"


def test_only_who_sent_an_object_takes_it_out_and_the_report_stays(system: System) -> None:
    system.post("paul", [report(1, THREAT), report(2)])
    path = f"{ROOT}/collections/{system.inbox}/objects/{report(1)['id']}/"
    for who, status in (("mona", 403), ("lou", 403), ("otto", 404)):
        assert Client().delete(path, headers=system.headers(who)).status_code == status
    assert Client().delete(path, headers=system.headers("paul")).status_code == 200
    assert Client().delete(path, headers=system.headers("paul")).status_code == 404
    assert pages(system, "paul") == [report(2)]
    assert Report.objects.count() == 1
    system.post("paul", [report(1, THREAT)])  # and it may be sent again
    assert pages(system, "paul") == [report(2), report(1, THREAT)]


def test_taking_out_the_newest_version_shows_the_one_before(system: System) -> None:
    newer = report(1, "Newer", modified="2026-03-01T09:00:00.000Z")
    older = report(1, "Older", modified="2026-03-01T07:00:00.000Z")
    system.post("paul", [newer, report(1), older])  # in any order, in one call
    assert pages(system, "paul") == [newer]
    assert pages(system, "paul", **{"match[version]": "first"}) == [older]
    path = f"{ROOT}/collections/{system.inbox}/objects/{newer['id']}/"
    headers = system.headers("paul")
    assert (
        Client().delete(f"{path}?match[version]={newer['modified']}", headers=headers).status_code
        == 200
    )
    assert pages(system, "paul") == [report(1)]
    assert (
        Client().delete(f"{path}?match[version]={older['modified']}", headers=headers).status_code
        == 200
    )
    assert pages(system, "paul", **{"match[version]": "first"}) == [report(1)]


def test_a_paused_source_takes_nothing_in(system: System) -> None:
    pause_source(system.cast.ana, source=system.source, version=1, reason="not now please")
    assert system.post("paul", [report(1)]).status_code == 409
    assert not SharedObject.objects.exists()
    with pytest.raises(Conflict):
        actions.post(system.cast.paul, collection=system.inbox, raw=b"{}")


# --- warnings out -----------------------------------------------------------------------------


def test_a_released_warning_is_in_the_collections_of_those_who_may_see_it_and_nowhere_else(
    system: System,
) -> None:
    row = released(system.cast)
    assert publish_due() > 0
    assert publish_due() == 0
    for who in ("paul", "mona", "ana"):
        found = pages(system, who, mine(system, who))
        [shown] = [o for o in found if o["type"] == "report"]
        assert "North doors" in shown["name"]
        assert shown["object_marking_refs"] == [TLP["AMBER"]]
    assert pages(system, "otto", mine(system, "otto")) == []
    hers = mine(system, "mona")
    assert system.objects("paul", hers).status_code == 404
    assert row.id in {r.warning for r in SharedObject.objects.all()}


def test_a_draft_is_in_no_collection(system: System) -> None:
    in_review(system.cast)
    assert publish_due() == 0


def test_a_fetch_proves_delivery_to_the_roles_of_the_account_and_nothing_more(
    system: System,
) -> None:
    row = released(system.cast)
    fan_out()
    publish_due()
    before = {(d.seat_agency, d.seat_role): d.state for d in Destination.objects.all()}
    system.get("mona", f"{ROOT}/collections/{mine(system, 'mona')}/manifest/")
    pages(system, "paul", mine(system, "paul"))  # another role than the one that is addressed
    assert {(d.seat_agency, d.seat_role): d.state for d in Destination.objects.all()} == before
    pages(system, "mona", mine(system, "mona"))
    entries = Entry.objects.count()
    pages(system, "mona", mine(system, "mona"))
    assert Entry.objects.count() == entries  # a second fetch is no news
    assert len(before) == 2
    for d in Destination.objects.filter(warning=row.id):
        fetched = d.seat_agency == "metro" and d.seat_role == "partner"
        assert (d.delivered_at is not None) == fetched, d.seat_role
        assert (d.read_at, d.acknowledged_at) == (None, None)
    entry = Entry.objects.filter(kind="destination.taken").get()
    assert entry.actor == system.cast.people["mona"]


def test_an_update_is_a_new_version_and_a_cancellation_revokes(
    system: System, virtual: VirtualClock
) -> None:
    row = released(system.cast)
    publish_due()
    theirs = mine(system, "paul")
    virtual.advance(timedelta(minutes=5))
    fresh = now(
        warn.update(
            system.cast.ana, warning=row.id, version=now(row.id).version, changed="The time."
        )
    )
    warn.submit(system.cast.ana, warning=fresh.id, version=fresh.version)
    warn.release(system.cast.rhea, warning=fresh.id, version=now(fresh.id).version)
    publish_due()
    [shown] = pages(system, "paul", theirs, **{"match[type]": "report"})
    every = pages(system, "paul", theirs, **{"match[type]": "report", "match[version]": "all"})
    assert [o["id"] for o in every] == [shown["id"]] * 2
    assert shown["modified"] > every[0]["modified"]
    assert shown["created"] == every[0]["created"]
    virtual.advance(timedelta(minutes=5))
    warn.cancel(
        system.cast.rhea, warning=fresh.id, version=now(fresh.id).version, reason="It was a hoax."
    )
    publish_due()
    [shown] = pages(system, "paul", theirs, **{"match[type]": "report"})
    assert shown["revoked"] is True
    assert "hoax" in shown["description"]


def test_who_may_not_see_the_next_edition_is_told_that_theirs_no_longer_holds(
    system: System, virtual: VirtualClock
) -> None:
    cast = system.cast
    starts = Operation.objects.get(id=cast.march).starts_at
    virtual.advance(starts - virtual.now() - timedelta(hours=6))
    row = now(
        warn.draft(
            cast.ana,
            type="NO_THREAT",
            content=Content(
                title="Nothing known", summary="Nothing names the march.", actions=("Report.",)
            ),
            operation=cast.march,
            label="GREEN",
            precedence="ROUTINE",
            expires_at=virtual.now() + timedelta(hours=20),
        )
    )
    warn.submit(cast.ana, warning=row.id, version=row.version)
    warn.release(cast.rhea, warning=row.id, version=now(row.id).version)
    fan_out()
    publish_due()
    theirs = mine(system, "otto")  # of another county, which sees what is for the whole community
    assert [o["type"] for o in pages(system, "otto", theirs)].count("report") == 1
    virtual.advance(timedelta(minutes=5))
    fresh = warn.update(cast.ana, warning=row.id, version=now(row.id).version, changed="The time.")
    warn.revise(cast.ana, warning=fresh, version=now(fresh).version, label="AMBER")
    warn.submit(cast.ana, warning=fresh, version=now(fresh).version)
    warn.release(cast.rhea, warning=fresh, version=now(fresh).version)
    publish_due()
    [shown] = pages(system, "otto", theirs, **{"match[type]": "report"})
    assert "revoked" not in shown, "before the newer one went out nobody knows whom it reaches"
    fan_out()
    publish_due()
    [shown] = pages(system, "otto", theirs, **{"match[type]": "report"})
    assert shown["revoked"] is True
    assert "not for your agency" in shown["description"]
    [shown] = pages(system, "paul", mine(system, "paul"), **{"match[type]": "report"})
    assert "revoked" not in shown
    assert publish_due() == 0


def test_a_warning_that_is_no_longer_in_sight_is_no_longer_handed_out(system: System) -> None:
    released(system.cast)
    publish_due()
    theirs = mine(system, "paul")
    assert pages(system, "paul", theirs)
    Share.objects.filter(agency="capitol").delete()
    Participation.objects.filter(agency="capitol").delete()
    assert [o for o in pages(system, "paul", theirs) if o["type"] == "report"] == []


def test_what_a_partners_system_sent_goes_when_its_time_is_over(
    system: System, virtual: VirtualClock
) -> None:
    system.post("paul", [report(1, THREAT)])
    held = SharedObject.objects.get()
    virtual.advance(timedelta(days=180))
    sweep()
    assert content(held.vault) == {}
    assert Tombstone.objects.get(part=held.id).subject == system.inbox
    assert pages(system, "paul") == []
    again = Tombstone.objects.count()
    sweep()
    assert Tombstone.objects.count() == again
