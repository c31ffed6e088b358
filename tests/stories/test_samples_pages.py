"""The page about the line, and the reading of a sample on its report's page."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.cast import Cast
from tests.stories.test_samples import cast, drawn, scores, source  # noqa: F401 - fixtures
from tocsin.collect.models import Budget, Report, Sample
from tocsin.collect.terms import Item
from tocsin.record.models import Vault
from tocsin.screen.actions import take_in

pytestmark = pytest.mark.usefixtures("db")


def client(cast: Cast, name: str) -> Client:  # noqa: F811
    made = Client()
    made.force_login(cast.account(name))
    return made


def page(cast: Cast, name: str, address: str) -> str:  # noqa: F811
    answer = client(cast, name).get(address)
    assert answer.status_code == 200, answer.content[:300]
    return answer.content.decode()


def test_who_may_sets_the_budget_and_wrong_numbers_come_back(cast: Cast) -> None:  # noqa: F811
    address = f"/reading/{cast.march}"
    assert address in page(cast, "lou", f"/operations/{cast.march}")
    assert 'name="a_shift"' not in page(cast, "ana", address)
    lou = client(cast, "lou")
    wrong = lou.post(address, {"a_shift": "lots", "version": "0"})
    assert wrong.status_code == 422
    assert b'value="lots"' in wrong.content
    assert lou.post(address, {"a_shift": "150", "version": "0"}).status_code == 302
    assert Budget.objects.get().a_shift == 150
    assert "150" in page(cast, "ana", address)
    assert client(cast, "ana").post(address, {"a_shift": "9", "version": "1"}).status_code == 403


def test_what_lies_below_is_shown_as_counts(cast: Cast, source: str, scores) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    for n in range(7):
        take_in(source, [Item(key=str(n), text=scores(250))])
    shown = page(cast, "ana", f"/reading/{cast.march}")
    assert "240 to 260" in shown
    assert '<td class="number" data-label="Posts">7</td>' in shown
    assert "Jane Roe" not in shown


def test_a_sample_is_marked_read_and_forgotten_on_its_page(cast: Cast, source: str, scores) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    row = drawn(cast, source, scores)
    assert f"/reports/{row.id}" in page(cast, "ana", f"/reading/{cast.march}")
    shown = page(cast, "ana", f"/reports/{row.id}")
    assert "drawn by lot" in shown
    assert "roe" not in shown.casefold()
    assert "Does it matter?" in shown
    answer = client(cast, "ana").post(
        f"/reports/{row.id}/sample", {"matters": "no", "version": "1"}
    )
    assert answer.status_code == 302
    assert Report.objects.get(id=row.id).state == "PURGED"
    assert not Vault.objects.filter(subject=row.id).exists()
    assert "1 sample read" in page(cast, "ana", f"/reading/{cast.march}")


def test_the_outsider_finds_every_door_shut(cast: Cast, source: str, scores) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    row = drawn(cast, source, scores)
    otto = client(cast, "otto")
    for address in (f"/reading/{cast.march}", f"/reports/{row.id}"):
        assert otto.get(address).status_code == 404
    asked = otto.post(f"/reports/{row.id}/sample", {"matters": "no", "version": "1"})
    assert asked.status_code == 404
    assert otto.post(f"/reading/{cast.march}", {"a_shift": "5", "version": "1"}).status_code == 404
    assert row.id not in page(cast, "otto", "/reading")
    assert client(cast, "ada").get("/reading").status_code == 403
    assert Sample.objects.get().read_at is None
