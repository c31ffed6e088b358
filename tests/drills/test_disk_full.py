"""The disk runs full under the database: what was acknowledged is there, the rest was refused; with room it goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tocsin.cli.benches import scratch
from tocsin.cli.benches.cluster import Cluster
from tocsin.kernel.errors import Conflict

SIZE_MB, LEFT_MB = 256, 24  # room for one more segment of PostgreSQL's log, 16 MB, and little else
CONF = "min_wal_size = 32MB\nmax_wal_size = 48MB\ncheckpoint_timeout = 30s\n"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of a few megabytes, in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    with scratch() as folder:
        folder.chmod(0o755)
        disk = folder / "disk"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this machine does not let us mount a small disk")
        try:
            disk.chmod(0o755)
            yield disk
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)


def python(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.usefixtures(
    "database_url"
)  # it makes PostgreSQL's programs ready for whoever runs this
def test_a_full_disk_refuses_and_loses_nothing(small_disk: Path) -> None:
    cluster = Cluster(small_disk, CONF)
    cluster.start()
    try:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as c:
            c.execute("CREATE ROLE tocsin_app LOGIN")
            c.execute("CREATE DATABASE tocsin")
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")},
            "TOCSIN_DATA_DIR": str(small_disk / "data"),
            "TOCSIN_DATABASE_URL": cluster.url(user="tocsin_app"),
            "TOCSIN_DATABASE_OWNER_URL": cluster.url(),
            "COLUMNS": "240",
        }
        tocsin, filling = ("-m", "tocsin.cli.main"), str(Path(__file__).with_name("filling.py"))
        made = python(environment, *tocsin, "migrate")
        assert made.returncode == 0, made.stderr
        ballast = small_disk / "ballast"
        free = os.statvfs(small_disk)
        with ballast.open("wb") as out:
            out.truncate(0)
            out.write(bytes(free.f_bavail * free.f_frsize - LEFT_MB * 1_000_000))

        full = python(environment, filling, "0", "100000")
        assert full.returncode == 0, full.stderr
        acknowledged, _, words = full.stdout.strip().partition(" ")
        assert int(acknowledged) > 0
        assert words, "it was refused"
        said = python(environment, *tocsin, "check")
        assert said.returncode == 1
        assert "0.0 GB are free" in said.stdout, said.stdout + said.stderr
        assert "Make room" in said.stdout

        ballast.unlink()
        cluster.start()  # no-op where it lived through it
        on = python(environment, filling, acknowledged, str(int(acknowledged) + 20))
        assert on.returncode == 0, on.stderr
        assert on.stdout.split() == [str(int(acknowledged) + 20)]
    finally:
        cluster.close()


def test_the_command_line_says_that_the_disk_is_full() -> None:
    from tocsin.cli.main import _in_words  # noqa: PLC0415

    code, words = _in_words(OSError('could not extend file "base/5/1": No space left on device'))
    assert (code, "Make room" in words) == ("disk", True)
    assert _in_words(Conflict("x"))[0] == "conflict"
