"""The sources' pages and the shell commands: what people see of intake, and what outsiders do not."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from typer.testing import CliRunner

from tests.cast import Cast, make_cast
from tocsin.cli import collect as collect_cli
from tocsin.cli import main as cli_main
from tocsin.collect import actions as collect
from tocsin.collect import health
from tocsin.collect.models import Refusal, Report, Source
from tocsin.collect.terms import Item, Refused, Scope, SourceKind
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Invalid, NotFound, TocsinError
from tocsin.screen.actions import take_in

pytestmark = pytest.mark.usefixtures("db")
THREAT = "We are going to shoot the senators when they come out of the Capitol"


@pytest.fixture
def cast(virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def ana(cast: Cast, client: Client) -> Client:
    client.force_login(cast.account("ana"))
    return client


def add(cast: Cast, name: str = "City posts", **fields: Any) -> str:
    given = {
        "kind": SourceKind.API,
        "authority": "open-source-threat",
        "purpose": "threat-to-life",
        **fields,
    }
    return collect.add_source(cast.ana, name=name, **given)


FORM = {
    "name": "City news",
    "authority": "open-source-threat",
    "purpose": "threat-to-life",
    "tlp": "AMBER+STRICT",
    "retention_days": "90",
    "reliability": "C",
    "url": "https://news.example/rss",
    "every_minutes": "10",
    "places": "City Hall, The Mall",
    "languages": "EN",
    "not_before": "2026-03-01T00:00",
}


def test_a_source_is_added_and_changed_on_its_page(ana: Client, cast: Cast) -> None:
    made = ana.post("/sources/new?kind=feed", FORM)
    row = Source.objects.get()
    assert made.status_code == 302
    assert made["Location"] == f"/sources/{row.id}"
    assert (row.config, row.every_s, row.retention_days) == (
        {"url": "https://news.example/rss"},
        600,
        90,
    )
    assert row.scope["places"] == ["City Hall", "The Mall"]
    assert row.scope["languages"] == ["en"]
    form = ana.get(f"/sources/{row.id}/edit").content.decode()
    assert "City Hall, The Mall" in form
    assert "2026-03-01T00:00" in form
    ana.post(f"/sources/{row.id}/edit", {**FORM, "version": "1", "reliability": "B"})
    row.refresh_from_db()
    assert (row.reliability, row.version, row.scope["places"]) == (
        "B",
        2,
        ["City Hall", "The Mall"],
    )
    again = ana.post(f"/sources/{row.id}/edit", {**FORM, "version": "1", "reliability": "A"})
    assert again.status_code == 422
    assert "somebody changed this source" in again.content.decode().lower()


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", {"name": ""}, "required"),
        ("purpose", {"authority": "exercise"}, "does not cover"),
        ("retention_days", {"retention_days": "4000"}, "longer than this authority allows"),
        ("url", {"url": "not an address"}, "valid URL"),
        ("not_after", {"not_after": "2026-02-01T00:00"}, "before the start"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_with_what_was_typed(
    ana: Client, field: str, typed: dict[str, str], said: str
) -> None:
    page = ana.post("/sources/new?kind=feed", {**FORM, **typed})
    assert page.status_code == 422
    assert said in page.content.decode()
    assert f'id="id_{field}-error"' in page.content.decode()
    assert "City Hall, The Mall" in page.content.decode()
    assert not Source.objects.exists()


def test_a_mapping_is_edited_as_it_was_written(ana: Client, cast: Cast) -> None:
    mapping = {
        "fields": {"key": "id", "text": "body"},
        "optional": ["key"],
        "html": True,
        "extra": {"x": 'a"b'},
    }
    source = add(cast, kind=SourceKind.FILE, config={"mapping": mapping})
    form = ana.get(f"/sources/{source}/edit")
    shown = form.context["form"].initial["mapping"]
    plain = {k: v for k, v in FORM.items() if k not in ("url", "every_minutes")}
    ana.post(
        f"/sources/{source}/edit",
        {**plain, "version": "1", "mapping": shown.replace("body", "said")},
    )
    row = Source.objects.get()
    assert row.config == {"mapping": {**mapping, "fields": {"key": "id", "text": "said"}}}
    wrong = ana.post(f"/sources/{source}/edit", {**plain, "version": "2", "mapping": "fields = 3"})
    assert wrong.status_code == 422


def test_the_list_shows_failing_ones_first_and_needs_few_queries(
    ana: Client, cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(60):
        source = add(cast, f"Posts {n:02}")
        take_in(source, [Item("1", THREAT), Refused("line 1", "", "no", "mend")])
    Source.objects.filter(name="Posts 17").update(
        kind="feed", health="failing", health_reason="gone"
    )
    with django_assert_max_num_queries(40):
        page = ana.get("/sources")
    rows = page.context["rows"]
    assert rows[0].source.name == "Posts 17"
    assert rows[0].failing
    totals = page.context["totals"]
    assert (totals.failing, totals.flagged, totals.refused_open) == (1, 60, 60)
    assert "Posts 48" in page.content.decode()
    part = ana.get("/sources", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="sources"')


def test_a_source_says_what_was_left_out_and_is_paused_with_a_reason(
    ana: Client, cast: Cast
) -> None:
    source = add(cast, scope=Scope(languages=frozenset({"en"})))
    take_in(source, [Item("1", THREAT, lang="de")])
    page = ana.get(f"/sources/{source}").content.decode()
    assert "in another language" in page
    assert "Find and pass on threats" in page
    empty = ana.post(f"/sources/{source}/act", {"act": "pause", "version": "1", "reason": ""})
    assert empty.status_code == 422
    ana.post(f"/sources/{source}/act", {"act": "pause", "version": "1", "reason": "under repair"})
    assert Source.objects.get().state == "PAUSED"
    ana.post(f"/sources/{source}/act", {"act": "resume", "version": "2"})
    assert Source.objects.get().state == "ACTIVE"


def test_refused_input_is_tried_again_or_let_go_from_its_page(ana: Client, cast: Cast) -> None:
    mapping: dict[str, Any] = {"fields": {"text": "text", "at": "at"}}
    source = add(cast, kind=SourceKind.FILE, config={"mapping": mapping})
    raw = json.dumps({"text": THREAT}).encode()
    take_in(source, [Refused("line 4", "at", "the column is missing", "Fill it in.", raw)] * 2)
    page = ana.get("/refused").content.decode()
    assert "the column is missing" in page
    assert "Fill it in." in page
    assert "senators" not in page
    one, two = [r.id for r in Refusal.objects.order_by("id")]
    again = ana.post("/refused/close", {"refused": [one, two], "act": "retry"})
    assert again.status_code == 422
    assert "missing" in again.content.decode()
    collect.change_source(
        cast.ana, source=source, version=1, config={"mapping": {**mapping, "optional": ["at"]}}
    )
    assert ana.post("/refused/close", {"refused": [one], "act": "retry"}).status_code == 302
    assert Report.objects.count() == 1
    assert (
        ana.post("/refused/close", {"refused": [two], "act": "dismiss", "reason": ""}).status_code
        == 422
    )
    ana.post("/refused/close", {"refused": [two], "act": "dismiss", "reason": "sent twice"})
    assert "Nothing was refused" in ana.get("/refused").content.decode()


def test_every_door_is_shut_to_the_outsider_and_to_those_without_the_role(cast: Cast) -> None:
    source = add(cast)
    take_in(source, [Refused("line 1", "", "no", "mend", b"x")])
    refused = Refusal.objects.get().id
    otto, paul, nobody = Client(), Client(), Client()
    otto.force_login(cast.account("otto"))
    paul.force_login(cast.account("paul"))
    for path in (f"/sources/{source}", f"/sources/{source}/edit"):
        assert otto.get(path).status_code == 404
        assert paul.get(path).status_code == 403
        assert nobody.get(path).status_code == 302
    assert "City posts" not in otto.get("/sources").content.decode()
    assert "mend" not in otto.get("/refused").content.decode()
    assert (
        otto.post(
            f"/sources/{source}/act", {"act": "pause", "version": "1", "reason": "mine"}
        ).status_code
        == 404
    )
    body = {"refused": [refused], "act": "dismiss", "reason": "not mine"}
    assert otto.post("/refused/close", body).status_code == 404
    assert paul.post("/sources/new?kind=feed", FORM).status_code == 403
    assert Refusal.objects.get().state == "OPEN"
    assert Source.objects.get().state == "ACTIVE"


def test_hourly_counts_fall_into_their_hours(cast: Cast, virtual: VirtualClock) -> None:
    source = add(cast)
    for n in (3, 1):
        take_in(source, [Item(f"{n}-{i}", f"Bake sale {i}") for i in range(n)])
        virtual.advance(timedelta(hours=2))
    glance = health.of([Source.objects.get()], virtual.now())[0]
    assert glance.screened_by_hour[-5:] == [3, 0, 1, 0, 0]
    assert glance.screened == 4
    virtual.advance(timedelta(hours=30))
    assert health.of([Source.objects.get()], virtual.now())[0].screened == 0


runner = CliRunner()


@pytest.fixture
def shell(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command of `tocsin collect` in this process, on the test's database."""
    monkeypatch.setattr(cli_main, "setup", lambda: None)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> str:
        result = runner.invoke(collect_cli.app, list(arguments))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    return run


def test_files_are_loaded_from_the_shell_with_a_summary(shell: Any, tmp_path: Path) -> None:
    rows = [
        {"id": "1", "text": THREAT, "label": "violent"},
        {"id": "2", "text": "Bake sale", "label": "none"},
        {"id": "3", "text": "", "label": "none"},
    ]
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    mapping = tmp_path / "map.toml"
    mapping.write_text('fields = {key = "id", text = "text"}\n')
    load = ("file", str(path), "--mapping", str(mapping))
    said = shell(
        *load,
        "--new",
        "Old posts",
        "--agency",
        "fusion",
        "--label-field",
        "label",
        "--positive",
        "violent",
    )
    assert "3 rows" in said
    assert "line 3" in said
    assert "the value is empty" in said
    assert "precision 100.0% (1 of 1) · recall 100.0% (1 of 1)" in said
    assert Report.objects.count() == 1
    assert "nothing new" in shell("file", str(path), "--source", "old posts")
    listed = json.loads(shell("sources", "--json"))
    assert (listed["name"], listed["screened_24h"], listed["flagged_24h"], listed["refused_open"]) == (
        "Old posts", 2, 1, 1,
    )  # fmt: skip
    assert "line 3" in shell("refused")
    assert "1 let go" in shell("refused", "--dismiss", "an empty row")
    assert "read by hand" in shell("health")


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        (("file", "x.jsonl"), Invalid, "--source"),
        (("file", "x.jsonl", "--source", "None such"), NotFound, "source"),
        (("run", "None such"), NotFound, "source"),
        (("sources", "--as", "nobody"), NotFound, "--as"),
        (("add", "/no/such.toml"), Invalid, "/no/such.toml"),
        (("refused", "--retry", "--dismiss", "x"), Invalid, "--dismiss"),
    ],
)
def test_a_wrong_command_names_what_is_wrong(
    shell: Any, arguments: tuple[str, ...], error: type[TocsinError], field: str
) -> None:
    with pytest.raises(error) as refused:
        shell(*arguments)
    assert refused.value.field == field
    assert refused.value.cure


def test_a_source_is_added_from_a_file_by_a_person(shell: Any, cast: Cast, tmp_path: Path) -> None:
    path = tmp_path / "source.toml"
    path.write_text(
        'kind = "feed"\nname = "News"\nauthority = "open-source-threat"\npurpose = "threat-to-life"\n'
        'every_s = 600\n[scope]\nlanguages = ["en"]\n[config]\nurl = "https://news.example/rss"\n'
    )
    source = shell("add", str(path), "--as", "ana").strip()
    row = Source.objects.get(id=source)
    assert (row.agency, row.every_s, row.scope["languages"]) == ("fusion", 600, ["en"])
    with pytest.raises(Invalid, match="called 'News'"):
        shell("add", str(path), "--as", "ana")
