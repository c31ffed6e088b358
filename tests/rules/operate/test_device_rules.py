"""Whether a device may act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.operate.rules.devices import Facts, Standing, standing
from tocsin.operate.terms.devices import TOKEN_HOLDS, DeviceState

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECONDS = st.integers(-100_000, 100_000).map(lambda s: NOW + timedelta(seconds=s))


@given(st.sampled_from(DeviceState), SECONDS, st.booleans(), SECONDS)
def test_only_a_joined_device_in_its_time_that_signed_just_now_may_act(
    state: DeviceState, expires: datetime, part: bool, signed: datetime
) -> None:
    good = (
        state is DeviceState.JOINED and expires > NOW and part and abs(signed - NOW) <= TOKEN_HOLDS
    )
    assert (standing(Facts(state.value, expires, part), signed, NOW) is Standing.GOOD) == good


def test_the_gravest_reason_is_named() -> None:
    gone = Facts(DeviceState.REVOKED.value, NOW, False)
    assert standing(gone, NOW - timedelta(days=1), NOW) is Standing.REVOKED
    late = Facts(DeviceState.JOINED.value, NOW, False)
    assert standing(late, NOW - timedelta(days=1), NOW) is Standing.EXPIRED
    assert standing(Facts("JOINED", NOW + timedelta(hours=1), False), NOW, NOW) is Standing.GONE
