"""A small world for the web: the cast, and one of each kind of thing, made by the product's own actions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tests.cast import Cast, make_cast
from tests.stories import warned
from tests.stories.flagged import flag
from tocsin.assess import actions as assess
from tocsin.collect import actions as collect
from tocsin.collect.terms import SourceKind
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.people import actions as people
from tocsin.people.terms import Role


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
    return Stage(
        cast=cast,
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
