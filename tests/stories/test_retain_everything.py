"""Whatever is kept has a schedule, or a reason to stay; and every removal asks the legal holds."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import tocsin
from tests.cast import Cast, make_cast
from tests.stories.fielding import Phone
from tests.stories.flagged import flag
from tests.stories.running import Scene, make_scene
from tests.stories.test_operate_devices import picture
from tests.stories.test_oversee_findings import filed
from tests.stories.test_retain import LETTER
from tocsin.deliver.actions import add_recipient, change_recipient, remove_recipient
from tocsin.deliver.models import Recipient
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.operate.actions import report_sighting
from tocsin.operate.actions.devices import issue_device, revoke_device
from tocsin.operate.actions.photos import add_photo
from tocsin.operate.models import Device, Photo
from tocsin.oversee import actions as oversee
from tocsin.oversee.models import Release
from tocsin.people import actions as people
from tocsin.people.models import Agency, Operation
from tocsin.people.terms import SYSTEM
from tocsin.record import store as record
from tocsin.record.actions import writing
from tocsin.record.holds import HELD, UnderHold
from tocsin.record.models import Entry, Vault
from tocsin.record.terms import Marking
from tocsin.retain import actions, store, terms
from tocsin.retain.actions.holding import Scope
from tocsin.retain.models import Disclosure, LegalHold, Tombstone
from tocsin.retain.terms import KINDS, Then

DAY = timedelta(days=1)
WHY = "Counsel asked for it by phone on Monday."
OWN_ROWS = {"report", "recipient"}  # a schedule that looks at their tables: tested by themselves
# What has an id and never keeps content under it: it is about the running of things, or its words lie elsewhere.
NO_CONTENT = {
    "alm", "ans", "apv", "are", "asg", "asm", "car", "chk", "chn", "cpy", "dev", "dlv", "dut", "ent", "gng", "grp",
    "imp", "key", "mrk", "msg", "per", "post", "pst", "qual", "ref", "sea", "sgn", "shf", "sns", "srg", "stx", "tip",
    "tqa", "tst", "vlt", "whl",
}  # fmt: skip


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def place(cast: Cast, **scope: object) -> str:
    given = Scope(**{"letter": LETTER, **scope})  # type: ignore[arg-type]
    return actions.place_hold(cast.ines, title="Case 9", text="Keep it all.", scope=given)


def keep(subject: str) -> None:
    with writing(SYSTEM) as w:
        kept = w.keep(subject, {"text": "words"})
        data = {"vault": kept["vault"], "reason": kept}
        w.append("vault.unmasked", subject, data, marking=Marking("fusion"))


def test_every_id_of_the_product_has_a_schedule_or_keeps_nothing() -> None:
    sources = [p for p in Path(tocsin.__file__).parent.rglob("*.py") if "benches" not in p.parts]
    made = {p for source in sources for p in re.findall(r'new_id\("([a-z]+)"', source.read_text())}
    assert {"rpt", "sgt", "rel", "fnd"} < made
    assert made - set(KINDS) - NO_CONTENT == set(), "name its kind in retain.terms.KINDS"
    assert not set(KINDS) & NO_CONTENT


def test_every_kind_has_a_schedule_with_a_reason() -> None:
    for kind in {*KINDS.values(), *terms.KIND_WORDS}:
        assert store.schedule(kind).why, kind
        assert kind in terms.KIND_WORDS
    assert terms.kind_of("metro_police") == terms.HOUSE == terms.kind_of("a3f09")


def test_each_goes_in_its_time_and_no_sooner(cast: Cast, virtual: VirtualClock) -> None:
    specs = {f"{p}_1": store.schedule(k) for p, k in KINDS.items() if k not in OWN_ROWS}
    for subject in specs:
        keep(subject)
    begin, left = virtual.now(), set(specs)
    going = {s: spec for s, spec in specs.items() if spec.then is not Then.KEEP}
    for after in sorted({spec.term - spec.ahead for spec in going.values()}):
        virtual.advance(begin + after - timedelta(minutes=1) - virtual.now())
        actions.sweep()
        assert kept() == left, "no sooner"
        virtual.advance(timedelta(minutes=1))
        actions.sweep()
        now = {s for s, spec in going.items() if spec.term - spec.ahead == after}
        asked = {s for s in now if specs[s].then is Then.VALIDATE}
        duties = Duty.objects.filter(kind=terms.VALIDATE, discharged_at=None)
        assert set(duties.values_list("subject", flat=True)) == asked
        for subject in asked:
            actions.purge(cast.pia, subject=subject, reason=WHY)
        left -= now
        assert kept() == left, f"after {after.days} days"
    assert {specs[s].then for s in left} == {Then.KEEP}
    assert set(Tombstone.objects.values_list("subject", flat=True)) == set(going)


def test_a_finding_is_kept_or_purged_by_a_person(cast: Cast, virtual: VirtualClock) -> None:
    finding = filed(cast, virtual, tlp="AMBER+STRICT").id
    spec = store.schedule("finding")
    virtual.advance(spec.term - spec.ahead)
    actions.sweep()
    pia = Client()
    pia.force_login(cast.account("pia"))
    page = pia.get(f"/retention/{finding}")
    assert (page.status_code, "Keep for another term" in page.content.decode()) == (200, True)
    until = actions.validate(cast.pia, subject=finding, reason=WHY)
    assert until == virtual.now() + spec.term
    assert not Duty.objects.filter(kind=terms.VALIDATE, discharged_at=None).exists()
    virtual.advance(2 * spec.ahead)
    assert actions.sweep() == 0


def kept() -> set[str]:
    subjects = Vault.objects.all()
    return {s for s in subjects.values_list("subject", flat=True) if s.endswith("_1")}


def test_a_card_of_the_directory_goes_after_it_went_out_of_use(
    cast: Cast, virtual: VirtualClock
) -> None:
    line: dict[str, Any] = {"agency": "metro", "role": "partner", "name": "Desk"}
    first = add_recipient(SYSTEM, **line, ways=[("email", "old@metro.example")])
    lead = {**line, "role": "operation_lead"}
    other = add_recipient(SYSTEM, **lead, ways=[("email", "gone@metro.example")])
    virtual.advance(1000 * DAY)
    new = [("email", "new@metro.example")]
    change_recipient(SYSTEM, recipient=first, version=1, **line, ways=new)
    remove_recipient(SYSTEM, recipient=other, version=1)
    virtual.advance(2190 * DAY)
    actions.sweep()
    assert Vault.objects.filter(subject__in=[first, other]).count() == 3
    virtual.advance(DAY)
    actions.sweep()
    [left] = Vault.objects.filter(subject__in=[first, other])
    assert left.id == Recipient.objects.get(id=first).card
    assert "new@metro.example" in str(left.body)
    assert {t.part[:4] for t in Tombstone.objects.all()} == {"vlt_"}
    virtual.advance(3650 * DAY)
    actions.sweep()
    assert Vault.objects.filter(subject=first).count() == 1, "in use"


def test_a_hold_on_a_sighting_keeps_its_photos_and_one_on_a_report_its_releases(
    db: None, virtual: VirtualClock
) -> None:
    scene = make_scene()
    cast = scene.cast
    seen = report_sighting(scene.at("north"), operation=scene.plan, text="man on a roof", key="k")
    add_photo(scene.at("north"), sighting=seen, sent=picture(), key="p")
    photo = Photo.objects.get().id
    report = flag(cast, ["weapons"], text="the heron")
    release = oversee.begin_release(cast.pia, title="Papers", reference="F-1", subjects=[report.id])
    hold = place(cast, subjects=(report.id,))
    other = place(cast, subjects=(seen,))
    virtual.advance(2200 * DAY)
    actions.sweep()
    assert Vault.objects.filter(subject=release, id__startswith=HELD).exists()
    assert Vault.objects.filter(subject=photo, id__startswith=HELD).count() == 2
    for one in (hold, other):
        actions.lift_hold(cast.ines, hold=one, reason=WHY)
    actions.sweep()
    assert not Vault.objects.filter(subject__in=[release, photo]).exists()


def test_the_pages_of_an_operation_stand_when_its_words_are_gone(
    db: None, virtual: VirtualClock
) -> None:
    scene: Scene = make_scene()
    seen = report_sighting(scene.at("north"), operation=scene.plan, text="man on a roof", key="k")
    Vault.objects.all().delete()
    client = Client(raise_request_exception=False)
    client.force_login(scene.cast.account("lou"))
    base = f"/operations/{scene.plan}"
    for address in (base, f"{base}/board", f"/sightings/{seen}", f"{base}/sweeps", f"{base}/ready"):
        assert client.get(address).status_code == 200, address


# What is released is accounted for, and told of when it is purged


def test_a_redacted_release_is_accounted_and_told_of_when_its_source_is_purged(cast: Cast) -> None:
    report = flag(cast, ["weapons"], text="Wilma Withheldson was there")
    made = oversee.begin_release(
        cast.pia, title="Papers", reference="F-2026-7", subjects=[report.id]
    )
    version = Release.objects.get(id=made).version
    oversee.propose_release(cast.pia, release=made, version=version)
    assert not Disclosure.objects.exists(), "nothing is out yet"
    oversee.approve_release(cast.ines, release=made, version=version + 1)
    row = Disclosure.objects.get(subject=report.id)
    assert (row.how, row.routine_use, row.by) == ("redacted release", "RU-FOIA", cast.ines.person)
    assert record.content(row.content)["to"] == "F-2026-7"
    assert row.routine_use in store.policy().routine_uses
    actions.purge(cast.pia, subject=report.id, reason=WHY)
    duty = Duty.objects.get(kind=terms.TELL, discharged_at=None)
    assert (duty.subject, duty.owner_role) == (report.id, "privacy_officer")


# Removals


def test_a_phone_under_hold_is_not_made_to_forget(cast: Cast) -> None:
    device, code = issue_device(cast.lou, operation=cast.march, person=cast.people["mona"])
    unused, _ = issue_device(cast.lou, operation=cast.march, person=cast.people["ana"])
    phone = Phone()
    assert phone.join(code)[0] == 201
    hold = place(cast, operation=cast.march)
    answer = phone.client.post("/field/leave", headers=phone.headers())
    assert (answer.status_code, answer.json()["code"]) == (409, "under_hold")
    assert Device.objects.get(id=device).state == "JOINED"
    revoke_device(cast.lou, device=device)  # lost: shut out at once, but not told to forget
    answer = phone.get("/field/state")
    assert (answer.status_code, answer.json()["code"]) == (401, "kept")
    with pytest.raises(UnderHold, match="on the record"):
        revoke_device(cast.lou, device=device)
    assert LegalHold.objects.get(id=hold).refused == 3
    revoke_device(cast.lou, device=unused)  # nothing is on it
    actions.lift_hold(cast.ines, hold=hold, reason=WHY)
    revoke_device(cast.lou, device=device)
    assert phone.get("/field/state").json()["code"] == "revoked"


def test_an_agency_is_removed_when_nothing_holds_it(cast: Cast, virtual: VirtualClock) -> None:
    with pytest.raises(Forbidden):
        people.remove_agency(cast.lou, agency="other")
    with pytest.raises(NotFound):
        people.remove_agency(cast.ada, agency="nowhere")
    with pytest.raises(Conflict, match="1 people of it have accounts"):
        people.remove_agency(cast.ada, agency="other")
    people.leave(cast.ada, person=cast.people["mona"])
    with pytest.raises(Conflict, match="an operation that is not over"):
        people.remove_agency(cast.ada, agency="metro")
    hold = place(cast, operation=cast.march)
    with pytest.raises(UnderHold):
        people.remove_agency(cast.ada, agency="fusion")
    assert LegalHold.objects.get(id=hold).refused == 1
    virtual.advance(Operation.objects.get(id=cast.march).ends_at - virtual.now() + DAY)
    people.remove_agency(cast.ada, agency="metro")
    assert Entry.objects.filter(kind="agency.removed", subject="metro").count() == 1
    with pytest.raises(Invalid, match="no agency"):
        people.add_person(cast.ada, username="new", name="New", agency="metro", roles=[])
    client = Client()
    client.force_login(cast.account("ada"))
    assert "Metro police" not in client.get("/admin/agencies").content.decode()
    people.add_agency(cast.ada, agency="metro", name="Metro police")
    assert Agency.objects.get(id="metro").removed_at is None
