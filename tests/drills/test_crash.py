"""One installation on a database of its own, on two bad days.

The database is stopped under it: people and programs are told in words, and it goes on by itself. Then everything is
killed under load: what was acknowledged is there, once.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg.errors
import pytest
from django.db import IntegrityError, InterfaceError, OperationalError

from tocsin.cli.benches import scratch
from tocsin.cli.benches.crash import Installation, installed, reckoned, wait_for
from tocsin.cli.benches.delivering import Far
from tocsin.web import down


@dataclass
class Site:
    """The installation, with a web server up; a browser, and a system with a key."""

    installation: Installation
    mail: Far
    given: dict[str, Any]

    def page(self, path: str = "/accounts/login/") -> tuple[int, str, Any]:
        return self._ask(path, None, {"Accept": "text/html"})

    def report(self, key: str) -> tuple[int, str, Any]:
        item = {"text": "i will kill the governor at city hall tonight", "key": key}
        body = json.dumps({"source": self.given["source"], "items": [item]}).encode()
        headers = {
            "Authorization": f"Bearer {self.given['key']}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        return self._ask("/api/v1/reports", body, headers)

    def _ask(self, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, str, Any]:
        base = self.installation.environment["TOCSIN_BASE_URL"]
        request = urllib.request.Request(base + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode(), e.headers
        except urllib.error.URLError:
            return 0, "", {}  # it starts


@pytest.fixture(scope="module")
def site(database_url: str) -> Iterator[Site]:
    """`database_url` makes PostgreSQL's programs ready for whoever runs this."""
    with scratch() as folder, installed(folder, each=1) as (installation, mail):
        given = installation.python("scene")
        installation.start_web()
        yield Site(installation, mail, given)


@pytest.mark.slow
@pytest.mark.xdist_group("crash")
def test_a_database_that_is_stopped_is_said_in_words_and_over_by_itself(site: Site) -> None:
    cluster, log = site.installation.cluster, site.installation.log
    wait_for(lambda: site.page()[0] == 200, 60)
    assert site.report("first")[0] == 200, log.read_text()[-3000:]
    cluster.stop()

    begin = time.monotonic()
    status, said, headers = site.page()
    assert (status, time.monotonic() - begin < 12) == (503, True), "who finds out waits, once"
    begin = time.monotonic()
    for _ in range(10):
        status, said, headers = site.page()
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "Tocsin cannot reach its database" in said
        assert "Nothing you sent was kept" in said
        assert "Traceback" not in said
    assert time.monotonic() - begin < 4, "nobody else waits"
    status, said, headers = site.report("second")
    problem = json.loads(said)
    assert (status, headers["Content-Type"]) == (503, "application/problem+json")
    assert (problem["code"], problem["status"]) == ("database_unreachable", 503)
    assert "Nothing you sent was kept" in problem["detail"]

    cluster.start()
    wait_for(lambda: site.page()[0] == 200, 10)
    wait_for(lambda: site.report("second")[0] == 200, 10)
    assert site.installation.processes["web-1"].process.poll() is None
    assert "the database cannot be reached" in log.read_text()
    assert "Traceback" not in log.read_text()
    with psycopg.connect(cluster.url()) as c:
        kept = "SELECT count(*) FROM record_entry WHERE kind = 'report.flagged'"
        assert c.execute(kept).fetchone() == (2,)


@pytest.mark.slow
@pytest.mark.xdist_group("crash")
def test_killed_at_random_points_nothing_acknowledged_is_lost_or_doubled(site: Site) -> None:
    site.installation.start(site.given)
    found = reckoned(site.installation, site.mail, 5, seed=3, to_the_end=False)
    assert found.killed.total() == 5
    assert found.acknowledged["block"] > 5
    assert found.acknowledged["release"]
    assert found.acknowledged["report"]
    assert found.entries > 100
    assert (found.lost, found.doubled, found.torn, found.wrong) == ([], [], [], [])
    assert found.unfired == 0


def test_only_a_lost_database_is_called_lost() -> None:
    def error(cause: Exception | None, kind: type[Exception] = OperationalError) -> Exception:
        made = kind("it failed")
        made.__cause__ = cause
        return made

    assert down.lost(error(psycopg.OperationalError("connection refused")))
    assert down.lost(error(psycopg.errors.AdminShutdown()))
    assert down.lost(error(psycopg.errors.TooManyConnections()))
    assert down.lost(error(None, InterfaceError))
    busy = (psycopg.errors.DeadlockDetected(), psycopg.errors.DiskFull(), psycopg.errors.QueryCanceled())  # fmt: skip
    for other in busy:
        assert not down.lost(error(other)), other
    assert not down.lost(error(None, IntegrityError))
    assert not down.lost(None)
