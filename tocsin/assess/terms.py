"""The vocabulary of assessing: what a worksheet asks, what may become of a report, entry kinds.

Tables of tradecraft are data with the rule they rest on in `source`, so that a correction is a
change of data; `checked` says whether that rule was read in its text. Nothing here is legal advice.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

REPORT_ASSESSED = "report.assessed"
REPORT_SETTLED = "report.settled"
ASSESSMENT_UNDONE = "assessment.undone"
SITUATION_OPENED = "situation.opened"
SITUATION_CHANGED = "situation.changed"
SITUATION_COUNTED = "situation.counted"
ALARM_RAISED = "situation.alarm_raised"
SITUATION_SURGED = "situation.surged"
WHOLE_ASSESSED = "situation.whole_assessed"
DRAFT_BEGUN = "situation.draft_begun"
DISSENT_FILED = "dissent.filed"
DISSENT_ANSWERED = "dissent.answered"
RFI_ASKED = "rfi.asked"
RFI_EXTENDED = "rfi.extended"
RFI_ANSWERED = "rfi.answered"
RFI_WITHDRAWN = "rfi.withdrawn"


class Speech(StrEnum):
    """What kind of speech a report holds: the first question, because it decides what may be
    kept.
    """

    PROTECTED = "protected"
    HYPERBOLE = "hyperbole"
    TRUE_THREAT = "true_threat"
    INCITEMENT = "incitement"
    PLANNING = "planning"

    @property
    def label(self) -> str:
        return SPEECH[self].title

    @property
    def plain(self) -> str:
        return SPEECH[self].plain


class SpeechKind(Struct, frozen=True):
    """How a kind of speech is called, how to tell it, and the rule it rests on."""

    title: str
    plain: str
    source: str
    checked: bool = False


SPEECH: Final = MappingProxyType(
    {
        Speech.PROTECTED: SpeechKind(
            "Protected speech",
            "Opinion, protest, anger, faith, news: offends perhaps, threatens nobody.",
            "First Amendment; 28 CFR 23.20(b)",
        ),
        Speech.HYPERBOLE: SpeechKind(
            "Hyperbole",
            "Violent words that nobody present would take as a plan or a threat.",
            "Watts v. United States (1969)",
        ),
        Speech.TRUE_THREAT: SpeechKind(
            "True threat",
            "The writer says, and knows it will be so understood, that they mean to do violence.",
            "Virginia v. Black (2003); Counterman v. Colorado (2023)",
        ),
        Speech.INCITEMENT: SpeechKind(
            "Incitement",
            "Others are pushed to violence that is near and likely.",
            "Brandenburg v. Ohio (1969)",
        ),
        Speech.PLANNING: SpeechKind(
            "Planning",
            "Preparation is described: who, where, when, with what.",
            "ISE-SAR Functional Standard 1.5.5",
        ),
    }
)


class Specific(StrEnum):
    """What a report names. Each is a fact about the event, never about who the writer is."""

    TARGET = "target"
    PLACE = "place"
    TIME = "time"
    MEANS = "means"

    @property
    def plain(self) -> str:
        return _SPECIFIC[self.value]


_SPECIFIC: Final = MappingProxyType(
    {
        "target": "who",
        "place": "where",
        "time": "when",
        "means": "with what",
    }
)


class Likelihood(StrEnum):
    """How likely, in the words of ICD 203; one row of words is used in one product."""

    REMOTE = "remote"
    VERY_UNLIKELY = "very_unlikely"
    UNLIKELY = "unlikely"
    EVEN = "even"
    LIKELY = "likely"
    VERY_LIKELY = "very_likely"
    ALMOST_CERTAIN = "almost_certain"


class LikelihoodTerm(Struct, frozen=True):
    """Both rows of words for one step, and the percentages it covers (both ends included)."""

    likelihood: str
    probability: str
    low: int
    high: int
    source: str = "ICD 203, D.6.e(2)(a)"
    checked: bool = True


LIKELIHOODS: Final = MappingProxyType(
    {
        Likelihood.REMOTE: LikelihoodTerm("almost no chance", "remote", 1, 5),
        Likelihood.VERY_UNLIKELY: LikelihoodTerm("very unlikely", "highly improbable", 5, 20),
        Likelihood.UNLIKELY: LikelihoodTerm("unlikely", "improbable", 20, 45),
        Likelihood.EVEN: LikelihoodTerm("roughly even chance", "roughly even odds", 45, 55),
        Likelihood.LIKELY: LikelihoodTerm("likely", "probable", 55, 80),
        Likelihood.VERY_LIKELY: LikelihoodTerm("very likely", "highly probable", 80, 95),
        Likelihood.ALMOST_CERTAIN: LikelihoodTerm("almost certain", "nearly certain", 95, 99),
    }
)


class Confidence(StrEnum):
    """How well founded a judgment is; always with its basis, never in one sentence with
    likelihood.
    """

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


CREDIBILITY: Final = MappingProxyType(
    {
        1: "confirmed by other sources",
        2: "probably true",
        3: "possibly true",
        4: "doubtfully true",
        5: "improbable",
        6: "truth cannot be judged",
    }
)
"""Second axis of the Admiralty code: of the information, whatever its source is worth. Never
averaged.
"""


class Disposition(StrEnum):
    """What becomes of a flagged report."""

    REPORT = "report"
    NO_REPORT = "no_report"
    NEEDS_MORE = "needs_more"

    @property
    def plain(self) -> str:
        return _DISPOSITION[self.value]


_DISPOSITION: Final = MappingProxyType(
    {"report": "Report it", "no_report": "Do not report it", "needs_more": "Needs more first"}
)


class Reading(StrEnum):
    """Whose turn a decision was."""

    FIRST = "first"
    SECOND = "second"
    SETTLING = "settling"


class Stage(StrEnum):
    """How far a report's assessment is. FINAL ends it; all others owe something to somebody."""

    OPEN = "OPEN"
    NEEDS_MORE = "NEEDS_MORE"
    SECOND_READING = "SECOND_READING"
    SETTLING = "SETTLING"
    FINAL = "DECIDED"


class Threshold(StrEnum):
    """Why the threshold rules recommend what they do."""

    CRIMINAL_BEHAVIOUR = "criminal_behaviour"
    BEHAVIOUR_WITH_FACTS = "behaviour_with_facts"
    THREAT_SPECIFIC = "threat_specific"
    THREAT_VAGUE = "threat_vague"
    INCITEMENT_NEAR = "incitement_near"
    INCITEMENT_VAGUE = "incitement_vague"
    PLANNING_SPECIFIC = "planning_specific"
    PLANNING_VAGUE = "planning_vague"
    HYPERBOLE_SPECIFIC = "hyperbole_specific"
    HYPERBOLE = "hyperbole"
    PROTECTED = "protected"

    @property
    def plain(self) -> str:
        return _THRESHOLD[self.value]


_THRESHOLD: Final = MappingProxyType(
    {
        "criminal_behaviour": "it describes behaviour that is a crime in itself",
        "behaviour_with_facts": "it describes suspicious behaviour, and additional facts are given",
        "threat_specific": "a true threat that names who, where or when",
        "threat_vague": "a true threat, but it does not say against whom, where or when",
        "incitement_near": "it pushes others to violence at a named place or time",
        "incitement_vague": "it pushes others to violence, but names no place or time",
        "planning_specific": "preparation that names who, where, when or with what",
        "planning_vague": "preparation is hinted at, but nothing is named",
        "hyperbole_specific": "said as hyperbole, yet it names two of who, where, when, with what",
        "hyperbole": "violent words without anything that makes them a threat",
        "protected": "protected speech: nobody is threatened",
    }
)


class SecondReading(StrEnum):
    """Why a no-report gets a second reader, or why not."""

    NOVICE = "novice"
    LAPSED = "lapsed"
    DEPARTED = "departed"
    SHARE = "share"
    NONE = "none"

    @property
    def plain(self) -> str:
        return _SECOND[self.value]


_SECOND: Final = MappingProxyType(
    {
        "novice": "the first reader is new to the work",
        "lapsed": "the first reader's qualification has lapsed",
        "departed": "the decision departs from what the threshold rules recommend",
        "share": "it fell into the share that is always read twice",
        "none": "no second reading is due",
    }
)


class SituationKind(StrEnum):
    """PICTURE: everything flagged for one operation, made by itself. TOPIC: what an analyst put
    together.
    """

    PICTURE = "picture"
    TOPIC = "topic"


class SituationState(StrEnum):
    """OPEN, or CLOSED by a recorded decision."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class AlarmReason(StrEnum):
    """FIRST: the number of kinds of sign reached k. FURTHER: one more kind came on top."""

    FIRST = "first"
    FURTHER = "further"


class WholeDecision(StrEnum):
    """What an assessment of the whole ends in."""

    DRAFT = "draft"
    KEEP_WATCHING = "keep_watching"

    @property
    def plain(self) -> str:
        return "Draft a warning" if self is WholeDecision.DRAFT else "Keep watching"


class Asked(StrEnum):
    """State of dissent or of a request for information."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    WITHDRAWN = "WITHDRAWN"


class Worksheet(Struct, frozen=True):
    """What an analyst filled in about one report. Free text goes to the vault, the rest into the
    entry.

    `likelihood_percent` is 1..99; `reliability` A..F (of the source) and `credibility` 1..6 (of the
    information) are two axes. `facts`: the articulable additional facts; `basis`: what the
    confidence rests on; `departure`: why the decision differs from the recommendation.
    """

    speech: Speech
    disposition: Disposition
    reason: str
    specifics: frozenset[Specific] = frozenset()
    behaviours: tuple[str, ...] = ()
    facts: str = ""
    reliability: str = "F"
    credibility: int = 6
    likelihood: Likelihood | None = None
    likelihood_percent: int | None = None
    confidence: Confidence | None = None
    basis: str = ""
    departure: str = ""


class Judgment(Struct, frozen=True):
    """An assessment of the whole: text, how likely, how sure and why, and what is to be done."""

    decision: WholeDecision
    text: str
    likelihood: Likelihood
    likelihood_percent: int
    confidence: Confidence
    basis: str
    reason: str = ""


class Recommendation(Struct, frozen=True):
    """What the threshold rules recommend, and the named reason."""

    disposition: Disposition
    threshold: Threshold


class Thresholds(Struct, frozen=True):
    """The policy of this stage (`[assess]` of the policy file)."""

    second_reading_percent: int = 20
    k_of_n_window_days: int = 14
    protected_retention_days: int = 30
    needs_more_times: int = 2
    undo_seconds: int = 60


class Watch(Struct, frozen=True):
    """A collector's shift. `ready_until` = when its holder stops being fully trained; None = is not now."""

    id: str
    starts_at: datetime
    ends_at: datetime
    ready_until: datetime | None


class Alarm(Struct, frozen=True):
    """The k-of-n alarm: enough kinds of sign together. `added` are those that made it ring now."""

    reason: AlarmReason
    categories: tuple[str, ...]
    added: tuple[str, ...]


class Agreement(Struct, frozen=True):
    """How far two readers agree: `percent` of pairs, and Cohen's kappa in thousandths (None where
    undefined).
    """

    pairs: int
    agreed: int
    percent: int | None
    kappa_permille: int | None


class Seen(Struct, frozen=True):
    """Kinds of sign of one operation, each with when it was last seen."""

    last: dict[str, datetime]
