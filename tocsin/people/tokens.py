"""Keys with which other systems act as a person. The secret is shown once; only its digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, NotFound
from tocsin.people import terms
from tocsin.people.models import ApiToken, Member
from tocsin.people.rules import permit
from tocsin.people.store import actor_by_key
from tocsin.people.terms import Actor, Permission
from tocsin.record.actions import writing

PREFIX = "tocsin_"
_USED_EVERY = timedelta(minutes=1)


def issue(by: Actor, *, person: str, name: str) -> str:
    """Make a key for a person; returns the secret, which is not kept. Raises: Forbidden, Invalid."""
    permit(by, Permission.ADMINISTER)
    if not Member.objects.filter(person=person, left_at=None).exists():
        raise Invalid("there is no such person", field="person", cure="Add the person first.")
    if not name.strip():
        raise Invalid("the key has no name", field="name", cure="Name the system that will use it.")
    secret = PREFIX + secrets.token_urlsafe(32)
    with writing(by) as w:
        row = ApiToken.objects.create(
            person=person, name=name.strip(), digest=_digest(secret), created_at=w.at
        )
        w.append(terms.TOKEN_ISSUED, person, {"token": row.id}, marking=None)
    return secret


def revoke(by: Actor, *, token: int) -> None:
    """End a key at once. Raises: Forbidden; NotFound when there is none in force."""
    permit(by, Permission.ADMINISTER)
    with writing(by) as w:
        row = ApiToken.objects.select_for_update().filter(id=token, revoked_at=None).first()
        if row is None:
            raise NotFound("there is no such key in force", field="token")
        row.revoked_at = w.at
        row.save(update_fields=["revoked_at"])
        w.append(terms.TOKEN_REVOKED, row.person, {"token": row.id}, marking=None)


def holder(secret: str) -> Actor | None:
    """The actor a key acts as, as of now; None for a key that is unknown or ended, or whose person left."""
    found = actor_by_key(_digest(secret))
    if found is None or not found[0].agency:
        return None
    acting, key, used = found
    now = clock.now()
    if used is None or now - used > _USED_EVERY:
        ApiToken.objects.filter(id=key).update(last_used_at=now)
    return acting


def _digest(secret: str) -> str:
    # A fast hash is enough: the secret is 256 random bits, not a password.
    return hashlib.sha256(secret.encode()).hexdigest()
