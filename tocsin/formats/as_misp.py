"""A warning as a MISP event: intelligence-report, -dissemination and -source-assessment objects, and taxonomies.

The subject is an event, a place or a threat. No person is ever an attribute, a tag or a cluster here.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, Final

import msgspec

from tocsin.formats.bulletin import Bulletin, Cited, Statement
from tocsin.formats.stix_terms import object_id

_TEMPLATES: Final = {
    "intelligence-report": ("a88289fe-9afb-54b7-97a6-f51c6a004942", "1"),
    "intelligence-dissemination": ("fca90ca9-b3a9-52c2-972f-6617b75665f6", "1"),
    "intelligence-source-assessment": ("2d3a5895-6c54-50b5-bd25-ce33e974c50a", "1"),
}
"""Object templates of MISP (misp-objects): name -> uuid, version."""
_TYPES: Final = {
    "date-time": "datetime",
    "dissemination-time": "datetime",
    "collection-time": "datetime",
    "comment": "comment",
    "raw-report": "attachment",
    "acknowledgement-required": "boolean",
    "format-reference": "link",
    "reference": "link",
}
_CATEGORY: Final = {"attachment": "External analysis", "link": "External analysis"}
# MISP taxonomy "priority-level" [M].
_PRIORITY: Final = {
    "FLASH": "emergency",
    "IMMEDIATE": "severe",
    "PRIORITY": "high",
    "ROUTINE": "medium",
}
# The taxonomy knows one row of terms of ICD 203: by the lower end of the range.
_TERMS: Final = {
    1: "almost-no-chance",
    5: "very-unlikely",
    20: "unlikely",
    45: "roughly-even-chance",
    55: "likely",
    80: "very-likely",
    95: "almost-certain",
}
_THREAT: Final = {"FLASH": "1", "IMMEDIATE": "1", "PRIORITY": "2", "ROUTINE": "3"}
_DISTRIBUTION: Final = {
    "CLEAR": "3",
    "GREEN": "2",
}  # others: this organisation only, until somebody widens it
_RELIABILITY: Final = {
    "A": "Completely reliable",
    "B": "Usually reliable",
    "C": "Fairly reliable",
    "D": "Not usually reliable",
    "E": "Unreliable",
    "F": "Reliability cannot be judged",
}
_CREDIBILITY: Final = {
    "1": "Confirmed by other sources",
    "2": "Probably true",
    "3": "Possibly true",
    "4": "Doubtfully true",
    "5": "Improbable",
    "6": "Truth cannot be judged",
}


def write(b: Bulletin) -> bytes:
    """The event as MISP's JSON. The same warning gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode({"Event": event(b)}), indent=2)


def event(b: Bulletin) -> dict[str, Any]:
    """The event as MISP names its parts."""
    at = str(int(b.sent.timestamp()))
    made = {
        "uuid": _uuid("event", b.series),
        "info": b.title or b.product_name,
        "date": f"{b.first_at:%Y-%m-%d}",
        "timestamp": at,
        "publish_timestamp": at,
        "published": True,
        "analysis": "2",
        "threat_level_id": _THREAT.get(b.precedence, "4"),
        "distribution": _DISTRIBUTION.get(b.tlp, "0"),
        "Orgc": {"uuid": _uuid("identity", b.site, b.sender), "name": b.agency},
        "Tag": [{"name": name} for name in tags(b)],
        "Attribute": [],
    }
    made["Object"] = [
        _report(b, at),
        _dissemination(b, at),
        *(_source(b, c, at) for c in b.sources if c.kind == "report"),
    ]
    return made


def tags(b: Bulletin) -> list[str]:
    """Marking, priority and, for each judgment, how likely and how sure: never a person or a group."""
    names = [f"tlp:{b.tlp.lower()}", f"priority-level:{_PRIORITY.get(b.precedence, 'medium')}"]
    for s in b.statements:
        names += _judged(s)
    if b.exercise:
        names.append("tocsin:exercise")
    return list(dict.fromkeys(names))


def _judged(s: Statement) -> list[str]:
    out = []
    if s.likelihood:
        out.append(f'estimative-language:likelihood-probability="{_TERMS.get(s.low, "unlikely")}"')
    if s.confidence:
        out.append(f'estimative-language:confidence-in-analytic-judgment="{s.confidence}"')
    return out


def _report(b: Bulletin, at: str) -> dict[str, Any]:
    values: list[tuple[str, str, bytes | None]] = [
        ("report-id", b.message, None),
        ("report-type", "Intelligence Report", None),
        ("date-time", _time(b.sent), None),
        ("narrative", b.text, None),
        ("conclusion", "\n".join(s.text for s in b.statements), None),
        ("classification", f"TLP:{b.tlp}", None),
        ("precedence", b.precedence, None),
        ("reporting-unit", b.agency, None),
        ("evaluation", b.caveat, None),
        ("comment", "EXERCISE. This is a drill." if b.exercise else "", None),
        ("comment", f"CANCELLED: {b.cancel_reason}" if b.cancelled else "", None),
        ("format-reference", b.url if b.url.startswith("https://") else "", None),
    ]
    values += [("related-report", e.id, None) for e in b.earlier]
    for o in b.originals:
        values.append(("related-report", f"{o.identifier} ({o.sender})", None))
        values.append(("raw-report", f"original.{o.format}", o.raw))
    return _object("intelligence-report", (b.series,), values, at)


def _dissemination(b: Bulletin, at: str) -> dict[str, Any]:
    values: list[tuple[str, str, bytes | None]] = [
        ("dissemination-id", b.message, None),
        ("dissemination-time", _time(b.sent), None),
        ("originator", b.agency, None),
        ("precedence", b.precedence, None),
        ("classification", f"TLP:{b.tlp}", None),
        ("related-report", b.series, None),
        ("acknowledgement-required", "1", None),
    ]
    values += [("recipient", r, None) for r in b.recipients]
    values += [("follow-up-action", a, None) for a in b.actions]
    return _object("intelligence-dissemination", (b.series,), values, at)


def _source(b: Bulletin, c: Cited, at: str) -> dict[str, Any]:
    """A source by its id and its two grades; its words, author and address stay where they are."""
    values: list[tuple[str, str, bytes | None]] = [
        ("source-id", c.id, None),
        ("source-type", "Other", None),
        ("related-report", b.series, None),
        ("collection-time", _time(c.received_at) if c.received_at else "", None),
    ]
    if c.reliability in _RELIABILITY:
        words = f"{c.reliability} - {_RELIABILITY[c.reliability]}"
        values.append(("source-reliability", words, None))
    if c.credibility in _CREDIBILITY:
        words = f"{c.credibility} - {_CREDIBILITY[c.credibility]}"
        values.append(("information-credibility", words, None))
    made = _object("intelligence-source-assessment", (b.series, c.id), values, at)
    grades = []
    if c.reliability in _RELIABILITY:
        grades.append(f'admiralty-scale:source-reliability="{c.reliability.lower()}"')
    if c.credibility in _CREDIBILITY:
        grades.append(f'admiralty-scale:information-credibility="{c.credibility}"')
    for attribute in made["Attribute"]:
        if attribute["object_relation"] == "source-id" and grades:
            attribute["Tag"] = [{"name": g} for g in grades]
    return made


def _object(
    name: str, key: tuple[str, ...], values: list[tuple[str, str, bytes | None]], at: str
) -> dict[str, Any]:
    template, version = _TEMPLATES[name]
    attributes = []
    for n, (relation, value, data) in enumerate(values):
        if not value:
            continue
        kind = _TYPES.get(relation, "text")
        attribute: dict[str, Any] = {
            "uuid": _uuid("attribute", name, *key, str(n), relation),
            "object_relation": relation,
            "type": kind,
            "category": _CATEGORY.get(kind, "Other"),
            "value": value,
            "to_ids": False,
            "timestamp": at,
        }
        if data is not None:
            attribute["data"] = base64.b64encode(data).decode()
        attributes.append(attribute)
    return {
        "uuid": _uuid("object", name, *key),
        "name": name,
        "meta-category": "misc",
        "template_uuid": template,
        "template_version": version,
        "timestamp": at,
        "Attribute": attributes,
    }


def _uuid(kind: str, *parts: str) -> str:
    return object_id(kind, *parts).partition("--")[2]


def _time(at: datetime) -> str:
    return at.isoformat()
