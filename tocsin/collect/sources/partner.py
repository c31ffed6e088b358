"""What the sources that are partners' systems want to know. Light: the parts that read them are loaded when read."""

from __future__ import annotations

from msgspec import Struct


class CapSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where alerts come from. `certificates` = PEM of those who sign them: then only what they signed is taken.

    `statuses` = which to take: a drill is no alert, and is left out unless it is asked for.
    """

    url: str
    certificates: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ("Actual",)
    timeout_seconds: float = 20.0
    size_bytes: int = 4 * 1024 * 1024


class TaxiiSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A collection: its whole address (`…/collections/<id>/`), and the variable that holds the password or key.

    With `user`, it is sent as user and password; without, as a bearer key. Both '' = no sign-in.
    """

    url: str
    user: str = ""
    password_env: str = ""
    page: int = 100
    timeout_seconds: float = 30.0
    size_bytes: int = 8 * 1024 * 1024


class MispSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A feed by the address of its folder; `password_env` names the variable with its key, where it wants one."""

    url: str
    password_env: str = ""
    timeout_seconds: float = 30.0
    size_bytes: int = 16 * 1024 * 1024


PartnerSource = CapSource | TaxiiSource | MispSource
