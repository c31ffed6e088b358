"""What is due, what a hold covers, what a promotion must say: decided purely."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tocsin.duties.rules import duration
from tocsin.kernel.errors import BadSettings, Conflict, Invalid
from tocsin.retain.terms import (
    KIND_WORDS,
    REASON_AT_LEAST,
    Confidence,
    Fate,
    Grounds,
    Hold,
    Policy,
    RoutineUse,
    Schedule,
    Sensitivity,
    Then,
    Thing,
    Vetting,
)

DISCLOSURE_AT_LEAST = timedelta(days=5 * 365 + 1)
TEMPORARY = "report"
TEMPORARY_MOST = timedelta(days=180)
_NEVER = timedelta(days=36_500)


def due_at(
    schedule: Schedule, made_at: datetime, *, decided: datetime | None = None
) -> datetime | None:
    """When a thing's time is over; None = no limit of its own.

    `decided` = a date that a person or a source set. It counts instead of the schedule's where a person may
    validate (a new five years), and only where it is sooner for what is temporary: nothing prolongs that.
    """
    if schedule.then is Then.KEEP:
        return decided
    scheduled = made_at + schedule.term
    if decided is None:
        return scheduled
    return decided if schedule.then is Then.VALIDATE else min(decided, scheduled)


def fate(schedule: Schedule, due: datetime | None, now: datetime, *, held: bool) -> Fate:
    """What is to be done with a thing now: max(schedule, hold)."""
    if due is None or now < due - schedule.ahead:
        return Fate.KEEP
    if now < due:
        return Fate.ASK
    if held:
        return Fate.SEAL
    return Fate.ASK if schedule.then is Then.VALIDATE else Fate.PURGE


def may_purge(held: Iterable[str]) -> None:
    """A person's purge, whatever the schedule says. Raises: Conflict naming the holds."""
    if names := sorted(held):
        raise Conflict(
            f"a legal hold covers it ({', '.join(names)})",
            field="subject",
            cure="It can be purged when every hold on it is lifted.",
        )


def validated_until(schedule: Schedule, now: datetime) -> datetime:
    """The end of a new term. Raises: Conflict for what is temporary: its clock starts once, at collection."""
    if schedule.then is not Then.VALIDATE:
        raise Conflict(
            "its time cannot be renewed: the clock started when it was collected",
            field="subject",
            cure="Promote it, with the grounds that takes, or let it go.",
        )
    return now + schedule.term


def covers(hold: Hold, thing: Thing) -> bool:
    """Whether an order to keep covers a thing: every bound that is given must be met."""
    if hold.subjects and not hold.subjects & (thing.belongs | {thing.subject}):
        return False
    if hold.operation and hold.operation not in thing.operations:
        return False
    if hold.people and not hold.people & thing.people:
        return False
    if hold.agency and not hold.people and hold.agency not in thing.agencies:
        return False
    if hold.first and thing.made_at < hold.first:
        return False
    return not (hold.last and thing.made_at > hold.last)


def names(hold: Hold, person: str, agency: str) -> bool:
    """Whether a hold names whoever is to be removed: the person (or a role they held), or their whole agency.

    What they did may be under hold besides; the record tells that.
    """
    if person and person in hold.people:
        return True
    return bool(hold.agency) and hold.agency == agency and not hold.role and not hold.people


def check_hold(hold: Hold) -> None:
    """Raises: Invalid for a hold without bounds, or with a role and no agency, or dates that cross."""
    if not (
        hold.subjects or hold.operation or hold.agency or hold.people or hold.first or hold.last
    ):
        raise Invalid(
            "says nothing about what to keep",
            field="scope",
            cure="Name a subject, an operation, an agency or a role of it, a person, or dates.",
        )
    if hold.role and not hold.agency:
        raise Invalid("names a role of no agency", field="agency", cure="Choose the agency.")
    if hold.first and hold.last and hold.last < hold.first:
        raise Invalid("ends before it begins", field="last", cure="Give a later end.")


def check_reason(text: str, field: str = "reason") -> str:
    """The reason, tidied. Raises: Invalid when it says nothing."""
    words = " ".join(text.split())
    if len(words) < REASON_AT_LEAST:
        raise Invalid("say why", field=field, cure="A sentence is enough; it is recorded.")
    return words


def check_vetting(vetting: Vetting, need_facts: frozenset[str], known: frozenset[str]) -> None:
    """A tip becomes a suspicious activity report by two decisions: it meets a criterion, and a trained analyst
    finds a possible nexus from context.

    Raises: Invalid naming the field.
    """
    if not vetting.behaviours or set(vetting.behaviours) - known:
        raise Invalid(
            "names no behaviour of the list", field="behaviours", cure="Tick at least one."
        )
    if not vetting.meets:
        raise Invalid(
            "was not confirmed",
            field="meets",
            cure="Tick that it meets the criterion, or leave it a tip.",
        )
    if need_facts & set(vetting.behaviours) and len(vetting.facts.strip()) < REASON_AT_LEAST:
        raise Invalid(
            "this behaviour alone is lawful: more is needed",
            field="facts",
            cure="State the additional facts that can be named.",
        )
    check_reason(vetting.nexus, "nexus")


def check_grounds(grounds: Grounds) -> None:
    """What 28 CFR 23.20 asks of an entry of criminal intelligence. Raises: Invalid naming the field."""
    if len(" ".join(grounds.suspicion.split())) < 40:
        raise Invalid(
            "does not set out reasonable suspicion",
            field="suspicion",
            cure="State the facts that give a trained officer reason to believe in a definite criminal activity.",
        )
    check_reason(grounds.crime, "crime")
    if grounds.sensitivity not in set(Sensitivity):
        raise Invalid("is not chosen", field="sensitivity", cure="Choose one.")
    if grounds.confidence not in set(Confidence):
        raise Invalid("is not chosen", field="confidence", cure="Choose one.")
    if not grounds.control.strip():
        raise Invalid("is empty", field="control", cure="Name the post that controls the entry.")
    if grounds.protected and len(grounds.tie.strip()) < REASON_AT_LEAST:
        raise Invalid(
            "concerns views, religion or association",
            field="tie",
            cure="State the direct tie to the criminal conduct, or do not enter it.",
        )


def source_terms(policy: Policy, source: str, authority: str) -> Mapping[str, timedelta]:
    """The shorter terms of a source: those of its authority, then its own."""
    return {**policy.sources.get(authority, {}), **policy.sources.get(source, {})}


def parse(text: str, source: str = "retention", *, base: Policy | None = None) -> Policy:
    """A policy from TOML; what it does not name is as in `base`. Raises: BadSettings naming the key and the cure."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise BadSettings(str(e), field=source, cure="Mend the TOML.") from e
    allowed = {"version", "keep", "source", "routine_use", "delivery", "release"}
    if unknown := set(raw) - allowed:
        raise BadSettings("unknown key", field=f"{source}: {sorted(unknown)[0]}", cure="Remove it.")
    if not isinstance(raw.get("version"), str):
        raise BadSettings("has no version", field=source, cure='Add version = "2026-01-31".')
    schedules = {
        kind: _schedule(kind, spec, f"{source}: keep.{kind}")
        for kind, spec in raw.get("keep", {}).items()
    }
    sources = {
        name: {k: duration(v, f"{source}: source.{name}.{k}") for k, v in spec.items()}
        for name, spec in raw.get("source", {}).items()
    }
    uses = {u["id"]: RoutineUse(u["id"], u["plain"]) for u in raw.get("routine_use", [])}
    delivery = raw.get("delivery", {}).get("routine_use", "")
    release = raw.get("release", {}).get("routine_use", "")
    if base is not None:
        schedules, uses = base.schedules | schedules, base.routine_uses | uses
        delivery, release = delivery or base.delivery_use, release or base.release_use
    policy = Policy(raw["version"], schedules, sources, uses, delivery, release)
    _check(policy, source)
    return policy


def _schedule(kind: str, spec: dict[str, Any], where: str) -> Schedule:
    if unknown := set(spec) - {"for", "then", "ahead", "why"}:
        raise BadSettings("unknown key", field=f"{where}.{sorted(unknown)[0]}", cure="Remove it.")
    if spec.get("then") not in set(Then):
        raise BadSettings(
            f"{spec.get('then')!r} is no end",
            field=f"{where}.then",
            cure="Use purge, validate or keep.",
        )
    then = Then(spec["then"])
    term = _NEVER if then is Then.KEEP else duration(spec.get("for"), f"{where}.for")
    ahead = duration(spec.get("ahead", "0s"), f"{where}.ahead")
    if then is Then.PURGE and ahead:
        raise BadSettings("asks nobody", field=f"{where}.ahead", cure="Remove it.")
    return Schedule(kind, term, then, ahead, str(spec.get("why", "")))


def _check(policy: Policy, source: str) -> None:
    """Bounds that no site may loosen."""
    for kind in KIND_WORDS:
        if kind not in policy.schedules:
            raise BadSettings("is missing", field=f"{source}: keep.{kind}", cure="Add it.")
    if unknown := set(policy.schedules) - set(KIND_WORDS):
        raise BadSettings(
            "is no kind of thing", field=f"{source}: keep.{sorted(unknown)[0]}",
            cure=f"Use one of: {', '.join(KIND_WORDS)}.",
        )  # fmt: skip
    temporary = policy.schedules[TEMPORARY]
    if temporary.then is not Then.PURGE or temporary.term > TEMPORARY_MOST:
        raise BadSettings(
            "keeps tips and leads longer than 180 days, or asks to renew them",
            field=f"{source}: keep.report", cure='Use for = "180d" or less, then = "purge".',
        )  # fmt: skip
    if policy.schedules["disclosure"].term < DISCLOSURE_AT_LEAST:
        raise BadSettings(
            "forgets disclosures too soon", field=f"{source}: keep.disclosure.for",
            cure="Keep the account for five years or longer.",
        )  # fmt: skip
    for where, use in (("delivery", policy.delivery_use), ("release", policy.release_use)):
        if use not in policy.routine_uses:
            raise BadSettings(
                "names no routine use", field=f"{source}: {where}.routine_use",
                cure="Use the id of a [[routine_use]].",
            )  # fmt: skip
