"""Decisions of this stage: what is recommended, who reads twice, when the alarm rings, how far
readers agree.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from tocsin.assess.behaviours import BEHAVIOURS
from tocsin.assess.terms import (
    LIKELIHOODS,
    Agreement,
    Alarm,
    AlarmReason,
    Confidence,
    Disposition,
    Judgment,
    Likelihood,
    Recommendation,
    SecondReading,
    Specific,
    Speech,
    Threshold,
    Thresholds,
    Watch,
    WholeDecision,
    Worksheet,
)
from tocsin.kernel.errors import BadSettings, Invalid

_LEAST_WORDS = 10  # characters: less than that explains nothing
_CAP = 20_000  # characters of one field
_D = Disposition


def thresholds(policy: str, source: str = "policy") -> Thresholds:
    """The `[assess]` table of the policy, strictly. Raises: BadSettings naming the key and the
    cure.
    """
    raw = tomllib.loads(policy).get("assess", {})
    known = Thresholds.__struct_fields__
    if unknown := sorted(set(raw) - set(known)):
        raise BadSettings("unknown key", field=f"{source}: assess.{unknown[0]}", cure="Remove it.")
    for key, value in raw.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadSettings(
                f"{value!r} is no whole number",
                field=f"{source}: assess.{key}",
                cure="Use 0 or more.",
            )
    made = Thresholds(**raw)
    if made.second_reading_percent > 100:
        raise BadSettings(
            "more than all of them",
            field=f"{source}: assess.second_reading_percent",
            cure="Use 0 to 100.",
        )
    return made


def recommend(
    speech: Speech, specifics: Iterable[Specific], behaviours: Iterable[str], facts: str = ""
) -> Recommendation:
    """What the threshold rules recommend; the first rule that fits, in this order.

    1. Behaviour that is a crime in itself, or one of the nine with additional facts: report.
    2. True threat, incitement, planning: report when it is specific, else find out more. Incitement
       is specific by place or time (it must be near); a threat by who, where or when; planning by
       any of the four.
    3. Hyperbole that names two or more of who, where, when, with what: find out more. Dismissing
       such posts one by one as talk is how 6 January was missed.
    4. Other hyperbole, and protected speech: no report. A person decides. Who the writer is plays
       no part.
    """
    named, seen = set(specifics), set(behaviours)
    place_or_time = named & {Specific.PLACE, Specific.TIME}
    if any(b in BEHAVIOURS and not BEHAVIOURS[b].needs_facts for b in seen):
        return Recommendation(_D.REPORT, Threshold.CRIMINAL_BEHAVIOUR)
    if seen and facts.strip():
        return Recommendation(_D.REPORT, Threshold.BEHAVIOUR_WITH_FACTS)
    if speech is Speech.TRUE_THREAT:
        if place_or_time or Specific.TARGET in named:
            return Recommendation(_D.REPORT, Threshold.THREAT_SPECIFIC)
        return Recommendation(_D.NEEDS_MORE, Threshold.THREAT_VAGUE)
    if speech is Speech.INCITEMENT:
        if place_or_time:
            return Recommendation(_D.REPORT, Threshold.INCITEMENT_NEAR)
        return Recommendation(_D.NEEDS_MORE, Threshold.INCITEMENT_VAGUE)
    if speech is Speech.PLANNING:
        if named:
            return Recommendation(_D.REPORT, Threshold.PLANNING_SPECIFIC)
        return Recommendation(_D.NEEDS_MORE, Threshold.PLANNING_VAGUE)
    if speech is Speech.HYPERBOLE and len(named) >= 2:
        return Recommendation(_D.NEEDS_MORE, Threshold.HYPERBOLE_SPECIFIC)
    if speech is Speech.HYPERBOLE:
        return Recommendation(_D.NO_REPORT, Threshold.HYPERBOLE)
    return Recommendation(_D.NO_REPORT, Threshold.PROTECTED)


def recommendation(sheet: Worksheet) -> Recommendation:
    """`recommend` for a whole worksheet."""
    return recommend(sheet.speech, sheet.specifics, sheet.behaviours, sheet.facts)


def check(sheet: Worksheet) -> Recommendation:
    """A worksheet that may be decided on, and what was recommended. Raises: Invalid naming field
    and cure.
    """
    for field in ("reason", "facts", "basis", "departure"):
        if len(getattr(sheet, field)) > _CAP:
            raise Invalid("is too long", field=field, cure=f"At most {_CAP} characters.")
    for code in sheet.behaviours:
        if code not in BEHAVIOURS:
            raise Invalid(
                f"there is no behaviour {code!r}",
                field="behaviours",
                cure=f"One of: {', '.join(BEHAVIOURS)}.",
            )
    needing = [BEHAVIOURS[b].title.lower() for b in sheet.behaviours if BEHAVIOURS[b].needs_facts]
    if needing and len(sheet.facts.strip()) < _LEAST_WORDS:
        raise Invalid(
            f"{', '.join(needing)} may be lawful by itself: say what makes it suspicious here",
            field="facts",
            cure="Say what was seen that a reasonable person would find suspicious, or untick it.",
        )
    if sheet.reliability not in tuple("ABCDEF"):
        raise Invalid("is a letter from A to F", field="reliability", cure="F = cannot be judged.")
    if not 1 <= sheet.credibility <= 6:
        raise Invalid("is a number from 1 to 6", field="credibility", cure="6 = cannot be judged.")
    if sheet.disposition is _D.REPORT and sheet.likelihood is None:
        raise Invalid("say how likely it is", field="likelihood", cure="Choose a term.")
    if sheet.likelihood is not None:
        _likelihood(sheet.likelihood, sheet.likelihood_percent, sheet.confidence, sheet.basis)
    if len(sheet.reason.strip()) < 3:
        raise Invalid("say why", field="reason", cure="A few words are enough.")
    recommended = recommendation(sheet)
    if (
        sheet.disposition is not recommended.disposition
        and len(sheet.departure.strip()) < _LEAST_WORDS
    ):
        raise Invalid(
            f"the rules say “{recommended.disposition.plain}”: {recommended.threshold.plain}. "
            "You may decide otherwise, with a reason",
            field="departure",
            cure="Say why this case is different.",
        )
    return recommended


def check_judgment(judgment: Judgment) -> None:
    """An assessment of the whole that may be recorded. Raises: Invalid naming field and cure."""
    if len(judgment.text.strip()) < _LEAST_WORDS:
        raise Invalid(
            "write the assessment", field="text", cure="Say what the signs mean together."
        )
    for field in ("text", "basis", "reason"):
        if len(getattr(judgment, field)) > _CAP:
            raise Invalid("is too long", field=field, cure=f"At most {_CAP} characters.")
    _likelihood(
        judgment.likelihood, judgment.likelihood_percent, judgment.confidence, judgment.basis
    )
    if (
        judgment.decision is WholeDecision.KEEP_WATCHING
        and len(judgment.reason.strip()) < _LEAST_WORDS
    ):
        raise Invalid(
            "say why no warning is drafted now",
            field="reason",
            cure="Say what you would have to see first.",
        )


def _likelihood(
    term: Likelihood, percent: int | None, confidence: Confidence | None, basis: str
) -> None:
    row = LIKELIHOODS[term]
    if percent is None or not row.low <= percent <= row.high:
        raise Invalid(
            f"“{row.likelihood}” means {row.low} to {row.high} %",
            field="likelihood_percent",
            cure="Change the number or the term.",
        )
    if confidence is None:
        raise Invalid("say how sure you are", field="confidence", cure="Low, moderate or high.")
    if len(basis.strip()) < _LEAST_WORDS:
        raise Invalid(
            "confidence needs a basis",
            field="basis",
            cure="Say what it rests on: sources, gaps, assumptions.",
        )


def words(text: str, field: str, what: str) -> str:
    """A text a person had to give. Raises: Invalid when it is missing or too long."""
    if len(text.strip()) < _LEAST_WORDS:
        raise Invalid(what, field=field, cure="A sentence is enough.")
    if len(text) > _CAP:
        raise Invalid("is too long", field=field, cure=f"At most {_CAP} characters.")
    return text.strip()


def draw(key: str, report: str) -> int:
    """A number 0..99 that belongs to a report and that nobody without the key can foresee or
    choose.
    """
    return (
        int.from_bytes(hashlib.sha256(f"{key}\0second reading\0{report}".encode()).digest()[:8])
        % 100
    )


def second_reading(
    sheet: Worksheet,
    recommended: Recommendation,
    *,
    novice: bool,
    current: bool,
    drawn: int,
    percent: int,
) -> SecondReading:
    """Whether a first decision gets a second reader, and why. Only a no-report can: it is what ends
    in silence.
    """
    if sheet.disposition is not _D.NO_REPORT:
        return SecondReading.NONE
    if novice:
        return SecondReading.NOVICE
    if not current:
        return SecondReading.LAPSED
    if recommended.disposition is not _D.NO_REPORT:
        return SecondReading.DEPARTED
    return SecondReading.SHARE if drawn < percent else SecondReading.NONE


def active(
    last: Mapping[str, datetime], checklist: Iterable[str], now: datetime, window: timedelta
) -> set[str]:
    """The kinds of sign on the checklist (all, where it is empty) last seen within the window."""
    wanted = set(checklist)
    return {c for c, at in last.items() if at >= now - window and (not wanted or c in wanted)}


def crossing(before: set[str], after: set[str], alarmed: Iterable[str], k: int) -> Alarm | None:
    """Whether the alarm rings: k kinds of sign are there together, or one more came on top.

    `before` and `after` are the active kinds before and after what just came in; `alarmed` those of
    the last alarm. A report counts from the moment it is flagged, decided or not. A decision that
    it is hyperbole does not take it out (each one alone looked like talk: that was the failure);
    only a final decision that it is protected speech does. Once the number fell below k, the next
    crossing is a new alarm.
    """
    if len(after) < k:
        return None
    rung = set(alarmed) if len(before) >= k else set()
    if not (added := after - rung):
        return None
    reason = AlarmReason.FURTHER if rung else AlarmReason.FIRST
    return Alarm(reason, tuple(sorted(after)), tuple(sorted(added)))


def bare(watches: Sequence[Watch], now: datetime) -> dict[str, datetime]:
    """Shifts of one agency during which at some time nobody on watch is fully trained: id -> first such time.

    Where several people share that time, the one whose shift began first stands for them.
    """
    ready = [(w.starts_at, min(w.ends_at, w.ready_until)) for w in watches if w.ready_until]
    edges = {now} | {t for w in watches for t in (w.starts_at, w.ends_at)} | {t for _, t in ready}
    found: dict[str, datetime] = {}
    for at in sorted(t for t in edges if t >= now):
        on = [w for w in watches if w.starts_at <= at < w.ends_at]
        if on and not any(starts <= at < ends for starts, ends in ready):
            found.setdefault(min(on, key=lambda w: (w.starts_at, w.id)).id, at)
    return found


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """How far first and second readers agree: share of equal pairs, and Cohen's kappa.

    Kappa = (observed − expected) / (1 − expected), expected from each reader's own shares;
    undefined when both always said the same one thing. Whole-number arithmetic, rounded half up.
    """
    n = len(pairs)
    if n == 0:
        return Agreement(0, 0, None, None)
    agreed = sum(a == b for a, b in pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(first[word] * second[word] for word in first)  # over n²
    percent = (200 * agreed + n) // (2 * n)
    if by_chance == n * n:
        return Agreement(n, agreed, percent, None)
    above, most = agreed * n - by_chance, n * n - by_chance
    return Agreement(n, agreed, percent, (2000 * above + most) // (2 * most))


def convert(fields: Mapping[str, object]) -> Worksheet:
    """A worksheet from plain values. Raises: Invalid naming the field that is not one."""
    try:
        return msgspec.convert(dict(fields), Worksheet, strict=False)
    except msgspec.ValidationError as e:
        message, _, place = str(e).partition(" - at `$.")
        field = place.rstrip("`").partition("[")[0] or message.split("`")[1]
        raise Invalid(message, field=field, cure="Choose one of the answers offered.") from e
