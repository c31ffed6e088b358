"""Keeping, holding and forgetting, on a clock that runs through the years in a second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tests.stories.posting import Sink, settings_as, sink
from tests.stories.warned import now as current
from tests.stories.warned import released
from tocsin.collect import store as collect
from tocsin.collect.models import Report
from tocsin.deliver import actions as deliver
from tocsin.deliver.models import Destination
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people import actions as people
from tocsin.people.terms import SYSTEM, Role
from tocsin.record import checking
from tocsin.record.holds import HELD, UnderHold
from tocsin.record.models import Entry, Vault
from tocsin.record.store import content
from tocsin.retain import actions, store, terms
from tocsin.retain.actions.holding import Scope, letter
from tocsin.retain.models import (
    Disclosure,
    Intelligence,
    Keeping,
    LegalHold,
    Sar,
    Tombstone,
    Unmasking,
)
from tocsin.retain.terms import Grounds, Vetting
from tocsin.warn import store as warn
from tocsin.web import searching

DAY = timedelta(days=1)
LETTER = ("letter.pdf", b"%PDF-1.7 keep everything about the march")
WHY = "Counsel asked for it by phone on Monday."
NEXUS = "They name the doors, the hour and the tools they bring."
GROUNDS = Grounds(
    suspicion="Two witnesses saw the same man test the north doors on three nights.",
    crime="Conspiracy to break into a public building",
    sensitivity="restricted",
    confidence="moderate",
    control="Head of the criminal intelligence unit",
)


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


def kept(subject: str) -> int:
    return Vault.objects.filter(subject=subject, id__startswith="vlt_").count()


def hold(cast: Cast, **scope: object) -> str:
    given = Scope(**{"letter": LETTER, **scope})  # type: ignore[arg-type]
    return actions.place_hold(cast.ines, title="Case 7", text="Keep it all.", scope=given)


def sar(cast: Cast, report: Report) -> str:
    vetting = Vetting(("expressed_threat",), "", NEXUS, True)
    from tocsin.assess.behaviours import BEHAVIOURS  # noqa: PLC0415

    lawless = next(k for k, b in BEHAVIOURS.items() if not b.needs_facts)
    return actions.promote_to_sar(
        cast.ana, report=report.id, vetting=Vetting((lawless,), vetting.facts, NEXUS, True)
    )


# Schedules


def test_a_tip_goes_in_two_steps_and_leaves_tombstones(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    virtual.advance(30 * DAY - timedelta(minutes=1))
    actions.sweep()
    assert kept(report.id) == 2
    virtual.advance(timedelta(minutes=1))
    assert actions.sweep() == 1
    assert content(report.original) == {}
    assert content(report.content)["text"], "what is shown stays"
    virtual.advance(150 * DAY)
    assert store.standing(virtual.now()).overdue == 0, "due, and not yet late"
    virtual.advance(2 * DAY)
    assert store.standing(virtual.now()).overdue == 1
    actions.sweep()
    assert store.standing(virtual.now()).overdue == 0
    assert kept(report.id) == 0
    assert Report.objects.get(id=report.id).state == "PURGED"
    assert not Duty.objects.filter(subject=report.id, discharged_at=None).exists()
    parts = Tombstone.objects.filter(subject=report.id).order_by("purged_at")
    assert list(parts.values_list("part", "contents")) == [("original", 1), ("all", 1)]
    assert actions.sweep() == 0, "once"


def test_protected_speech_and_a_short_source_go_sooner(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    Report.objects.filter(id=report.id).update(retention_until=virtual.now() + 3 * DAY)
    Report.objects.filter(id=report.id).update(authority="public-tip")
    virtual.advance(3 * DAY)
    actions.sweep()
    assert kept(report.id) == 0
    other = flag(cast, ["weapons"])
    Report.objects.filter(id=other.id).update(authority="public-tip")
    virtual.advance(14 * DAY)
    actions.sweep()
    assert (content(other.original), kept(other.id)) == ({}, 1), "tips: 14 days behind the mask"


def test_no_source_keeps_a_tip_longer_than_its_180_days(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    Report.objects.filter(id=report.id).update(retention_until=virtual.now() + 999 * DAY)
    with pytest.raises(Conflict, match="cannot be renewed"):
        actions.validate(cast.pia, subject=report.id, reason=WHY)
    virtual.advance(180 * DAY)
    actions.sweep()
    assert kept(report.id) == 0


def test_what_is_kept_for_years_asks_a_person(cast: Cast, virtual: VirtualClock) -> None:
    row = released(cast)
    virtual.advance(1796 * DAY)
    actions.sweep()
    duty = Duty.objects.get(subject=row.id, kind=terms.VALIDATE, discharged_at=None)
    assert (duty.owner_agency, duty.owner_role) == ("fusion", Role.PRIVACY_OFFICER)
    assert actions.sweep() == 0, "asked once"
    virtual.advance(31 * DAY)
    actions.sweep()
    assert kept(row.id) > 0, "the machine never purges it by itself"
    assert store.standing(virtual.now()).overdue >= 1
    with pytest.raises(Forbidden):
        actions.validate(cast.ana, subject=row.id, reason=WHY)
    with pytest.raises(Invalid, match="say why"):
        actions.validate(cast.pia, subject=row.id, reason="yes")
    until = actions.validate(cast.pia, subject=row.id, reason=WHY)
    assert until == virtual.now() + 1826 * DAY
    assert not Duty.objects.filter(id=duty.id, discharged_at=None).exists()
    virtual.advance(1795 * DAY)
    actions.sweep()
    assert not Duty.objects.filter(subject=row.id, kind=terms.VALIDATE, discharged_at=None).exists()
    virtual.advance(2 * DAY)
    actions.sweep()
    assert Duty.objects.filter(subject=row.id, kind=terms.VALIDATE, discharged_at=None).exists()


def test_the_schedules_are_on_the_record_once(cast: Cast) -> None:
    actions.sweep()
    actions.sweep()
    assert Entry.objects.filter(kind=terms.POLICY_ADOPTED).count() == 1


def test_refused_input_goes_in_its_time_and_stays_under_a_hold(
    cast: Cast, virtual: VirtualClock
) -> None:
    from tocsin.collect import actions as collecting  # noqa: PLC0415
    from tocsin.collect.models import Refusal  # noqa: PLC0415
    from tocsin.collect.terms import Refused, SourceKind  # noqa: PLC0415
    from tocsin.screen.actions import take_in  # noqa: PLC0415

    add = {"authority": "open-source-threat", "purpose": "threat-to-life", "kind": SourceKind.API}
    held, free = (collecting.add_source(cast.ana, name=n, **add) for n in ("Held", "Free"))  # type: ignore[arg-type]
    for source in (held, free):
        take_in(
            source,
            [Refused(where="line 1", field="text", reason="no text", cure="Add it.", raw=b"x")],
        )
    order = hold(cast, subjects=(held,))
    virtual.advance(31 * DAY)
    owed = Duty.objects.filter(kind="retry_refused", discharged_at=None)
    assert owed.count() == 2
    assert actions.sweep() >= 2
    assert [d.subject for d in owed.all()] == [held], "nobody owes a look at what is gone"
    gone, sealed = (Refusal.objects.get(source=s) for s in (free, held))
    assert (gone.state, content(gone.raw), content(gone.content)) == ("PURGED", {}, {})
    assert (sealed.state, content(sealed.raw)) == ("OPEN", {})
    assert Vault.objects.filter(id=HELD + sealed.raw).exists()
    assert actions.sweep() == 0
    actions.lift_hold(cast.ines, hold=order, reason=WHY)
    actions.sweep()
    assert Refusal.objects.get(source=held).state == "PURGED"
    assert not Vault.objects.filter(id__in=[sealed.raw, HELD + sealed.raw]).exists()


def test_what_is_held_never_stands_in_the_way_of_what_is_due(
    cast: Cast, virtual: VirtualClock
) -> None:
    reports = [flag(cast, ["weapons"]) for _ in range(4)]
    free = flag(cast, ["weapons"])
    hold(cast, subjects=tuple(r.id for r in reports))
    virtual.advance(31 * DAY)
    with patch.object(store.due, "__defaults__", (2,)):
        actions.sweep()
    assert content(free.original) == {}
    assert not Vault.objects.filter(id=free.original).exists()
    assert Vault.objects.filter(id__startswith=HELD).count() == 4
    assert all(content(r.content)["text"] for r in reports), "what is shown is not over yet"


# Purging by a person


def test_a_purge_by_hand_leaves_search_page_and_record_sound(
    cast: Cast, database_url: str, virtual: VirtualClock
) -> None:
    report = flag(cast, ["weapons"], text="The zebra crossing at noon")
    asked = searching.Asked(words="zebra")
    assert searching.search(cast.ana, asked)
    for who in (cast.ana, cast.ines):
        with pytest.raises(Forbidden):
            actions.purge(who, subject=report.id, reason=WHY)
    assert actions.purge(cast.pia, subject=report.id, reason=WHY) == 2
    assert searching.search(cast.ana, asked) == []
    assert collect.texts([report]) == {report.id: {}}
    stone = Tombstone.objects.get(subject=report.id)
    assert content(stone.reason)["text"] == WHY
    assert b"zebra" not in b"".join(bytes(b) for b in Entry.objects.values_list("body", flat=True))
    checking.verify_vault()
    with pytest.raises(Conflict, match="nothing is left"):
        actions.purge(cast.pia, subject=report.id, reason=WHY)


def test_the_outsider_purges_holds_and_sees_nothing(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    people.grant_role(SYSTEM, person=cast.people["otto"], role=Role.PRIVACY_OFFICER)
    otto = cast.otto
    with pytest.raises(NotFound):
        actions.purge(otto, subject=report.id, reason=WHY)
    with pytest.raises(Invalid, match="not your agency's"):
        actions.place_hold(otto, title="x", text="", scope=Scope((report.id,), letter=LETTER))
    with pytest.raises(Invalid):
        actions.place_hold(
            otto, title="x", text="", scope=Scope(operation=cast.march, letter=LETTER)
        )
    with pytest.raises(NotFound):
        actions.ask_unmasking(otto, report=report.id, reason=WHY)
    theirs = hold(cast, subjects=(report.id,))
    with pytest.raises(NotFound):
        actions.lift_hold(otto, hold=theirs, reason=WHY)
    with pytest.raises(NotFound):
        letter(otto, theirs)
    assert not store.holds(otto).exists()


def test_whoever_got_a_warning_is_asked_to_remove_it(cast: Cast, mail: Sink) -> None:
    way = [("email", "desk@metro.example")]
    deliver.add_recipient(cast.rhea, agency="metro", role="partner", name="Desk", ways=way)
    row = released(cast)
    deliver.fan_out()
    deliver.send_due(threads=0)
    sent = len(mail.messages)
    actions.account_due()
    actions.purge(cast.pia, subject=row.id, reason=WHY)
    deliver.send_due(threads=0)
    asked = mail.messages[sent:]
    assert [m.to for m in asked] == ["desk@metro.example"]
    assert "Remove your copies" in str(asked[0].message["Subject"])
    assert "North doors" not in asked[0].text
    duty = Duty.objects.get(title__startswith="Remove your copies", owner_agency="metro")
    deliver.acknowledge_by_link(asked[0].token)
    assert Duty.objects.get(id=duty.id).discharged_at is not None
    assert Destination.objects.get(id=duty.subject).occasion == "purge"
    assert warn.content(current(row.id)).title == ""


# Holds


@pytest.mark.parametrize("bound", ["subject", "operation", "role", "dates", "situation"])
def test_a_hold_seals_what_is_due_and_lets_it_go_when_lifted(
    cast: Cast, virtual: VirtualClock, bound: str
) -> None:
    from tocsin.assess.actions import open_situation  # noqa: PLC0415

    report, free = flag(cast, ["weapons"]), flag(cast, ["weapons"], operation="", agency="metro")
    topic = open_situation(cast.ana, title="Doors", operation=cast.march, reports=[report.id])
    day = virtual.now()
    scope: dict[str, object] = {
        "subject": {"subjects": (report.id,)},
        "operation": {"operation": cast.march},
        "role": {"agency": "fusion", "role": Role.COLLECTOR.value},
        "dates": {"first": day - DAY, "last": day + DAY},
        "situation": {"subjects": (topic,)},
    }[bound]  # type: ignore[assignment]
    if bound == "role":
        actions.ask_unmasking(cast.ana, report=report.id, reason=WHY)  # what a collector touched
    order = hold(cast, **scope)
    virtual.advance(200 * DAY)
    actions.sweep()
    assert kept(free.id) == 0, "what no hold covers goes"
    assert content(report.content) == {}, "sealed from normal sight"
    assert Vault.objects.filter(subject=report.id, id__startswith=HELD).count() == 2
    assert searching.search(cast.ana, searching.Asked(words="north door")) == []
    assert store.standing(virtual.now()).overdue == 0
    assert store.standing(virtual.now()).sealed >= 1
    checking.verify_vault()
    with pytest.raises(UnderHold):
        actions.purge(cast.pia, subject=report.id, reason=WHY)
    assert LegalHold.objects.get(id=order).refused == 1, "the attempt is on the record"
    assert actions.sweep() == 0, "sealed once"
    actions.lift_hold(cast.ines, hold=order, reason="The case was settled in May.")
    assert content(report.content)["text"]
    actions.sweep()
    assert not Vault.objects.filter(subject=report.id).exists()
    with pytest.raises(Conflict, match="lifted already"):
        actions.lift_hold(cast.ines, hold=order, reason="The case was settled in May.")


def test_what_is_sealed_and_then_validated_can_be_read_again(
    cast: Cast, virtual: VirtualClock
) -> None:
    made = sar(cast, flag(cast, ["weapons"]))
    hold(cast, subjects=(made,))
    virtual.advance(1830 * DAY)
    actions.sweep()
    row = Sar.objects.get(id=made)
    assert content(row.content) == {}
    actions.validate(cast.pia, subject=made, reason=WHY)
    assert content(row.content)["nexus"]
    assert actions.sweep() == 0


def test_mail_kept_as_files_goes_with_its_warning(
    committed: None, virtual: VirtualClock, tmp_path: Path
) -> None:
    cast = make_cast()
    with settings_as(data_dir=tmp_path, smtp_host=""):
        way = [("email", "desk@metro.example")]
        deliver.add_recipient(cast.rhea, agency="metro", role="partner", name="Desk", ways=way)
        row, other = released(cast), released(cast)
        deliver.fan_out()
        deliver.send_due(threads=0)
        folder = tmp_path / "mail"
        assert len(list(folder.iterdir())) == 2
        actions.purge(cast.pia, subject=row.id, reason=WHY)
        left = [f.read_text() for f in folder.iterdir()]
    assert len(left) == 1
    assert other.id in left[0]


def test_two_holds_keep_until_both_are_lifted(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    first, second = hold(cast, subjects=(report.id,)), hold(cast, operation=cast.march)
    virtual.advance(200 * DAY)
    actions.sweep()
    assert actions.lift_hold(cast.ines, hold=first, reason=WHY) == 0
    actions.sweep()
    assert Vault.objects.filter(subject=report.id, id__startswith=HELD).exists()
    assert actions.lift_hold(cast.ines, hold=second, reason=WHY) >= 1


def test_no_account_goes_under_hold_and_the_attempt_is_recorded(cast: Cast) -> None:
    by_role = hold(cast, agency="fusion", role=Role.COLLECTOR.value)
    with pytest.raises(UnderHold, match="roles taken instead"):
        people.leave(cast.ada, person=cast.people["ana"])
    assert LegalHold.objects.get(id=by_role).refused == 1
    assert cast.account("ana").is_active
    people.leave(cast.ada, person=cast.people["mona"])
    actions.lift_hold(cast.ines, hold=by_role, reason=WHY)
    report = flag(cast, ["weapons"])
    actions.ask_unmasking(cast.ned, report=report.id, reason=WHY)
    hold(cast, subjects=(report.id,))
    with pytest.raises(UnderHold):
        people.leave(cast.ada, person=cast.people["ned"])
    people.leave(cast.ada, person=cast.people["ana"])


def test_agencies_and_devices_ask_the_same_door(cast: Cast) -> None:
    from tocsin.record.holds import Removal, may_remove  # noqa: PLC0415

    may_remove(SYSTEM, Removal("agency", "fusion", agency="fusion"))
    hold(cast, agency="fusion")
    with pytest.raises(UnderHold):
        may_remove(SYSTEM, Removal("agency", "fusion", agency="fusion"))
    with pytest.raises(UnderHold):
        may_remove(SYSTEM, Removal("device", "dev_1", person=cast.people["ana"]))
    may_remove(SYSTEM, Removal("agency", "metro", agency="metro"))


def test_a_hold_needs_its_letter_and_keeps_it(cast: Cast) -> None:
    with pytest.raises(Invalid) as said:
        hold(cast, operation=cast.march, letter=("", b""))
    assert said.value.field == "letter"
    with pytest.raises(Forbidden):
        actions.place_hold(cast.ana, title="x", text="", scope=Scope(("a",), letter=LETTER))
    order = hold(cast, operation=cast.march, letter=("../../etc/pass\nwd.pdf", LETTER[1]))
    assert letter(cast.pia, order) == ("passwd.pdf", LETTER[1])


# Stores


def test_promotion_makes_a_new_thing_and_the_tip_keeps_its_own_clock(
    cast: Cast, virtual: VirtualClock
) -> None:
    report = flag(cast, ["weapons"], text="We go in by the north door")
    virtual.advance(100 * DAY)
    made = sar(cast, report)
    with pytest.raises(Conflict, match="promoted already"):
        sar(cast, report)
    entry = actions.promote_to_intelligence(cast.lou, sar=made, grounds=GROUNDS)
    virtual.advance(80 * DAY)
    actions.sweep()
    assert kept(report.id) == 0, "promotion starts no clock anew"
    assert (kept(made), kept(entry)) == (1, 1)
    for subject in (made, entry):
        until = Keeping.objects.get(subject=subject).keep_until
        assert until == report.received_at + 1826 * DAY, "five years from collection"
    until = actions.validate(cast.pia, subject=made, reason=WHY)
    assert until == virtual.now() + 1826 * DAY


def test_nothing_crosses_between_the_stores(cast: Cast) -> None:
    report = flag(cast, ["weapons"], text="Meet the walrus at the north door")
    made = sar(cast, report)
    entry = actions.promote_to_intelligence(cast.lou, sar=made, grounds=GROUNDS)
    actions.purge(cast.pia, subject=report.id, reason=WHY)
    assert searching.search(cast.ana, searching.Asked(words="walrus")) == []
    assert not Report.objects.filter(id__in=[made, entry]).exists()
    assert [s.id for s in store.sars(cast.ana)] == [made]
    assert [i.id for i in store.intelligence(cast.lou)] == []
    assert [i.id for i in store.intelligence(cast.ana)] == [entry]
    for outside in (cast.otto, cast.paul, cast.mona, cast.ada):
        assert not store.sars(outside).exists()
        assert not store.intelligence(outside).exists()
    assert Sar.objects.get().content != Intelligence.objects.get().content
    actions.purge(cast.pia, subject=made, reason=WHY)
    assert kept(entry) == 1


def test_promotion_takes_its_grounds_and_a_second_person(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    with pytest.raises(Invalid):
        actions.promote_to_sar(cast.ana, report=report.id, vetting=Vetting((), "", NEXUS, True))
    made = sar(cast, report)
    with pytest.raises(Invalid):
        actions.promote_to_intelligence(cast.lou, sar=made, grounds=Grounds())
    with pytest.raises(Forbidden):
        actions.promote_to_intelligence(cast.ana, sar=made, grounds=GROUNDS)
    with pytest.raises(NotFound):
        actions.promote_to_sar(cast.otto, report=report.id, vetting=Vetting())


# Disclosures


def test_what_reached_another_agency_is_accounted_once(cast: Cast, mail: Sink) -> None:
    way = [("email", "desk@metro.example")]
    deliver.add_recipient(cast.rhea, agency="metro", role="partner", name="Desk", ways=way)
    row = released(cast)
    deliver.fan_out()
    actions.account_due()
    assert not Disclosure.objects.exists(), "queued is not disclosed"
    deliver.send_due(threads=0)
    assert actions.account_due() == 1
    assert actions.account_due() == 0
    found = Disclosure.objects.get()
    assert (found.subject, found.to_agency, found.routine_use) == (row.id, "metro", "RU-SAFETY")
    assert [d.id for d in store.disclosures(cast.pia, row.id)] == [found.id]
    assert not store.disclosures(cast.otto).exists()


def test_a_disclosure_by_hand_says_who_why_and_by_what_use(
    cast: Cast, virtual: VirtualClock
) -> None:
    report = flag(cast, ["weapons"])
    give: dict[str, Any] = {"subject": report.id, "to": "District attorney", "reason": WHY}
    for wrong in ({"routine_use": "RU-X"}, {"routine_use": "RU-LAW", "to": " "}):
        with pytest.raises(Invalid):
            actions.disclose(cast.ana, **{**give, **wrong})
    with pytest.raises(Invalid):
        actions.disclose(cast.ana, **give, routine_use="RU-LAW", at=virtual.now() + DAY)
    with pytest.raises(NotFound):
        actions.disclose(cast.otto, **give, routine_use="RU-LAW")
    actions.disclose(cast.ana, **give, routine_use="RU-LAW", at=virtual.now() - DAY)
    row = Disclosure.objects.get()
    assert content(row.content) == {"to": "District attorney", "text": WHY}
    actions.purge(cast.pia, subject=report.id, reason=WHY)
    duty = Duty.objects.get(subject=report.id, kind=terms.TELL, discharged_at=None)
    assert content(row.content)["to"], "the account outlives what was disclosed"
    from tocsin.retain.actions.purging import told  # noqa: PLC0415

    told(cast.pia, subject=report.id, reason="Called them; they confirmed by mail.")
    assert Duty.objects.get(id=duty.id).discharged_at is not None


def test_a_copy_for_somebody_is_accounted_and_outlives_the_warning(cast: Cast) -> None:
    from tocsin.warn.actions import take_copy  # noqa: PLC0415
    from tocsin.warn.terms import Form  # noqa: PLC0415

    row = released(cast)
    take_copy(cast.rhea, subject=row.id, form=next(iter(Form)).value)
    take_copy(
        cast.rhea, subject=row.id, form=next(iter(Form)).value, to="County DA", purpose="Trial"
    )
    assert actions.account_due() == 1
    assert actions.account_due() == 0
    actions.purge(cast.pia, subject=row.id, reason=WHY)
    assert content(Disclosure.objects.get().content) == {"to": "County DA", "text": "Trial"}
    assert Duty.objects.filter(subject=row.id, kind=terms.TELL, discharged_at=None).exists()


def test_intelligence_is_shared_by_name_and_accounted(cast: Cast) -> None:
    made = sar(cast, flag(cast, ["weapons"]))
    entry = actions.promote_to_intelligence(cast.lou, sar=made, grounds=GROUNDS)
    people.grant_role(SYSTEM, person=cast.people["mona"], role=Role.INSPECTOR)
    give = {"entry": entry, "agency": "metro", "routine_use": "RU-LAW"}
    assert not store.intelligence(cast.mona).exists()
    with pytest.raises(Invalid):
        actions.share_intelligence(cast.lou, **give, reason="ok")
    with pytest.raises(Forbidden):
        actions.share_intelligence(cast.ana, **give, reason=WHY)
    with pytest.raises(NotFound):
        actions.share_intelligence(cast.olga, **give, reason=WHY)
    actions.share_intelligence(cast.lou, **give, reason=WHY)
    assert [i.id for i in store.intelligence(cast.mona)] == [entry]
    assert not store.sars(cast.mona).exists()
    found = Disclosure.objects.get(subject=entry)
    assert (found.to_agency, found.how, found.routine_use) == ("metro", "shared", "RU-LAW")


# Behind the mask


def test_a_look_taken_at_once_is_reviewed_by_another(cast: Cast) -> None:
    report = flag(cast, ["weapons"])
    with pytest.raises(Forbidden):
        actions.look_now(cast.ana, report=report.id, vault=report.original, reason=WHY)
    with pytest.raises(Invalid):
        actions.look_now(cast.rhea, report=report.id, vault=report.original, reason="why")
    assert not Unmasking.objects.exists()
    body = actions.look_now(cast.rhea, report=report.id, vault=report.original, reason=WHY)
    assert body["author"] == "someone"
    row = Unmasking.objects.get()
    duty = Duty.objects.get(kind=terms.REVIEW_LOOK)
    assert (row.state, duty.owner_role) == ("TAKEN", Role.PRIVACY_OFFICER)
    with pytest.raises(Forbidden):
        actions.decide_unmasking(cast.rhea, request=row.id, grant=True, reason=WHY)
    actions.decide_unmasking(cast.pia, request=row.id, grant=False, reason=WHY)
    assert Unmasking.objects.get().state == "OBJECTED"
    assert Duty.objects.get(id=duty.id).discharged_at is not None
    with pytest.raises(Conflict):
        actions.look(cast.rhea, request=row.id)
    actions.purge(cast.pia, subject=report.id, reason=WHY)
    with pytest.raises(NotFound):
        actions.look_now(cast.rhea, report=report.id, vault=report.original, reason=WHY)


def test_a_look_behind_the_mask_is_decided_by_another_and_ends(
    cast: Cast, virtual: VirtualClock
) -> None:
    report = flag(cast, ["weapons"])
    request = actions.ask_unmasking(cast.ana, report=report.id, reason=WHY)
    with pytest.raises(Conflict, match="asked already"):
        actions.ask_unmasking(cast.ana, report=report.id, reason=WHY)
    with pytest.raises(Conflict, match="over"):
        actions.look(cast.ana, request=request)
    with pytest.raises(Forbidden):
        actions.decide_unmasking(cast.ana, request=request, grant=True, reason=WHY)
    mine = actions.ask_unmasking(cast.pia, report=report.id, reason=WHY)
    with pytest.raises(Forbidden, match="own request"):
        actions.decide_unmasking(cast.pia, request=mine, grant=True, reason=WHY)
    actions.decide_unmasking(cast.pia, request=request, grant=True, reason=WHY)
    assert actions.look(cast.ana, request=request)["author"] == "someone"
    assert actions.look(cast.ana, request=request)["author"] == "someone"
    assert Unmasking.objects.get(id=request).looks == 2
    with pytest.raises((Forbidden, NotFound)):
        actions.look(cast.ned, request=request)
    virtual.advance(timedelta(hours=1))
    with pytest.raises(Conflict, match="over"):
        actions.look(cast.ana, request=request)
    actions.decide_unmasking(cast.rhea, request=mine, grant=False, reason=WHY)
    with pytest.raises(Conflict):
        actions.look(cast.pia, request=mine)
    open_ = Duty.objects.filter(kind=terms.DECIDE_UNMASKING, discharged_at=None)
    assert not open_.exists()


def test_the_tables_are_what_the_record_says_after_all_of_it(
    committed: None, database_url: str, virtual: VirtualClock
) -> None:
    from tocsin.record import database  # noqa: PLC0415

    cast = make_cast()
    reports = [flag(cast, ["weapons"]) for _ in range(3)]
    made = sar(cast, reports[0])
    actions.promote_to_intelligence(cast.lou, sar=made, grounds=GROUNDS)
    actions.disclose(cast.ana, subject=made, to="DA", reason=WHY, routine_use="RU-LAW")
    request = actions.ask_unmasking(cast.ana, report=reports[1].id, reason=WHY)
    actions.decide_unmasking(cast.pia, request=request, grant=True, reason=WHY)
    actions.look(cast.ana, request=request)
    order = hold(cast, subjects=(reports[1].id,))
    virtual.advance(181 * DAY)
    actions.sweep()
    with pytest.raises(UnderHold):
        actions.purge(cast.pia, subject=reports[1].id, reason=WHY)
    actions.lift_hold(cast.ines, hold=order, reason=WHY)
    actions.validate(cast.pia, subject=made, reason=WHY)
    actions.sweep()
    app = database_url.replace("postgresql://postgres:", "postgresql://tocsin_app:")
    database.configure(database_url)
    try:
        checking.verify_vault()
        assert checking.fsck(database_url) == []
    finally:
        database.configure(app)
    assert Report.objects.filter(state="PURGED").count() == 3
