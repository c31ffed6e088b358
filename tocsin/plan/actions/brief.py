"""Writing what a plan says in words: objectives and medical care."""

from __future__ import annotations

from dataclasses import asdict

from tocsin.kernel.errors import Conflict, Invalid
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.plan import store
from tocsin.plan.actions import shared
from tocsin.plan.terms import brief as terms
from tocsin.plan.terms.brief import KINDS, Brief, Care
from tocsin.record.actions import Writing, writing


def write_brief(actor: Actor, *, operation: str, draft: Brief) -> int:
    """Put objectives and medical care on the plan, all of it anew; returns the new version. Empty rows are left out.

    `draft.version` = what was read before. Raises: Forbidden, NotFound, Conflict, Invalid naming the field.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        if store.brief(operation).version != draft.version:
            raise Conflict(
                "somebody changed this since you opened it", cure="Reload and look again."
            )
        keep_brief(w, plan, _tidy(draft))
    return draft.version + 1


def keep_brief(w: Writing, plan: Operation, draft: Brief) -> None:
    """Put a checked brief on the record, within the caller's transaction and authority."""
    words = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(draft).items()}
    del words["version"]
    version = draft.version + 1
    text = "\n".join([*draft.objectives, draft.emphasis, draft.procedures]).strip()
    kept = w.keep(plan.id, {"title": "Objectives and medical care", "text": text, **words})
    data = {"version": version, "words": kept}
    w.append(terms.BRIEFED, plan.id, data, marking=shared.marking(plan))


def _tidy(d: Brief) -> Brief:
    lines = tuple(_line(o, "objectives") for o in d.objectives if o.strip())
    if len(lines) > terms.OBJECTIVES_CAP:
        most = terms.OBJECTIVES_CAP
        raise Invalid(f"more than {most}", field="objectives", cure="Name what matters most.")
    return Brief(
        objectives=lines,
        emphasis=_words(d.emphasis, "emphasis"),
        procedures=_words(d.procedures, "procedures"),
        version=d.version,
        **{kind: _care(getattr(d, kind), kind) for kind in KINDS},
    )


def _care(rows: tuple[Care, ...], kind: str) -> tuple[Care, ...]:
    found = []
    for row in rows:
        said = {k: _line(v, kind) for k, v in asdict(row).items()}
        if any(said.values()) and not said["name"]:
            raise Invalid("has a row without a name", field=kind, cure="Name it, or empty the row.")
        if said["name"]:
            found.append(Care(**said))
    if len(found) > terms.CARE_CAP:
        raise Invalid(f"more than {terms.CARE_CAP}", field=kind, cure="Name the nearest.")
    return tuple(found)


def _line(text: str, field: str) -> str:
    tidy = " ".join(text.split())
    if len(tidy) > terms.LINE_CAP:
        raise Invalid(f"is longer than {terms.LINE_CAP} letters", field=field, cure="Shorten it.")
    return tidy


def _words(text: str, field: str) -> str:
    tidy = text.strip()
    if len(tidy) > terms.WORDS_CAP:
        raise Invalid(f"is longer than {terms.WORDS_CAP} letters", field=field, cure="Shorten it.")
    return tidy
