import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.errors import Forbidden
from tocsin.people.rules import SEEN, Sight, may, permit, sight
from tocsin.people.terms import SYSTEM, Actor, Permission, Role
from tocsin.record.terms import Marking, Tlp

actors = st.builds(
    Actor,
    person=st.just("per_x"),
    agency=st.sampled_from(["", "fusion", "metro"]),
    roles=st.frozensets(st.sampled_from(Role), max_size=3),
    operations=st.frozensets(st.sampled_from(["op_a", "op_b"])),
)
markings = st.builds(
    Marking,
    agency=st.sampled_from(["", "fusion", "metro", "capitol"]),
    tlp=st.sampled_from([t.value for t in Tlp]),
    operation=st.sampled_from(["", "op_a", "op_b"]),
)


@given(actors, markings)
def test_an_administrator_alone_sees_nothing(actor: Actor, marking: Marking) -> None:
    only = Actor(
        "per_x", actor.agency, roles=frozenset({Role.ADMINISTRATOR}), operations=actor.operations
    )
    assert sight(only, marking, shared=True) is Sight.NO_CONTENT


@given(actors, markings)
def test_strict_things_of_others_are_never_seen_unless_shared_by_name(
    actor: Actor, marking: Marking
) -> None:
    if marking.agency != actor.agency and marking.tlp in {Tlp.RED, Tlp.AMBER_STRICT}:
        assert sight(actor, marking) not in SEEN


@given(actors, markings)
def test_nobody_without_a_role_sees_or_does_anything(actor: Actor, marking: Marking) -> None:
    stranger = Actor("per_y", actor.agency, operations=actor.operations)
    assert sight(stranger, marking, shared=True) not in SEEN
    assert not any(may(stranger, p) for p in Permission)


def test_amber_stays_within_the_operation() -> None:
    inside = Actor("p", "metro", roles=frozenset({Role.PARTNER}), operations=frozenset({"op_a"}))
    assert sight(inside, Marking("fusion", "AMBER", "op_a")) is Sight.OPERATION
    assert sight(inside, Marking("fusion", "AMBER", "op_b")) is Sight.NOT_YOURS
    assert sight(inside, Marking("fusion", "GREEN", "op_b")) is Sight.COMMUNITY
    assert sight(inside, Marking("fusion", "RED", "op_a"), shared=True) is Sight.SHARED


def test_red_of_the_own_agency_needs_a_role_on_the_watch_floor() -> None:
    red = Marking("metro", "RED")
    assert sight(Actor("p", "metro", roles=frozenset({Role.PARTNER})), red) is Sight.RED_ELSEWHERE
    assert sight(Actor("p", "metro", roles=frozenset({Role.COLLECTOR})), red) is Sight.OWN_AGENCY


@pytest.mark.parametrize(
    "role", [Role.COLLECTOR, Role.PARTNER, Role.FIELD, Role.INSPECTOR, Role.ADMINISTRATOR]
)
def test_only_release_authority_and_lead_release(role: Role) -> None:
    with pytest.raises(Forbidden) as caught:
        permit(Actor("p", "metro", roles=frozenset({role})), Permission.RELEASE)
    assert "release a warning" in caught.value.message
    assert caught.value.cure


def test_the_system_may_what_it_is_coded_to_do() -> None:
    permit(SYSTEM, Permission.RELEASE)
    assert sight(SYSTEM, Marking("x", "RED")) is Sight.SYSTEM
