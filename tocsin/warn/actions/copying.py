"""Copies that leave the system: what is printed or saved elsewhere is a disclosure, and on the record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking
from tocsin.warn import store, terms
from tocsin.warn.models import Copy, Warning
from tocsin.warn.papers import gather, printing
from tocsin.warn.terms import Form, Part

MOST_WORDS = 500
"""Letters of a purpose, or of the name of who gets a copy."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A copy, ready to be saved. `fallback` = why it is not in its agency's own layout ('' = it is)."""

    id: str
    data: bytes
    media_type: str
    filename: str
    fallback: str


def take_copy(
    actor: Actor,
    *,
    subject: str,
    form: str,
    part: str = Part.WHOLE,
    to: str = "",
    purpose: str = "",
) -> Taken:
    """Take a copy of a warning, a situation or a question out of the system.

    It carries its own number, who took it and when; the record has the hash of its bytes, and for whom and why
    where that was said (28 CFR 23.20 and the Privacy Act ask who, why, when).
    Raises: Forbidden; NotFound, the same for absent and hidden; Invalid for an unknown form or part.
    """
    permit(actor, Permission.READ_CONTENT)
    kind, which = _form(form), _part(part)
    for name, words in (("to", to), ("purpose", purpose)):
        if len(words) > MOST_WORDS:
            raise Invalid(
                f"has {len(words)} letters", field=name, cure=f"Say it in at most {MOST_WORDS}."
            )
    at = clock.now()
    copy = new_id("cpy", at)
    found = gather.product(actor, subject, which, copy=copy, at=at)
    printed = printing.printed(found.paper, kind, found.house)
    said = {"to": to.strip(), "purpose": purpose.strip()}
    with writing(actor) as w:
        data: dict[str, object] = {
            "id": copy,
            "form": kind.value,
            "part": which.value,
            "digest": hashlib.sha256(printed.data).hexdigest(),
            "size": len(printed.data),
        }
        if any(said.values()):
            data["note"] = w.keep(subject, {"text": "\n".join(filter(None, said.values())), **said})
        w.append(terms.PAPER_TAKEN, subject, data, marking=found.marking)
    name = "-".join([found.name, *(["tearline"] if which is Part.BELOW else []), copy[-6:]])
    return Taken(
        copy, printed.data, printed.media_type, f"{name}.{printed.suffix}", printed.fallback
    )


def note_export(actor: Actor, row: Warning, *, form: str, data: bytes) -> None:
    """Note that the actor took a warning away in another system's format: once, however often it is fetched."""
    permit(actor, Permission.READ_CONTENT)
    digest = hashlib.sha256(data).hexdigest()
    if Copy.objects.filter(subject=row.id, person=actor.person, digest=digest).exists():
        return
    with writing(actor) as w:
        made = {
            "id": new_id("cpy", w.at),
            "form": form,
            "part": Part.WHOLE.value,
            "digest": digest,
            "size": len(data),
        }
        marking = Marking(row.agency, row.tlp, row.operation)
        w.append(terms.PAPER_TAKEN, row.id, made, marking=marking)


def below_tearline(w: Writing, row: Warning) -> dict[str, object] | None:
    """What a release records of the part below the tearline: its marking, and its words kept by themselves,
    so that who reads it never touches the rest. None where there is no tearline."""
    part = store.content(row).below
    if not part.text:
        return None
    return {
        "tlp": part.label,
        "series": row.series,
        "edition": row.edition,
        "type": row.type,
        "content": w.keep(row.id, {"title": part.title, "text": part.text}),
    }


def _form(form: str) -> Form:
    try:
        return Form(form)
    except ValueError:
        raise Invalid(
            f"there is no form {form!r}", field="form", cure="Use pdf, html or text."
        ) from None


def _part(part: str) -> Part:
    try:
        return Part(part)
    except ValueError:
        raise Invalid(
            f"there is no part {part!r}", field="part", cure="Use whole or below."
        ) from None
