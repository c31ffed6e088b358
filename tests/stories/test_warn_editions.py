"""After release: new editions, cancelling, expiry, and the plans that rest on what has ended."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.cast import Cast, make_cast
from tests.stories.warned import in_review, now, released
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.models import Operation
from tocsin.warn import actions, store
from tocsin.warn.document import plain
from tocsin.warn.models import Warning

REASON = "The permit was withdrawn this morning."


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def plans_owed(cast: Cast) -> list[Duty]:
    return list(Duty.objects.filter(kind="update_plan", operation=cast.march, discharged_at=None))


def next_edition(
    cast: Cast, row: Warning, changed: str = "More posts, and a time: noon."
) -> Warning:
    """Write the next edition, and have it released."""
    fresh = actions.update(cast.ana, warning=row.id, version=now(row.id).version, changed=changed)
    actions.submit(cast.ana, warning=fresh, version=1)
    actions.release(cast.rhea, warning=fresh, version=2)
    return now(fresh)


def test_an_update_replaces_the_edition_before_and_says_what_changed(cast: Cast) -> None:
    first = released(cast)
    fresh = actions.update(cast.ana, warning=first.id, version=first.version)
    assert now(first.id).state == "RELEASED"  # in force until the next one is
    with pytest.raises(Invalid, match="does not say what changed"):
        actions.submit(cast.ana, warning=fresh, version=1)
    content = msgspec.structs.replace(store.content(now(fresh)), changed="A time is named: noon.")
    actions.revise(cast.ana, warning=fresh, version=1, content=content)
    actions.submit(cast.ana, warning=fresh, version=2)
    actions.release(cast.rhea, warning=fresh, version=3)
    before, after = now(first.id), now(fresh)
    assert (before.state, before.superseded_by) == ("SUPERSEDED", fresh)
    assert (after.series, after.edition, after.supersedes) == (first.id, 2, first.id)
    assert before.commitment == first.commitment
    assert [e.edition for e in store.editions(cast.mona, before)] == [1, 2]
    text = plain(store.document(after), ZoneInfo("America/New_York"))
    assert "edition 2" in text
    assert "What changed: A time is named: noon." in text
    assert text.startswith("TLP:AMBER")
    assert text.rstrip().splitlines()[-1].startswith("TLP:AMBER")


def test_one_next_edition_at_a_time(cast: Cast) -> None:
    first = released(cast)
    fresh = actions.update(cast.ana, warning=first.id, version=first.version)
    with pytest.raises(Conflict, match="being written already"):
        actions.update(cast.ned, warning=first.id, version=first.version)
    actions.abandon(cast.ana, warning=fresh, version=1, reason="Nothing new after all.")
    assert actions.update(cast.ned, warning=first.id, version=first.version)


def test_only_the_agency_that_wrote_it_writes_the_next_edition(cast: Cast) -> None:
    first = released(cast)
    with pytest.raises(Forbidden, match="another agency wrote"):
        actions.update(cast.olga, warning=first.id, version=first.version)


def test_a_replaced_edition_flags_every_plan_that_rests_on_it(
    cast: Cast, virtual: VirtualClock
) -> None:
    """3 January: the assessment named the target, the plan kept the older words. Here the plan is red."""
    first = released(cast)
    actions.cite(cast.lou, operation=cast.march, warning=first.id, edition=1)
    assert store.stale_citations(cast.march) == []
    second = next_edition(cast, first)
    stale = store.stale_citations(cast.march)
    assert [(s.warning, s.edition, s.newest) for s in stale] == [(first.id, 1, second.id)]
    (duty,) = plans_owed(cast)
    assert (duty.subject, duty.owner_agency, duty.owner_role) == (
        second.id,
        "fusion",
        "operation_lead",
    )
    fire_due()
    assert Notice.objects.filter(duty=duty.id, person=cast.lou.person).exists()
    with pytest.raises(Conflict, match="edition 1 is not in force") as refused:
        actions.recite(cast.lou, operation=cast.march, warning=first.id, edition=1)
    assert second.id in refused.value.cure
    actions.recite(cast.lou, operation=cast.march, warning=first.id, edition=2)
    assert plans_owed(cast) == []
    assert store.stale_citations(cast.march) == []
    assert [c.edition for c in store.citations(cast.march)] == [2]


def test_a_plan_two_editions_behind_owes_once_for_each_and_one_look_answers_all(cast: Cast) -> None:
    first = released(cast)
    actions.cite(cast.lou, operation=cast.march, warning=first.id, edition=1)
    second = next_edition(cast, first)
    third = next_edition(cast, second, changed="The route moved.")
    assert len(plans_owed(cast)) == 1  # the plan never rested on the second
    assert store.stale_citations(cast.march)[0].newest == third.id
    actions.recite(cast.lou, operation=cast.march, warning=third.id, edition=3)
    assert plans_owed(cast) == []


def test_cancelling_tells_why_and_flags_the_plan(cast: Cast) -> None:
    row = released(cast)
    actions.cite(cast.lou, operation=cast.march, warning=row.id, edition=1)
    for who in (cast.olga, cast.ana):
        with pytest.raises(Forbidden):
            actions.cancel(who, warning=row.id, version=row.version, reason=REASON)
    with pytest.raises(Invalid, match="say why"):
        actions.cancel(cast.ruth, warning=row.id, version=row.version, reason="")
    actions.cancel(cast.ruth, warning=row.id, version=row.version, reason=REASON)
    row = now(row.id)
    assert row.state == "CANCELLED"
    document = store.document(store.warning(cast.mona, row.id))
    assert document.standing == f"CANCELLED. Do not act on it. Reason: {REASON}"
    assert [s.newest for s in store.stale_citations(cast.march)] == [""]
    (duty,) = plans_owed(cast)
    assert duty.subject == row.id
    actions.drop_citation(cast.lou, operation=cast.march, warning=row.id)
    assert plans_owed(cast) == []
    assert store.stale_citations(cast.march) == []
    with pytest.raises(Conflict, match="does not rest"):
        actions.drop_citation(cast.lou, operation=cast.march, warning=row.id)


def test_a_warning_expires_at_its_time_and_not_before(cast: Cast, virtual: VirtualClock) -> None:
    row = released(cast, expires_at=virtual.now() + timedelta(hours=2))
    actions.cite(cast.lou, operation=cast.march, warning=row.id, edition=1)
    virtual.advance(timedelta(hours=1, minutes=59))
    assert actions.expire_due() == 0
    virtual.advance(timedelta(minutes=1))
    assert actions.expire_due() == 1
    assert actions.expire_due() == 0
    row = now(row.id)
    assert (row.state, row.ended_at) == ("EXPIRED", virtual.now())
    assert store.document(row).standing.startswith("EXPIRED")
    assert len(store.stale_citations(cast.march)) == 1
    assert len(plans_owed(cast)) == 1


def test_after_the_event_no_plan_owes_a_look(cast: Cast, virtual: VirtualClock) -> None:
    ends = Operation.objects.get(id=cast.march).ends_at
    row = released(cast, expires_at=ends + timedelta(hours=1))
    actions.cite(cast.lou, operation=cast.march, warning=row.id, edition=1)
    virtual.move_to(ends + timedelta(hours=2))
    actions.expire_due()
    assert plans_owed(cast) == []


def test_an_edition_that_ended_while_the_next_was_written_ends_only_once(
    cast: Cast, virtual: VirtualClock
) -> None:
    first = released(cast, expires_at=virtual.now() + timedelta(hours=2))
    fresh = actions.update(cast.ana, warning=first.id, version=first.version, changed="Longer.")
    actions.revise(cast.ana, warning=fresh, version=1, expires_at=virtual.now() + timedelta(days=3))
    virtual.advance(timedelta(hours=3))
    actions.expire_due()
    actions.submit(cast.ana, warning=fresh, version=2)
    actions.release(cast.rhea, warning=fresh, version=3)
    assert now(first.id).state == "EXPIRED"
    assert now(fresh).state == "RELEASED"


def test_a_plan_rests_only_on_what_is_in_force_and_only_its_lead_says_so(cast: Cast) -> None:
    draft = in_review(cast)
    with pytest.raises(Conflict, match="not in force"):
        actions.cite(cast.lou, operation=cast.march, warning=draft.id, edition=1)
    row = released(cast)
    with pytest.raises(Forbidden):
        actions.cite(cast.ana, operation=cast.march, warning=row.id, edition=1)
    with pytest.raises(Forbidden, match="lead agency"):
        actions.cite(cast.olga, operation=cast.march, warning=row.id, edition=1)
    with pytest.raises(NotFound):
        actions.cite(cast.lou, operation=cast.march, warning="wrn_nothing", edition=1)
