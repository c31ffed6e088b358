"""The time machine: the same pages over the tables of a past moment, read only, and the present untouched beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import InternalError, ProgrammingError
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tests.stories.warned import drafted, now, released
from tocsin.collect.models import Report
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.oversee import past
from tocsin.oversee.actions import ask_past, build_due, enter_past, note_views
from tocsin.oversee.models import Glance, World
from tocsin.record.checking import place_pending
from tocsin.record.models import Entry, Vault
from tocsin.record.store import size
from tocsin.warn import actions as warn
from tocsin.web.looking import SESSION_KEY


@pytest.fixture
def cast(
    committed: None, virtual: VirtualClock, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cast]:
    monkeypatch.setattr("tocsin.record.database.owner_url", lambda name=None: database_url)
    yield make_cast()
    with psycopg.connect(database_url, autocommit=True) as c:
        for (name,) in c.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'past\\_%'"
        ).fetchall():
            c.execute(f'DROP SCHEMA "{name}" CASCADE')


def client(cast: Cast, name: str) -> Client:
    made = Client(raise_request_exception=False)
    made.force_login(cast.account(name))
    return made


def stand(cast: Cast, at: datetime, name: str = "ines") -> tuple[Client, World]:
    """A browser of `name` that stands in the world at `at`."""
    world = ask_past(cast.actor(name), at=at)
    assert build_due() == 1
    browser = client(cast, name)
    assert browser.post(f"/asof/{world}/enter").status_code == 302
    return browser, World.objects.get(id=world)


def test_the_same_pages_show_what_was_and_nothing_later(cast: Cast, virtual: VirtualClock) -> None:
    early = flag(cast, ["weapons"], text="First post about the north doors")
    draft = drafted(cast)
    virtual.advance(timedelta(minutes=30))
    then = virtual.now()
    virtual.advance(timedelta(minutes=30))
    late = flag(cast, ["targets-officials"], text="Later post about the roof")
    warn.submit(cast.ana, warning=draft.id, version=draft.version)
    browser, world = stand(cast, then)
    page = browser.get(f"/warnings/{draft.id}").content.decode()
    assert "THE PAST" in page
    assert "Back to now" in page
    assert "data-feed" not in page
    assert browser.get(f"/reports/{early.id}").status_code == 200
    assert browser.get(f"/reports/{late.id}").status_code == 404
    assert "warning.submitted" not in browser.get(f"/record/{draft.id}/csv").content.decode()
    assert "warning.drafted" in browser.get(f"/record/{draft.id}/csv").content.decode()
    assert world.entries < size()
    with past.standing(world):
        assert size() == world.entries
    assert late.id not in browser.get("/search?q=roof").content.decode()
    assert late.id in client(cast, "ana").get("/search?q=roof").content.decode()
    # Beside it, everybody else is in the present.
    assert client(cast, "ana").get(f"/reports/{late.id}").status_code == 200
    assert now(draft.id).state == "IN_REVIEW"
    # And so is the inspector again, who steps out.
    assert (
        browser.post("/asof/leave", {"next": f"/reports/{late.id}"}).headers["Location"]
        == f"/reports/{late.id}"
    )
    assert browser.get(f"/reports/{late.id}").status_code == 200


def test_every_page_of_the_past_opens(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    row = released(cast)
    virtual.advance(timedelta(minutes=1))
    then = virtual.now()
    virtual.advance(timedelta(minutes=1))
    browser, _ = stand(cast, then)
    for address in (
        "/", "/situations", f"/situations/{row.situation}", "/warnings", f"/warnings/{row.id}",
        f"/warnings/{row.id}/receipts",
        f"/reports/{report.id}", "/search?q=tools", "/record", f"/record/{row.id}", f"/timeline/{row.id}", "/notices",
        "/timeline/role?agency=fusion&role=collector",
    ):  # fmt: skip
        answer = browser.get(address)
        assert answer.status_code in (200, 403), (address, answer.content.decode()[:800])
        assert "THE PAST" in answer.content.decode(), address


def test_nothing_can_be_changed_in_the_past(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"])
    virtual.advance(timedelta(minutes=1))
    then = virtual.now()
    virtual.advance(timedelta(minutes=1))
    browser, world = stand(cast, then)
    before = Entry.objects.count()
    answer = browser.post(
        "/shifts/handover", {"role": "inspector", "text": "written into the past"}
    )
    assert answer.status_code == 409
    assert "the past" in answer.content.decode()
    assert Entry.objects.count() == before
    # Not by the middleware alone: the transaction is read only, and the role has no right to write there.
    with pytest.raises(InternalError), past.standing(world), transaction.atomic():
        Report.objects.filter(id=report.id).update(score=1)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{past.schema_of(world.id)}".collect_report SET score = 1')
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        assert cursor.fetchone() == ("public",)


def test_time_stands_still_there_and_goes_on_here(cast: Cast, virtual: VirtualClock) -> None:
    then = virtual.now()
    virtual.advance(timedelta(hours=1))
    place_pending()
    world = ask_past(cast.ines, at=then)
    build_due()
    with past.standing(World.objects.get(id=world)):
        assert clock.now() == then
    assert clock.now() == then + timedelta(hours=1)


def test_what_was_purged_since_is_shown_as_purged(cast: Cast, virtual: VirtualClock) -> None:
    report = flag(cast, ["weapons"], text="Words that will be forgotten")
    draft = drafted(cast)
    virtual.advance(timedelta(minutes=1))
    then = virtual.now()
    virtual.advance(timedelta(minutes=1))
    Vault.objects.filter(id__in=[report.content, draft.content]).delete()
    browser, _ = stand(cast, then)
    page = browser.get(f"/reports/{report.id}").content.decode()
    assert "was purged" in page
    assert "Words that will be forgotten" not in page
    page = browser.get("/warnings").content.decode()
    assert "(purged since)" in page
    assert "North doors" not in page


def test_a_world_is_for_overseers_only(cast: Cast, virtual: VirtualClock) -> None:
    then = virtual.now()
    virtual.advance(timedelta(minutes=1))
    with pytest.raises(Forbidden):
        ask_past(cast.ana, at=then)
    with pytest.raises(Invalid):
        ask_past(cast.ines, at=virtual.now() + timedelta(minutes=1))
    _, world = stand(cast, then)
    for name in ("otto", "ana", "ada"):
        browser = client(cast, name)
        assert browser.get("/asof").status_code == 403
        assert browser.post(f"/asof/{world.id}/enter").status_code == 403
        session = browser.session  # even a session that says so does not lead there
        session[SESSION_KEY] = world.id
        session.save()
        assert "THE PAST" not in browser.get("/").content.decode()


def test_that_somebody_stood_there_and_what_they_saw_is_on_the_record(
    cast: Cast, virtual: VirtualClock
) -> None:
    report = flag(cast, ["weapons"])
    virtual.advance(timedelta(minutes=1))
    then = virtual.now()
    virtual.advance(timedelta(minutes=1))
    browser, world = stand(cast, then)
    assert Entry.objects.filter(
        kind="past.visited", subject=world.id, actor=cast.people["ines"]
    ).exists()
    browser.get(f"/reports/{report.id}")
    assert Glance.objects.get().at == virtual.now()  # seen today, not then
    assert note_views() == 1


def test_a_world_that_is_gone_says_so_and_lets_one_out(
    cast: Cast, virtual: VirtualClock, database_url: str
) -> None:
    flag(cast, ["weapons"])
    then = virtual.now()
    virtual.advance(timedelta(minutes=1))
    browser, world = stand(cast, then)
    past.drop(database_url, world.id)
    answer = browser.get("/")
    assert answer.status_code == 409
    assert "not there any more" in answer.content.decode()
    assert browser.get("/").status_code == 200
    with pytest.raises(Conflict):
        enter_past(cast.ines, world=world.id)
    assert build_due() == 1
    assert enter_past(cast.ines, world=world.id).state == "READY"


def test_only_so_many_worlds_are_kept(cast: Cast, virtual: VirtualClock, database_url: str) -> None:
    for _ in range(past.KEPT + 2):
        then = virtual.now()
        virtual.advance(timedelta(minutes=1))
        ask_past(cast.ines, at=then)
        assert build_due() == 1
    assert World.objects.count() == past.KEPT
    with psycopg.connect(database_url) as c:
        rows = c.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'past\\_%'"
        ).fetchone()
    assert rows == (past.KEPT,)


def test_a_world_whose_builder_died_is_built_again(cast: Cast, virtual: VirtualClock) -> None:
    then = virtual.now()
    virtual.advance(timedelta(minutes=1))
    world = ask_past(cast.ines, at=then)
    World.objects.filter(id=world).update(state="BUILDS")
    assert build_due() == 1
    assert World.objects.get(id=world).state == "READY"
    assert build_due() == 0
