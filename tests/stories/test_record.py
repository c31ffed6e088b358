"""The record keeps its promises: append only, replayable, verifiable, gapless."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.duties.actions import discharge, fire_due, open_duty
from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Corrupt, Invalid
from tocsin.people import actions as people
from tocsin.people.store import actor
from tocsin.people.terms import SYSTEM, Role
from tocsin.record import checking, store, tables
from tocsin.record.actions import writing
from tocsin.record.models import Checkpoint, Entry, Pending, Place, Vault
from tocsin.record.note import SigningKey
from tocsin.record.sequencer import Sequencer, load_signer
from tocsin.record.terms import Marking

MARK = Marking("fusion", "AMBER", "")


def verifier() -> Any:
    return load_signer().verifier


def write_some(count: int = 5) -> None:
    with writing(SYSTEM) as w:
        for i in range(count):
            open_duty(
                w,
                "review",
                f"wrn_{i}",
                "Review the draft",
                MARK,
                owner_agency="fusion",
                owner_role="x",
            )


def place_all() -> None:
    sequencer = Sequencer()
    while sequencer.step():
        pass


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    "table", ["record_entry", "record_place", "record_node", "record_checkpoint"]
)
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "UPDATE {} SET {}", "TRUNCATE {}"])
def test_the_application_cannot_change_or_delete_what_was_recorded(table: str, verb: str) -> None:
    column = {"record_entry": "n = n", "record_place": "n = n", "record_node": "level = level"}.get(
        table, "size = size"
    )
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as c,
    ):
        c.execute(verb.format(table, column))


@pytest.mark.usefixtures("committed")
def test_even_the_owner_is_stopped_by_the_trigger(database_url: str) -> None:
    write_some()
    with (
        psycopg.connect(database_url) as c,
        pytest.raises(psycopg.errors.RaiseException, match="append only"),
    ):
        c.execute("UPDATE record_entry SET actor = 'nobody'")


@pytest.mark.usefixtures("db")
def test_an_action_that_fails_leaves_nothing() -> None:
    with pytest.raises(RuntimeError), writing(SYSTEM) as w:
        w.keep("wrn_1", {"text": "gone"})
        open_duty(w, "review", "wrn_1", "Review", MARK, owner_agency="fusion")
        w.flush()
        raise RuntimeError
    assert not Entry.objects.exists()
    assert not Vault.objects.exists()


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("data", [{"x": 1.5}, {"x": "\ud800"}, {"x": 2**60}])
def test_what_has_no_canonical_form_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(Invalid), writing(SYSTEM) as w:
        w.append("vault.unmasked", "rpt_1", data, marking=None)


ODD = [
    "tab\there",
    "line\nbreak",
    "return\r",
    "back\\slash",
    r"\\N",
    r"\u0000",
    "\x01",
    "“ünïcode” 🚪",
    '"',
]


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("count", [1, tables.COPY_FROM])
def test_many_rows_at_once_say_the_same_as_one(count: int) -> None:
    titles = [odd + str(i) for i in range(count) for odd in ODD]
    with writing(SYSTEM) as w:
        for title in titles:
            open_duty(w, "review", "wrn_1", title, MARK, owner_agency="fusion", owner_person=title)
    rows = Duty.objects.order_by("id")
    assert [row.title for row in rows] == titles
    assert [row.owner_person for row in rows] == titles
    assert {len(row.steps) for row in rows} == {len(rows[0].steps)} != {0}
    assert {(row.rung, row.discharged_at) for row in rows} == {(0, None)}


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("count", [1, tables.COPY_FROM])
def test_a_nul_in_an_entry_is_refused(count: int) -> None:
    with pytest.raises(Invalid, match="NUL"), writing(SYSTEM) as w:
        for _ in range(count):
            open_duty(w, "review", "wrn_1", "a\x00b", MARK, owner_agency="fusion", owner_role="x")
    assert not Duty.objects.exists()


@pytest.mark.usefixtures("db")
def test_a_nul_in_content_is_replaced_visibly() -> None:
    with writing(SYSTEM) as w:
        kept = w.keep("rpt_1", {"text": "a\x00b", "n": ["\x00"]})
        w.append("vault.unmasked", "rpt_1", {"vault": kept["vault"], "reason": kept}, marking=None)
    assert store.content(kept["vault"]) == {"text": "a\ufffdb", "n": ["\ufffd"]}
    place_all()
    assert checking.verify_vault() == 1


@pytest.mark.usefixtures("committed")
def test_the_record_verifies_and_every_entry_has_a_place() -> None:
    for _ in range(4):
        write_some(7)
        place_all()
    found = checking.verify(verifier())
    assert (found.entries, found.pending) == (28, 0)
    assert list(Place.objects.order_by("seq").values_list("seq", flat=True)) == list(range(28))


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (
            "UPDATE record_entry SET body = replace(convert_from(body, 'UTF8'), 'Review', 'Forget')::bytea "
            "WHERE n = (SELECT n FROM record_place WHERE seq = 2)",
            "entry at place 2",
        ),
        (
            "DELETE FROM record_entry WHERE n = (SELECT n FROM record_place WHERE seq = 2)",
            "missing",
        ),
        ("DELETE FROM record_place WHERE seq = 2", "no place|missing"),
        (
            "UPDATE record_place SET seq = CASE seq WHEN 1 THEN 2 ELSE 1 END WHERE seq IN (1, 2)",
            "not those that were signed|place",
        ),
        (
            "DELETE FROM record_place WHERE seq = 9; "
            "DELETE FROM record_entry WHERE n = (SELECT max(n) FROM record_entry)",
            "only 9 entries",
        ),
    ],
)
def test_verify_names_the_first_bad_place(database_url: str, tamper: str, words: str) -> None:
    write_some(10)
    place_all()
    with psycopg.connect(database_url, autocommit=True) as c:
        c.execute(
            "SET session_replication_role = replica"
        )  # a superuser who knows how to silence triggers
        if "CASE seq" in tamper:
            c.execute("ALTER TABLE record_place DROP CONSTRAINT record_place_pkey")
        for statement in tamper.split("; "):
            c.execute(statement)
    try:
        with pytest.raises(Corrupt, match=words):
            checking.verify(verifier())
    finally:
        if "CASE seq" in tamper:
            with psycopg.connect(database_url, autocommit=True) as c:
                c.execute("ALTER TABLE record_place ADD PRIMARY KEY (seq)")


@pytest.mark.usefixtures("committed")
def test_a_checkpoint_by_another_key_is_refused() -> None:
    write_some()
    Sequencer(SigningKey.generate("tocsin.local/record")).step()
    with pytest.raises(Corrupt, match="no signature by a known key"):
        checking.verify(verifier())


@pytest.mark.usefixtures("committed")
def test_content_changed_in_the_vault_is_noticed(database_url: str) -> None:
    with writing(SYSTEM) as w:
        kept = w.keep("rpt_1", {"text": "as it was"})
        w.append("vault.unmasked", "rpt_1", {"vault": kept["vault"], "reason": kept}, marking=None)
    place_all()
    assert checking.verify_vault() == 1
    Vault.objects.update(body={"text": "as it never was"})
    with pytest.raises(Corrupt, match="not what the record committed to"):
        checking.verify_vault()


@pytest.mark.usefixtures("committed")
def test_fsck_finds_a_row_that_was_changed_behind_our_back(database_url: str) -> None:
    write_some(3)
    place_all()
    assert checking.fsck(database_url) == []
    with psycopg.connect(database_url, autocommit=True) as c:
        c.execute("UPDATE duties_duty SET owner_role = 'nobody' WHERE subject = 'wrn_1'")
    [difference] = checking.fsck(database_url)
    assert (difference.table, difference.missing, difference.extra) == ("duties_duty", 1, 1)


steps = st.lists(
    st.tuples(
        st.sampled_from(["open", "discharge", "fire", "advance", "person", "shift"]),
        st.integers(0, 4),
    ),
    max_size=25,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(story=steps)
def test_the_replayed_record_equals_the_tables(
    committed: None, database_url: str, story: list[tuple[str, int]]
) -> None:
    virtual = clock.now() if not isinstance(clock._clock, VirtualClock) else clock._clock.now()
    with clock.use(VirtualClock(virtual)) as c:
        assert isinstance(c, VirtualClock)
        people.add_agency(SYSTEM, agency="fusion", name="Fusion centre")
        person = people.add_person(
            SYSTEM,
            username=f"u{store.size()}-{Entry.objects.count()}",
            name="A",
            agency="fusion",
            roles=[Role.COLLECTOR],
        )
        for what, i in story:
            if what == "open":
                write_some(i)
            elif what == "discharge":
                with writing(actor(person)) as w:
                    discharge(w, f"wrn_{i}", "review", "answered")
            elif what == "fire":
                fire_due(limit=i + 1)
            elif what == "advance":
                c.advance(timedelta(hours=i))
            elif what == "person":
                people.mark_novice(SYSTEM, person=person, novice=bool(i % 2))
            else:
                people.plan_shift(
                    SYSTEM,
                    person=person,
                    role=Role.COLLECTOR,
                    starts_at=c.now(),
                    ends_at=c.now() + timedelta(hours=i + 1),
                )
        place_all()
        assert checking.fsck(database_url) == []


@pytest.mark.usefixtures("committed")
def test_no_interleaving_of_writers_leaves_a_gap_in_the_feed() -> None:
    stop = threading.Event()
    seen: list[int] = []

    def write(n: int) -> None:
        for i in range(25):
            try:
                with writing(SYSTEM) as w:
                    open_duty(w, "review", f"w{n}_{i}", "Review", MARK, owner_agency="fusion")
                    w.flush()
                    if i % 5 == 4:
                        raise RuntimeError  # a rolled-back writer leaves a hole in the numbers, not in the feed
            except RuntimeError:
                pass
        connections.close_all()

    def follow() -> None:
        last = 0
        while not (stop.is_set() and not Pending.objects.exists()):
            for seq, entry in store.entries(last):
                assert seq == last
                seen.append(seq)
                last = seq + 1
                assert entry.kind == "duty.opened"
        connections.close_all()

    def sequence() -> None:
        sequencer = Sequencer()
        while not stop.is_set() or Pending.objects.exists():
            sequencer.step(limit=7)
        connections.close_all()

    others = [threading.Thread(target=f) for f in (follow, sequence, sequence)]
    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for t in (*others, *writers):
        t.start()
    for t in writers:
        t.join()
    stop.set()
    for t in others:
        t.join()
    assert seen == list(range(len(seen)))
    assert store.size() == 4 * 20 == Entry.objects.count()
    assert Checkpoint.objects.exists()
    checking.verify(verifier())


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_a_new_sequencer_takes_up_the_tree_where_the_last_one_left_it(size: int) -> None:
    write_some(size)
    place_all()
    write_some(3)
    place_all()  # a new one: it reads its right edge from what is stored
    found = checking.verify(verifier())
    assert found.entries == size + 3
