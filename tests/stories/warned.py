"""Drafts and warnings for stories of the warn stage."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.cast import Cast
from tests.stories.flagged import flag
from tocsin.assess.actions import open_situation
from tocsin.kernel import clock
from tocsin.people.terms import Actor
from tocsin.warn import actions
from tocsin.warn.models import Warning
from tocsin.warn.terms import Content, Judgment


def situation(cast: Cast, *, tlp: str = "AMBER") -> tuple[str, str]:
    """(situation, report): a topic of the march with one flagged report in it."""
    report = flag(cast, ["weapons"], tlp=tlp, text="Bring tools for the north doors on Wednesday")
    made = open_situation(
        cast.ana, title="The north doors", operation=cast.march, reports=[report.id]
    )
    return made, report.id


def words(report: str, **changes: Any) -> Content:
    """The words of a draft that nothing stands against."""
    content: dict[str, Any] = {
        "title": "North doors named for the march",
        "summary": "Several posts name the north doors and ask readers to bring tools.",
        "judgments": (
            Judgment(
                text="A group will try the north doors during the march.",
                likelihood="likely",
                confidence="moderate",
                basis="Several unconnected authors, none identified.",
                cites=(report,),
            ),
        ),
        "would_change": "The doors are closed and this is announced.",
        "actions": ("Man the north doors from noon.",),
    }
    return Content(**{**content, **changes})


def drafted(cast: Cast, *, by: Actor | None = None, **changes: Any) -> Warning:
    """A finished draft of Ana's, for the march, four days in force."""
    made, report = situation(cast)
    fields: dict[str, Any] = {
        "type": "BULLETIN",
        "content": words(report),
        "situation": made,
        "label": "AMBER",
        "precedence": "IMMEDIATE",
        "expires_at": clock.now() + timedelta(days=4),
        **changes,
    }
    return now(actions.draft(by or cast.ana, **fields))


def in_review(cast: Cast, **changes: Any) -> Warning:
    """A draft that was sent to review."""
    row = drafted(cast, **changes)
    actions.submit(cast.ana, warning=row.id, version=row.version)
    return now(row.id)


def released(cast: Cast, **changes: Any) -> Warning:
    """A warning in force, released by Rhea."""
    row = in_review(cast, **changes)
    actions.release(cast.rhea, warning=row.id, version=row.version)
    return now(row.id)


def now(warning: str) -> Warning:
    """The warning as it stands."""
    return Warning.objects.get(id=warning)
