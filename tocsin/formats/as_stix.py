"""A warning as STIX 2.1: a report, its judgments as notes, dissent as an opinion, its sources as incidents.

Exporting the same edition again gives the same objects, ids and versions included; the next edition is the next
version of the same objects, and a cancellation revokes them. People are no objects here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from tocsin.formats import stix_terms as terms
from tocsin.formats.bulletin import Bulletin, Cited, Statement
from tocsin.formats.stix_terms import object_id, stamp

Object = dict[str, Any]
_CONFIDENCE: Final = {
    "low": 15,
    "moderate": 50,
    "high": 85,
}  # STIX 2.1 appendix A, None/Low/Med/High


def objects(b: Bulletin) -> list[Object]:
    """Every object of a warning, what others refer to first."""
    agency = _agency(b)
    incidents = [i for c in b.sources if c.kind == "report" for i in _incident(b, c)]
    report = _report(b)
    notes = [_judgment(b, n, s) for n, s in enumerate(b.statements, 1)]
    if b.caveat:
        notes.append(_note(b, "caveat", "Caveat", b.caveat))
    if b.would_change:
        notes.append(_note(b, "would-change", "What would change this", b.would_change))
    opinions = [_opinion(b)] if b.dissent else []
    report["object_refs"] = [agency["id"], *(o["id"] for o in incidents)]
    frame = [*terms.maker(), terms.tlp(b.tlp), agency]
    return [*frame, *incidents, report, *notes, *opinions]


def bundle(b: Bulletin) -> bytes:
    """All of them in one bundle. The same warning gives the same bytes."""
    made = {
        "type": "bundle",
        "id": object_id("bundle", b.series, str(b.edition), b.message),
        "objects": objects(b),
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=2)


def _agency(b: Bulletin) -> Object:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": object_id("identity", b.site, b.sender),
        "created": terms.EPOCH,
        "modified": terms.EPOCH,
        "created_by_ref": terms.MAKER,
        "name": b.agency,
        "identity_class": "organization",
        "sectors": ["government"],
    }


def _base(b: Bulletin, kind: str, object_: str) -> Object:
    made: Object = {
        "type": kind,
        "spec_version": "2.1",
        "id": object_,
        "created_by_ref": object_id("identity", b.site, b.sender),
        "created": stamp(b.first_at),
        "modified": stamp(_after(b.sent, b.first_at, b)),
        "object_marking_refs": [terms.TLP[b.tlp]],
    }
    if b.cancelled:
        made["revoked"] = True
    return made


def _after(sent: datetime, first: datetime, b: Bulletin) -> datetime:
    """When this version was made: later by at least a millisecond for each edition, since STIX has no finer time."""
    return max(sent, first + timedelta(milliseconds=b.edition - 1 + b.cancelled))


def _extended(made: Object, values: Object) -> Object:
    if kept := {k: v for k, v in values.items() if v not in ("", None)}:
        made["extensions"] = {
            terms.EXTENSION: {"extension_type": "property-extension", **kept},
        }
    return made


def _report(b: Bulletin) -> Object:
    made = _base(b, "report", object_id("report", b.series))
    made |= {
        "name": b.title or b.product_name,
        "description": b.text,
        "report_types": ["threat-report"],
        "published": stamp(b.sent),
        "labels": [b.product.lower().replace("_", "-")],
        "external_references": [
            {"source_name": "tocsin", "external_id": b.id, "url": b.url},
            *(
                {"source_name": o.sender, "external_id": o.identifier, "description": "passed on"}
                for o in b.originals
            ),
        ],
    }
    return _extended(
        made,
        {
            "precedence": b.precedence,
            "product": b.product,
            "series": b.series,
            "edition": b.edition,
            "exercise": b.exercise or None,
            "review_by": stamp(b.expires) if b.expires else None,
        },
    )


def _note(b: Bulletin, name: str, abstract: str, content: str) -> Object:
    made = _base(b, "note", object_id("note", b.series, name))
    made |= {
        "abstract": abstract,
        "content": content,
        "object_refs": [object_id("report", b.series)],
    }
    return made


def _judgment(b: Bulletin, n: int, s: Statement) -> Object:
    made = _note(b, f"judgment/{n}", f"Judgment {n}", s.text or "(no words)")
    if s.confidence in _CONFIDENCE:
        made["confidence"] = _CONFIDENCE[s.confidence]
    if not s.likelihood:
        return made
    values = {"likelihood": s.likelihood, "likelihood_low": s.low, "likelihood_high": s.high}
    return _extended(made, values)


def _opinion(b: Bulletin) -> Object:
    made = _base(b, "opinion", object_id("opinion", b.series))
    made |= {
        "explanation": b.dissent,
        "opinion": "disagree",
        "object_refs": [object_id("report", b.series)],
    }
    return made


def _incident(b: Bulletin, c: Cited) -> list[Object]:
    """A tip or report that was cited, by its id and how far it is trusted: its words stay where they are."""
    made = _base(b, "incident", object_id("incident", b.series, c.id))
    made["name"] = f"Report {c.id}"
    made["external_references"] = [{"source_name": "tocsin", "external_id": c.id}]
    codes = {"admiralty_source": c.reliability, "admiralty_information": c.credibility}
    out = [_extended(made, {**codes, "us_person": "presumed"})]
    if c.seen > 1 and c.received_at and c.last_seen and c.last_seen > c.received_at:
        sighting = _base(b, "sighting", object_id("sighting", b.series, c.id))
        # A sighting changes when it is seen again, not when the warning does.
        sighting["created"], sighting["modified"] = stamp(c.received_at), stamp(c.last_seen)
        sighting |= {
            "first_seen": stamp(c.received_at),
            "last_seen": stamp(c.last_seen),
            "count": c.seen,
            "sighting_of_ref": made["id"],
            "where_sighted_refs": [object_id("identity", b.site, b.sender)],
        }
        out.append(sighting)
    return out
