"""Reading devices: who carries which, whether a token is a device's own, and photos by their hash."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from django.db.models import QuerySet

from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound
from tocsin.operate.models.devices import Device, Photo
from tocsin.operate.rules.devices import Facts, Standing, standing
from tocsin.people import store as people
from tocsin.people.models import Grant, Member, Participation
from tocsin.people.terms import SYSTEM, Actor, Role
from tocsin.people.visibility import visible_to
from tocsin.record.models import Vault

_HALF = 32  # bytes of each of the two numbers of a P-256 signature


@dataclass(frozen=True, slots=True)
class Session:
    """A device that may act, as of now."""

    person: str
    operation: str
    device: str
    expires_at: datetime


def devices(operation: str, actor: Actor = SYSTEM) -> QuerySet[Device]:
    """The devices of an operation, newest first."""
    return visible_to(actor, Device.objects.filter(operation=operation)).order_by(
        "-issued_at", "-id"
    )


def look(token: str) -> tuple[Standing, Session | None]:
    """What a token is worth now, and whose it is where it is good."""
    return look_all([token])[0]


def look_all(tokens: Sequence[str]) -> list[tuple[Standing, Session | None]]:
    """What each token is worth now, in order; three questions to the database however many there are.

    A token is `<device>.<seconds since 1970>.<signature>`: the device signs the first two with the key it joined
    with (ECDSA P-256, SHA-256, as WebCrypto makes it). It is no secret that lasts: after ten minutes it is nothing.
    """
    parts = [_parts(t) for t in tokens]
    rows = Device.objects.in_bulk([p[0] for p in parts if p])
    homes = _homes(r.person for r in rows.values())
    taking_part = set(
        Participation.objects.filter(
            operation__in={r.operation for r in rows.values()}, agency__in=set(homes.values())
        ).values_list("operation", "agency")
    )
    now = clock.now()
    found: list[tuple[Standing, Session | None]] = []
    for p in parts:
        row = rows.get(p[0]) if p else None
        if p is None or row is None or not row.key or not _own(row.key, p):
            found.append((Standing.FORGED, None))
            continue
        part = (row.operation, homes.get(row.person, "")) in taking_part
        signed_at = datetime.fromtimestamp(int(p[1]), UTC)
        is_ = standing(Facts(row.state, row.expires_at, part), signed_at, now)
        good = Session(row.person, row.operation, row.id, row.expires_at)
        found.append((is_, good if is_ is Standing.GOOD else None))
    return found


def _parts(token: str) -> list[str] | None:
    parts = token.split(".")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) <= 11):
        return None
    return parts


def _own(key: str, parts: list[str]) -> bool:
    return signed(key, f"tocsin-device\n{parts[0]}\n{parts[1]}", parts[2])


def _homes(people: Iterable[str]) -> dict[str, str]:
    """Person -> the agency they are of now."""
    rows = Member.objects.filter(person__in=set(people), left_at=None)
    return dict(rows.values_list("person", "agency"))


def actor_of(session: Session) -> Actor:
    """Who acts through a device: its person, for the device's operation alone."""
    found = people.actor(session.person)
    return replace(found, operations=found.operations & {session.operation})


def carriers(sessions: Sequence[Session]) -> dict[str, Actor]:
    """Device -> who carries it, as far as what they may see depends on it (no name, no qualification): for many."""
    wanted = {s.person for s in sessions}
    homes, roles = _homes(wanted), defaultdict[str, set[Role]](set)
    held = Grant.objects.filter(person__in=wanted, revoked_at=None)
    for person, role in held.values_list("person", "role"):
        roles[person].add(Role(role))
    return {
        s.device: Actor(
            person=s.person,
            agency=homes.get(s.person, ""),
            name="",
            roles=frozenset(roles[s.person]),
            operations=frozenset({s.operation}),
        )
        for s in sessions
    }


def signed(key: str, message: str, signature: str) -> bool:
    """Whether `signature` (two numbers of 32 bytes, base64url) over `message` is by the owner of `key`."""
    try:
        raw = unpack(signature)
        if len(raw) != 2 * _HALF:
            return False
        numbers = int.from_bytes(raw[:_HALF]), int.from_bytes(raw[_HALF:])
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpack(key))
        public.verify(encode_dss_signature(*numbers), message.encode(), ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def unpack(text: str) -> bytes:
    """Bytes of base64url without padding. Raises: ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as e:
        raise ValueError(str(e)) from e


def photo(actor: Actor, operation: str, sha256: str) -> Photo:
    """A photo of this operation by its hash. Raises: NotFound, the same for absent and hidden."""
    rows = Photo.objects.filter(operation=operation, sha256=sha256)
    row = visible_to(actor, rows, subject="sighting").first()
    if row is None:
        raise NotFound("there is no such photo, or it is not yours to see")
    return row


def image(row: Photo, *, thumb: bool) -> bytes:
    """The WebP of a photo. Raises: NotFound when it was forgotten."""
    kept = Vault.objects.filter(id=row.thumb if thumb else row.image).first()
    if kept is None or not kept.body:
        raise NotFound("the photo is no longer kept")
    return base64.b64decode(kept.body["webp"])
