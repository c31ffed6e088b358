"""What the shell says: checks that find what is wrong, people, duties and the record; content only for a reason."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from tests.cast import make_cast
from tocsin.cli import checks, main
from tocsin.duties.actions import fire_due, open_duty
from tocsin.kernel import clock, settings
from tocsin.kernel.clock import VirtualClock
from tocsin.people import tokens
from tocsin.people.models import Account
from tocsin.people.store import actor
from tocsin.people.terms import SYSTEM, UNMASKED, Role
from tocsin.record import database
from tocsin.record.actions import writing
from tocsin.record.loops import LOOPS
from tocsin.record.models import Entry, Heartbeat
from tocsin.record.sequencer import Sequencer
from tocsin.record.terms import Marking

MARK = Marking("fusion", "AMBER", "")


@pytest.fixture(autouse=True)
def connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands use the test's own connection."""
    monkeypatch.setattr(main, "setup", lambda: None)
    monkeypatch.setenv("COLUMNS", "240")


def tocsin(*words: str, ok: bool = True) -> Result:
    main._mount([])
    found = CliRunner().invoke(main.app, list(words))
    assert (found.exit_code == 0) == ok, f"{found.output} {found.exception!r}"
    return found


def place_all() -> None:
    sequencer = Sequencer()
    while sequencer.step():
        pass


def finding(name: str) -> checks.Found:
    return next(f for f in checks.run_checks() if f.name == name)


@pytest.mark.usefixtures("db")
def test_a_person_is_added_given_a_role_and_leaves(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("a long enough phrase\n")
    tocsin("people", "agency", "add", "metro", "--name", "Metro police")
    tocsin(
        "people", "add", "mona", "--name", "Mona Mills", "--agency", "metro", "--role", "partner",
        "--password-file", str(secret),
    )  # fmt: skip
    account = Account.objects.get(username="mona")
    assert account.check_password("a long enough phrase")
    tocsin("people", "grant", "mona", "field")
    tocsin("people", "revoke", "mona", "partner")
    assert actor(account.person).roles == {Role.FIELD}
    [line] = tocsin("people", "list", "--json").output.splitlines()
    assert json.loads(line)["roles"] == ["field"]
    secret.write_text("short")
    refused = tocsin("people", "password", "mona", "--password-file", str(secret), ok=False)
    assert "too short" in str(refused.exception)
    secret_key = tocsin("people", "token", "add", "mona", "--name", "dispatch").output.strip()
    assert tokens.holder(secret_key) is not None
    assert secret_key not in tocsin("people", "token", "list").output
    tocsin("people", "leave", "mona")
    assert tokens.holder(secret_key) is None
    assert actor(account.person).permissions == frozenset()
    assert "there is no user 'nobody'" in str(
        tocsin("people", "grant", "nobody", "field", ok=False).exception
    )


@pytest.mark.usefixtures("db")
def test_duties_are_listed_without_content_and_the_auditor_says_late(virtual: VirtualClock) -> None:
    make_cast()
    with writing(SYSTEM) as w:
        open_duty(
            w,
            "review",
            "wrn_1",
            "Review a secret name",
            MARK,
            owner_agency="fusion",
            owner_role="release_authority",
        )
    shown = tocsin("duties", "list").output
    assert "wrn_1" in shown
    assert "secret" not in shown
    assert tocsin("duties", "audit").exit_code == 0
    virtual.advance(timedelta(seconds=5))
    assert "LATE: 1" in tocsin("duties", "audit", ok=False).output
    assert not finding("duties").well
    fire_due()
    assert finding("duties").well
    virtual.advance(timedelta(hours=9))
    assert json.loads(tocsin("duties", "list", "--overdue", "--json").output)["overdue"] is True


def test_a_policy_is_checked_before_it_is_put_in_force(tmp_path: Path) -> None:
    shipped = tocsin("duties", "policy", "show").output
    mine = tmp_path / "policy.toml"
    mine.write_text(shipped)
    assert "is sound" in tocsin("duties", "policy", "check", str(mine)).output
    mine.write_text(shipped.replace("[ladder.review]", "[ladder.revue]"))
    assert "lacks ladders for: review" in str(
        tocsin("duties", "policy", "check", str(mine), ok=False).exception
    )
    mine.write_text(shipped.replace('limit = "4h"', 'limit = "soon"', 1))
    assert "'soon' is no duration" in str(
        tocsin("duties", "policy", "check", str(mine), ok=False).exception
    )


@pytest.mark.usefixtures("db")
def test_the_shell_shows_content_only_for_a_reason_that_is_recorded() -> None:
    with writing(SYSTEM) as w:
        kept = w.keep("rpt_1", {"text": "as it was said"})
        w.append(UNMASKED, "rpt_1", {"vault": kept["vault"], "reason": kept}, marking=MARK)
    assert "as it was said" not in tocsin("record", "show", "rpt_1").output
    assert "say why" in str(tocsin("record", "show", "rpt_1", "--content", ok=False).exception)
    before = Entry.objects.filter(kind=UNMASKED).count()
    shown = tocsin(
        "record", "show", "rpt_1", "--content", "--reason", "asked for by the court"
    ).output
    assert "as it was said" in shown
    assert Entry.objects.filter(kind=UNMASKED).count() == before + 1
    assert "says nothing" in str(tocsin("record", "show", "rpt_2", ok=False).exception)


@pytest.mark.usefixtures("committed")
def test_verify_and_checkpoint(database_url: str, tmp_path: Path) -> None:
    make_cast()
    place_all()
    found: dict[str, Any] = json.loads(tocsin("record", "verify", "--json").output)
    assert found["entries"] == Entry.objects.count()
    out = tmp_path / "checkpoint"
    tocsin("record", "checkpoint", "--out", str(out))
    assert out.read_text().splitlines()[:2] == [settings.current().origin, str(found["entries"])]
    key = settings.current().data_dir / "record.vkey"
    assert tocsin("record", "verify", "--key", str(key)).exit_code == 0
    with psycopg.connect(database_url, autocommit=True) as c:
        c.execute("SET session_replication_role = replica")
        c.execute(
            "UPDATE record_entry SET body = replace(convert_from(body, 'UTF8'), 'metro', 'retro')::bytea"
        )
    assert "does NOT verify" in tocsin("record", "verify", ok=False).output


@pytest.mark.usefixtures("committed")
def test_the_check_tries_what_the_application_may_do(database_url: str) -> None:
    assert finding("append only").well
    database.configure(database_url)
    try:
        assert not finding("append only").well, "as the owner it could"
    finally:
        database.configure(database_url.replace("//postgres:", "//tocsin_app:"))


@pytest.mark.usefixtures("db")
def test_the_check_names_what_is_silent_waiting_or_missing(virtual: VirtualClock) -> None:
    assert finding("worker").words == "no worker is up"
    for name in list(LOOPS)[1:]:
        Heartbeat.objects.create(name=name, at=clock.now(), process=1)
    assert finding("worker").words == f"nobody does: {next(iter(LOOPS))}"
    Heartbeat.objects.create(name=next(iter(LOOPS)), at=clock.now(), process=1)
    assert finding("worker").well
    virtual.advance(timedelta(minutes=1))
    assert not finding("worker").well
    assert not finding("people").well
    make_cast()
    assert finding("people").well
    assert finding("record").well
    virtual.advance(timedelta(minutes=1))
    assert "wait for their place" in finding("record").words
    assert not finding("record").well
    place_all()
    assert finding("record").well


@pytest.mark.usefixtures("db")
def test_the_check_sees_keys_that_others_can_read() -> None:
    folder = settings.current().data_dir / "secrets"
    settings.secret(settings.current(), "secret_key")
    assert finding("keys").well
    try:
        folder.chmod(0o755)
        assert not finding("keys").well
    finally:
        folder.chmod(0o700)


@pytest.mark.usefixtures("db")
def test_the_whole_check_says_red_when_something_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tocsin", "check"])
    shown = tocsin("check", ok=False)
    assert shown.exit_code == 1
    assert "no worker is up" in shown.output


def test_settings_are_listed_with_secrets_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        settings, "current", lambda: settings.load({"TOCSIN_SMTP_PASSWORD": "hunter22"}, None)
    )
    shown = tocsin("check", "--settings").output
    assert "TOCSIN_SMTP_PASSWORD" in shown
    assert "hunter22" not in shown
    assert os.environ.get("TOCSIN_SMTP_PASSWORD") is None
