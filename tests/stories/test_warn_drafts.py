"""Writing a warning: sources pinned, every saving kept, one pen at a time, no silent end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.cast import Cast, make_cast
from tests.stories.warned import drafted, in_review, now, released, situation, words
from tocsin.assess.actions import file_dissent
from tocsin.collect.models import Report
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.terms import SYSTEM
from tocsin.people.visibility import visible_to
from tocsin.record import applying
from tocsin.record import store as record
from tocsin.record.canonical import canonical, commitment
from tocsin.record.models import Entry, Vault
from tocsin.warn import actions, changes, store
from tocsin.warn.lint import stops
from tocsin.warn.models import Citation, Note, Revision, Warning
from tocsin.warn.terms import Content, Judgment

LONG = "it would come too late otherwise"


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def owed(kind: str, warning: str) -> Duty | None:
    return Duty.objects.filter(kind=kind, subject=warning, discharged_at=None).first()


def test_a_draft_starts_from_its_situation_with_sources_pinned_and_the_must_know_roles(
    cast: Cast,
) -> None:
    made, report = situation(cast)
    draft = actions.draft(cast.ana, type="BULLETIN", content=words(report), situation=made)
    row = now(draft)
    assert row.operation == cast.march
    assert row.distribution == [
        {"agency": "capitol", "role": "operation_lead"},
        {"agency": "metro", "role": "partner"},
    ]
    kept = Vault.objects.get(id=Report.objects.get(id=report).content)
    expected = commitment(bytes(kept.salt), canonical(kept.body)).hex()
    assert [(c["id"], c["version"], c["commitment"]) for c in row.cites] == [(report, 1, expected)]
    duty = owed("finish_draft", draft)
    assert duty is not None
    assert duty.owner_person == cast.ana.person


def test_the_words_lie_in_the_vault_and_the_record_holds_only_their_commitment(cast: Cast) -> None:
    row = drafted(cast)
    entries = Entry.objects.filter(subject=row.id)
    assert all(b"north" not in bytes(e.body) and b"doors" not in bytes(e.body) for e in entries)
    kept = Vault.objects.get(id=row.content)
    assert row.commitment == commitment(bytes(kept.salt), canonical(kept.body)).hex()


def test_a_hidden_or_invented_source_cannot_be_cited(cast: Cast) -> None:
    _, report = situation(cast)
    with pytest.raises(Invalid, match="no source rpt_nothing"):
        actions.draft(cast.ana, type="NOTE", content=words("rpt_nothing"), operation=cast.march)
    with pytest.raises(Invalid, match="no source"):
        actions.draft(cast.otto, type="NOTE", content=words(report))


def test_each_saving_is_kept_and_what_changed_can_be_read(cast: Cast) -> None:
    row = drafted(cast)
    content = store.content(row)
    actions.revise(
        cast.ana,
        warning=row.id,
        version=1,
        content=msgspec.structs.replace(content, summary="Several posts name the south doors."),
        label="GREEN",
    )
    first, second = store.revisions(now(row.id))
    assert store.content(first) == content
    runs = [r for p in changes.compare(store.content(first), store.content(second)) for r in p]
    assert "north" in "".join(r.text for r in runs if r.kind == "removed")
    assert "south" in "".join(r.text for r in runs if r.kind == "added")
    assert ("TLP", "AMBER", "GREEN") in changes.fields(first, second)


def test_two_savings_from_the_same_page_collide_and_nothing_is_lost(cast: Cast) -> None:
    row = drafted(cast)
    actions.revise(cast.ana, warning=row.id, version=1, label="GREEN")
    with pytest.raises(Conflict, match="changed this warning"):
        actions.revise(cast.ana, warning=row.id, version=1, label="CLEAR")
    assert now(row.id).label == "GREEN"


def test_a_source_cited_at_version_one_stays_so_until_the_draft_is_saved_anew(cast: Cast) -> None:
    row = drafted(cast)
    report = row.cites[0]["id"]
    Report.objects.filter(id=report).update(version=2)
    assert "outdated_source" in {f.code for f in store.findings(row, row.drafted_at)}
    assert now(row.id).cites[0]["version"] == 1
    actions.revise(cast.ana, warning=row.id, version=1, content=store.content(row))
    assert now(row.id).cites[0]["version"] == 2


def test_one_pen_at_a_time_and_a_colleague_takes_it_over_on_the_record(cast: Cast) -> None:
    row = drafted(cast)
    with pytest.raises(Forbidden, match="Ana Alvarez has this draft in hand"):
        actions.revise(cast.ned, warning=row.id, version=1, label="GREEN")
    with pytest.raises(Invalid, match="cannot draft"):
        actions.hand_over(cast.ana, warning=row.id, version=1, to=cast.pia.person)
    actions.hand_over(cast.ned, warning=row.id, version=1, to=cast.ned.person)
    duty = owed("finish_draft", row.id)
    assert duty is not None
    assert duty.owner_person == cast.ned.person
    actions.revise(cast.ned, warning=row.id, version=2, label="GREEN")
    assert now(row.id).authors == [cast.ana.person, cast.ned.person]


def test_a_draft_with_a_finding_that_stops_is_not_sent_to_review(cast: Cast) -> None:
    row = drafted(cast, expires_at=None)
    with pytest.raises(Invalid, match="until when it holds") as refused:
        actions.submit(cast.ana, warning=row.id, version=1)
    assert refused.value.field == "expires_at"
    assert now(row.id).state == "DRAFT"


def test_a_draft_left_alone_is_asked_for_then_goes_up(cast: Cast, virtual: VirtualClock) -> None:
    row = drafted(cast)
    duty = owed("finish_draft", row.id)
    assert duty is not None
    virtual.move_to(duty.due_at + timedelta(hours=5))
    while fire_due():
        pass
    told = set(Notice.objects.filter(duty=duty.id).values_list("person", flat=True))
    assert told == {p.person for p in (cast.ana, cast.rhea, cast.ruth, cast.lou)}
    with pytest.raises(Invalid):
        actions.abandon(cast.rhea, warning=row.id, version=1, reason="  ")
    actions.abandon(cast.rhea, warning=row.id, version=1, reason="The march was called off.")
    assert owed("finish_draft", row.id) is None
    assert now(row.id).state == "ABANDONED"
    step = store.history(now(row.id))[-1]
    assert (step.act, step.person, step.text) == (
        "ABANDONED",
        "Rhea Ross",
        "The march was called off.",
    )


def test_a_partner_sees_nothing_before_release_and_the_outsider_nothing_after(cast: Cast) -> None:
    row = drafted(cast)
    for stage in ("draft", "review"):
        for who in (cast.paul, cast.olga, cast.mona, cast.otto, cast.ada):
            with pytest.raises(NotFound):
                store.warning(who, row.id)
            assert not visible_to(who, Duty.objects.filter(subject=row.id), subject="subject"), (
                stage
            )
        if stage == "draft":
            actions.submit(cast.ana, warning=row.id, version=1)
    actions.release(cast.rhea, warning=row.id, version=2)
    assert store.warning(cast.paul, row.id).state == "RELEASED"
    assert store.warning(cast.mona, row.id).state == "RELEASED"
    for who in (cast.otto, cast.ada):
        with pytest.raises(NotFound):
            store.warning(who, row.id)


def test_the_outsider_finds_every_door_shut(cast: Cast) -> None:
    made, _ = situation(cast)
    draft, review, live = drafted(cast), in_review(cast), released(cast)
    otto = cast.otto
    do: Callable[..., Any]
    at: dict[str, Any] = {"version": 1}
    with pytest.raises(NotFound):
        actions.draft(otto, type="NOTE", content=Content(), situation=made)
    with pytest.raises(Invalid, match="no such operation"):
        actions.draft(otto, type="NOTE", content=Content(), operation=cast.march)
    for do in (actions.revise, actions.submit):
        with pytest.raises(NotFound):
            do(otto, warning=draft.id, **at)
    with pytest.raises(NotFound):
        actions.hand_over(otto, warning=draft.id, to=otto.person, **at)
    with pytest.raises(NotFound):
        actions.abandon(otto, warning=draft.id, reason=LONG, **at)
    with pytest.raises(NotFound):
        actions.update(otto, warning=live.id, version=live.version)
    for do in (actions.release, actions.lift_hold, actions.confirm):
        with pytest.raises(Forbidden):
            do(otto, warning=review.id, version=review.version)
    for do in (actions.return_, actions.refuse, actions.release_now, actions.cancel):
        with pytest.raises(Forbidden):
            do(otto, warning=review.id, version=review.version, reason=LONG)
    with pytest.raises(Forbidden):
        actions.hold(otto, warning=review.id, version=2, reason=LONG, until=review.changed_at)
    with pytest.raises(Forbidden):
        actions.cite(otto, operation=cast.march, warning=live.id, edition=1)
    with pytest.raises(Forbidden):
        actions.drop_citation(otto, operation=cast.march, warning=live.id)
    for who in (cast.paul, cast.mona, cast.ada, cast.pia, cast.ines):
        with pytest.raises(Forbidden):
            actions.draft(who, type="NOTE", content=Content(), operation=cast.march)


def test_a_release_authority_of_another_agency_has_no_say(cast: Cast) -> None:
    from tocsin.people.actions import grant_role  # noqa: PLC0415
    from tocsin.people.terms import Role  # noqa: PLC0415

    grant_role(SYSTEM, person=cast.otto.person, role=Role.RELEASE_AUTHORITY)
    row = in_review(cast)
    with pytest.raises(NotFound):
        actions.release(cast.otto, warning=row.id, version=row.version)


def test_a_red_draft_stays_red_and_its_sources_cannot_be_widened(cast: Cast) -> None:
    made, report = situation(cast, tlp="RED")
    fields: dict[str, Any] = {
        "type": "NOTE",
        "content": words(report),
        "situation": made,
    }
    row = now(actions.draft(cast.ana, label="AMBER", **fields))
    assert {f.code for f in stops(store.findings(row, row.drafted_at))} == {"tlp_wider_than_source"}
    red = now(actions.draft(cast.ana, label="RED", **fields))
    assert red.tlp == "RED"


def test_dissent_on_what_it_rests_on_is_asked_for(cast: Cast) -> None:
    row = drafted(cast)
    file_dissent(cast.pia, about=row.cites[0]["id"], text="This reads as hyperbole to me.")
    assert "dissent_not_noted" in {f.code for f in store.findings(row, row.drafted_at)}
    content = msgspec.structs.replace(
        store.content(row), dissent="One office reads the posts as talk."
    )
    actions.revise(cast.ana, warning=row.id, version=1, content=content)
    assert "dissent_not_noted" not in {f.code for f in store.findings(now(row.id), row.drafted_at)}


def test_a_null_report_is_not_an_all_clear(cast: Cast, virtual: VirtualClock) -> None:
    fields: dict[str, Any] = {
        "type": "NO_THREAT",
        "content": Content(
            title="Nothing known for the march", summary="As of now nothing is known."
        ),
        "operation": cast.march,
        "label": "AMBER",
        "expires_at": virtual.now() + timedelta(hours=12),
    }
    quiet = now(actions.draft(cast.ana, **fields))
    assert stops(store.findings(quiet, virtual.now())) == []
    stated = now(actions.draft(cast.ana, **fields))
    actions.submit(cast.ana, warning=stated.id, version=1)
    actions.release(cast.rhea, warning=stated.id, version=2)
    assert store.document(now(stated.id)).standing == ""
    released(cast)  # a flagged report waits, a situation is open, a warning is in force
    found = stops(store.findings(quiet, virtual.now()))
    assert [f.code for f in found] == ["not_an_all_clear"]
    assert "1 flagged report waits, 1 situation is open, 1 warning is in force" in found[0].words
    with pytest.raises(Invalid):
        actions.submit(cast.ana, warning=quiet.id, version=1)
    assert store.document(now(stated.id)).standing.startswith("OUT OF DATE")


def test_tables_are_what_the_record_says(cast: Cast, virtual: VirtualClock) -> None:
    """Every row of this stage, column by column, against the fold of the entries that made it."""
    first = released(cast)
    actions.cite(cast.lou, operation=cast.march, warning=first.id, edition=1)
    fresh = actions.update(
        cast.ana, warning=first.id, version=first.version, changed="One more post."
    )
    actions.submit(cast.ana, warning=fresh, version=1)
    until = virtual.now() + timedelta(hours=1)
    actions.hold(cast.rhea, warning=fresh, version=2, reason="One call is pending.", until=until)
    actions.release(cast.ruth, warning=fresh, version=3)
    actions.recite(cast.lou, operation=cast.march, warning=first.id, edition=2)
    entries = [record.decode(e.body) for e in Entry.objects.order_by("n")]
    models: dict[str, Any] = {m._meta.db_table: m for m in (Warning, Revision, Note, Citation)}
    rows = 0
    for (table, _), net in applying.fold(entries).items():
        if table in models:
            row = models[table].objects.values().get(**dict(net.key))
            rows += 1
            for column, value in net.values.items():
                got = row[column]
                said = got.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(got, "strftime") else got
                assert said == value, (table, column)
    assert rows == sum(m.objects.count() for m in models.values())
    assert rows > 8


def test_a_judgment_needs_no_likelihood_to_be_saved_but_a_draft_keeps_what_was_typed(
    cast: Cast,
) -> None:
    content = Content(title=" Half  a thought ", judgments=(Judgment(text="Something"), Judgment()))
    row = now(actions.draft(cast.ana, type="NOTE", content=content, operation=cast.march))
    assert store.content(row) == Content(
        title="Half a thought", judgments=(Judgment(text="Something"),)
    )
    assert len(stops(store.findings(row, row.drafted_at))) >= 3
