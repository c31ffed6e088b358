"""CAP 1.2 in and out. What the schema asks is a table here; what the standard asks beyond it is in `cap_rules`.

Messages in CAP 1.1 are read too (the same elements); what we write is always 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec
from lxml import etree

from tocsin.formats import xml
from tocsin.formats.cap_rules import problems as beyond_schema
from tocsin.formats.cap_rules import references
from tocsin.formats.cap_terms import (
    NAMESPACE,
    NAMESPACE_11,
    Alert,
    Area,
    Info,
    Pair,
    Problem,
    Reason,
    Resource,
)
from tocsin.kernel.errors import Invalid

SIZE_CAP: Final = 1024 * 1024
"""Largest message read, in bytes; the files that go with it are seldom within it."""
_SIGNATURES: Final = "http://www.w3.org/2000/09/xmldsig#"
_HINTS: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_VERSIONS = {NAMESPACE: "1.2", NAMESPACE_11: "1.1"}

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d", re.ASCII)
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")
_WHOLE = re.compile(r"[-+]?\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[-+]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})", re.ASCII)
_URI = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*:)?(//[^/?#\[\]]*)?[^?#\[\]]*(\?[^#\[\]]*)?(#[^#\[\]]*)?"
)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

_LISTS: Final = {
    "status": ("Actual", "Exercise", "System", "Test", "Draft"),
    "msgType": ("Alert", "Update", "Cancel", "Ack", "Error"),
    "scope": ("Public", "Restricted", "Private"),
    "category": (
        "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other".split()
    ),
    "responseType": ("Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None".split()),
    "urgency": ("Immediate", "Expected", "Future", "Past", "Unknown"),
    "severity": ("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
    "certainty": ("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
}

# name, field of the value, least, most (0 = any number): in the order of the schema.
Row = tuple[str, str, int, int]
_PAIR: tuple[Row, ...] = (("valueName", "name", 1, 1), ("value", "value", 1, 1))
_RESOURCE: tuple[Row, ...] = (
    ("resourceDesc", "description", 1, 1),
    ("mimeType", "mime_type", 1, 1),
    ("size", "size", 0, 1),
    ("uri", "uri", 0, 1),
    ("derefUri", "deref_uri", 0, 1),
    ("digest", "digest", 0, 1),
)
_AREA: tuple[Row, ...] = (
    ("areaDesc", "description", 1, 1),
    ("polygon", "polygons", 0, 0),
    ("circle", "circles", 0, 0),
    ("geocode", "geocodes", 0, 0),
    ("altitude", "altitude", 0, 1),
    ("ceiling", "ceiling", 0, 1),
)
_INFO: tuple[Row, ...] = (
    ("language", "language", 0, 1),
    ("category", "categories", 1, 0),
    ("event", "event", 1, 1),
    ("responseType", "responses", 0, 0),
    ("urgency", "urgency", 1, 1),
    ("severity", "severity", 1, 1),
    ("certainty", "certainty", 1, 1),
    ("audience", "audience", 0, 1),
    ("eventCode", "event_codes", 0, 0),
    ("effective", "effective", 0, 1),
    ("onset", "onset", 0, 1),
    ("expires", "expires", 0, 1),
    ("senderName", "sender_name", 0, 1),
    ("headline", "headline", 0, 1),
    ("description", "description", 0, 1),
    ("instruction", "instruction", 0, 1),
    ("web", "web", 0, 1),
    ("contact", "contact", 0, 1),
    ("parameter", "parameters", 0, 0),
    ("resource", "resources", 0, 0),
    ("area", "areas", 0, 0),
)
_ALERT: tuple[Row, ...] = (
    ("identifier", "identifier", 1, 1),
    ("sender", "sender", 1, 1),
    ("sent", "sent", 1, 1),
    ("status", "status", 1, 1),
    ("msgType", "kind", 1, 1),
    ("source", "source", 0, 1),
    ("scope", "scope", 1, 1),
    ("restriction", "restriction", 0, 1),
    ("addresses", "addresses", 0, 1),
    ("code", "codes", 0, 0),
    ("note", "note", 0, 1),
    ("references", "references", 0, 1),
    ("incidents", "incidents", 0, 1),
    ("info", "infos", 0, 0),
)
_PARTS: dict[str, tuple[tuple[Row, ...], Callable[..., Any]]] = {
    "eventCode": (_PAIR, Pair),
    "parameter": (_PAIR, Pair),
    "geocode": (_PAIR, Pair),
    "resource": (_RESOURCE, Resource),
    "area": (_AREA, Area),
    "info": (_INFO, Info),
}
_DATES = frozenset({"sent", "effective", "onset", "expires"})
_URIS = frozenset({"uri", "web"})
_NUMBERS = frozenset({"altitude", "ceiling"})


def read(raw: bytes) -> Alert:
    """A message from its bytes, checked against the schema's rules and the standard's.

    Raises: Invalid naming the first thing that is wrong and where; `check` gives them all.
    """
    alert, wrong = _examined(raw)
    if alert is None or wrong:
        first = wrong[0]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise Invalid(
            f"{first.plain}{more}",
            field=f"cap.{first.where}" if first.where else "cap",
            cure=f"Correct it and send it again ({first.reason.value}).",
        )
    return alert


def check(raw: bytes) -> list[Problem]:
    """Everything that is wrong with a message; [] for one that is right."""
    return _examined(raw)[1]


def of_element(root: etree._Element) -> tuple[Alert | None, list[Problem]]:
    """The message an element holds (CAP inside another document), and what is wrong with it."""
    reading = _Reading(xml.namespace(root))
    if xml.local(root) != "alert" or reading.namespace not in _VERSIONS:
        return None, [Problem(Reason.NOT_CAP, "", "the document is no CAP 1.1 or 1.2 alert")]
    values = reading.part(root, _ALERT, "")
    if reading.wrong:
        return None, reading.wrong
    found, wrong = references(values.pop("references", ""))
    signed = reading.signed
    alert = Alert(**values, references=found, version=_VERSIONS[reading.namespace], signed=signed)
    return alert, wrong + beyond_schema(alert)


def write(alert: Alert) -> bytes:
    """The message as CAP 1.2. The same value gives the same bytes.

    Raises: Invalid when a receiver would have to refuse it.
    """
    return xml.write(element(alert))


def element(alert: Alert) -> etree._Element:
    """The message as an element, for a document around it. Raises: Invalid as `write`."""
    wrong = beyond_schema(alert)
    if wrong:
        raise Invalid(wrong[0].plain, field=f"cap.{wrong[0].where}", cure="Correct the warning.")
    root = xml.root(f"{{{NAMESPACE}}}alert", NAMESPACE)
    values = {name: getattr(alert, name) for _, name, _, _ in _ALERT}
    values["references"] = " ".join(
        f"{r.sender},{r.identifier},{date(r.sent)}" for r in alert.references
    )
    _fill(root, _ALERT, values)
    return root


def date(at: datetime) -> str:
    """A time as CAP writes it: whole seconds, an offset, never `Z`; UTC is `-00:00` (section 3.3.2)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") + "-00:00"


def read_date(text: str) -> datetime | None:
    """The time of a CAP date; None when it is not one."""
    text = text.strip()
    if not _DATE.fullmatch(text) or int(text[20:22]) * 60 + int(text[23:25]) > 14 * 60:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _examined(raw: bytes) -> tuple[Alert | None, list[Problem]]:
    try:
        root = xml.read(raw, cap=SIZE_CAP, what="cap")
    except Invalid as error:
        return None, [Problem(Reason.NOT_XML, "", error.message)]
    return of_element(root)


class _Reading:
    """Walks one message by the tables, noting what is wrong. Never raises for what the message holds."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.wrong: list[Problem] = []
        self.signed = False

    def part(self, element: etree._Element, rows: tuple[Row, ...], where: str) -> dict[str, Any]:
        """The values of an element's children by field, in the schema's order and number."""
        self._bare(element, where)
        if (element.text or "").strip():
            self._note(Reason.STRAY_CONTENT, where, "there is text between the elements")
        names = [name for name, *_ in rows]
        found: dict[str, list[Any]] = {name: [] for name in names}
        last = 0
        for child in element:
            last = self._child(child, rows, names, found, last, where)
        values: dict[str, Any] = {}
        for name, field, least, most in rows:
            given = found[name]
            here = _join(where, name)
            if len(given) < least:
                self._note(Reason.MISSING, here, f"{name} is missing")
            if most and len(given) > most:
                self._note(Reason.REPEATED, here, f"{name} may stand once only")
            if not most:
                values[field] = tuple(given)
            elif given and given[0] is not None:
                values[field] = given[0]
        return values

    def _child(
        self,
        child: etree._Element,
        rows: tuple[Row, ...],
        names: list[str],
        found: dict[str, list[Any]],
        last: int,
        where: str,
    ) -> int:
        """Take one child; returns its place in the order, which never goes back."""
        if (child.tail or "").strip():
            self._note(Reason.STRAY_CONTENT, where, "there is text between the elements")
        name = xml.local(child)
        if rows is _ALERT and xml.namespace(child) == _SIGNATURES:
            self.signed = True
            return len(names)
        if xml.namespace(child) != self.namespace or name not in found:
            said = f"{name or 'something'} does not belong here"
            self._note(Reason.UNKNOWN_ELEMENT, _join(where, name[:40]), said)
            return last
        place = names.index(name)
        here = _join(where, name)
        if rows[place][3] != 1:
            here += f"[{len(found[name]) + 1}]"
        if place < last:
            self._note(Reason.OUT_OF_ORDER, here, f"{name} stands too late")
        found[name].append(self._value(child, name, here))
        return max(place, last)

    def _value(self, child: etree._Element, name: str, here: str) -> Any:
        if name in _PARTS:
            rows, make = _PARTS[name]
            before = len(self.wrong)
            values = self.part(child, rows, here)
            return make(**values) if len(self.wrong) == before else None
        self._bare(child, here)
        if len(child):
            self._note(Reason.STRAY_CONTENT, here, f"{name} holds elements, and should hold text")
        return self._text(child.text or "", name, here)

    def _text(self, text: str, name: str, here: str) -> Any:
        """A simple value, typed as the schema types it."""
        tidy = text.strip()
        if name in _LISTS:
            if text not in _LISTS[name]:
                said = f"{name} is {tidy[:40]!r}, and may be {', '.join(_LISTS[name])}"
                self._note(Reason.NOT_IN_LIST, here, said)
            return text
        if name in _DATES:
            at = read_date(text)
            if at is None:
                said = f"{tidy[:40]!r} is no date like 2026-03-02T09:00:00-05:00"
                self._note(Reason.BAD_DATE, here, said)
            return at
        if name == "language":
            # The default stands for an element that is empty, not for one that holds blanks.
            return self._matching(tidy if text else "en-US", _LANGUAGE, here, "no language tag")
        if name in _NUMBERS:
            return self._matching(tidy, _DECIMAL, here, "no number")
        if name == "size":
            whole = self._matching(tidy, _WHOLE, here, "no whole number")
            return int(whole) if whole else None
        if name in _URIS and not _is_uri(tidy):
            self._note(Reason.BAD_VALUE, here, f"{tidy[:60]!r} is no web address")
        return tidy

    def _matching(self, text: str, pattern: re.Pattern[str], here: str, said: str) -> str:
        if pattern.fullmatch(text):
            return text
        self._note(Reason.BAD_VALUE, here, f"{text[:40]!r} is {said}")
        return ""

    def _bare(self, element: etree._Element, where: str) -> None:
        """No attributes but the schema's own location hint, on the outermost element."""
        for name in element.attrib:
            hint = str(name) in (f"{_HINTS}schemaLocation", f"{_HINTS}noNamespaceSchemaLocation")
            if not hint:
                self._note(
                    Reason.STRAY_CONTENT, where, f"the attribute {str(name)[:60]} is unknown"
                )

    def _note(self, reason: Reason, where: str, plain: str) -> None:
        if len(self.wrong) < 100:
            self.wrong.append(Problem(reason, where, plain))


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _is_uri(text: str) -> bool:
    """Whether text can stand where an address is asked for (RFC 3986, other characters escaped)."""
    escaped = quote(text, safe="%:/?#[]@!$&'()*+,;=-._~", errors="replace")
    if _BAD_ESCAPE.search(escaped):
        return False
    found = _URI.fullmatch(escaped)
    if found is None:
        return False
    host = (found[2] or "").rpartition("@")[2]
    port = host.rpartition(":")[2] if ":" in host else ""
    # Without a scheme, a colon in the first step of a path would be read as one.
    first = escaped.split("/", 1)[0]
    return (not port or port.isdecimal()) and (bool(found[1] or found[2]) or ":" not in first)


def _fill(parent: etree._Element, rows: tuple[Row, ...], values: dict[str, Any]) -> None:
    for name, field, least, most in rows:
        value = values[field]
        for one in value if most == 0 else (value,):
            if one is None or (one == "" and not least and most):
                continue
            child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
            if isinstance(one, msgspec.Struct):
                _fill(
                    child, _PARTS[name][0], {f: getattr(one, f) for _, f, _, _ in _PARTS[name][0]}
                )
            else:
                child.text = date(one) if isinstance(one, datetime) else xml.sound(str(one))
