"""CAP 1.2: the schema's judge, the standard's rules beyond it, signatures, and attacks that come as XML."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.contracts.formats.vectors import AT, CAP, bulletin, needs_vectors, relayed
from tocsin.formats import as_cap, atom, cap, cap_sign, edxl
from tocsin.formats.bulletin import Earlier
from tocsin.formats.cap_rules import problems
from tocsin.formats.cap_terms import Alert, Area, Info, Reason, Reference, Resource
from tocsin.kernel import clock
from tocsin.kernel.errors import Forbidden, Invalid


def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(CAP / "cap12.xsd")))


def alert(**changes: Any) -> Alert:
    info = Info(("Security",), "Threat", "Immediate", "Severe", "Likely", areas=(Area("The Mall"),))
    fields: dict[str, Any] = {
        "identifier": "a-1",
        "sender": "fusion@tocsin.example",
        "sent": AT,
        "status": "Actual",
        "kind": "Alert",
        "scope": "Public",
        "infos": (info,),
    }
    return Alert(**{**fields, **changes})


def reasons(raw: bytes) -> list[Reason]:
    return [p.reason for p in cap.check(raw)]


VERDICTS: dict[str, tuple[Reason, str] | None] = {
    "canada.cap": None,
    "canada_errors.cap": (Reason.REFERENCES_MISSING, "references"),
    "earthquake-iso8859-1.cap": None,
    "earthquake.cap": None,
    "invalid.cap": (Reason.MISSING, "scope"),
    "no_optional_fields.cap": None,
    "weather.cap": None,
    "xee.cap": (Reason.NOT_XML, ""),
}


@needs_vectors
def test_every_vector_has_its_verdict() -> None:
    assert sorted(p.name for p in CAP.glob("*.cap")) == sorted(VERDICTS)


@needs_vectors
@pytest.mark.parametrize("name", VERDICTS)
def test_vectors_are_accepted_or_refused_for_the_reason(name: str) -> None:
    raw, verdict = (CAP / name).read_bytes(), VERDICTS[name]
    found = cap.check(raw)
    if verdict is None:
        assert found == []
        again = cap.read(cap.write(cap.read(raw)))
        assert again == msgspec.structs.replace(cap.read(raw), version="1.2", signed=False)
        assert schema().validate(etree.fromstring(cap.write(again)))
    else:
        assert verdict in [(p.reason, p.where) for p in found]
        with pytest.raises(Invalid):
            cap.read(raw)


@needs_vectors
def test_the_envelope_with_an_empty_part_is_refused_and_the_right_one_holds_seven() -> None:
    found = edxl.read((CAP / "bushfire_valid.edxlde").read_bytes())
    assert (len(found.alerts), found.type, found.status) == (7, "Report", "Actual")
    assert edxl.read(edxl.write(found)).alerts == found.alerts
    with pytest.raises(Invalid, match=r"contentObject\[2\]"):
        edxl.read((CAP / "bushfire_invalid.edxlde").read_bytes())


@needs_vectors
def test_feeds_of_alerts_are_read_and_the_poisoned_one_is_not() -> None:
    [amber] = atom.read((CAP / "amber.atom").read_bytes())
    assert cap.read(amber.inside).identifier == amber.id
    assert [bool(e.link) for e in atom.read((CAP / "weather_index.atom").read_bytes())] == [
        True,
        True,
    ]
    assert [e.id[:6] for e in atom.read((CAP / "ny_index.rss").read_bytes())] == [
        "NYAler",
        "NYAler",
    ]
    with pytest.raises(Invalid, match="document type"):
        atom.read((CAP / "xee.atom").read_bytes())


HOUR = timedelta(hours=1)
POLYGON = "38.47,-120.14 38.34,-119.95 38.52,-119.74 38.47,-120.14"
RULES: list[tuple[Reason, Callable[[], Alert]]] = [
    (Reason.BAD_NAME, lambda: alert(identifier="a 1")),
    (Reason.BAD_NAME, lambda: alert(sender="a,b")),
    (Reason.REFERENCES_MISSING, lambda: alert(kind="Update")),
    (Reason.REFERENCES_MISSING, lambda: alert(kind="Ack")),
    (Reason.RESTRICTION_MISSING, lambda: alert(scope="Restricted")),
    (Reason.ADDRESSES_MISSING, lambda: alert(scope="Private")),
    (Reason.LANGUAGE_REPEATED, lambda: alert(infos=alert().infos * 2)),
    (Reason.EXPIRES_BEFORE_SENT, lambda: inside(expires=AT)),
    (Reason.EXPIRES_BEFORE_EFFECTIVE, lambda: inside(expires=AT + HOUR, effective=AT + HOUR)),
    (Reason.POLYGON_NOT_CLOSED, lambda: area(polygons=("1,1 2,2 3,3 4,4",))),
    (Reason.POLYGON_MALFORMED, lambda: area(polygons=("1,1 2,2 1,1",))),
    (Reason.POLYGON_MALFORMED, lambda: area(polygons=("1,1 2,2 95,3 1,1",))),
    (Reason.CIRCLE_MALFORMED, lambda: area(circles=("1,1",))),
    (Reason.CIRCLE_MALFORMED, lambda: area(circles=("1,1 -3",))),
    (Reason.CEILING_ALONE, lambda: area(ceiling="30")),
    (Reason.RELATIVE_URI, lambda: inside(resources=(Resource("map", "image/png", uri="map.png"),))),
    (Reason.DIGEST_WRONG, lambda: inside(resources=(Resource("x", "text/plain", deref_uri="eA==", digest="00"),))),
    (Reason.MISSING, lambda: area(description="")),
]  # fmt: skip


def inside(**changes: Any) -> Alert:
    return alert(infos=(msgspec.structs.replace(alert().infos[0], **changes),))


def area(**changes: Any) -> Alert:
    return inside(areas=(Area(**{"description": "Here", **changes}),))


@pytest.mark.parametrize(("reason", "make"), RULES)
def test_each_rule_beyond_the_schema_is_kept_when_writing_and_found_when_reading(
    reason: Reason, make: Callable[[], Alert]
) -> None:
    assert [p.reason for p in problems(make())] == [reason]
    with pytest.raises(Invalid):
        cap.write(make())


def test_the_shapes_that_are_right_are_right() -> None:
    assert (
        problems(area(polygons=(POLYGON,), circles=("1,1 0.5",), altitude="1", ceiling="3")) == []
    )
    resource = Resource(
        "x", "text/plain", deref_uri="eA==", digest="11f6ad8ec52a2984abaafd7c3b516503785c2072"
    )
    assert problems(inside(resources=(resource,))) == []


@pytest.mark.parametrize(
    ("date", "right"),
    [
        ("2026-03-02T09:00:00-05:00", True),
        ("2026-03-02T09:00:00-00:00", True),
        ("2026-03-02T09:00:00Z", False),
        ("2026-03-02T09:00:00,05:00", False),  # the schema's own pattern lets this through
        ("2026-03-02T09:00:00.5-05:00", False),
        ("2026-02-30T09:00:00-05:00", False),
        ("2026-03-02T09:00:00-15:00", False),
        ("2026-03-02", False),
    ],
)
def test_dates_are_written_and_read_in_one_way(date: str, right: bool) -> None:
    raw = cap.write(alert()).replace(cap.date(AT).encode(), date.encode())
    assert (Reason.BAD_DATE in reasons(raw)) is not right


def test_references_are_three_parts_each() -> None:
    reference = Reference("a@b", "x-1", AT)
    update = alert(kind="Update", references=(reference, reference))
    assert cap.read(cap.write(update)).references == (reference, reference)
    raw = cap.write(update).replace(b"a@b,x-1,", b"a@b,", 1)
    assert Reason.REFERENCES_MALFORMED in reasons(raw)


ATTACKS = {
    "bomb": b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><alert>&b;</alert>',
    "file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><alert>&x;</alert>',
    "web": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><alert/>',
    "parameter": b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/">%p;]><alert/>',
    "utf16": '<!DOCTYPE a [<!ENTITY a "aa">]><alert>&a;</alert>'.encode("utf-16"),
    "nesting": b"<a>" * 100_000,
    "large": b"<a>" + b"x" * (2 * 1024 * 1024) + b"</a>",
    "empty": b"",
    "nul": b"\x00" * 100,
    "elements": b"<a>" + b"<b/>" * 200_000 + b"</a>",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused(attack: str) -> None:
    assert reasons(ATTACKS[attack]) in ([Reason.NOT_XML], [Reason.NOT_CAP])
    if attack not in ("large", "nesting", "elements"):
        for read in (edxl.read, atom.read):
            with pytest.raises(Invalid):
                read(ATTACKS[attack])


def test_xinclude_and_stylesheets_are_left_alone() -> None:
    raw = cap.write(alert()).replace(
        b"<alert", b'<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?><alert'
    )
    assert reasons(raw) == []
    odd = raw.replace(
        b"<scope>",
        b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/hostname"/><scope>',
    )
    assert reasons(odd) == [Reason.UNKNOWN_ELEMENT]


@needs_vectors
@given(st.data())
def test_what_we_accept_the_schema_accepts(data: st.DataObject) -> None:
    """Any element dropped, doubled, moved or rewritten: if we take it, so does the schema."""
    raw = (CAP / "canada.cap").read_bytes()
    root = etree.fromstring(raw)
    elements = list(root.iter("{*}*"))
    for _ in range(data.draw(st.integers(1, 3))):
        victim = data.draw(st.sampled_from(elements[1:]))
        parent = victim.getparent()
        if parent is None:
            continue
        match data.draw(st.sampled_from(["drop", "double", "move", "text", "rename", "attribute"])):
            case "drop":
                parent.remove(victim)
            case "double":
                parent.append(etree.fromstring(etree.tostring(victim)))
            case "move":
                parent.insert(0, victim)
            case "text":
                victim.text = data.draw(
                    st.sampled_from(
                        ["", " ", "Actual", "x", "1,1", "-1", "2026-03-02T09:00:00-05:00"]
                    )
                )
            case "rename":
                victim.tag = data.draw(st.sampled_from([e.tag for e in elements]))
            case _:
                victim.set("id", "x")
    mutated = etree.tostring(root)
    if not cap.check(mutated):
        assert schema().validate(etree.fromstring(mutated)), mutated


# --- our own ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind", "scope"),
    [
        ({}, "Alert", "Restricted"),
        ({"tlp": "CLEAR"}, "Alert", "Public"),
        ({"tlp": "RED"}, "Alert", "Private"),
        ({"tlp": "RED", "recipients": ()}, "Alert", "Restricted"),
        ({"edition": 2, "earlier": (Earlier("wrn_0", AT - timedelta(days=1)),)}, "Update", "Restricted"),
        ({"cancelled": True, "cancel_reason": "A hoax.", "earlier": (Earlier("wrn_1", AT),)}, "Cancel", "Restricted"),
        ({"expires": AT - timedelta(days=1)}, "Alert", "Restricted"),
        ({"statements": (), "raw": True, "actions": (), "place": "", "event": ""}, "Alert", "Restricted"),
    ],
)  # fmt: skip
@needs_vectors
def test_a_warning_as_cap_passes_the_schema_and_the_rules(
    changes: dict[str, Any], kind: str, scope: str
) -> None:
    raw = as_cap.write(bulletin(**changes))
    assert schema().validate(etree.fromstring(raw)), schema().error_log
    found = cap.read(raw)
    assert (found.kind, found.scope, found.status) == (kind, scope, "Actual")
    assert not re.search(rb"T\d\d:\d\d:\d\dZ|\d\.\d+-00:00", raw)
    assert as_cap.write(bulletin(**changes)) == raw


def test_a_drill_says_so_in_its_status() -> None:
    assert cap.read(as_cap.write(bulletin(exercise=True))).status == "Exercise"


def test_the_original_travels_intact_in_the_message_and_in_the_envelope() -> None:
    theirs = signed(cap.write(alert(identifier="theirs")))[0]
    b = bulletin(originals=(relayed(theirs),))
    ours = as_cap.write(b)
    [resource] = cap.read(ours).infos[0].resources
    assert base64.b64decode(resource.deref_uri) == theirs
    assert "cap@ec.gc.ca" in cap.read(ours).source
    envelope = edxl.read(as_cap.envelope(b, ours))
    assert [a.identifier for a in envelope.alerts] == ["wrn_1", "theirs"]
    assert cap_sign.verify(envelope.originals[1], certificates=[signed(b"")[1]])


_PAIR = cap_sign.self_signed("fusion", at=clock.now())


def signed(raw: bytes) -> tuple[bytes, str]:
    key, certificate = _PAIR
    return (cap_sign.sign(raw, key=key, certificate=certificate) if raw else b""), certificate


@needs_vectors
def test_a_signature_holds_until_a_letter_changes_and_only_for_who_signed() -> None:
    raw, certificate = signed(cap.write(alert()))
    assert schema().validate(etree.fromstring(raw))
    assert signed(cap.write(alert()))[0] == raw
    assert cap.read(raw).signed
    assert (
        cap.read(cap_sign.verify(raw, certificates=["nonsense", certificate])).identifier == "a-1"
    )
    with pytest.raises(Forbidden):
        cap_sign.verify(raw.replace(b"The Mall", b"The Mill"), certificates=[certificate])
    with pytest.raises(Forbidden):
        cap_sign.verify(raw, certificates=[cap_sign.self_signed("x", at=clock.now())[1]])
    with pytest.raises(Forbidden):
        cap_sign.verify(cap.write(alert()), certificates=[certificate])
    with pytest.raises(Invalid):
        signed(raw)


def test_a_signature_wrapped_around_other_words_is_refused() -> None:
    """The signed alert hidden inside another document, whose own words would be read."""
    raw, certificate = signed(cap.write(alert()))
    inner = etree.fromstring(raw)
    outer = etree.fromstring(cap.write(alert(identifier="forged")))
    signature = next(e for e in inner if str(e.tag).endswith("Signature"))
    inner.remove(signature)
    outer.append(signature)
    etree.SubElement(outer, "hidden").append(inner)
    with pytest.raises(Forbidden):
        cap_sign.verify(etree.tostring(outer), certificates=[certificate])


def test_the_feed_names_each_message_once() -> None:
    entry = atom.Entry("wrn_1", "A & <b>", AT, "https://x.example/cap")
    raw = atom.write(feed_id="f", title="Alerts", link="https://x.example/", entries=[entry], at=AT)
    assert atom.read(raw) == [entry]
    assert b'type="application/cap+xml"' in raw
