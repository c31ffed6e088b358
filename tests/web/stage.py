"""A small world for the web: the cast, and one of each kind of thing, made by the product's own actions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tests.cast import Cast, make_cast
from tests.stories import warned
from tests.stories.flagged import flag
from tocsin.assess import actions as assess
from tocsin.assess.behaviours import BEHAVIOURS
from tocsin.collect import actions as collect
from tocsin.collect.terms import SourceKind
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.oversee import actions as oversee
from tocsin.people import actions as people
from tocsin.people.terms import Role
from tocsin.retain import actions as retain
from tocsin.retain.actions.holding import Scope
from tocsin.retain.terms import Grounds, Vetting

VETTING = Vetting(
    (next(k for k, b in BEHAVIOURS.items() if not b.needs_facts),),
    nexus="The north doors are named, with the hour of the march.",
    meets=True,
)
GROUNDS = Grounds(
    suspicion="Two witnesses saw the north doors tested on three nights before the march.",
    crime="Conspiracy to break into a public building",
    sensitivity="restricted",
    confidence="moderate",
    control="Head of the criminal intelligence unit",
)


@dataclass(frozen=True)
class Stage:
    """The cast and the ids of what was made, by kind."""

    cast: Cast
    report: str
    situation: str
    warning: str
    draft: str
    rfi: str
    dissent: str
    source: str
    handover: str
    hold: str = ""
    sar: str = ""
    entry: str = ""
    unmasking: str = ""
    release: str = ""
    finding: str = ""
    inquiry: str = ""

    @property
    def subjects(self) -> dict[str, str]:
        """Name of a URL's parameter (and of the kind) -> the id to try it with."""
        return {
            "report": self.report,
            "situation": self.situation,
            "warning": self.warning,
            "rfi": self.rfi,
            "dissent": self.dissent,
            "source": self.source,
            "operation": self.cast.march,
            "hold": self.hold,
            "sar": self.sar,
            "entry": self.entry,
            "request_id": self.unmasking,
            "release": self.release,
            "finding": self.finding,
            "inquiry": self.inquiry,
            "subject": self.warning,
            "when": "overdue",
            "act": "submit",
            "token": "no-such-token",
            "number": "1",
        }


def make_stage(*, password: str | None = None) -> Stage:
    """One report to assess, a topic, a released warning, a draft in review, a question, a concern, a source."""
    cast = make_cast(password=password)
    source = collect.add_source(
        cast.ana,
        kind=SourceKind.API,
        name="City posts",
        authority="open-source-threat",
        purpose="threat-to-life",
    )
    report = flag(cast, ["weapons", "targets-officials"], precedence=Precedence.IMMEDIATE)
    released = warned.released(cast)
    draft = warned.in_review(cast)
    sar = retain.promote_to_sar(cast.ana, report=report.id, vetting=VETTING)
    entry = retain.promote_to_intelligence(cast.rhea, sar=sar, grounds=GROUNDS)
    scope = Scope(operation=cast.march, letter=("letter.pdf", b"Keep it all."))
    due = clock.now() + timedelta(days=30)
    seat = {"owner_agency": "fusion", "owner_role": Role.RELEASE_AUTHORITY.value}
    return Stage(
        cast=cast,
        release=oversee.begin_release(
            cast.pia, title="Records of the march", reference="F-1", subjects=[report.id]
        ),
        finding=oversee.file_finding(
            cast.ines,
            title="Drafts of the march waited",
            text="",
            topic="review",
            due_at=due,
            tlp="AMBER+STRICT",
            owner_agency=seat["owner_agency"],
            owner_role=seat["owner_role"],
        ),
        inquiry=oversee.submit_inquiry(
            cast.ines, title="Sweeps", text="", reviewer_agency="capitol", reviewer_role="operation_lead", due_at=due
        ),
        sar=sar,
        entry=entry,
        hold=retain.place_hold(cast.ines, title="The north doors", text="All of it.", scope=scope),
        unmasking=retain.ask_unmasking(cast.ana, report=report.id, reason="Is the north door his own?"),
        report=report.id,
        situation=released.situation,
        warning=released.id,
        draft=draft.id,
        rfi=assess.ask(
            cast.ana, to_agency="capitol", to_role=Role.PARTNER, title="Who holds the roof?",
            text="Who holds the north roof on the day?", due_at=clock.now() + timedelta(hours=20), operation=cast.march,
        ),
        dissent=assess.file_dissent(cast.ana, about=cast.march, text="We are told too little of the tunnels."),
        source=source,
        handover=people.hand_over(cast.ana, role=Role.COLLECTOR, text="Two drafts are open; watch the north doors."),
    )  # fmt: skip
