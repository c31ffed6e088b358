"""The standing cast: a lead agency's watch floor, two partners, an outsider, and one operation.

`fusion` leads: ana and ned (a novice) collect, rhea and ruth release, lou leads the operation, pia
is the privacy officer, ines the inspector. `capitol` (paul, a partner; olga, an operation lead) and
`metro` (mona, a partner) take part. `other` (otto, a collector) does not: every door must stay shut
for otto. ada administers and sees no content.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tocsin.kernel import clock
from tocsin.people import actions, store
from tocsin.people.models import Account
from tocsin.people.terms import SYSTEM, Actor, Role

PASSWORD = "correct horse battery"
CHECKLIST = [
    "attack-a-place",
    "call-to-arms",
    "storm-the-building",
    "targets-officials",
    "travel-and-muster",
    "weapons",
]
MUST_KNOW = [
    {"agency": "capitol", "role": Role.OPERATION_LEAD.value},
    {"agency": "metro", "role": Role.PARTNER.value},
]
_AGENCIES = {
    "fusion": "Fusion centre",
    "capitol": "Capitol police",
    "metro": "Metro police",
    "other": "Other county",
    "council": "Administration",
}
_PEOPLE: dict[str, tuple[str, str, Role]] = {
    "ana": ("Ana Alvarez", "fusion", Role.COLLECTOR),
    "ned": ("Ned Novak", "fusion", Role.COLLECTOR),
    "rhea": ("Rhea Ross", "fusion", Role.RELEASE_AUTHORITY),
    "ruth": ("Ruth Rivera", "fusion", Role.RELEASE_AUTHORITY),
    "lou": ("Lou Larsen", "fusion", Role.OPERATION_LEAD),
    "pia": ("Pia Park", "fusion", Role.PRIVACY_OFFICER),
    "ines": ("Ines Ito", "fusion", Role.INSPECTOR),
    "paul": ("Paul Price", "capitol", Role.PARTNER),
    "olga": ("Olga Ortiz", "capitol", Role.OPERATION_LEAD),
    "mona": ("Mona Mills", "metro", Role.PARTNER),
    "otto": ("Otto Olsen", "other", Role.COLLECTOR),
    "ada": ("Ada Adams", "council", Role.ADMINISTRATOR),
}


@dataclass(frozen=True)
class Cast:
    """Ids of the cast; each name gives that person as the actor they are at this moment."""

    people: dict[str, str]
    march: str

    def actor(self, name: str) -> Actor:
        return store.actor(self.people[name])

    def account(self, name: str) -> Account:
        """For a test client's `force_login`."""
        return Account.objects.get(person=self.people[name])

    @property
    def ana(self) -> Actor:
        """Collector of the lead agency, trained and current."""
        return self.actor("ana")

    @property
    def ned(self) -> Actor:
        """Collector of the lead agency, a novice."""
        return self.actor("ned")

    @property
    def rhea(self) -> Actor:
        """Release authority of the lead agency."""
        return self.actor("rhea")

    @property
    def ruth(self) -> Actor:
        """Second release authority of the lead agency."""
        return self.actor("ruth")

    @property
    def lou(self) -> Actor:
        """Operation lead of the lead agency."""
        return self.actor("lou")

    @property
    def pia(self) -> Actor:
        """Privacy officer of the lead agency."""
        return self.actor("pia")

    @property
    def ines(self) -> Actor:
        """Inspector of the lead agency."""
        return self.actor("ines")

    @property
    def paul(self) -> Actor:
        """Partner at an agency that takes part."""
        return self.actor("paul")

    @property
    def olga(self) -> Actor:
        """Operation lead of an agency that takes part."""
        return self.actor("olga")

    @property
    def mona(self) -> Actor:
        """Partner at the other agency that takes part."""
        return self.actor("mona")

    @property
    def otto(self) -> Actor:
        """The outsider: a collector of an agency that takes no part."""
        return self.actor("otto")

    @property
    def ada(self) -> Actor:
        """Administrator: runs the system, sees no content."""
        return self.actor("ada")


def make_cast(*, password: str | None = None, **operation: Any) -> Cast:
    """Make everybody and the operation `march`, which starts three days from now.

    `password` lets them sign in (slow to hash, so off by default); `operation` overrides its
    fields.
    """
    now = clock.now()
    for agency, name in _AGENCIES.items():
        actions.add_agency(SYSTEM, agency=agency, name=name)
    people = {
        username: actions.add_person(
            SYSTEM,
            username=username,
            name=name,
            agency=agency,
            roles=[role],
            email=f"{username}@{agency}.example",
            password=password,
            novice=username == "ned",
        )
        for username, (name, agency, role) in _PEOPLE.items()
    }
    for username in ("ana", "ned", "rhea", "ruth", "otto"):
        actions.qualify(
            SYSTEM,
            person=people[username],
            name="threat assessment",
            expires_at=now + timedelta(days=365),
        )
    fields: dict[str, Any] = {
        "name": "The march",
        "place": "The Mall",
        "lead_agency": "fusion",
        "agencies": ["capitol", "metro"],
        "starts_at": now + timedelta(days=3),
        "ends_at": now + timedelta(days=3, hours=8),
        "k": 3,
        "checklist": CHECKLIST,
        "must_know": MUST_KNOW,
        "keywords": ["march"],
        **operation,
    }
    return Cast(people, actions.open_operation(SYSTEM, **fields))
