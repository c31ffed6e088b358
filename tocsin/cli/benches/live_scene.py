"""The scene of the benches of a running operation: many officers at posts, each with a device that joined."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

STAGE_E7 = (408_570_000, -799_705_000)


@dataclass(frozen=True)
class Scene:
    operation: str
    lead: str
    people: list[str]
    posts: list[str]
    tokens: list[str]


def make(posts: int, *, devices: bool = True, spread_m: int = 2000) -> Scene:
    """An operation with so many manned posts on a grid, the first of them the detail leader's; a device each."""
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.kernel.ids import new_id  # noqa: PLC0415
    from tocsin.people import actions as people  # noqa: PLC0415
    from tocsin.people.terms import PERSON_ADDED, ROLE_GRANTED, SYSTEM, Role  # noqa: PLC0415
    from tocsin.plan.terms.staffing import ASSIGNED, POST_CHECKED_IN, POST_PLACED  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415
    from tocsin.record.terms import Marking, Tlp, stamp  # noqa: PLC0415

    now = clock.now()
    people.add_agency(SYSTEM, agency="lead", name="The detail")
    people.add_agency(SYSTEM, agency="county", name="County police")
    lead = people.add_person(
        SYSTEM,
        username="lead",
        name="Lead",
        agency="lead",
        roles=[Role.OPERATION_LEAD],
        email="lead@example.org",
    )
    start, end = now - timedelta(minutes=5), now + timedelta(hours=8)
    operation = people.open_operation(
        SYSTEM, name="The rally", place="The field", lead_agency="lead", agencies=["county"], starts_at=start,
        ends_at=end, k=3, checklist=[], must_know=[{"agency": "lead", "role": Role.OPERATION_LEAD.value}], keywords=[],
    )  # fmt: skip
    mark = Marking("county", Tlp.AMBER.value, operation)
    officers, made = [new_id("per") for _ in range(posts)], [new_id("post") for _ in range(posts)]
    side = max(1, int(posts**0.5))
    with writing(SYSTEM) as w:
        for person in officers:
            w.append(PERSON_ADDED, person, {"agency": "county", "novice": False}, marking=None)
            w.append(
                ROLE_GRANTED, person, {"role": Role.FIELD.value, "agency": "county"}, marking=None
            )
        for n, (person, post) in enumerate(zip(officers, made, strict=True)):
            data = _post(n, side, spread_m, stamp(start), stamp(end))
            w.append(POST_PLACED, post, data, marking=mark)
            assignment = new_id("asg")
            data = {
                "id": assignment,
                "person": person,
                "from_at": stamp(start),
                "until_at": stamp(end),
            }
            w.append(ASSIGNED, post, data, marking=mark)
            w.append(POST_CHECKED_IN, post, {"id": assignment}, marking=mark)
    tokens = _devices(officers, mark, stamp(end)) if devices else []
    return Scene(operation, lead, officers, made, tokens)


def _post(n: int, side: int, spread_m: int, start: str, end: str) -> dict[str, Any]:
    step = spread_m * 90 // side  # about 90 units of 1e-7 degrees to a metre
    return {
        "label": f"Post {n + 1}", "kind": "DETAIL" if n == 0 else "POST", "command": n == 0,
        "lat": STAGE_E7[0] + n // side * step, "lon": STAGE_E7[1] + n % side * step, "floor": "",
        "from_at": start, "until_at": end, "equipment": [], "qualification": "", "role_title": "",
    }  # fmt: skip


def _devices(people: list[str], mark: Any, until: str) -> list[str]:
    """A device for each, joined, with a token signed by its own key."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.kernel.ids import new_id  # noqa: PLC0415
    from tocsin.operate.terms.devices import DEVICE_ISSUED, DEVICE_JOINED  # noqa: PLC0415
    from tocsin.people.terms import SYSTEM  # noqa: PLC0415
    from tocsin.record.actions import writing  # noqa: PLC0415

    def plain(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    tokens = []
    with writing(SYSTEM) as w:
        for person in people:
            device, key = new_id("dev"), ec.generate_private_key(ec.SECP256R1())
            public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            w.append(DEVICE_ISSUED, device, {"person": person, "expires_at": until}, marking=mark)
            w.append(DEVICE_JOINED, device, {"key": plain(public)}, marking=mark)
            at = int(clock.now().timestamp())
            r, s = decode_dss_signature(
                key.sign(f"tocsin-device\n{device}\n{at}".encode(), ec.ECDSA(SHA256()))
            )
            tokens.append(f"{device}.{at}.{plain(r.to_bytes(32) + s.to_bytes(32))}")
    return tokens
