"""The schedules in force."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path

from tocsin.kernel import settings
from tocsin.kernel.errors import BadSettings
from tocsin.retain import rules
from tocsin.retain.terms import Policy, Schedule, Then

_SHIPPED = Path(__file__).with_name("policy.toml")


@cache
def policy_text() -> str:
    """The schedules in force: the site's own file, else those that ship. Raises: BadSettings."""
    path = settings.current().retention_file or _SHIPPED
    try:
        return path.read_text()
    except OSError as e:
        raise BadSettings(
            f"cannot read {path}", field="retention_file", cure="Check the path."
        ) from e


@cache
def policy() -> Policy:
    """The policy in force: the site's own words, and for kinds it does not name those that ship.

    Raises: BadSettings.
    """
    return rules.parse(policy_text(), base=rules.parse(_SHIPPED.read_text()))


def schedule(kind: str) -> Schedule:
    """The schedule of a kind; one without limit where the policy names none."""
    found = policy().schedules.get(kind)
    return found or Schedule(kind, timedelta.max, Then.KEEP)
