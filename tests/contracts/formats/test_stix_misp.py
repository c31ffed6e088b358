"""STIX by its validator, MISP by PyMISP: right, the same every time, and never about a person."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pymisp import MISPEvent
from stix2validator import ValidationOptions, validate_string

from tests.contracts.formats.vectors import AT, bulletin, relayed
from tocsin.formats import as_misp, as_stix, misp, stix
from tocsin.formats.bulletin import Bulletin, Earlier
from tocsin.formats.stix_terms import EXTENSION, TLP
from tocsin.kernel.errors import Invalid

VARIANTS: list[dict[str, Any]] = [
    {},
    {"tlp": "AMBER+STRICT"},
    {"tlp": "RED", "exercise": True},
    {"tlp": "GREEN", "statements": (), "dissent": "", "caveat": "", "would_change": ""},
    {"tlp": "CLEAR", "sources": (), "expires": None},
    {"edition": 2, "sent": AT + timedelta(hours=1), "earlier": (Earlier("wrn_0", AT),)},
    {"cancelled": True, "sent": AT + timedelta(hours=2), "cancel_reason": "A hoax."},
]


def made(**changes: Any) -> Bulletin:
    return bulletin(originals=(relayed(b"<alert/>"),), **changes)


@pytest.mark.parametrize("changes", VARIANTS)
def test_the_validator_finds_no_error(changes: dict[str, Any]) -> None:
    raw = as_stix.bundle(made(**changes)).decode()
    found = validate_string(raw, ValidationOptions(version="2.1"))
    assert found.is_valid, [str(e) for e in found.errors]


def test_the_same_edition_is_the_same_objects_and_the_next_their_next_version() -> None:
    assert as_stix.bundle(made()) == as_stix.bundle(made())
    first = {o["id"]: o for o in as_stix.objects(made())}
    second = as_stix.objects(made(edition=2, id="wrn_2", sent=AT + timedelta(hours=1)))
    same = [o for o in second if o["type"] in ("report", "note", "opinion", "incident")]
    for o in same:
        assert o["created"] == first[o["id"]]["created"]
        assert o["modified"] > first[o["id"]]["modified"]
    ended = as_stix.objects(made(cancelled=True, sent=AT + timedelta(hours=1)))
    assert all(o["revoked"] for o in ended if o["type"] == "report")


def test_two_editions_within_a_millisecond_are_two_versions() -> None:
    first = as_stix.objects(made())
    second = as_stix.objects(made(edition=2))
    modified = [[o["modified"] for o in each if o["type"] == "report"] for each in (first, second)]
    assert modified[0] < modified[1]


def test_likelihood_is_in_our_extension_and_confidence_is_not_likelihood() -> None:
    notes = [o for o in as_stix.objects(made()) if o["type"] == "note"]
    values = [(n.get("confidence"), n.get("extensions", {}).get(EXTENSION, {})) for n in notes]
    assert values[0][0] == 50
    assert (values[0][1]["likelihood"], values[0][1]["likelihood_low"]) == ("likely", 55)
    assert values[1][0] == 15
    assert values[1][1]["likelihood"] == "very unlikely"


def test_no_object_is_a_person() -> None:
    for o in as_stix.objects(made()):
        assert o["type"] not in ("threat-actor", "user-account", "observed-data")
        if o["type"] == "identity":
            assert o["identity_class"] in ("organization", "system")
    text = json.dumps(as_misp.event(made()))
    assert "person" not in text
    assert "threat-actor" not in text


def test_what_we_write_we_read() -> None:
    read = stix.read(as_stix.bundle(made()))
    assert all(isinstance(o, stix.Object) for o in read)
    marked = {o.tlp for o in read if isinstance(o, stix.Object) and o.type == "report"}
    assert marked == {"AMBER"}


@pytest.mark.parametrize(
    ("markings", "label"),
    [
        ([], ""),
        ([TLP["GREEN"], TLP["RED"]], "RED"),
        (["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"], "GREEN"),
        (["marking-definition--00000000-0000-4000-8000-000000000000"], ""),
    ],
)
def test_the_strictest_marking_counts(markings: list[str], label: str) -> None:
    assert stix.strictest(markings) == label


def test_pymisp_loads_the_event_and_knows_its_objects() -> None:
    event = MISPEvent()
    event.load(as_misp.write(made()).decode())
    assert [o.name for o in event.objects] == [
        "intelligence-report",
        "intelligence-dissemination",
        "intelligence-source-assessment",
    ]
    for o in event.objects:
        assert o._known_template, o.name
        assert o._validate()
    names = {t.name for t in event.tags}
    assert {"tlp:amber", "priority-level:emergency"} <= names
    assert 'estimative-language:likelihood-probability="likely"' in names
    [graded] = [a for o in event.objects for a in o.attributes if a.object_relation == "source-id"]
    assert {t.name for t in graded.tags} == {
        'admiralty-scale:source-reliability="b"',
        'admiralty-scale:information-credibility="2"',
    }
    raw = next(a for a in event.objects[0].attributes if a.object_relation == "raw-report")
    assert raw.data is not None
    assert raw.data.getvalue() == b"<alert/>"


def test_a_misp_event_comes_back_as_it_went() -> None:
    raw = as_misp.write(made())
    event = misp.read(raw)
    assert (event.tlp, event.organisation, event.raw) == ("AMBER", "Fusion centre", raw.decode())
    assert event.at == AT
    assert "Several posts name the north doors." in event.text
    assert as_misp.write(made()) == raw


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"{", "event"),
        (b"[]", "event"),
        (b'{"Event": 1}', "Event"),
        (b'{"Event": {"uuid": "x", "info": "y"}}', "Event.uuid"),
        (b'{"Event": {"uuid": "428e0be1-fb39-5a7e-9fe7-131441ac7e9d"}}', "Event.info"),
        (b"[" * 100_000, "event"),
    ],
)
def test_what_is_no_event_is_refused_by_name(raw: bytes, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        misp.read(raw)
    assert caught.value.field == field


def test_names_and_addresses_in_an_event_are_not_read_as_its_words() -> None:
    event = {
        "uuid": "428e0be1-fb39-5a7e-9fe7-131441ac7e9d",
        "info": "A threat",
        "Attribute": [
            {"type": "email-src", "value": "jane@example.org"},
            {"type": "full-name", "value": "Jane Roe"},
            {"type": "comment", "value": "They named the doors."},
        ],
        "Tag": [{"name": "tlp:green"}, {"name": "TLP:RED"}],
    }
    read = misp.read(json.dumps({"Event": event}).encode())
    assert read.text == "A threat\n\nThey named the doors."
    assert read.tlp == "RED"
