"""What a source says becomes flagged reports, counts or refused input; nothing else is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from tests.cast import Cast, make_cast
from tocsin.collect import actions as collect
from tocsin.collect import store
from tocsin.collect.models import Group, Outside, Refusal, Report, Source, Tally, Version
from tocsin.collect.terms import Item, PurposeReason, Refused, Scope, SourceKind
from tocsin.duties.actions import discharge
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people import actions as people
from tocsin.people import store as people_store
from tocsin.people.terms import SYSTEM, Role
from tocsin.record.actions import Writing, writing
from tocsin.record.store import content
from tocsin.record.terms import Tlp
from tocsin.screen.actions import on_flagged, retry_refused, take_in
from tocsin.web.templatetags.tocsin import marked

pytestmark = pytest.mark.usefixtures("db")

THREAT = "We are going to shoot the senators when they come out of the Capitol"
OTHER = "I will kill the mayor tomorrow, I swear"
PLAIN = "The bakery on Elm Street has fresh zwieback again"
PAGE = "https://forum.example/posts/17"


@pytest.fixture
def cast(virtual: VirtualClock) -> Cast:
    return make_cast()


def add(cast: Cast, **fields: Any) -> str:
    given = {
        "kind": SourceKind.API,
        "name": "City posts",
        "authority": "open-source-threat",
        "purpose": "threat-to-life",
        **fields,
    }
    return collect.add_source(cast.ana, **given)


def owed(kind: str = "assess") -> list[str]:
    return list(
        Duty.objects.filter(kind=kind, discharged_at=None)
        .order_by("id")
        .values_list("subject", flat=True)
    )


def settle(report: str) -> None:
    """Decide on a report, as the stage above does, without its worksheet."""
    with writing(SYSTEM) as w:
        discharge(w, report, "assess", "decided")
    Report.objects.filter(id=report).update(state="DECIDED")


def test_a_flagged_post_is_stored_masked_with_its_reasons_and_owes_a_decision(
    cast: Cast, virtual: VirtualClock
) -> None:
    posted = virtual.now() - timedelta(days=30)
    source = add(cast)
    taken = take_in(
        source,
        [Item("1", f"@jo_1984 {THREAT}, call 202-555-0147", author="jo_1984", url=PAGE, at=posted)],
    )
    row = store.report(cast.ana, taken.reports[0])
    shown = store.texts([row])[row.id]
    assert "jo_1984" not in str(shown)
    assert "555" not in str(shown)
    assert "⟦handle⟧" in shown["text"]
    assert shown["site"] == "forum.example"
    assert shown["why"]
    assert row.categories
    assert row.score > 0
    assert row.indicators[0].count("@") == 1
    start, end, _, _ = row.spans[0]
    assert shown["text"][start:end] in THREAT
    assert "<mark" in marked(shown["text"], [s[:3] for s in row.spans])
    original = content(row.original)
    assert original["author"] == "jo_1984"
    assert original["url"] == PAGE
    assert "202-555-0147" in original["text"]
    assert row.author
    assert "jo_1984" not in row.author
    assert owed() == [row.id]
    duty = Duty.objects.get(subject=row.id)
    assert (duty.owner_agency, duty.owner_role, duty.precedence) == (
        "fusion",
        "collector",
        row.precedence,
    )
    assert row.received_at == virtual.now(), "the clock of retention starts at arrival"
    assert row.posted_at == virtual.now() - timedelta(days=30)
    assert row.retention_until == row.received_at + timedelta(days=180)


def test_the_same_author_has_another_pseudonym_at_another_source(cast: Cast) -> None:
    one, two = add(cast), add(cast, name="Other posts")
    a = take_in(one, [Item("1", THREAT, author="jo"), Item("2", OTHER, author="jo")]).reports
    b = take_in(two, [Item("1", THREAT, author="jo")]).reports
    authors = dict(Report.objects.values_list("id", "author"))
    assert authors[a[0]] == authors[a[1]] != authors[b[0]]


def test_nothing_of_an_unflagged_post_is_anywhere_in_the_database(cast: Cast) -> None:
    """Every text, JSON and byte column of every table is searched for its words, its address and its author."""
    source = add(cast)
    items = [
        Item(
            "secret-key-77",
            PLAIN,
            title="Zwieback news",
            url="https://elm.example/zwieback",
            author="baker_ben",
        ),
        Item("2", THREAT, author="control_author"),
    ]
    taken = take_in(source, items)
    assert (taken.screened, taken.flagged) == (2, 1)
    assert _found_in("control_author")
    assert _found_in("shoot the senators")
    for needle in ("zwieback", "elm.example", "baker_ben", "secret-key-77", "Elm Street"):
        assert _found_in(needle) == []
    tally = Tally.objects.get(source=source)
    assert (tally.screened, tally.flagged) == (2, 1)


def _found_in(needle: str) -> list[str]:
    found = []
    with connection.cursor() as c:
        c.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in c.fetchall():
            c.execute(
                f'SELECT count(*) FROM "{table}" t WHERE to_jsonb(t)::text ILIKE %s '
                f"OR to_jsonb(t)::text ILIKE %s",
                [f"%{needle}%", f"%{needle.encode().hex()}%"],
            )
            if c.fetchone()[0]:
                found.append(table)
    return found


def test_an_edited_post_is_a_new_version_and_the_earlier_words_stay(cast: Cast) -> None:
    source = add(cast)
    first = take_in(source, [Item("", THREAT, url=PAGE)]).reports[0]
    before = store.report(cast.ana, first)
    taken = take_in(source, [Item("", f"{THREAT}. Bring rope.", url=PAGE)])
    after = store.report(cast.ana, first)
    assert (taken.flagged, taken.revised, taken.reports) == (0, 1, [first])
    assert after.version == 2
    assert after.edited_at
    assert "rope" in store.texts([after])[first]["text"]
    assert [v.content for v in Version.objects.filter(report=first)] == [before.content]
    assert content(before.content)["text"] == THREAT
    assert owed() == [first]


def test_a_tracking_parameter_does_not_make_another_report(cast: Cast) -> None:
    source = add(cast)
    take_in(source, [Item("", THREAT, url=PAGE)])
    taken = take_in(source, [Item("", THREAT, url=PAGE + "?utm_source=mail&fbclid=x")])
    row = Report.objects.get()
    assert (taken.seen_again, row.seen_count, row.version) == (1, 2, 1)


def test_a_decision_stands_when_an_edit_only_rewords(cast: Cast) -> None:
    source = add(cast)
    report = take_in(source, [Item("1", THREAT)]).reports[0]
    settle(report)
    take_in(source, [Item("1", THREAT + " today")])
    row = Report.objects.get()
    assert (row.version, row.state, owed()) == (2, "DECIDED", [])


def test_a_decided_report_reopens_when_an_edit_shows_a_new_sign(cast: Cast) -> None:
    source = add(cast)
    report = take_in(source, [Item("1", OTHER)]).reports[0]
    had = set(Report.objects.get().categories)
    settle(report)
    take_in(source, [Item("1", OTHER + ". I have an AR-15 rifle and the floor plan of city hall.")])
    row = Report.objects.get()
    assert set(row.categories) - had
    assert (row.version, row.state, owed()) == (2, "OPEN", [report])


def test_an_edit_into_something_harmless_is_noted_and_its_text_not_kept(cast: Cast) -> None:
    source = add(cast)
    report = take_in(source, [Item("1", THREAT)]).reports[0]
    take_in(source, [Item("1", PLAIN)])
    row = store.report(cast.ana, report)
    assert (row.version, row.flagged, row.state) == (2, False, "OPEN")
    assert store.texts([row])[report]["text"] == THREAT
    assert _found_in("zwieback") == []
    take_in(source, [Item("1", THREAT + "!!")])
    assert Report.objects.get().flagged


def test_an_edit_that_is_more_urgent_makes_its_duty_more_urgent(cast: Cast) -> None:
    source = add(cast)
    report = take_in(source, [Item("1", "We should storm the capitol")]).reports
    assert report, "the example is no longer flagged: choose another"
    before = Duty.objects.get(subject=report[0])
    take_in(source, [Item("1", THREAT + " tomorrow at noon, I have a rifle and 200 rounds")])
    after = Duty.objects.get(subject=report[0])
    assert before.precedence != after.precedence == Report.objects.get().precedence


def test_near_copies_join_the_report_that_waits_for_its_decision(cast: Cast) -> None:
    source = add(cast)
    lead = take_in(source, [Item("1", THREAT)]).reports[0]
    taken = take_in(source, [Item(str(n), THREAT + "!" * n) for n in range(2, 5)])
    rows = {r.id: r for r in Report.objects.all()}
    assert (taken.flagged, taken.joined, owed()) == (3, 3, [lead])
    assert {r.group for r in rows.values()} == {rows[lead].group}
    assert rows[lead].group_size == 4
    assert {r.leader for i, r in rows.items() if i != lead} == {lead}
    assert Group.objects.get().size == 4


def test_a_near_copy_of_a_decided_report_owes_its_own_answer(cast: Cast) -> None:
    source = add(cast)
    first = take_in(source, [Item("1", THREAT)]).reports[0]
    settle(first)
    second, third = take_in(source, [Item("2", THREAT + "!"), Item("3", THREAT + "?")]).reports
    assert owed() == [second]
    assert Report.objects.get(id=third).leader == second


def test_a_near_copy_under_another_marking_never_joins(cast: Cast) -> None:
    """Else a count would tell one agency, or one event's partners, what another holds."""
    open_, closed = add(cast), add(cast, name="Closed", tlp=Tlp.RED.value)
    other = collect.add_source(
        cast.otto,
        kind=SourceKind.API,
        name="Otto's",
        authority="open-source-threat",
        purpose="threat-to-life",
    )
    for source in (open_, closed, other):
        take_in(source, [Item("1", THREAT)])
    assert len(set(Report.objects.values_list("group", flat=True))) == 3
    assert len(owed()) == 3


def test_what_lies_outside_the_limits_is_counted_by_reason_and_not_kept(cast: Cast) -> None:
    source = add(cast, scope=Scope(languages=frozenset({"en"}), places=("Capitol",)))
    taken = take_in(
        source,
        [Item("1", THREAT, lang="de"), Item("2", OTHER, lang="en"), Item("3", THREAT, lang="en")],
    )
    assert (taken.outside, taken.flagged, taken.refused) == (2, 1, 0)
    counts = dict(Outside.objects.values_list("reason", "items"))
    assert counts == {PurposeReason.LANGUAGE_OUTSIDE: 1, PurposeReason.PLACE_OUTSIDE: 1}
    assert _found_in("mayor") == []


def test_when_the_authority_lapses_input_is_refused_with_the_reason_and_comes_in_after_renewal(
    cast: Cast, virtual: VirtualClock
) -> None:
    source = add(cast, valid_until=virtual.now() + timedelta(days=1))
    virtual.advance(timedelta(days=2))
    taken = take_in(source, [Item("1", THREAT, author="jo", extra={"place": "north door"})])
    assert (taken.refused, taken.flagged) == (1, 0)
    assert not Report.objects.exists()
    row = Refusal.objects.get()
    said = store.refusal_texts([row])[row.id]
    assert row.why == PurposeReason.AUTHORITY_EXPIRED
    assert "ended" in said["reason"]
    assert "renewed" in said["cure"]
    assert owed("retry_refused") == [source]
    with pytest.raises(Invalid, match="ended"):
        retry_refused(cast.ana, refused=row.id)
    collect.change_source(
        cast.ana, source=source, version=1, valid_until=virtual.now() + timedelta(days=30)
    )
    report = retry_refused(cast.ana, refused=row.id).reports[0]
    row.refresh_from_db()
    assert (row.state, row.outcome) == ("RETRIED", report)
    assert content(Report.objects.get().original)["extra"] == {"place": "north door"}
    assert owed("retry_refused") == []
    assert owed() == [report]
    with pytest.raises(Conflict):
        retry_refused(cast.ana, refused=row.id)
    assert Report.objects.count() == 1


def test_a_refused_row_comes_in_after_the_mapping_is_mended(cast: Cast) -> None:
    mapping: dict[str, Any] = {"fields": {"key": "id", "text": "text", "at": "at"}}
    source = add(cast, kind=SourceKind.FILE, config={"mapping": mapping})
    raw = b'{"id": "7", "text": "%s"}' % THREAT.encode()
    take_in(source, [Refused("line 3", "at", "the column is missing", "Fill it in.", raw)])
    row = Refusal.objects.get()
    with pytest.raises(Invalid, match="missing"):
        retry_refused(cast.ana, refused=row.id)
    mended = {"mapping": {**mapping, "optional": ["at"]}}
    collect.change_source(cast.ana, source=source, version=1, config=mended)
    assert retry_refused(cast.ana, refused=row.id).flagged == 1
    assert owed("retry_refused") == []


def test_refused_input_is_let_go_only_for_a_reason_and_only_by_its_agency(cast: Cast) -> None:
    source = add(cast)
    take_in(
        source,
        [
            Refused("line 1", "", "not JSON", "Mend it.", b"\xff\x00{"),
            Refused("line 2", "", "x", "y"),
        ],
    )
    one, two = Refusal.objects.order_by("id")
    assert content(one.raw)["base64"]
    assert not two.raw
    with pytest.raises(Invalid):
        collect.dismiss_refused(cast.ana, refused=[one.id], reason=" ")
    with pytest.raises(NotFound):
        collect.dismiss_refused(cast.otto, refused=[one.id], reason="not mine at all")
    assert collect.dismiss_refused(cast.ana, refused=[one.id], reason="broken sender") == 1
    assert owed("retry_refused") == [source]
    collect.dismiss_refused(cast.ana, refused=[two.id], reason="broken sender")
    assert owed("retry_refused") == []


def test_a_partner_who_sees_refused_input_does_not_decide_on_it(cast: Cast) -> None:
    source = add(cast, operation=cast.march)
    take_in(source, [Refused("line 1", "", "not JSON", "Mend it.", b"{")])
    row = Refusal.objects.get()
    partner = people.add_person(
        SYSTEM, username="cleo", name="Cleo", agency="capitol", roles=[Role.COLLECTOR]
    )
    cleo = people_store.actor(partner)
    assert list(store.refusals(cleo)) == [row]
    for act in (
        lambda: collect.dismiss_refused(cleo, refused=[row.id], reason="not ours"),
        lambda: take_in(source, [Item("1", THREAT)], actor=cleo),
    ):
        with pytest.raises(Forbidden):
            act()
    row.refresh_from_db()
    assert row.state == "OPEN"


def test_one_duty_stands_for_all_refused_input_of_a_source(cast: Cast) -> None:
    source = add(cast)
    for n in range(3):
        take_in(source, [Refused(f"line {n}", "", "no", "mend", b"x")])
    assert owed("retry_refused") == [source]
    assert Refusal.objects.count() == 3


def test_a_report_is_matched_to_the_event_its_words_name(cast: Cast, virtual: VirtualClock) -> None:
    source = add(cast)
    named, unnamed = take_in(
        source, [Item("1", THREAT + " at the March"), Item("2", OTHER)]
    ).reports
    rows = {r.id: r for r in Report.objects.all()}
    assert rows[named].operation == cast.march
    assert rows[unnamed].operation == ""
    assert Duty.objects.get(subject=named).operation == cast.march


def test_those_above_hear_of_flagged_reports_in_the_same_transaction(cast: Cast) -> None:
    source, heard = add(cast), list[tuple[str, list[str]]]()

    def hear(w: Writing, reports: Sequence[Report]) -> None:
        heard.extend((r.id, r.categories) for r in reports)
        if reports[0].identity and any("mayor" in content_of(w, r) for r in reports):
            raise Conflict("stop")

    def content_of(w: Writing, r: Report) -> str:
        w.flush()
        return str(content(r.content).get("text", ""))

    on_flagged.append(hear)
    try:
        first = take_in(source, [Item("1", THREAT), Item("2", PLAIN)]).reports
        with pytest.raises(Conflict):
            take_in(source, [Item("3", OTHER)])
    finally:
        on_flagged.remove(hear)
    assert [i for i, _ in heard][:1] == first
    assert heard[0][1]
    assert Report.objects.count() == 1


def test_only_its_agency_uses_sees_and_changes_a_source(cast: Cast) -> None:
    source = add(cast)
    report = take_in(source, [Item("1", THREAT)]).reports[0]
    with pytest.raises(Forbidden):
        take_in(source, [Item("2", THREAT)], actor=cast.otto)
    with pytest.raises(NotFound):
        store.source(cast.otto, source)
    with pytest.raises(NotFound):
        collect.change_source(cast.otto, source=source, version=1, name="Mine now")
    with pytest.raises(NotFound):
        store.report(cast.otto, report)
    with pytest.raises(NotFound):
        store.report(cast.ada, report)
    with pytest.raises(Forbidden):
        collect.add_source(
            cast.paul,
            kind=SourceKind.API,
            name="x",
            authority="partner-report",
            purpose="threat-to-life",
        )
    assert store.reports(cast.otto).count() == 0
    assert store.refusals(cast.otto).count() == 0


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("authority", {"authority": "because"}),
        ("purpose", {"authority": "exercise"}),
        ("retention_days", {"retention_days": 900}),
        ("operation", {"purpose": "protect-event"}),
        ("operation", {"operation": "op_nowhere"}),
        ("tlp", {"tlp": "PURPLE"}),
        ("name", {"name": "  "}),
        ("every_s", {"every_s": 1}),
        ("url", {"kind": SourceKind.FEED, "config": {"url": "ftp://x"}}),
        ("config", {"kind": SourceKind.FEED, "config": {"url": "https://x", "password": "p"}}),
        (
            "password_env",
            {
                "kind": SourceKind.MAILBOX,
                "config": {"host": "h", "user": "u", "password_env": "HOME"},
            },
        ),
    ],
)
def test_an_unsound_source_is_refused_naming_the_field(
    cast: Cast, field: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        add(cast, **wrong)
    assert refused.value.field == field
    assert refused.value.cure
    assert not Source.objects.exists()


def test_a_source_is_changed_only_as_it_stands_and_is_not_read_while_paused(cast: Cast) -> None:
    source = add(cast)
    collect.change_source(cast.ana, source=source, version=1, reliability="B")
    with pytest.raises(Conflict):
        collect.change_source(cast.ana, source=source, version=1, reliability="C")
    collect.pause_source(cast.ana, source=source, version=2, reason="it is under repair")
    with pytest.raises(Conflict, match="paused"):
        take_in(source, [Item("1", THREAT)])
    collect.resume_source(cast.ana, source=source, version=3)
    assert take_in(source, [Item("1", THREAT)]).flagged == 1
    assert Report.objects.get().reliability == "B"


def test_odd_text_is_taken_in_without_harm(cast: Cast) -> None:
    source = add(cast)
    odd = [
        Item(
            "1", f"{THREAT}\x00 \ud800 \U0001f600", title="\x00", url="http://[bad", lang="x" * 500
        ),
        Item("2", "", title=""),
        Item("3", THREAT * 2000, author="\ud800"),
    ]
    taken = take_in(source, odd)
    assert taken.screened == 3
    assert taken.flagged >= 1
    assert all(len(r.lang) <= 3 for r in Report.objects.all())
