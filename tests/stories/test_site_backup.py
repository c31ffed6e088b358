"""The drill: back up, lose everything, restore elsewhere; the record verifies and the tables agree."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.cast import Cast, make_cast
from tests.stories.posting import settings_as
from tocsin.duties.actions import fire_due, open_duty
from tocsin.kernel import settings
from tocsin.kernel.errors import Conflict, Corrupt, Invalid
from tocsin.people.terms import SYSTEM
from tocsin.record import backup, checking, database, keyring, programs
from tocsin.record import sealed as sealing
from tocsin.record.actions import writing
from tocsin.record.sequencer import Sequencer
from tocsin.record.terms import Marking

PASSPHRASE = "seven wet sergeants at dawn"


class Place:
    """A site of its own: a database in this run's server, and a data directory."""

    def __init__(self, data: Path, owner: str, passphrase: Path, keys: Path | None = None) -> None:
        self.data, self.owner = data, owner
        self.keys = keys or data / "content.keys"
        self.app = owner.replace("//postgres:", "//tocsin_app:")
        self._passphrase = passphrase

    def run(
        self, *arguments: str, passphrase: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "TOCSIN_DATA_DIR": str(self.data),
            "TOCSIN_DATABASE_URL": self.app,
            "TOCSIN_DATABASE_OWNER_URL": self.owner,
            "TOCSIN_CONTENT_KEYS_FILE": str(self.keys),
            "TOCSIN_PASSPHRASE_FILE": str(passphrase or self._passphrase),
            "COLUMNS": "200",
        }
        command = [sys.executable, "-m", "tocsin.cli.main", *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def counts(self) -> dict[str, int]:
        with psycopg.connect(self.owner) as c:
            return backup.count_rows(c)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n")
    return path


@pytest.fixture
def here(committed: None, database_url: str, secret: Path, tmp_path: Path) -> Iterator[Place]:
    """A site with people, an operation, duties that fired, content, and a signed record.

    Its key ring is its own: the data directory is shared with the tests that run beside this one.
    """
    cast = make_cast()
    with writing(SYSTEM) as w:
        for i in range(5):
            open_duty(
                w, "review", f"wrn_{i}", "Review the draft", Marking("fusion", "AMBER", cast.march),
                owner_agency="fusion", owner_role="release_authority",
            )  # fmt: skip
        kept = w.keep("rpt_1", {"text": "as it was"})
        w.append("vault.unmasked", "rpt_1", {"vault": kept["vault"], "reason": kept}, marking=None)
    while fire_due():
        pass
    sequencer = Sequencer()
    while sequencer.step():
        pass
    keys = tmp_path / "content.keys"
    with settings_as(content_keys_file=keys):
        yield Place(settings.current().data_dir, database_url, secret, keys)


@pytest.fixture
def there(database_url: str, tmp_path: Path, secret: Path) -> Iterator[Place]:
    """An empty site."""
    name = f"drill_{os.getpid()}"
    data = settings.current().data_dir
    database.app_url(data, name)
    yield Place(tmp_path / "there", database.embedded_url(data, name, "postgres"), secret)
    with psycopg.connect(database.embedded_url(data, "postgres", "postgres"), autocommit=True) as c:
        c.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_the_drill(here: Place, there: Place, tmp_path: Path) -> None:
    file = tmp_path / "site.backup"
    made = here.run("backup", str(file))
    assert made.returncode == 0, made.stderr
    assert file.stat().st_mode & 0o077 == 0, "only its owner may read it"
    assert b"as it was" not in file.read_bytes()
    with pytest.raises(Conflict, match="exists"):
        backup.write(file, PASSPHRASE)

    empty = there.counts()
    wrong = tmp_path / "wrong"
    wrong.write_text("seven dry sergeants at dusk")
    refused = there.run("restore", str(file), passphrase=wrong)
    assert (refused.returncode, refused.stderr.split(":")[0]) == (2, "bad_backup")
    assert there.counts() == empty

    restored = there.run("restore", str(file), "--keys", str(here.keys))
    assert restored.returncode == 0, restored.stderr
    assert there.counts() == here.counts()
    for name in ("secrets/record.skey", "secrets/pseudonym_key", "record.vkey"):
        assert (there.data / name).read_text() == (here.data / name).read_text()
        assert (there.data / name).stat().st_mode & 0o077 == 0

    found = there.run("record", "verify")
    assert found.returncode == 0, found.stdout + found.stderr
    with psycopg.connect(there.app) as c, pytest.raises(psycopg.errors.InsufficientPrivilege):
        c.execute("UPDATE record_entry SET actor = 'nobody'")
    with (
        psycopg.connect(there.owner) as c,
        pytest.raises(psycopg.errors.RaiseException, match="append only"),
    ):
        c.execute("DELETE FROM record_entry")
    with psycopg.connect(there.app) as c:
        c.execute("INSERT INTO django_session VALUES ('k', 'd', now())")

    again = there.run("restore", str(file))
    assert again.returncode == 2
    assert "this site is not empty" in again.stderr


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_SCRYPT", {"n": 2, "r": 8, "p": 1})


def sealed(*contents: bytes) -> bytes:
    out = io.BytesIO()
    sealer = sealing.Sealer(out, PASSPHRASE)
    for content in contents:
        sealer.frame(b"D", content)
    sealer.frame(b"E", b"")
    return out.getvalue()


def opened(raw: bytes, passphrase: str = PASSPHRASE) -> list[bytes]:
    return [content for _, content in sealing.frames(io.BytesIO(raw), passphrase)]


@pytest.mark.usefixtures("cheap")
def test_every_changed_byte_and_every_cut_is_noticed() -> None:
    raw = sealed(b"one", b"two")
    assert opened(raw) == [b"one", b"two"]
    for at in range(len(raw)):
        with pytest.raises(sealing.BadBackup):
            opened(raw[:at])
        changed = bytearray(raw)
        changed[at] ^= 1
        with pytest.raises(sealing.BadBackup):
            opened(bytes(changed))
    with pytest.raises(sealing.BadBackup, match="added"):
        opened(raw + b"x")
    with pytest.raises(sealing.BadBackup, match="passphrase"):
        opened(raw, "another passphrase")


@pytest.mark.usefixtures("cheap")
def test_parts_cannot_change_places() -> None:
    raw = sealed(b"one", b"two")
    body = raw.index(b"\n", len(sealing.MAGIC)) + 1
    first, second = raw[body : body + 24], raw[body + 24 : body + 48]
    with pytest.raises(sealing.BadBackup):
        opened(raw[:body] + second + first + raw[body + 48 :])


def test_a_file_cannot_ask_for_all_the_memory() -> None:
    raw = (
        sealing.MAGIC
        + b'{"salt": "00112233445566778899aabbccddeeff", "n": 1073741824, "r": 8, "p": 1}\n'
    )
    with pytest.raises(sealing.BadBackup, match="first lines"):
        opened(raw)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="fewer than 12"):
        backup.write(tmp_path / "file", "short")


def test_what_was_purged_does_not_come_back_from_an_older_backup(
    here: Place, there: Place, tmp_path: Path
) -> None:
    from tests.stories.flagged import flag  # noqa: PLC0415
    from tocsin.people import store as people  # noqa: PLC0415
    from tocsin.people.models import Account, Operation  # noqa: PLC0415
    from tocsin.record.models import Vault  # noqa: PLC0415
    from tocsin.retain import actions as retain  # noqa: PLC0415

    cast = Cast(dict(Account.objects.values_list("username", "person")), Operation.objects.get().id)
    secret, other = (flag(cast, ["weapons"], text=t) for t in ("the ocelot", "the heron"))
    file, keys, stolen = tmp_path / "old.backup", here.keys, tmp_path / "old.keys"
    assert here.run("backup", str(file)).returncode == 0
    ring = keyring.read(keys)
    assert {secret.content, secret.original} <= set(ring)
    stolen.write_bytes(keys.read_bytes())

    pia = people.actor(cast.people["pia"])
    retain.purge(pia, subject=secret.id, reason="It should not have been collected.")
    assert retain.refresh_keys()
    assert not retain.refresh_keys(), "once"
    assert {secret.content, secret.original} & set(keyring.read(keys)) == set()

    lost = there.run("restore", str(file))
    assert (lost.returncode, "no content keys" in lost.stderr) == (2, True)
    restored = there.run("restore", str(file), "--keys", str(keys))
    assert restored.returncode == 0, restored.stderr
    assert "2 contents were purged after this backup was made" in restored.stdout
    with psycopg.connect(there.owner) as c:
        words = str(c.execute("SELECT body FROM record_vault").fetchall())
    assert ("ocelot" in words, "heron" in words) == (False, True)
    for command in (("record", "verify"), ("record", "fsck")):
        found = there.run(*command)
        assert found.returncode == 0, found.stdout + found.stderr
    assert Vault.objects.filter(subject=other.id).count() == 2
    assert checking.fsck(here.owner) == []
    database.configure(here.app)


def test_no_word_of_the_vault_lies_in_a_backup_but_under_its_own_key(
    here: Place, tmp_path: Path
) -> None:
    file, keys = tmp_path / "site.backup", here.keys
    assert here.run("backup", str(file)).returncode == 0
    with file.open("rb") as source:
        found = list(sealing.frames(source, PASSPHRASE))
    dump, plain = (b"".join(c for k, c in found if k == kind) for kind in (b"D", b"C"))
    (tmp_path / "dump").write_bytes(dump)
    command = [programs.program("pg_restore"), "--file=-", str(tmp_path / "dump")]
    words = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"COPY public.record_entry" in words
    assert b"COPY public.record_vault" not in words
    assert b"as it was" not in words + plain
    assert keys.stat().st_mode & 0o077 == 0
    line = next(x for x in plain.split(b"\n") if x.startswith(b"vlt_"))
    ring = keyring.read(keys)
    assert keyring.open_row(line, ring) is not None
    assert keyring.open_row(line, {}) is None
    with pytest.raises(Corrupt, match="does not open"):
        keyring.open_row(line, dict.fromkeys(ring, bytes(16)))
    damaged = tmp_path / "keys"
    for text in ("", "tocsin-content-keys/1 0\nvlt_1 zz\n", "other 1\n"):
        damaged.write_text(text)
        with pytest.raises(Corrupt):
            keyring.read(damaged)
