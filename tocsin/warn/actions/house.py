"""An agency's seal and its own layouts: set by those who answer for what goes out under its name."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass

from tocsin.formats.typeset import CannotTypeset
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor, Permission
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp
from tocsin.warn import terms
from tocsin.warn.models import Seal, Template
from tocsin.warn.papers import house, looks, sample, sandbox
from tocsin.warn.papers.looks import House
from tocsin.warn.products import PRODUCTS
from tocsin.warn.terms import TemplateState

EVERY = ""
OTHERS = ("RFI", "SITUATION")
"""Papers that are no warnings, and can have a layout as well."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a layout makes of the sample."""

    data: bytes
    filename: str


def set_seal(actor: Actor, *, image: bytes) -> None:
    """Give the actor's agency a seal; it is printed on everything it issues from now on.

    Raises: Forbidden; Invalid where it is no image, or too large.
    """
    permit(actor, Permission.RELEASE)
    clean = looks.seal(image)
    with writing(actor) as w:
        digest = hashlib.sha256(clean).hexdigest()
        data = {
            "agency": actor.agency,
            "digest": digest,
            "size": len(clean),
            "content": w.keep(actor.agency, {"image": b64encode(clean).decode()}),
        }
        w.append(terms.SEAL_SET, actor.agency, data, marking=_public(actor))


def remove_seal(actor: Actor) -> None:
    """Print without a seal from now on. Raises: Forbidden; NotFound where there is none."""
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        if not Seal.objects.filter(agency=actor.agency).exclude(content="").exists():
            raise NotFound("your agency has no seal")
        w.append(terms.SEAL_REMOVED, actor.agency, {"agency": actor.agency}, marking=_public(actor))


def propose_template(actor: Actor, *, product: str, name: str, source: str) -> str:
    """Propose a layout of the agency's own; returns its id. It is tried on a sample that has everything in it.

    `product` is a code of `PRODUCTS`, RFI, SITUATION, or '' for all. Raises: Forbidden; Invalid with the reason
    why it cannot be used.
    """
    permit(actor, Permission.RELEASE)
    name = " ".join(name.split())
    if product not in (EVERY, *PRODUCTS, *OTHERS):
        raise Invalid("there is no such product", field="product", cure="Choose one of the list.")
    if not name or len(name) > 80:
        raise Invalid("the name is missing, or too long", field="name", cure="Use 1 to 80 letters.")
    if not source.strip():
        raise Invalid("the layout is empty", field="source", cure="Paste its typst source.")
    if len(source.encode()) > sandbox.MOST_SOURCE:
        raise Invalid(
            f"the layout has {len(source.encode()) // 1000} kB",
            field="source",
            cure=f"Keep it under {sandbox.MOST_SOURCE // 1000} kB.",
        )
    _try(actor, product, source)
    with writing(actor) as w:
        made = new_id("tpl", w.at)
        data = {
            "product": product,
            "digest": hashlib.sha256(source.encode()).hexdigest(),
            "size": len(source.encode()),
            "content": w.keep(made, {"title": name, "text": source}),
        }
        w.append(terms.TEMPLATE_PROPOSED, made, data, marking=_own(actor))
    return made


def preview_template(actor: Actor, *, template: str) -> Previewed:
    """The sample in a proposed layout, as PDF; that somebody looked is on the record.

    Raises: Forbidden; NotFound; Invalid where it cannot be used any more.
    """
    permit(actor, Permission.RELEASE)
    row = _of(actor, template)
    made = _try(actor, row.product, house.source(row))
    if row.state == TemplateState.PROPOSED:
        with writing(actor) as w:
            _move(w, actor, _locked(actor, template, row.version), terms.TEMPLATE_PREVIEWED)
    return Previewed(made, f"preview-{template[-6:]}.pdf")


def use_template(actor: Actor, *, template: str, version: int) -> None:
    """Put a layout into use in place of the one before. Raises: Forbidden; NotFound; Conflict where nobody has
    looked at its preview yet, or somebody changed it meanwhile."""
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = _locked(actor, template, version)
        if row.state != TemplateState.PREVIEWED:
            raise Conflict(
                "nobody has looked at its preview yet"
                if row.state == TemplateState.PROPOSED
                else "it was put into use, or retired, before",
                cure="Open the preview first, then put it into use.",
            )
        used = Template.objects.select_for_update().filter(
            agency=actor.agency, product=row.product, state=TemplateState.IN_USE.value
        )
        for before in used:
            _move(w, actor, before, terms.TEMPLATE_RETIRED)
        _move(w, actor, row, terms.TEMPLATE_USED)


def retire_template(actor: Actor, *, template: str, version: int) -> None:
    """Take a layout out of use. Raises: Forbidden; NotFound; Conflict."""
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = _locked(actor, template, version)
        if row.state == TemplateState.RETIRED:
            raise Conflict("it was retired before", cure="Propose it again to use it again.")
        _move(w, actor, row, terms.TEMPLATE_RETIRED)


def _try(actor: Actor, product: str, source: str) -> bytes:
    issuer = agency_names().get(actor.agency, actor.agency)
    looks_so = House(house.seal_of(actor.agency), source)
    try:
        return sandbox.typeset(sample.paper(product, issuer, clock.now()), looks_so)
    except CannotTypeset as error:
        raise Invalid(error.message, field="source", cure=error.cure) from error


def _of(actor: Actor, template: str) -> Template:
    row = Template.objects.filter(id=template, agency=actor.agency).first()
    if row is None:
        raise NotFound("there is no such thing, or it is not yours to see")
    return row


def _locked(actor: Actor, template: str, version: int) -> Template:
    _of(actor, template)
    row = Template.objects.select_for_update().get(id=template)
    if row.version != version:
        raise Conflict(
            "somebody changed this layout since you opened it",
            field="version",
            cure="Reload the page.",
        )
    return row


def _move(w: Writing, actor: Actor, row: Template, kind: str) -> None:
    w.append(kind, row.id, {"version": row.version + 1}, marking=_own(actor))


def _own(actor: Actor) -> Marking:
    return Marking(actor.agency, Tlp.AMBER_STRICT.value)


def _public(actor: Actor) -> Marking:
    return Marking(actor.agency, Tlp.CLEAR.value)
