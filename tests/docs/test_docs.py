"""Docs that can drift are held to the code: settings, entry kinds, and the help of every command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from tests.docs import generate
from tocsin.cli import main as cli
from tocsin.kernel.settings import load
from tocsin.record import applying
from tocsin.web import told


@pytest.mark.parametrize("name", generate.PAGES)
def test_the_page_says_what_the_code_does(name: str) -> None:
    written = (generate.DOCS / name).read_text()
    assert written == generate.PAGES[name](), "run: python -m tests.docs.generate"


def test_every_kind_of_entry_has_words_for_the_screen() -> None:
    assert [kind for kind in applying.kinds() if kind not in told.known()] == []


def test_settings_are_given_as_the_page_says(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("s3cret\n")
    given = load({"TOCSIN_SECRET_KEY_FILE": str(secret), "TOCSIN_PORT": "81"}, None)
    assert (given.secret_key, given.port) == ("s3cret", 81)


def _commands() -> dict[str, Any]:
    """Every command by its words, as `tocsin --help` leads to it."""
    cli._mount([])
    found: dict[str, Any] = {}

    def walk(command: Any, path: str) -> None:
        found[path] = command
        for name, part in getattr(command, "commands", {}).items():
            walk(part, f"{path} {name}".strip())

    walk(typer.main.get_command(cli.app), "")
    return found


COMMANDS = _commands()


def test_the_groups_and_single_commands_are_all_there() -> None:
    assert {*cli.GROUPS, *cli.SINGLE} <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_says_what_it_does_and_what_its_options_are_for(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, words = COMMANDS[path], [*path.split(), "--help"]
    monkeypatch.setattr(sys, "argv", ["tocsin", *words])
    shown = CliRunner().invoke(cli.app, words)
    assert shown.exit_code == 0, shown.output
    if path:
        assert command.help, f"{path} has no help"
    mute = [p.name for p in command.params if p.name != "help" and not getattr(p, "help", None)]
    assert mute == [], f"{path}: these say nothing"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tocsin.cli.main", *arguments]
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_of_a_command_in_a_group_needs_no_database(tmp_path: Path) -> None:
    shown = run("record", "verify", "--help", TOCSIN_DATA_DIR=str(tmp_path / "none"))
    assert shown.returncode == 0
    assert "Check every entry" in shown.stdout
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("check",), {"TOCSIN_COLOUR": "red"}, "bad_settings: TOCSIN_COLOUR: no such setting"),
        (
            ("duties", "policy", "check", "/no/such/file"),
            {},
            "invalid: /no/such/file: cannot be read as text",
        ),
        (("bench", "nothing"), {}, "invalid: NAME: no benchmark 'nothing'"),
    ],
)
def test_a_mistake_is_one_line_with_the_cure_and_no_traceback(
    arguments: tuple[str, ...], environment: dict[str, str], words: str
) -> None:
    found = run(*arguments, **environment)
    assert found.returncode == 2
    assert words in found.stderr
    assert "Traceback" not in found.stderr
    assert "Traceback" in run(*arguments, "--debug", **environment).stderr
