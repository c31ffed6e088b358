"""How far outsiders vouch for the record, from what the witnesses answered: for `tocsin check` and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.record.models import Cosignature, WitnessState
from tocsin.record.note import VerifierKey
from tocsin.record.proof.asking import Wrong, current_policy
from tocsin.record.proof.policy import BadPolicy, Policy

_LOOK_BACK = 500  # cosignatures; those of the last quorum are among the newest


@dataclass(frozen=True, slots=True)
class WitnessStanding:
    """One witness: how far it has cosigned, when (our clock), and what it holds against us in words."""

    names: str
    url: str
    size: int
    cosigned_at: datetime | None
    code: str
    wrong: str

    @property
    def accuses(self) -> bool:
        """Whether it says that this record is not the one it saw grow."""
        return bool(self.code) and Wrong(self.code).accuses


@dataclass(frozen=True, slots=True)
class Standing:
    """How far outsiders vouch for the record; `needed` = the quorum in words, `policy` False = none is set,
    `broken` = why the policy cannot be used."""

    policy: bool
    needed: str
    quorum_size: int
    quorum_at: datetime | None
    witnesses: tuple[WitnessStanding, ...]
    broken: str = ""

    @property
    def accused(self) -> bool:
        """Whether a witness says that this record is not the one it saw grow."""
        return any(w.accuses for w in self.witnesses)


def standing() -> Standing:
    """What the witnesses say, from what was kept."""
    try:
        policy = current_policy()
    except BadPolicy as error:
        return Standing(True, "nobody", 0, None, (), broken=str(error))
    if policy is None:
        return Standing(False, "no witness", 0, None, ())
    states = WitnessState.objects.in_bulk()
    names: dict[str, list[str]] = {}
    for witness in policy.witnesses:
        names.setdefault(witness.url.rstrip("/"), []).append(witness.key.name)
    found = []
    for url, called in names.items():
        s = states.get(url) or WitnessState(url=url)
        found.append(
            WitnessStanding(
                ", ".join(dict.fromkeys(called)), url, s.size, s.cosigned_at, s.code, s.wrong
            )
        )
    size, at = _last_quorum(policy)
    return Standing(True, policy.needed(), size, at, tuple(found))


def _last_quorum(policy: Policy) -> tuple[int, datetime | None]:
    keys = {(w.name, w.key.key_id.hex()): w.key for w in policy.witnesses}
    spoke: dict[int, tuple[set[VerifierKey], datetime]] = {}
    for c in Cosignature.objects.order_by("-size")[:_LOOK_BACK]:
        key = keys.get((c.name, c.key_id))
        if key is not None:
            known, at = spoke.get(c.size, (set(), c.kept_at))
            spoke[c.size] = (known | {key}, max(at, c.kept_at))
    for size, (known, at) in spoke.items():  # the largest first
        if policy.met(known):
            return size, at
    return 0, None
