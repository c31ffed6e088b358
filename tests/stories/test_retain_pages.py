"""The pages of keeping and forgetting, as their readers meet them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.web.stage import Stage, make_stage
from tests.web.test_outsider import OPEN_TO_ALL, addresses
from tocsin.kernel.clock import VirtualClock
from tocsin.record.models import Vault
from tocsin.retain import actions
from tocsin.retain.models import Disclosure, LegalHold, Tombstone, Unmasking

WHY = "Counsel asked for it by phone on Monday."
DAY = timedelta(days=1)


@pytest.fixture
def stage(db: None, virtual: VirtualClock) -> Stage:
    return make_stage()


def as_(stage: Stage, name: str) -> Client:
    client = Client()
    client.force_login(stage.cast.account(name))
    return client


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_oversight_counts_what_is_overdue(stage: Stage, virtual: VirtualClock) -> None:
    actions.lift_hold(stage.cast.ines, hold=stage.hold, reason=WHY)
    pia = as_(stage, "pia")
    assert "0 overdue to be forgotten" in text(pia.get("/oversight"))
    virtual.advance(182 * DAY)
    page = text(pia.get("/oversight"))
    assert "overdue to be forgotten" in page
    assert " 0 overdue" not in page
    actions.sweep()
    page = text(pia.get("/oversight"))
    assert "0 overdue to be forgotten" in page
    assert "the time of its kind is over: report" in page
    assert as_(stage, "ana").get("/oversight").status_code == 403


def test_a_person_keeps_or_purges_with_a_reason(stage: Stage) -> None:
    actions.lift_hold(stage.cast.ines, hold=stage.hold, reason=WHY)
    pia, address = as_(stage, "pia"), f"/retention/{stage.sar}"
    assert "Keep for another term" in text(pia.get(address))
    refused = pia.post(f"{address}/decide", {"act": "validate", "reason": "ok"})
    assert refused.status_code == 422
    assert "Say why" in text(refused)
    assert 'name="reason"' in refused.content.decode()
    assert pia.post(f"{address}/decide", {"act": "validate", "reason": WHY}).status_code == 302
    assert WHY in text(pia.get(address))
    assert pia.post(f"{address}/decide", {"act": "purge", "reason": WHY}).status_code == 302
    assert "Nothing of its content is left" in text(pia.get(address))
    assert "purged" in text(as_(stage, "ana").get(f"/stores/sar/{stage.sar}"))
    report = text(pia.get(f"/retention/{stage.report}"))
    assert "Keep for another term" not in report, "a temporary clock is not renewed"
    ana = as_(stage, "ana").get(f"/retention/{stage.report}")
    assert (ana.status_code, "Purge it" in text(ana)) == (200, False)


def test_a_hold_is_placed_with_its_letter_refuses_a_purge_and_is_lifted(stage: Stage) -> None:
    ines, pia = as_(stage, "ines"), as_(stage, "pia")
    form = {"title": "Case 9", "text": "", "operation": "", "subjects": stage.report, "role": ""}
    assert ines.post("/holds/new", form).status_code == 422, "no letter"
    file = SimpleUploadedFile("order.pdf", b"%PDF keep")
    made = ines.post("/holds/new", {**form, "letter": file})
    assert made.status_code == 302, text(made)
    address = made.headers["Location"]
    assert "Case 9" in text(ines.get("/holds"))
    letter = ines.get(f"{address}/letter")
    assert (letter.content, letter.headers["Content-Type"]) == (
        b"%PDF keep",
        "application/octet-stream",
    )
    assert "attachment" in letter.headers["Content-Disposition"]
    refused = pia.post(f"/retention/{stage.report}/decide", {"act": "purge", "reason": WHY})
    assert refused.status_code == 409
    assert "legal hold covers it" in text(refused)
    assert LegalHold.objects.filter(refused=1).count() == 2, "both holds saw the attempt"
    assert ines.post(f"{address}/lift", {"reason": "no"}).status_code == 422
    assert ines.post(f"{address}/lift", {"reason": WHY}).status_code == 302
    assert "Lifted" in text(ines.get(address))
    assert as_(stage, "ana").get("/holds/new").status_code == 403


def test_promotion_by_the_forms(stage: Stage) -> None:
    ana, rhea = as_(stage, "ana"), as_(stage, "rhea")
    again = ana.post(f"/stores/sar/from/{stage.report}", {"nexus": "x"})
    assert again.status_code == 422
    assert "Race, ethnicity" in text(again)
    assert "(needs facts)" in text(again)
    short = rhea.post(f"/stores/intelligence/from/{stage.sar}", {"suspicion": "He did."})
    assert short.status_code == 422
    assert stage.sar[:12] in rhea.get(f"/stores/sar/{stage.sar}").content.decode()
    assert "Conspiracy" in text(rhea.get("/stores/intelligence"))
    assert "Conspiracy" not in text(rhea.get("/stores/sar")), "the stores are never listed together"
    assert "No entry" not in text(rhea.get(f"/stores/intelligence/{stage.entry}"))


def test_a_look_behind_the_mask_by_the_pages(stage: Stage, virtual: VirtualClock) -> None:
    ana, pia, address = as_(stage, "ana"), as_(stage, "pia"), f"/unmasking/{stage.unmasking}"
    assert "someone" not in text(ana.get(address))
    assert "Grant for an hour" not in text(ana.get(address)), "not one's own"
    granted = pia.post(f"{address}/act", {"act": "grant", "reason": WHY})
    assert granted.status_code == 302
    shown = ana.post(f"{address}/act", {"act": "look"})
    assert "someone" in text(shown)
    assert shown.headers["Cache-Control"] == "no-store"
    assert Unmasking.objects.get(id=stage.unmasking).looks == 1
    virtual.advance(timedelta(hours=2))
    over = ana.post(f"{address}/act", {"act": "look"})
    assert (over.status_code, "someone" in text(over)) == (409, False)
    assert "Ask to see the original" in text(ana.get(f"/reports/{stage.report}"))


def test_a_disclosure_is_entered_by_hand(stage: Stage) -> None:
    ana = as_(stage, "ana")
    form = {
        "subject": stage.report,
        "to": "District attorney",
        "routine_use": "RU-LAW",
        "reason": WHY,
    }
    assert ana.post("/disclosures/new", {**form, "to": ""}).status_code == 422
    assert ana.post("/disclosures/new", form).status_code == 302
    assert Disclosure.objects.filter(subject=stage.report).count() == 1
    page = text(as_(stage, "pia").get("/disclosures"))
    assert "District attorney" in page
    assert WHY in page


def test_every_page_stands_when_everything_was_purged(stage: Stage) -> None:
    actions.lift_hold(stage.cast.ines, hold=stage.hold, reason=WHY)
    pia = stage.cast.pia
    subjects = [stage.report, stage.situation, stage.warning, stage.draft, stage.rfi,
                stage.dissent, stage.handover, stage.sar, stage.entry]  # fmt: skip
    for subject in subjects:
        actions.purge(pia, subject=subject, reason=WHY)
    assert not Vault.objects.filter(subject__in=subjects).exists()
    assert Tombstone.objects.count() == len(subjects)
    for name in ("paul", "pia"):
        client = Client(raise_request_exception=False)
        client.force_login(stage.cast.account(name))
        for address, _ in addresses(stage):
            if not OPEN_TO_ALL.match(address):
                answer = client.get(address)
                assert answer.status_code < 500, f"{address} broke for {name}"


def test_oversight_asks_few_questions_however_much_there_is(
    stage: Stage, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        actions.disclose(
            stage.cast.ana, subject=stage.report, to="DA", reason=WHY, routine_use="RU-LAW"
        )
    pia = as_(stage, "pia")
    pia.get("/oversight")
    with django_assert_max_num_queries(60):
        pia.get("/oversight")
