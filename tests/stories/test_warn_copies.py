"""Copies outside are put right: whoever took one of what no longer holds is asked to replace it, until they did."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.warned import now, released
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import NotFound
from tocsin.people import actions as people
from tocsin.people.models import Account
from tocsin.people.terms import SYSTEM, Actor
from tocsin.warn import actions
from tocsin.warn.actions.correcting import KIND
from tocsin.warn.models import Copy, Warning
from tocsin.web import owing


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def taken(actor: Actor, row: Warning, **said: str) -> None:
    actions.take_copy(actor, subject=row.id, form="text", **said)


def next_edition(cast: Cast, row: Warning) -> Warning:
    fresh = actions.update(cast.ana, warning=row.id, version=row.version, changed="Two doors now.")
    actions.submit(cast.ana, warning=fresh, version=now(fresh).version)
    actions.release(cast.rhea, warning=fresh, version=now(fresh).version)
    return now(fresh)


def owed() -> list[Duty]:
    return list(Duty.objects.filter(kind=KIND, discharged_at=None).order_by("owner_person"))


def browser(actor: Actor, client: Client) -> Client:
    client.force_login(Account.objects.get(person=actor.person))
    return client


def test_who_took_copies_of_an_edition_owes_their_replacement_once_a_newer_one_is_out(
    cast: Cast, virtual: VirtualClock, client: Client
) -> None:
    row = released(cast)
    taken(cast.mona, row, to="The night shift")
    taken(cast.mona, row)
    assert actions.correct_copies() == 0, "what holds needs no correction"
    virtual.advance(timedelta(minutes=1))
    newer = next_edition(cast, row)
    taken(cast.rhea, now(row.id))  # says itself that it no longer holds
    taken(cast.rhea, newer)
    assert (actions.correct_copies(), actions.correct_copies()) == (1, 0)
    (duty,) = owed()
    assert (duty.owner_person, duty.subject) == (cast.mona.person, row.id)
    assert duty.title == "Replace the 2 copies taken of a warning: a newer edition replaces it"
    assert [r.action_url for r in owing.describe(cast.mona, [duty], virtual.now(), {})] == [
        f"/papers/{row.id}"
    ]
    page = browser(cast.mona, client).get(f"/papers/{row.id}").content.decode()
    assert "The night shift" in page
    assert f"/papers/{newer.id}" in page
    assert client.post(f"/papers/{row.id}/corrected").status_code == 302
    assert owed() == []
    assert actions.correct_copies() == 0
    assert 'id="replace"' not in client.get(f"/papers/{row.id}").content.decode()


def test_a_file_for_another_system_is_a_copy_noted_once_and_a_cancellation_asks_for_it(
    cast: Cast, virtual: VirtualClock, client: Client
) -> None:
    row = released(cast)
    ana = browser(cast.ana, client)
    for _ in range(2):
        assert ana.get(f"/warnings/{row.id}/export/cap").status_code == 200
    assert [(c.form, c.person) for c in Copy.objects.all()] == [("cap", cast.ana.person)]
    assert "CAP 1.2" in ana.get(f"/papers/{row.id}").content.decode()
    virtual.advance(timedelta(minutes=1))
    actions.cancel(cast.rhea, warning=row.id, version=now(row.id).version, reason="It was a hoax.")
    assert ana.get(f"/warnings/{row.id}/export/cap?cancelled=1").status_code == 200
    assert actions.correct_copies() == 1
    assert owed()[0].title == "Replace the copy taken of a warning: it was cancelled"


def test_nobody_says_so_for_another_but_a_release_authority_does_for_who_left(
    cast: Cast, virtual: VirtualClock
) -> None:
    row = released(cast)
    taken(cast.ana, row)
    people.leave(SYSTEM, person=cast.ana.person)
    virtual.advance(timedelta(minutes=1))
    actions.cancel(cast.rhea, warning=row.id, version=now(row.id).version, reason="It was a hoax.")
    assert actions.correct_copies() == 1
    (duty,) = owed()
    assert (duty.owner_person, duty.owner_role) == ("", "release_authority")
    for other in (cast.mona, cast.olga):
        with pytest.raises(NotFound):
            actions.copies_corrected(other, warning=row.id)
    actions.copies_corrected(cast.rhea, warning=row.id)
    assert owed() == []
