"""`tocsin retain` as whoever runs the shell meets it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tests.stories.posting import settings_as
from tocsin.cli import main as cli_main
from tocsin.cli import retain as retain_cli
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import BadSettings, Conflict, Invalid
from tocsin.record import keyring
from tocsin.record.holds import UnderHold
from tocsin.record.models import Vault
from tocsin.retain import actions, schedules
from tocsin.retain.models import LegalHold

WHY = ("--reason", "Counsel asked for it by phone on Monday.")


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def shell(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in this process, on the test's database; gives (exit code, what it printed)."""
    monkeypatch.setattr(cli_main, "setup", lambda: None)
    monkeypatch.setenv("COLUMNS", "250")

    def run(*arguments: str, answer: str | None = None) -> tuple[int, str]:
        result = CliRunner().invoke(retain_cli.app, list(arguments), input=answer)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


def test_what_is_due_is_listed_swept_and_no_more(
    cast: Cast, shell: Any, virtual: VirtualClock
) -> None:
    report = flag(cast, ["weapons"], text="a secret word")
    assert shell("due")[0] == 0
    virtual.advance(timedelta(days=182))
    code, said = shell("due")
    assert (code, report.id in said, "a secret word" in said) == (1, True, False)
    rows = [json.loads(line) for line in shell("due", "--json")[1].splitlines()]
    assert {(r["part"], r["next"]) for r in rows} == {("all", "purge"), ("original", "purge")}
    assert "Done with 2" in shell("sweep")[1]
    assert shell("due")[0] == 0


def test_purging_at_the_shell_asks_says_why_and_respects_holds(
    cast: Cast, shell: Any, tmp_path: Path
) -> None:
    report = flag(cast, ["weapons"])
    assert shell("purge", report.id, *WHY, answer="n\n")[0] == 1
    with pytest.raises(Invalid):
        shell("purge", report.id, "--reason", "no", "--yes")
    with pytest.raises(Conflict, match="cannot be renewed"):
        shell("validate", report.id, *WHY)
    letter = tmp_path / "letter.txt"
    letter.write_text("Keep it.")
    place = ("hold", "place", "--title", "Case 3", "--letter", str(letter), "--agency", "fusion")
    with pytest.raises(Invalid, match="no time"):
        shell(*place, "--from", "yesterday")
    code, said = shell(*place, "--subject", report.id, "--from", "2026-01-01")
    order = LegalHold.objects.get()
    assert (code, order.id in said, order.agency) == (0, True, "fusion")
    assert [h.id for h in actions_holds(cast)] == [order.id], "the agency's inspector sees it"
    with pytest.raises(UnderHold):
        shell("purge", report.id, *WHY, "--yes")
    assert " 1" in shell("hold", "list")[1]
    shell("hold", "lift", order.id, *WHY)
    assert order.id in shell("hold", "list", "--lifted", "--json")[1]
    assert "Purged 2" in shell("purge", report.id, *WHY, "--yes")[1]
    assert not Vault.objects.filter(subject=report.id).exists()


def actions_holds(cast: Cast) -> Any:
    from tocsin.retain import store  # noqa: PLC0415

    return store.holds(cast.ines)


def test_schedules_are_shown_checked_and_put_on_the_record(shell: Any, tmp_path: Path) -> None:
    _, text = shell("policy", "show")
    mine = tmp_path / "schedules.toml"
    mine.write_text(text)
    assert "is sound" in shell("policy", "check", str(mine))[1]
    mine.write_text(text.replace('for = "180d"', 'for = "900d"', 1))
    with pytest.raises(BadSettings, match="180 days"):
        shell("policy", "check", str(mine))
    mine.write_text(text.replace("[keep.warning]", "[keep.warnings]"))
    with pytest.raises(BadSettings, match=r"keep\.warnings.*is no kind of thing"):
        shell("policy", "check", str(mine))
    mine.write_text('version = "2026-12-01"\n[keep.photo]\nfor = "30d"\nthen = "purge"\n')
    assert "1 schedules of its own" in " ".join(shell("policy", "check", str(mine))[1].split())
    with settings_as(retention_file=mine):
        schedules.policy_text.cache_clear()
        schedules.policy.cache_clear()
        assert schedules.schedule("photo").term == timedelta(days=30)
        assert schedules.schedule("report").term == timedelta(days=180), "as it ships"
    schedules.policy_text.cache_clear()
    schedules.policy.cache_clear()
    assert "on the record" in shell("policy", "adopt")[1]


def test_the_key_ring_and_the_account_of_disclosures(
    cast: Cast, shell: Any, tmp_path: Path
) -> None:
    report = flag(cast, ["weapons"])
    with settings_as(data_dir=tmp_path):
        assert "Wrote" in shell("keys")[1]
        assert report.original in keyring.read(tmp_path / "content.keys")
        said = shell("purge", report.id, *WHY, "--yes")[1]
        assert "written anew" in " ".join(said.split())
        assert report.original not in keyring.read(tmp_path / "content.keys")
    actions.disclose(cast.ana, subject=report.id, to="A name", reason=WHY[1], routine_use="RU-LAW")
    listed = shell("disclosures")[1]
    assert ("RU-LAW" in listed, "A name" in listed) == (True, False)
    assert json.loads(shell("disclosures", "--json")[1])["subject"] == report.id


def test_the_worker_sweeps_at_once_while_there_is_work_and_rarely_when_there_is_none() -> None:
    from tocsin.worker.loops import rarely  # noqa: PLC0415

    found = [2, 1, 0, 5]
    step = rarely(lambda: found.pop(0), 60.0)
    assert [step(), step(), step(), step(), step()] == [2, 1, 0, 0, 0]
    assert found == [5]


def test_the_check_says_when_a_purge_is_overdue_and_when_keys_are_stale(
    cast: Cast, virtual: VirtualClock, tmp_path: Path
) -> None:
    from tocsin.cli import checks  # noqa: PLC0415
    from tocsin.record import backup  # noqa: PLC0415

    report = flag(cast, ["weapons"])
    with settings_as(data_dir=tmp_path):
        assert checks.retention().well
        backup.write_keys()
        virtual.advance(timedelta(days=182))
        assert "2 purges are overdue" in checks.retention().words
        actions.purge(cast.pia, subject=report.id, reason=WHY[1])
        assert "backups still open" in checks.retention().words
        actions.sweep()
        assert checks.retention().well
