"""How scripted people fill in what the system asks of them: worksheets, documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.assess.terms import (
    Confidence,
    Disposition,
    Judgment,
    Likelihood,
    Specific,
    WholeDecision,
    Worksheet,
)
from tocsin.assess.terms import Speech as Kind
from tocsin.exercise.labels import Judgement, Speech
from tocsin.exercise.terms import DraftWritten
from tocsin.exercise.world import Label
from tocsin.warn.terms import Content
from tocsin.warn.terms import Judgment as Said

THREATS = frozenset({Speech.TRUE_THREAT, Speech.INCITEMENT, Speech.PLANNING})
TYPES = {
    "OSIR": "OSIR",
    "FIR": "FIR",
    "SIR": "SIR",
    "intelligence_note": "NOTE",
    "special_event_assessment": "EVENT_ASSESSMENT",
}
"""The scenario's products, as the kinds of warning the system knows."""

WHOLE = "EVENT_ASSESSMENT"
"""The kind of warning that is drafted about the whole."""

_HARM = frozenset({"threat-to-kill", "targets-officials", "attack-a-place", "doxxing"})
_MEANS = frozenset({"weapons", "materials", "call-to-arms"})
_BASIS = "Public posts and reports as collected; nothing checked on the ground yet."


def sheet(judgement: Judgement, label: Label, reason: str = "") -> Worksheet:
    """The worksheet of somebody who judges in that way an item a careful reader would label so."""
    speech = label.speech
    if judgement is Judgement.CALLS_HYPERBOLE:
        speech = Speech.HYPERBOLE
    elif judgement is Judgement.REPORTS_ALL and speech not in THREATS:
        speech = Speech.PLANNING
    if speech not in THREATS:
        words = reason or "Talk, opinion or a joke; it threatens nobody."
        return Worksheet(speech=Kind(speech.value), disposition=Disposition.NO_REPORT, reason=words)
    return Worksheet(
        speech=Kind(speech.value),
        disposition=Disposition.REPORT,
        reason=reason or "It says what is to be done, and where or when.",
        specifics=_specifics(label.raises),
        reliability="E",
        credibility=3,
        likelihood=Likelihood.LIKELY,
        likelihood_percent=60,
        confidence=Confidence.MODERATE,
        basis=_BASIS,
    )


def _specifics(raises: Iterable[str]) -> frozenset[Specific]:
    """What such an item names: the place and the day always, for the posts are about one event."""
    signs = set(raises)
    named = {Specific.PLACE, Specific.TIME}
    if signs & _HARM:
        named.add(Specific.TARGET)
    if signs & _MEANS:
        named.add(Specific.MEANS)
    return frozenset(named)


def document(inject: DraftWritten, cites: tuple[str, ...], *, changed: str = "") -> Content:
    """A draft's words as the form wants them: the body is the summary, the title the one judgment."""
    return Content(
        title=inject.title,
        summary=inject.body,
        judgments=(Said(text=f"{inject.title}.", cites=cites),) if cites else (),
        changed=changed,
    )


def whole(words: str, signs: Iterable[str], situation: str, *, changed: str = "") -> Content:
    """The warning about the whole: what came together, and what is asked of the reader."""
    kinds = ", ".join(sorted(sign.replace("-", " ") for sign in signs))
    return Content(
        title="Taken together, the signs point to violence at the event",
        summary=f"{words} Kinds of sign seen together: {kinds}.",
        judgments=(
            Said(
                text="Violence at the event is likely.",
                likelihood="likely",
                confidence="moderate",
                basis=_BASIS,
                cites=(situation,),
            ),
        ),
        would_change="Organisers calling it off, or the calls to bring weapons stopping.",
        actions=(
            "Brief every shift on it at roll call.",
            "Review posts, entrances and equipment against it.",
        ),
        changed=changed,
    )


def taken_together(words: str, *, draft: bool, reason: str = "") -> Judgment:
    """The assessment of the whole that goes with it."""
    return Judgment(
        decision=WholeDecision.DRAFT if draft else WholeDecision.KEEP_WATCHING,
        text=words,
        likelihood=Likelihood.LIKELY,
        likelihood_percent=70,
        confidence=Confidence.MODERATE,
        basis=_BASIS,
        reason=reason,
    )
