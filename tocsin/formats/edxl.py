"""EDXL-DE 1.0: the envelope that carries CAP messages, several at a time, to named recipients."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from lxml import etree

from tocsin.formats import cap, xml
from tocsin.formats.cap_terms import Alert, Problem
from tocsin.kernel.errors import Invalid

NAMESPACE: Final = "urn:oasis:names:tc:emergency:EDXL:DE:1.0"
STATUSES: Final = ("Actual", "Exercise", "System", "Test")
TYPES: Final = (
    "Report Update Cancel Request Response Dispatch Ack Error SensorConfiguration SensorControl "
    "SensorStatus SensorDetection"
).split()
CONTENTS_CAP: Final = 200


class Distribution(msgspec.Struct, frozen=True):
    """One envelope. `alerts` = the CAP messages within; `originals` = each as its own bytes, untouched."""

    distribution_id: str
    sender_id: str
    sent: datetime
    status: str
    type: str
    confidentiality: str
    descriptions: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()
    originals: tuple[bytes, ...] = ()
    recipients: tuple[str, ...] = ()


def read(raw: bytes) -> Distribution:
    """An envelope and every CAP message in it. Raises: Invalid naming what is wrong and where."""
    root = xml.read(raw, what="edxl")
    if xml.local(root) != "EDXLDistribution" or xml.namespace(root) != NAMESPACE:
        raise Invalid("is no EDXL-DE 1.0 distribution", field="edxl", cure="Send one.")
    values = {xml.local(e): xml.words(e) for e in root if len(e) == 0}
    for name in (
        "distributionID senderID dateTimeSent distributionStatus distributionType "
        "combinedConfidentiality"
    ).split():
        if not values.get(name):
            raise Invalid("is missing", field=f"edxl.{name}", cure="Add it.")
    sent = cap.read_date(values["dateTimeSent"])
    if sent is None:
        said = "is no date like 2026-03-02T09:00:00-05:00"
        raise Invalid(said, field="edxl.dateTimeSent", cure="Write it so.")
    _among(values, "distributionStatus", STATUSES)
    _among(values, "distributionType", TYPES)
    alerts, originals = _contents(root)
    return Distribution(
        distribution_id=values["distributionID"],
        sender_id=values["senderID"],
        sent=sent,
        status=values["distributionStatus"],
        type=values["distributionType"],
        confidentiality=values["combinedConfidentiality"],
        descriptions=tuple(xml.words(e) for e in root.iter(f"{{{NAMESPACE}}}contentDescription")),
        alerts=alerts,
        originals=originals,
        recipients=tuple(
            xml.words(e.find(f"{{{NAMESPACE}}}explicitAddressValue"))
            for e in root.findall(f"{{{NAMESPACE}}}explicitAddress")
        ),
    )


def write(given: Distribution) -> bytes:
    """The envelope with its messages: an original is put in as it came, signature and all.

    Raises: Invalid when a message within is not right.
    """
    root = xml.root(f"{{{NAMESPACE}}}EDXLDistribution", NAMESPACE)
    _put(root, "distributionID", given.distribution_id)
    _put(root, "senderID", given.sender_id)
    _put(root, "dateTimeSent", cap.date(given.sent))
    _put(root, "distributionStatus", given.status)
    _put(root, "distributionType", given.type)
    _put(root, "combinedConfidentiality", given.confidentiality)
    for recipient in given.recipients:
        address = _put(root, "explicitAddress", "")
        _put(address, "explicitAddressScheme", "agency")
        _put(address, "explicitAddressValue", recipient)
    originals = given.originals or tuple(cap.write(alert) for alert in given.alerts)
    descriptions = given.descriptions + ("",) * (len(originals) - len(given.descriptions))
    for original, description in zip(originals, descriptions, strict=False):
        content = _put(root, "contentObject", "")
        if description:
            _put(content, "contentDescription", description)
        embedded = _put(_put(content, "xmlContent", ""), "embeddedXMLContent", "")
        embedded.append(xml.read(original, what="edxl.contentObject"))
    return xml.write(root)


def _contents(root: etree._Element) -> tuple[tuple[Alert, ...], tuple[bytes, ...]]:
    alerts, originals = [], []
    for n, content in enumerate(root.findall(f"{{{NAMESPACE}}}contentObject"), 1):
        if n > CONTENTS_CAP:
            raise Invalid(f"holds more than {CONTENTS_CAP} parts", field="edxl", cure="Split it.")
        here = f"edxl.contentObject[{n}]"
        inside = [e for e in content.iter() if xml.local(e) == "embeddedXMLContent"]
        xmls = [e for e in content if xml.local(e) == "xmlContent"]
        if xmls and not any(len(e) for e in inside):
            raise Invalid("has no content", field=here, cure="Put the message in.")
        for embedded in inside:
            for element in embedded:
                if xml.local(element) != "alert":
                    continue
                alert, wrong = cap.of_element(element)
                if alert is None or wrong:
                    raise _bad(wrong, here)
                alerts.append(alert)
                originals.append(_alone(element))
    return tuple(alerts), tuple(originals)


def _alone(element: etree._Element) -> bytes:
    """A message within as a document of its own; canonical, so that its signature still holds."""
    return bytes(etree.tostring(element, method="c14n", exclusive=True, with_comments=False))


def _bad(wrong: list[Problem], here: str) -> Invalid:
    first = wrong[0]
    return Invalid(first.plain, field=f"{here}.{first.where}", cure=f"({first.reason.value})")


def _among(values: dict[str, str], name: str, allowed: tuple[str, ...] | list[str]) -> None:
    if values[name] not in allowed:
        said = f"is {values[name][:40]!r}, and may be {', '.join(allowed)}"
        raise Invalid(said, field=f"edxl.{name}", cure="Use one of those.")


def _put(parent: etree._Element, name: str, text: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    if text:
        child.text = xml.sound(text)
    return child
