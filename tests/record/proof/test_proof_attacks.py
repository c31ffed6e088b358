"""Each way to cheat with a record, done for real, and what the outsider then reads."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.record.proof.site import (
    as_superuser,
    check,
    copy_of,
    install,
    keep,
    key_file,
    policy_text,
    sign,
    tiles,
    use,
    witness,
    write,
    write_duty,
)
from tocsin.kernel.clock import VirtualClock
from tocsin.record.models import WitnessState
from tocsin.record.note import SigningKey
from tocsin.record.proof.asking import ASK_EVERY, Wrong, ask_due
from tocsin.record.proof.standing import standing
from tocsin.record.sequencer import load_frontier, load_signer, sign_checkpoint
from tocsin.record.tree import leaf_hash

pytestmark = pytest.mark.usefixtures("committed", "virtual")


def test_what_was_not_touched_is_sound(tmp_path: Path) -> None:
    write(300)
    kept = keep(tmp_path)
    write(40)
    status, said = check(tiles(tmp_path / "t"), "--key", key_file(tmp_path), "--against", kept)
    assert status == 0, said
    assert "all 340 entries lead to the root that was signed" in said
    assert "only grew since" in said


def test_a_row_edited_as_superuser_is_named(tmp_path: Path, database_url: str) -> None:
    write(300)
    with as_superuser(database_url) as c:
        c.execute(
            "UPDATE record_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), "
            "'vault.unmasked', 'vault.forgotten'), 'UTF8') WHERE n = (SELECT n FROM record_place WHERE seq = 271)"
        )
    status, said = check(tiles(tmp_path / "t"), "--key", key_file(tmp_path))
    assert status == 1
    assert "CHANGED: the entry at place 271 is not the one that was recorded" in said
    assert "NOT WHAT WAS SIGNED" in said


def test_two_entries_swapped_are_named(tmp_path: Path, database_url: str) -> None:
    write(300)
    with as_superuser(database_url) as c:
        c.execute(
            "UPDATE record_entry e SET body = o.body FROM record_entry o, record_place p, record_place q "
            "WHERE e.n = p.n AND o.n = q.n AND (p.seq, q.seq) IN ((3, 290), (290, 3))"
        )
    status, said = check(tiles(tmp_path / "t"), "--key", key_file(tmp_path))
    assert status == 1
    assert "SWAPPED: the entries at places 3 and 290 were exchanged" in said
    assert said.count("SWAPPED") == 1


def test_a_dropped_entry_is_named(tmp_path: Path, database_url: str) -> None:
    write(300)
    with as_superuser(database_url) as c:
        c.execute("DELETE FROM record_entry WHERE n = (SELECT n FROM record_place WHERE seq = 42)")
    status, said = check(tiles(tmp_path / "t"), "--key", key_file(tmp_path))
    assert status == 1
    assert "DROPPED: 1 of the entries 0 to 255 are missing, the first at place 42" in said


def _rewrite(url: str, seq: int, *, checkpoints: bool = True) -> None:
    """Change an entry and everything in the database that follows from it: leaf, nodes, checkpoints."""
    with as_superuser(url) as c:
        [(n, body)] = c.execute(
            "SELECT n, body FROM record_place JOIN record_entry USING (n) WHERE seq = %s", [seq]
        ).fetchall()
        forged = bytes(body).replace(b"vault.unmasked", b"vault.forgotten")
        c.execute("UPDATE record_entry SET body = %s WHERE n = %s", [forged, n])
        c.execute("UPDATE record_place SET leaf = %s WHERE n = %s", [leaf_hash(forged), n])
        leaves = [bytes(r[0]) for r in c.execute("SELECT leaf FROM record_place ORDER BY seq")]
        c.execute("DELETE FROM record_node")
        if checkpoints:
            c.execute("DELETE FROM record_checkpoint")
        from tocsin.record.tree import Frontier  # noqa: PLC0415

        for level, index, made in Frontier().extend_with_nodes(leaves):
            if level % 8 == 0:
                c.execute("INSERT INTO record_node VALUES (%s, %s, %s)", [level, index, made])


def test_a_tree_rewritten_without_the_key_is_named(tmp_path: Path, database_url: str) -> None:
    """Entry, leaf and nodes agree with each other; only what was signed does not."""
    write(300)
    _rewrite(database_url, 5, checkpoints=False)
    status, said = check(tiles(tmp_path / "t"), "--key", key_file(tmp_path))
    assert status == 1
    assert "NOT WHAT WAS SIGNED: these 300 entries have another root" in said
    assert "CHANGED" not in said


def test_re_signed_with_another_key_is_named(tmp_path: Path, database_url: str) -> None:
    write(300)
    key, signer = key_file(tmp_path), load_signer()
    _rewrite(database_url, 5)
    sign_checkpoint(load_frontier(300), SigningKey.generate(signer.name))
    from tocsin.record.models import Checkpoint  # noqa: PLC0415
    from tocsin.record.proof.published import publish  # noqa: PLC0415

    assert Checkpoint.objects.count() == 1
    publish(tmp_path / "t", signer.verifier)
    status, said = check(tmp_path / "t", "--key", key)
    assert status == 1
    assert "not signed by the key you gave" in said


def test_re_signed_with_the_stolen_key_is_named_by_a_kept_checkpoint(
    tmp_path: Path, database_url: str
) -> None:
    write(300)
    kept = keep(tmp_path)
    _rewrite(database_url, 5)
    write(20)
    key = key_file(tmp_path)
    whole = tiles(tmp_path / "t")
    status, said = check(whole, "--key", key)
    assert status == 0, "consistent in itself: only what an outsider kept can tell"
    status, said = check(whole, "--key", key, "--against", kept)
    assert status == 1
    assert "REWRITTEN: the 300 entries of" in said
    status, said = check(keep(tmp_path, "now"), "--key", key, "--against", kept, "--tiles", whole)
    assert status == 1
    assert "REWRITTEN" in said


def test_re_signed_at_the_same_size_is_a_fork(tmp_path: Path, database_url: str) -> None:
    write(300)
    kept = keep(tmp_path)
    _rewrite(database_url, 5)
    sign()
    status, said = check(keep(tmp_path, "now"), "--key", key_file(tmp_path), "--against", kept)
    assert status == 1
    assert "FORKED: two different records of 300 entries were signed" in said


def test_a_published_folder_refuses_another_history(tmp_path: Path, database_url: str) -> None:
    from tocsin.kernel.errors import Corrupt  # noqa: PLC0415

    write(300)
    tiles(tmp_path / "t")
    _rewrite(database_url, 5)
    write(20)
    with pytest.raises(Corrupt, match="the record was rewritten"):
        tiles(tmp_path / "t")


def test_a_witness_names_a_rewritten_record(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, virtual: VirtualClock
) -> None:
    with witness(tmp_path / "w", "partner.example/w1") as partner:
        (tmp_path / "policy").write_text(policy_text(partner))
        install(monkeypatch, witness_policy=tmp_path / "policy")
        write(300)
        assert ask_due() == 1
        _rewrite(database_url, 5)
        write(20)
        virtual.advance(ASK_EVERY)
        assert ask_due() == 0
        [state] = WitnessState.objects.all()
        assert state.code == Wrong.REWRITTEN
        assert "saw a record of 300 entries that is not the beginning of this one" in state.wrong
        assert standing().accused
        [refusal] = partner.witness.refusals()
        assert "was not shown to begin with the 300 seen before" in refusal.why


def test_a_witness_names_a_restored_backup(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, virtual: VirtualClock
) -> None:
    """A real copy of the database, made before and put in place of the one that went on."""
    with witness(tmp_path / "w", "partner.example/w1") as partner:
        (tmp_path / "policy").write_text(policy_text(partner))
        install(monkeypatch, witness_policy=tmp_path / "policy")
        write(30)
        assert ask_due() == 1
        with copy_of(database_url, "proof_backup") as backup:
            use(database_url)
            write(30)
            kept = keep(tmp_path)
            virtual.advance(ASK_EVERY)
            assert ask_due() == 1
            try:
                use(backup)
                write(10)
                assert ask_due() == 0
                [state] = WitnessState.objects.all()
                assert state.code == Wrong.ROLLED_BACK
                assert "saw 60 entries, and this record has only 40" in state.wrong
                status, said = check(
                    tiles(tmp_path / "t"), "--key", key_file(tmp_path), "--against", kept
                )
                assert status == 1
                assert "ROLLED BACK" in said
                virtual.advance(timedelta(minutes=2))
                write(40)  # it grew past what was lost, and still is another record
                assert ask_due() == 0
                assert WitnessState.objects.get().code == Wrong.REWRITTEN
            finally:
                use(database_url)
        assert any(
            "an older copy was put in its place" in r.why for r in partner.witness.refusals()
        )


def test_a_witness_names_a_fork(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, virtual: VirtualClock
) -> None:
    """Two copies of one record go on apart, and both are signed with its key."""
    with witness(tmp_path / "w", "partner.example/w1") as partner:
        (tmp_path / "policy").write_text(policy_text(partner))
        install(monkeypatch, witness_policy=tmp_path / "policy")
        write(30)
        with copy_of(database_url, "proof_fork") as other:
            try:
                use(other)
                write_duty("wrn_1")
                write(9)
                fork = keep(tmp_path, "fork")
                size = int(fork.read_text().split("\n")[1])
                assert ask_due() == 1
                use(database_url)
                write(size - 30)
                assert ask_due() == 0
                [state] = WitnessState.objects.all()
                assert state.code == Wrong.FORKED
                assert f"saw another record of {size} entries, signed with our key" in state.wrong
                [refusal] = partner.witness.refusals()
                assert f"two different records of {size} entries were both signed" in refusal.why
                mine = keep(tmp_path, "mine")
                status, said = check(mine, "--key", key_file(tmp_path), "--against", fork)
                assert status == 1
                assert "FORKED" in said
            finally:
                use(database_url)
