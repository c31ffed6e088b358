"""What a source says becomes flagged reports, counts or refused input; nothing else is kept."""

from __future__ import annotations

import pytest

from tests.cast import Cast, make_cast
from tocsin.collect import actions as collect
from tocsin.collect.models import Report
from tocsin.collect.terms import Item, SourceKind
from tocsin.duties.models import Duty
from tocsin.kernel.clock import VirtualClock
from tocsin.screen.actions import take_in

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def cast(virtual: VirtualClock) -> Cast:
    return make_cast()


def source(cast: Cast, **fields: object) -> str:
    given = {"kind": SourceKind.API, "name": "City posts", "authority": "open-source-threat",
             "purpose": "threat-to-life", **fields}
    return collect.add_source(cast.ana, **given)


THREAT = "We are going to shoot the senators when they come out of the Capitol"


def test_flagged(cast: Cast) -> None:
    src = source(cast)
    t = take_in(src, [Item("1", THREAT), Item("2", "nice weather"), Item("3", THREAT + "!")])
    print(t)
    r = Report.objects.get(id=t.reports[0])
    print(vars(r))
    assert Duty.objects.filter(kind="assess").count() == 1
    t = take_in(src, [Item("1", THREAT), Item("1", THREAT + " with my rifle tomorrow"), Item("1", "nice")])
    print(t)
    r = Report.objects.get(id=r.id)
    print(vars(r))
