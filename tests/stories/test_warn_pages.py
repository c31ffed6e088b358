"""The pages of warnings, as a person with a browser and no scripts meets them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.cast import Cast, make_cast
from tests.stories.warned import drafted, in_review, now, released, situation, words
from tocsin.assess.actions import file_dissent
from tocsin.kernel.clock import VirtualClock
from tocsin.warn import actions, store
from tocsin.warn.models import Warning
from tocsin.web.pages.warning_times import zone

REASON = "The lawyers look at the second line."


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def browser(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.account(name))
    return client


def typed(**changes: Any) -> dict[str, Any]:
    """What a browser sends of the editor with one judgment."""
    fields: dict[str, Any] = {
        "type": "NOTE",
        "label": "AMBER",
        "precedence": "PRIORITY",
        "title": "North doors",
        "summary": "Posts name the north doors.",
        "judgments": "1",
        "j0-text": "A group will come.",
        "j0-likelihood": "likely",
        "j0-confidence": "low",
        "j0-basis": "Two posts.",
        "actions": "Man the doors.\n\nCall in at noon.",
        "save": "1",
    }
    return {**fields, **changes}


def test_nobody_reads_a_page_without_signing_in(cast: Cast) -> None:
    row = released(cast)
    for path in (
        "",
        "/new",
        f"/{row.id}",
        f"/{row.id}/edit",
        f"/{row.id}/side",
        f"/{row.id}/revisions",
    ):
        answer = Client().get(f"/warnings{path}")
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/accounts/login/"), path
    assert Client().post(f"/warnings/{row.id}/do/cancel").status_code == 302


def test_the_outsider_is_told_the_same_of_hidden_and_absent(cast: Cast) -> None:
    live, draft = released(cast), drafted(cast)
    client = browser(cast, "otto")
    for row in (live, draft):
        for path in ("", "/edit", "/side", "/revisions"):
            hidden = client.get(f"/warnings/{row.id}{path}")
            absent = client.get(f"/warnings/wrn_nothing{path}")
            assert hidden.status_code == absent.status_code == 404, path
        for act in ("release", "submit", "cancel", "abandon", "take", "hold", "cite"):
            assert client.post(f"/warnings/{row.id}/do/{act}", {"version": "1"}).status_code == 404
        assert client.post(f"/warnings/{row.id}/update", {"version": "1"}).status_code == 404
    page = client.get("/warnings").content.decode()
    assert "North doors" not in page
    made, _ = situation(cast)
    assert client.get(f"/warnings/new?situation={made}").status_code == 404
    lint = client.post("/warnings/lint", typed(warning=draft.id))
    assert lint.status_code == 404


def test_who_carries_no_content_or_does_not_draft_is_refused(cast: Cast) -> None:
    row = drafted(cast)
    assert browser(cast, "ada").get(f"/warnings/{row.id}").status_code == 404
    assert browser(cast, "paul").get("/warnings/new").status_code == 403
    assert browser(cast, "paul").get(f"/warnings/{row.id}").status_code == 404


def test_the_list_shows_the_clock_what_is_held_and_why(cast: Cast, virtual: VirtualClock) -> None:
    row = in_review(cast)
    until = virtual.now() + timedelta(hours=2)
    actions.hold(cast.rhea, warning=row.id, version=2, reason=REASON, until=until)
    page = browser(cast, "ruth").get("/warnings").content.decode()
    assert "Held by Rhea Ross until" in page
    assert REASON in page
    assert "data-fuse" in page
    assert REASON not in browser(cast, "mona").get("/warnings").content.decode()


def test_the_list_asks_as_many_queries_for_many_as_for_few(cast: Cast) -> None:
    client = browser(cast, "rhea")
    in_review(cast)
    released(cast)
    client.get("/warnings")
    with CaptureQueriesContext(connection) as few:
        client.get("/warnings")
    for _ in range(6):
        in_review(cast)
        released(cast)
    with CaptureQueriesContext(connection) as many:
        client.get("/warnings")
    own = [
        [
            q["sql"]
            for q in c.captured_queries
            if '"record_site"' not in q["sql"] and '"record_entry"."recorded_at"' not in q["sql"]
        ]  # the frame's own clock
        for c in (few, many)
    ]
    assert len(own[0]) == len(own[1])


def test_the_list_is_found_by_words_and_kind(cast: Cast) -> None:
    row = released(cast)
    client = browser(cast, "mona")
    assert row.id in client.get("/warnings?q=doors").content.decode()
    assert row.id not in client.get("/warnings?q=fireworks").content.decode()
    assert row.id in client.get(f"/warnings?type=BULLETIN&operation={cast.march}").content.decode()
    assert row.id not in client.get("/warnings?type=NOTE").content.decode()
    actions.cancel(cast.ruth, warning=row.id, version=row.version, reason=REASON)
    assert row.id not in client.get("/warnings").content.decode()
    assert REASON in client.get("/warnings?show=ended").content.decode()


def test_a_draft_is_written_without_scripts(cast: Cast) -> None:
    made, report = situation(cast)
    client = browser(cast, "ana")
    page = client.get(f"/warnings/new?situation={made}").content.decode()
    assert report in page  # to be ticked
    assert 'value="capitol|operation_lead" checked' in page
    form = typed(
        situation=made, operation=cast.march, seat=["capitol|operation_lead", "metro|partner"]
    )
    more = client.post("/warnings/new", {**form, "row": "add"})
    assert more.status_code == 200
    assert not Warning.objects.exists()
    assert "Judgment 2" in more.content.decode()
    assert "Posts name the north doors." in more.content.decode()
    two = {**form, "judgments": "2", "j1-text": "They will turn back."}
    fewer = client.post("/warnings/new", {**two, "row": "remove-0"}).content.decode()
    assert "They will turn back." in fewer
    assert "A group will come." not in fewer
    seat = {"row": "seat", "seat_agency": "fusion", "seat_role": "operation_lead"}
    added = client.post("/warnings/new", {**form, **seat}).content.decode()
    assert 'value="fusion|operation_lead" checked' in added
    answer = client.post("/warnings/new", {**form, "j0-cites": [report]})
    row = Warning.objects.get()
    assert answer["Location"] == f"/warnings/{row.id}"
    content = store.content(row)
    assert content.actions == ("Man the doors.", "Call in at noon.")
    assert content.judgments[0].cites == (report,)
    assert row.situation == made


def test_what_was_typed_is_kept_when_it_is_refused_and_the_field_is_named(cast: Cast) -> None:
    client = browser(cast, "ana")
    answer = client.post("/warnings/new", typed(expires_at="soon"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "is no time" in page
    assert "Posts name the north doors." in page
    bad = client.post("/warnings/new", typed(**{"j0-cites": ["rpt_nothing"]}))
    assert bad.status_code == 422
    assert "no source rpt_nothing" in bad.content.decode()
    assert "A group will come." in bad.content.decode()


@pytest.mark.parametrize(
    "bad",
    [
        {"judgments": "-1"},
        {"judgments": "99999999999"},
        {"judgments": "many", "row": "remove-x"},
        {"type": "NOTHING"},
        {"precedence": "LOUD"},
        {"seat": ["x", "|", "capitol|"]},
        {"version": "x"},
        {"title": "x" * 400},
        {"title": "\x00"},
        {"row": "source", "source_id": "'; drop table"},
    ],
)
def test_odd_forms_never_break_the_page(cast: Cast, bad: dict[str, Any]) -> None:
    row = drafted(cast)
    client = browser(cast, "ana")
    for path in ("/warnings/new", f"/warnings/{row.id}/edit", "/warnings/lint"):
        assert client.post(path, typed(**bad)).status_code < 500, path


def test_a_draft_is_edited_and_a_collision_keeps_what_was_typed(cast: Cast) -> None:
    row = drafted(cast)
    client = browser(cast, "ana")
    page = client.get(f"/warnings/{row.id}/edit").content.decode()
    assert "Several posts name the north doors" in page
    report = row.cites[0]["id"]
    sent = typed(version="1", seat=["capitol|operation_lead"], expires_at="2026-03-06T09:00")
    saved = client.post(f"/warnings/{row.id}/edit", {**sent, "j0-cites": [report]})
    assert saved.status_code == 302
    row = now(row.id)
    assert (row.version, row.revision, row.type, row.operation) == (2, 2, "NOTE", cast.march)
    assert row.expires_at is not None
    assert row.expires_at.astimezone(zone()).strftime("%H:%M") == "09:00"
    clash = client.post(f"/warnings/{row.id}/edit", {**sent, "title": "My own words"})
    assert clash.status_code == 409
    assert "changed this warning" in clash.content.decode()
    assert "My own words" in clash.content.decode()
    assert now(row.id).version == 2


def test_the_lint_follows_what_is_typed_and_saves_nothing(cast: Cast) -> None:
    row = drafted(cast)
    client = browser(cast, "ana")
    fine = client.post(
        "/warnings/lint", typed(warning=row.id, **{"j0-cites": [row.cites[0]["id"]]})
    )
    assert "capitol must know" in fine.content.decode()
    text = {"summary": "It is likely, with high confidence, that @night_owl_77 comes."}
    bad = client.post("/warnings/lint", typed(warning=row.id, **text)).content.decode()
    assert "Make it two sentences" in bad
    assert "@night_owl_77" in bad
    assert bad.lstrip().startswith('<section id="lint"')
    assert now(row.id).version == 1


def test_a_releaser_reads_decides_and_is_told_what_happens(cast: Cast) -> None:
    row = in_review(cast)
    client = browser(cast, "rhea")
    page = client.get(f"/warnings/{row.id}").content.decode()
    assert "Release to 2 agencies" in page
    assert "cannot be taken back" in page
    assert page.count("TLP:AMBER<") >= 2  # header and footer
    answer = client.post(
        f"/warnings/{row.id}/do/release", {"version": str(row.version)}, follow=True
    )
    assert "Released. Receipts appear below" in answer.content.decode()
    assert now(row.id).releaser == cast.rhea.person
    assert browser(cast, "mona").get(f"/warnings/{row.id}").status_code == 200
    again = client.post(f"/warnings/{row.id}/do/release", {"version": str(row.version)})
    assert again.status_code == 409


def test_an_author_is_told_why_not_and_offered_no_button(cast: Cast) -> None:
    row = in_review(cast)
    page = browser(cast, "lou").get(f"/warnings/{row.id}").content.decode()
    assert "has not reached you" in page
    assert "Release now, review after" in page
    mine = browser(cast, "ana").get(f"/warnings/{row.id}").content.decode()
    assert "Release to" not in mine
    refused = browser(cast, "ana").post(f"/warnings/{row.id}/do/release", {"version": "2"})
    assert refused.status_code == 403


def test_a_hold_is_typed_in_local_time_and_kept_when_refused(
    cast: Cast, virtual: VirtualClock
) -> None:
    row = in_review(cast)
    client = browser(cast, "rhea")
    sent = {"version": str(row.version), "reason": REASON, "until": "2027-01-01T09:00"}
    refused = client.post(f"/warnings/{row.id}/do/hold", sent)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "past the start of the event" in page
    assert f">{REASON}</textarea>" in page
    at = (virtual.now() + timedelta(hours=3)).astimezone(zone()).strftime("%Y-%m-%dT%H:%M")
    client.post(f"/warnings/{row.id}/do/hold", {**sent, "until": at})
    assert now(row.id).held_until == virtual.now() + timedelta(hours=3)
    assert client.post(f"/warnings/{row.id}/do/hold", {**sent, "until": ""}).status_code == 422
    assert client.post(f"/warnings/{row.id}/do/dance", sent).status_code == 404
    assert client.post(f"/warnings/{row.id}/do/refuse", {"reason": REASON}).status_code == 422


def test_a_new_edition_opens_to_be_written_and_changes_can_be_read(cast: Cast) -> None:
    row = released(cast)
    client = browser(cast, "ana")
    answer = client.post(f"/warnings/{row.id}/update", {"version": str(row.version)})
    fresh = Warning.objects.get(supersedes=row.id)
    assert answer["Location"] == f"/warnings/{fresh.id}/edit"
    page = client.get(f"/warnings/{fresh.id}/edit").content.decode()
    assert "What changed since the edition before" in page
    content = words(row.cites[0]["id"], summary="Several posts name the south doors.")
    actions.revise(cast.ana, warning=fresh.id, version=1, content=content)
    diff = client.get(f"/warnings/{fresh.id}/revisions").content.decode()
    assert "<ins>south " in diff
    assert "<del>north " in diff
    assert client.get(f"/warnings/{fresh.id}/revisions?from=99&to=x").status_code == 200


def test_dissent_stands_beside_the_judgment_it_is_about(cast: Cast) -> None:
    row = in_review(cast)
    file_dissent(cast.pia, about=row.cites[0]["id"], text="This reads as talk to me.")
    page = browser(cast, "rhea").get(f"/warnings/{row.id}").content.decode()
    judgment = page[
        page.index('id="judgment-1"') : page.index("</ol>", page.index('id="judgment-1"'))
    ]
    assert "This reads as talk to me." in judgment


def test_a_partner_reads_the_warning_but_not_sources_that_are_not_theirs(cast: Cast) -> None:
    made, report = situation(cast, tlp="AMBER+STRICT")
    draft = actions.draft(
        cast.ana, type="NOTE", content=words(report), situation=made, label="AMBER+STRICT"
    )
    actions.submit(cast.ana, warning=draft, version=1)
    actions.release(cast.rhea, warning=draft, version=2)
    page = browser(cast, "mona").get(f"/warnings/{draft}").content.decode()
    assert "North doors named for the march" in page
    assert "Bring tools" not in page
    assert "not yours to open" in page
    assert "Bring tools" in browser(cast, "rhea").get(f"/warnings/{draft}").content.decode()


def test_words_are_never_markup(cast: Cast) -> None:
    row = drafted(
        cast, content=words("", title="<script>x</script>", judgments=(), summary="<b>bold</b>")
    )
    for path in (
        f"/warnings/{row.id}",
        f"/warnings/{row.id}/edit",
        "/warnings",
        f"/warnings/{row.id}/revisions",
    ):
        page = browser(cast, "ana").get(path).content.decode()
        assert "<script>x" not in page
        assert "<b>bold" not in page


def test_a_plan_is_rested_on_an_edition_from_its_page(cast: Cast) -> None:
    row = released(cast)
    client = browser(cast, "lou")
    assert (
        "Rest the plan for The march on this edition"
        in client.get(f"/warnings/{row.id}").content.decode()
    )
    client.post(f"/warnings/{row.id}/do/cite", {"operation": cast.march})
    page = client.get(f"/warnings/{row.id}").content.decode()
    assert "Plans that rest on it" in page
    assert "Rest the plan for" not in page
