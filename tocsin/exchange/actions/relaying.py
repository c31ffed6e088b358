"""Passing on another agency's message: a draft that credits it, and carries the original untouched."""

from __future__ import annotations

from tocsin.collect import store as collect
from tocsin.exchange import terms
from tocsin.exchange.bulletins import original
from tocsin.kernel.errors import Invalid
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import writing
from tocsin.warn import actions as warn
from tocsin.warn.terms import Content, Judgment

_LONGEST = 20_000


def relay(
    actor: Actor,
    *,
    report: str,
    type: str = "SIR",
    precedence: str = "",
    label: str = "",
) -> str:
    """Begin a warning from a message that came in; returns the draft's id.

    The draft quotes the message as shown here (masked) and says whose it is; every export encloses the original as
    it came, signature and all. Review decides on it like on any other.
    Raises: Forbidden; NotFound; Invalid when the report came as no message of another agency.
    """
    permit(actor, Permission.DRAFT)
    row = collect.report(actor, report)
    came = original(row)
    if came is None:
        raise Invalid(
            "did not come as another agency's message", field="report", cure="Draft your own."
        )
    shown = str(collect.texts([row])[row.id].get("text", ""))[:_LONGEST]
    title, _, rest = shown.partition("\n")
    content = Content(
        title=f"Passed on: {title.strip()[:150]}",
        summary=f"Issued by {came.credit} as {came.identifier}; passed on unchanged.\n\n{rest.strip() or title}",
        judgments=(Judgment(text="As stated by the issuing agency.", cites=(row.id,)),),
    )
    # One transaction: writing nests, so there is no draft without the link to what it carries.
    with writing(actor) as w:
        draft = warn.draft(
            actor,
            type=type,
            content=content,
            operation=row.operation,
            label=label or row.tlp,
            precedence=precedence or row.precedence,
        )
        w.append(terms.RELAYED, draft, {"report": row.id}, marking=marking_of(row))
    return draft
