"""Products on paper: copies taken out, tearlines, seals and layouts, and who may have which."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image
from pypdf import PdfReader

from tests.cast import Cast, make_cast
from tests.stories.flagged import flag
from tests.stories.warned import drafted, released, words
from tocsin.assess import actions as assess
from tocsin.collect.models import Report
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.terms import Role
from tocsin.record import checking
from tocsin.record import store as record
from tocsin.record.models import Vault
from tocsin.warn import actions, store
from tocsin.warn.models import BelowTearline, Copy, Template, Warning
from tocsin.warn.papers import gather, house
from tocsin.warn.terms import Below, Event, Form, Spot

BELOW = Below("GREEN", "Crowding at the north side", "Expect crowding at the north side from noon.")
PAGES = '#set page(header: d.marking, footer: d.marking + " " + d.number + " " + d.copy)\n'
READS = "#let d = json(bytes(sys.inputs.data))\n#set document(title: d.title)\n#set text(lang: d.language)\n"
PLAIN = READS + PAGES + "= #d.title\n#d.standing\n\n#d.banner\n\nOur own layout."


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def with_tearline(cast: Cast, **changes: object) -> Warning:
    report = flag(cast, ["weapons"], tlp="AMBER", text="Bring tools for the north doors")
    content = words(
        report.id,
        below=BELOW,
        places=(Spot("North doors", 38892600, -77008900, "eleven posts"),),
        timeline=(Event("2026-03-01T14:05:00.000000Z", "First post."),),
        **changes,
    )
    return released(cast, content=content)


def read(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def image(size: tuple[int, int] = (900, 600), kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, kind)
    return out.getvalue()


def test_a_copy_is_marked_tagged_and_on_the_record(cast: Cast) -> None:
    row = with_tearline(cast)
    taken = actions.take_copy(
        cast.mona, subject=row.id, form="pdf", to="Precinct 3", purpose="Roll call of Thursday"
    )
    pdf = PdfReader(io.BytesIO(taken.data))
    root: Any = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert pdf.metadata
    assert pdf.metadata.title == "North doors named for the march"
    for page in pdf.pages:
        assert page.extract_text().count("TLP:AMBER") >= 2
    text = read(taken.data).replace("\n", " ")
    for said in (
        "Likelihood: likely (55–80 %)",
        "Man the north doors",
        "Places",
        "First post.",
        taken.id,
    ):
        assert said in text, said
    kept = Copy.objects.get(id=taken.id)
    assert (kept.subject, kept.person, kept.part) == (row.id, cast.mona.person, "whole")
    assert kept.digest == hashlib.sha256(taken.data).hexdigest()
    assert record.content(kept.note)["purpose"] == "Roll call of Thursday"


@pytest.mark.parametrize("form", list(Form))
def test_every_form_says_the_same(cast: Cast, form: Form) -> None:
    row = with_tearline(cast)
    taken = actions.take_copy(cast.ana, subject=row.id, form=form.value)
    text = read(taken.data) if form is Form.PDF else taken.data.decode()
    for said in (
        "TLP:AMBER",
        "TLP:GREEN",
        "55–80 %",
        "Crowding at the north side",
        "SHA-256",
        taken.id,
    ):
        assert said in text.replace("\n", " "), said


def test_what_is_below_the_tearline_goes_farther_and_takes_nothing_along(cast: Cast) -> None:
    row = with_tearline(cast)
    otto = cast.otto  # an agency that takes no part: AMBER is shut, GREEN is open
    with pytest.raises(NotFound):
        actions.take_copy(otto, subject=row.id, form="text")
    assert [r.id for r in gather.torn_off(otto)] == [row.id]
    assert gather.torn_off(cast.mona) == []  # she may read the whole
    text = actions.take_copy(otto, subject=row.id, form="text", part="below").data.decode()
    assert text.count("TLP:GREEN") == 2
    assert BELOW.text in text
    for hidden in ("AMBER", "doors", "likely", "march", "Capitol", "SHA-256"):
        assert hidden not in text, hidden
    assert Copy.objects.get(subject=row.id).tlp == "GREEN"


def test_a_tearline_no_wider_than_the_rest_opens_nothing(cast: Cast) -> None:
    plain = released(cast)
    assert not BelowTearline.objects.exists()
    for who in (cast.otto, cast.mona):
        with pytest.raises(NotFound):
            actions.take_copy(who, subject=plain.id, form="text", part="below")
    report = flag(cast, ["weapons"], tlp="AMBER", text="Tools")
    draft = drafted(cast, content=words(report.id, below=Below("AMBER", "T", "Text.")))
    with pytest.raises(Invalid, match="travels no farther"):
        actions.submit(cast.ana, warning=draft.id, version=draft.version)


def test_a_cancelled_warning_says_so_below_the_tearline_without_the_reason(cast: Cast) -> None:
    row = with_tearline(cast)
    row.refresh_from_db()
    actions.cancel(cast.rhea, warning=row.id, version=row.version, reason="The source was wrong.")
    assert gather.torn_off(cast.otto) == []
    text = actions.take_copy(cast.otto, subject=row.id, form="text", part="below").data.decode()
    assert "CANCELLED" in text
    assert "source was wrong" not in text
    whole = actions.take_copy(cast.mona, subject=row.id, form="pdf")
    assert "The source was wrong." in read(whole.data)


def test_a_draft_is_marked_as_a_draft(cast: Cast) -> None:
    row = drafted(cast)
    text = actions.take_copy(cast.ana, subject=row.id, form="text").data.decode()
    assert text.startswith("TLP:AMBER+STRICT")
    assert "DRAFT, not released" in text


def test_a_paper_takes_no_words_of_a_source_that_is_marked_more_narrowly(cast: Cast) -> None:
    row = with_tearline(cast)
    cited = row.cites[0]["id"]
    Report.objects.filter(id=cited).update(tlp="AMBER+STRICT")
    text = actions.take_copy(cast.ana, subject=row.id, form="text").data.decode()
    assert "Bring tools" not in text
    assert "kept by Fusion centre" in text
    assert "captured" in text
    assert row.cites[0]["commitment"] in text
    Report.objects.filter(id=cited).update(tlp="RED")
    assert "captured" not in actions.take_copy(cast.ana, subject=row.id, form="text").data.decode()


def test_the_next_edition_says_what_changed(cast: Cast) -> None:
    row = with_tearline(cast)
    fresh = Warning.objects.get(
        id=actions.update(cast.ana, warning=row.id, version=Warning.objects.get(id=row.id).version)
    )
    content = store.content(fresh)
    content = replace(
        content,
        changed="The doors are closed.",
        judgments=(replace(content.judgments[0], likelihood="unlikely"),),
    )
    actions.revise(cast.ana, warning=fresh.id, version=fresh.version, content=content)
    text = actions.take_copy(cast.ana, subject=fresh.id, form="text").data.decode()
    assert "before: likely" in text
    assert "What changed since edition 1" in text


def test_situation_and_question_have_papers(cast: Cast) -> None:
    row = released(cast)
    sheet = actions.take_copy(cast.ana, subject=row.situation, form="pdf")
    assert "Situation report" in read(sheet.data)
    assert "The north doors" in read(sheet.data)
    rfi = _ask(cast)
    text = read(actions.take_copy(cast.paul, subject=rfi, form="pdf").data)
    assert "Request for information" in text
    assert "north roof on the day" in text
    for subject in (row.situation, rfi):
        with pytest.raises(NotFound):
            actions.take_copy(cast.otto, subject=subject, form="pdf")


def _ask(cast: Cast) -> str:
    return assess.ask(
        cast.ana,
        to_agency="capitol",
        to_role=Role.PARTNER,
        title="Who holds the roof?",
        text="Who holds the north roof on the day?",
        due_at=clock.now() + timedelta(hours=20),
        operation=cast.march,
    )


def test_nobody_takes_what_is_not_theirs(cast: Cast) -> None:
    row = with_tearline(cast)
    with pytest.raises(Forbidden):
        actions.take_copy(cast.ada, subject=row.id, form="pdf")
    for subject in ("wrn_nothing", "rpt_x", "op_x", "", "sit_no", "rfi_no"):
        with pytest.raises(NotFound):
            actions.take_copy(cast.ana, subject=subject, form="pdf")
    with pytest.raises(Invalid):
        actions.take_copy(cast.ana, subject=row.id, form="docx")
    with pytest.raises(Invalid):
        actions.take_copy(cast.ana, subject=row.id, form="pdf", part="half")


def test_a_seal_is_drawn_anew_and_printed(cast: Cast) -> None:
    actions.set_seal(cast.rhea, image=image())
    kept = house.seal_of("fusion")
    seal = Image.open(io.BytesIO(kept))
    assert seal.format == "PNG"
    assert max(seal.size) <= 480
    taken = actions.take_copy(cast.ana, subject=with_tearline(cast).id, form="pdf")
    assert any(page.images for page in PdfReader(io.BytesIO(taken.data)).pages)
    actions.remove_seal(cast.rhea)
    assert house.seal_of("fusion") == b""
    for bad in (b"", b"<svg/>", b"\x89PNG\r\n", image((9, 9)), b"x" * 1_000_001):
        with pytest.raises(Invalid) as refused:
            actions.set_seal(cast.rhea, image=bad)
        assert refused.value.field == "image"
        assert refused.value.cure
    with pytest.raises(Forbidden):
        actions.set_seal(cast.ana, image=image())


def test_a_layout_is_proposed_looked_at_used_and_retired(cast: Cast) -> None:
    row = with_tearline(cast)
    made = actions.propose_template(cast.rhea, product="", name="House", source=PLAIN)
    with pytest.raises(Conflict, match="looked at"):
        actions.use_template(cast.rhea, template=made, version=1)
    assert "Our own layout." in read(actions.preview_template(cast.ruth, template=made).data)
    actions.use_template(cast.rhea, template=made, version=2)
    taken = actions.take_copy(cast.ana, subject=row.id, form="pdf")
    assert "Our own layout." in read(taken.data)
    assert not taken.fallback
    with pytest.raises(NotFound):
        actions.preview_template(cast.olga, template=made)
    actions.retire_template(cast.rhea, template=made, version=3)
    assert "Our own layout." not in read(
        actions.take_copy(cast.ana, subject=row.id, form="pdf").data
    )


def test_a_layout_for_situations_is_used_for_them_alone(cast: Cast) -> None:
    row = released(cast)
    made = actions.propose_template(cast.rhea, product="SITUATION", name="Ours", source=PLAIN)
    actions.preview_template(cast.rhea, template=made)
    actions.use_template(cast.rhea, template=made, version=2)
    for subject, own in ((row.situation, True), (row.id, False)):
        text = read(actions.take_copy(cast.ana, subject=subject, form="pdf").data)
        assert ("Our own layout." in text) is own


def test_a_broken_layout_falls_back_to_ours_and_says_so(cast: Cast) -> None:
    row = with_tearline(cast)
    short = (
        PLAIN
        + '#if d.title != "Sample: nothing in this is true; it shows how your layout looks" [#d.nothing]'
    )
    made = actions.propose_template(
        cast.rhea, product="BULLETIN", name="Breaks later", source=short
    )
    actions.preview_template(cast.rhea, template=made)
    actions.use_template(cast.rhea, template=made, version=2)
    taken = actions.take_copy(cast.ana, subject=row.id, form="pdf")
    assert taken.fallback
    assert "standard layout" in read(taken.data)
    assert "Man the north doors" in read(taken.data)


BAD = {
    "not typst": ("#let x = ", ""),
    "reads a file": (PLAIN + '#read("/etc/passwd")', ""),
    "reads a file above": (PLAIN + '#read("../../../etc/passwd")', ""),
    "fetches": (PLAIN + '#import "@preview/cetz:0.3.0": *', ""),
    "fetches by stealth": (PLAIN + '#let p = "@preview/" + "cetz:0.3.0"\n#import p', ""),
    "loops": (PLAIN + "#let n = 0\n#while n < 1 { n = n * 1 }", "infinite"),
    "never ends": (
        PLAIN + "#let f(n, m) = if n > 0 { f(n - 1, 2 * m); f(n - 1, 2 * m + 1) }\n#f(60, 0)",
        "more time",
    ),
    "eats memory": (PLAIN + '#let s = "x" * 1000\n#for i in range(40) { s = s + s }\n#s.len()', ""),
    "drops the marking": (
        READS + "= #d.title\n#d.standing #d.banner #d.number #d.copy",
        "TLP:AMBER",
    ),
    "drops the banner": (READS + PAGES + "= #d.title\n#d.standing", "the banner"),
    "drops the standing": (READS + PAGES + "= #d.title\n#d.banner", "cancelled"),
    "too long": ("//" + "x" * 70_000, "kB"),
    "empty": ("  ", "empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_layout_that_could_do_harm_is_refused(cast: Cast, name: str) -> None:
    source, reason = BAD[name]
    with pytest.raises(Invalid) as refused:
        actions.propose_template(cast.rhea, product="", name="Bad", source=source)
    assert refused.value.field == "source"
    assert reason in str(refused.value)
    assert not Template.objects.exists()


def test_the_child_opens_no_file_even_one_that_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    script = str(files("tocsin.warn.papers").joinpath("sandboxed.py"))
    job: dict[str, Any] = {
        "root": str(tmp_path),
        "template": READS + '#read("secret.txt")',
        "data": '{"title": "T", "language": "en"}',
    }
    job |= {"assets": {}, "at": 0, "seconds": 3, "bytes": 1_200_000_000}
    done = subprocess.run(
        [sys.executable, "-I", script],
        input=json.dumps(job).encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, b""), done.stderr
    job["template"] = READS + "Fine."
    done = subprocess.run(
        [sys.executable, "-I", script],
        input=json.dumps(job).encode(),
        capture_output=True,
        check=False,
    )
    assert done.stdout.startswith(b"%PDF"), done.stderr


def test_the_record_rebuilds_the_same_tables(
    committed: None, virtual: VirtualClock, database_url: str
) -> None:
    cast = make_cast()
    row = with_tearline(cast)
    actions.take_copy(cast.mona, subject=row.id, form="text", to="Desk")
    actions.set_seal(cast.rhea, image=image())
    made = actions.propose_template(cast.rhea, product="", name="House", source=PLAIN)
    actions.preview_template(cast.rhea, template=made)
    actions.use_template(cast.rhea, template=made, version=2)
    actions.remove_seal(cast.rhea)
    assert checking.fsck(database_url) == []


def test_what_was_forgotten_is_gone_from_the_paper_and_below_its_tearline(cast: Cast) -> None:
    row = with_tearline(cast)
    Vault.objects.filter(subject=row.id).delete()
    for who, part in ((cast.ana, "whole"), (cast.otto, "below")):
        for form in Form:
            taken = actions.take_copy(who, subject=row.id, form=form.value, part=part)
            text = read(taken.data) if form is Form.PDF else taken.data.decode()
            assert "rowding" not in text
            assert row.id in text
