"""Everything the plan's tables hold can be made again from the record; nothing in an entry is anybody's words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.cast import make_cast
from tests.stories.fairground import at, lay_out
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.people import actions as people
from tocsin.people.terms import SYSTEM
from tocsin.plan import actions
from tocsin.plan.models import Position, Zone
from tocsin.plan.terms import Method
from tocsin.plan.terms.brief import Brief, Care
from tocsin.record import checking
from tocsin.record.models import Entry


def test_a_plan_with_everything_in_it_is_rebuilt_equal(
    committed: None, virtual: VirtualClock, database_url: str
) -> None:
    cast = make_cast()
    ground = lay_out(cast)
    place: dict[str, Any] = {"operation": cast.march}
    mitigation = "Two officers with a rope."
    held = actions.list_position(
        cast.lou, label="Roof", at=at(0, 132), accepting="metro", mitigation=mitigation, **place
    )
    actions.accept_position(
        cast.mona, position=held, version=1, person=cast.people["mona"], check_in_every_s=600
    )
    actions.check_in_position(cast.mona, position=held)
    other = actions.list_position(
        cast.lou, label="Tower", at=at(90, 90), accepting="capitol", **place
    )
    actions.decline_position(
        cast.paul, position=other, version=1, reason="No officers left for it."
    )
    actions.change_position(cast.lou, position=other, version=2, accepting="metro")
    actions.remove_position(cast.lou, position=other, version=3, reason="It was torn down.")
    first, second, third = actions.cut_zones(
        cast.lou, operation=cast.march, area=ground.route, every_m=120
    )
    for zone in (first, second):
        actions.assign_zone(
            cast.lou, zone=zone, version=1, team="metro", method=Method.CANINE, due_at=None
        )
    actions.begin_sweep(cast.mona, zone=first, version=2)
    actions.end_sweep(
        cast.mona, zone=first, version=3, start=clock.now() - timedelta(hours=1), end=clock.now(), found=False,
        holds=timedelta(hours=1), method=Method.VISUAL, track=[at(-300, -50), at(-200, -50)],
        note="Behind the shed too.",
    )  # fmt: skip
    actions.give_up_zone(cast.mona, zone=second, version=2, reason="The gate is welded shut.")
    actions.remove_zone(cast.lou, zone=third, version=1)
    virtual.advance(timedelta(hours=1, seconds=1))
    assert actions.lapse_due() == 1
    actions.breach(
        cast.paul, zone=first, version=Zone.objects.get(id=first).version, note="A door stood open."
    )
    actions.change_area(cast.lou, area=ground.stage, version=1, label="Podium", points=[at(0, 5)])
    actions.remove_area(cast.lou, area=ground.bench, version=1)
    brief = Brief(objectives=("Nobody unseen.",), hospitals=(Care("County", phone="555 0100"),))
    actions.write_brief(cast.lou, operation=cast.march, draft=brief)
    actions.approve(cast.olga, operation=cast.march, note="With a remark.")
    actions.withdraw(cast.olga, approval=actions.approve(cast.olga, operation=cast.march))
    actions.decide(
        cast.lou, operation=cast.march, go=True, reason="The tower is gone, the rest is watched."
    )
    later = people.open_operation(
        SYSTEM, name="Again", lead_agency="fusion", starts_at=clock.now() + timedelta(days=99),
        ends_at=clock.now() + timedelta(days=100),
    )  # fmt: skip
    actions.begin_plan(cast.lou, operation=later, template="rally", copied_from=cast.march)
    assert Position.objects.get(id=held).metres == 127
    assert checking.fsck(database_url) == []
    assert checking.verify_vault() > 5
    for body in Entry.objects.values_list("body", flat=True):
        for words in (
            b"rope",
            b"welded",
            b"torn down",
            b"shed",
            b"remark",
            b"is watched",
            b"stood open",
            b"Nobody unseen",
            b"555 0100",
        ):
            assert words not in bytes(body)
