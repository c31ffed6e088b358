"""The directory: lines, the import with its report, and what is thin. And a person's notices by mail."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.posting import Sink, settings_as, sink
from tests.stories.warned import in_review
from tocsin.deliver import actions, roster, store
from tocsin.deliver.models import Import, Mailed, Recipient
from tocsin.duties.actions import fire_due
from tocsin.duties.models import Duty, Notice
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.people.models import Account
from tocsin.record.models import Entry, Vault
from tocsin.warn.terms import Seat

HEAD = "agency,role,order,name,email,email2,webhook,account\n"
GOOD = HEAD + (
    "Metro police,partner,1,Duty desk,desk@metro.example,,,\n"
    "metro,Partner,2,Mona Mills,mona@metro.example,,,mona\n"
    "capitol,operation lead,,Olga,olga@capitol.example,,https://capitol.example/in,olga\n"
)


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


def bring(cast: Cast, text: str | bytes) -> Import:
    content = text if isinstance(text, bytes) else text.encode()
    sheet = roster.read("directory.csv", content)
    return Import.objects.get(id=actions.import_directory(cast.rhea, sheet=sheet))


def counts(report: Import) -> tuple[int, int, int, int]:
    return len(report.added), len(report.changed), len(report.same), len(report.refused)


def test_the_same_file_twice_changes_nothing(cast: Cast) -> None:
    assert counts(bring(cast, GOOD)) == (3, 0, 0, 0)
    before = Entry.objects.count()
    assert counts(bring(cast, GOOD)) == (0, 0, 3, 0)
    assert Entry.objects.count() == before
    line = store.lines(Recipient.objects.filter(seat_agency="capitol"))[0]
    assert [w.kind for w in line.card.ways] == ["email", "webhook", "inapp"]
    assert line.row.person == cast.people["olga"]


def test_a_changed_row_is_known_by_its_address_or_its_place(cast: Cast) -> None:
    bring(cast, GOOD)
    moved = GOOD.replace("Metro police,partner,1,Duty desk", "metro,partner,5,Night desk")
    assert counts(bring(cast, moved)) == (0, 1, 2, 0)
    line = next(ln for ln in store.lines(Recipient.objects.all()) if ln.row.rank == 5)
    assert line.card.name == "Night desk"
    renumbered = moved.replace("desk@metro.example", "night@metro.example")
    assert counts(bring(cast, renumbered)) == (0, 1, 2, 0)
    assert Recipient.objects.count() == 3


def test_faulty_rows_are_named_one_by_one_and_the_others_come_in(
    cast: Cast, client: Client
) -> None:
    faulty = GOOD + (
        "atlantis,partner,1,Neptune,n@sea.example,,,\n"
        "metro,admiral,1,X,x@metro.example,,,\n"
        "metro,partner,one,X,x@metro.example,,,\n"
        "metro,partner,3,X,not-an-address,,,\n"
        "metro,partner,3,X,,,,\n"
        "metro,partner,3,,x@metro.example,,,\n"
        "metro,partner,3,X,,,ftp://metro.example,\n"
        "metro,partner,3,X,x@metro.example,,,nosuch\n"
        "metro,partner,3,X,x@metro.example,,,olga\n"
        "metro,partner,9,Twice,desk@metro.example,,,\n"
        "metro,partner,3,=1+1,x@metro.example,,,\n"
    )
    report = bring(cast, faulty)
    assert counts(report) == (3, 0, 0, 11)
    assert [(r["number"], r["field"]) for r in report.refused] == [
        (5, "agency"),
        (6, "role"),
        (7, "order"),
        (8, "email"),
        (9, "email"),
        (10, "name"),
        (11, "webhook"),
        (12, "account"),
        (13, "account"),
        (14, "row"),
        (15, "name"),
    ]
    assert all(r["message"] and r["cure"] for r in report.refused)
    client.force_login(cast.account("rhea"))
    page = client.get(f"/directory/import/{report.id}").content.decode()
    assert "there is no agency" in page.lower()
    kept = client.get(f"/directory/import/{report.id}?as=csv")
    assert kept["Content-Type"].startswith("text/csv")
    mended = kept.content.replace(b"atlantis", b"metro").replace(
        b"not-an-address", b"new@metro.example"
    )
    again = bring(cast, mended)
    assert counts(again) == (1, 1, 0, 9)
    client.force_login(cast.account("olga"))
    assert client.get(f"/directory/import/{report.id}").status_code == 404


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "not"),
        (b"PK\x03\x04 no zip", "no readable XLSX"),
        (b"name,email\nx,y\n", "no column"),
        (HEAD.replace("email2", "colour").encode(), "means nothing"),
        (b'agency,role,name\n"x,partner\n', "line"),
        (b"x" * (roster.MOST_BYTES + 1), "larger"),
        (b"agency,role,name,name\n", "twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(content: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said) as e:
        roster.read("x.csv", content)
    assert e.value.cure


def test_a_spreadsheet_comes_in_and_its_formulas_do_not(cast: Cast) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Agency", "Role", "Order", "Name", "E-mail"])
    sheet.append(["metro", "partner", 1, "Desk", "desk@metro.example"])
    sheet.append(["metro", "partner", 2, '=HYPERLINK("http://x")', "x@metro.example"])
    out = io.BytesIO()
    book.save(out)
    report = bring(cast, out.getvalue())
    assert counts(report) == (1, 0, 0, 1)
    assert report.refused[0]["message"] == "holds a formula"


def test_refused_cells_cannot_run_in_a_spreadsheet() -> None:
    file = roster.refused_file(
        [{"cells": {"name": "=cmd|x"}, "field": "name", "message": "m", "cure": "c"}]
    ).decode("utf-8-sig")
    assert "'=cmd|x" in file
    assert roster.read("t.csv", roster.template()).rows == []


def test_a_line_is_changed_under_a_version_and_taken_out_of_use(cast: Cast) -> None:
    fields: dict[str, Any] = {"agency": "metro", "role": "partner", "name": "Desk"}
    way = [("email", "desk@metro.example")]
    line = actions.add_recipient(cast.rhea, **fields, ways=way)
    actions.change_recipient(cast.rhea, recipient=line, version=1, **fields, ways=way, rank=2)
    with pytest.raises(Conflict):
        actions.change_recipient(cast.rhea, recipient=line, version=1, **fields, ways=way)
    actions.remove_recipient(cast.rhea, recipient=line, version=2)
    assert not store.recipients(cast.rhea).exists()
    with pytest.raises(Conflict):
        actions.remove_recipient(cast.rhea, recipient=line, version=3)
    with pytest.raises(Forbidden):
        actions.add_recipient(cast.ana, **fields, ways=way)
    text = " ".join(str(bytes(e.body)) for e in Entry.objects.filter(subject=line))
    assert "desk@metro.example" not in text
    assert Vault.objects.filter(subject=line, sealed=True).count() == 2


def test_the_pages_show_search_and_keep_what_was_typed(cast: Cast, client: Client) -> None:
    bring(cast, GOOD)
    client.force_login(cast.account("rhea"))
    assert "Duty desk" in client.get("/directory").content.decode()
    assert "Duty desk" in client.get("/directory?q=DESK%40metro").content.decode()
    assert "Nobody matches" in client.get("/directory?q=zzz").content.decode()
    typed = {"agency": "metro", "role": "partner", "name": "New desk", "rank": "3", "email": "no"}
    page = client.post("/directory/new", typed)
    assert page.status_code == 422
    assert 'value="New desk"' in page.content.decode()
    assert "is no e-mail address" in page.content.decode()
    assert client.post("/directory/new", {**typed, "email": "n@metro.example"}).status_code == 302
    line = Recipient.objects.get(rank=3)
    page = client.post(
        f"/directory/{line.id}", {**typed, "email": "m@metro.example", "version": "1"}
    )
    assert page.status_code == 302
    stale = client.post(
        f"/directory/{line.id}", {**typed, "email": "k@metro.example", "version": "1"}
    )
    assert stale.status_code == 409
    file = SimpleUploadedFile("d.csv", GOOD.encode())
    report = client.post("/directory/import", {"file": file}, follow=True)
    assert "as they were" in report.content.decode()
    bad = client.post("/directory/import", {"file": SimpleUploadedFile("d.csv", b"nothing")})
    assert (bad.status_code, "no column" in bad.content.decode()) == (422, True)


def test_roles_with_nobody_or_one_way_are_listed_to_be_mended(cast: Cast) -> None:
    thin = store.thin_seats(cast.rhea)
    assert thin == {Seat("capitol", "operation_lead"): "nobody", Seat("metro", "partner"): "nobody"}
    bring(cast, HEAD + "metro,partner,1,Desk,desk@metro.example,,,\n")
    assert store.thin_seats(cast.rhea)[Seat("metro", "partner")] == "one way"
    bring(cast, GOOD)
    assert store.thin_seats(cast.rhea) == {}


def test_a_person_told_of_a_duty_gets_one_mail_about_it(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    row = in_review(cast)
    fire_due()
    assert actions.send_notices() == Notice.objects.count() > 0
    assert actions.send_notices() == 0
    (letter,) = mail.to("rhea@fusion.example")
    duty = Duty.objects.get(kind="review", subject=row.id)
    assert duty.title in letter.text
    assert f"http://127.0.0.1:8000/warnings/{row.id}" in letter.text
    assert "north doors" not in letter.raw.decode().lower()


def test_notices_survive_a_dead_server_a_bad_address_and_an_answer_in_between(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    in_review(cast)
    fire_due()
    Account.objects.filter(username="ruth").update(email="not an address\r\nBcc: x@y.example")
    mail.refuse = lambda to: "451 later"
    assert actions.send_notices() == 0
    assert Mailed.objects.get(person=cast.people["ruth"]).reason == "NO_SUCH_ADDRESS"
    mail.refuse = lambda to: None
    assert actions.send_notices() == 0
    virtual.advance(timedelta(seconds=20))
    assert actions.send_notices() == 1
    assert [m.to for m in mail.messages] == ["rhea@fusion.example"]
