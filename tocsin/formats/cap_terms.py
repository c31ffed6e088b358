"""The values of a CAP 1.2 message (OASIS, Common Alerting Protocol), and why one is refused."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
NAMESPACE_11 = "urn:oasis:names:tc:emergency:cap:1.1"
MEDIA_TYPE = "application/cap+xml"


class Reason(StrEnum):
    """Why a message is refused: what the schema says, and what the standard says beyond its schema."""

    NOT_XML = "not_xml"
    NOT_CAP = "not_cap"
    UNKNOWN_ELEMENT = "unknown_element"
    OUT_OF_ORDER = "out_of_order"
    MISSING = "missing"
    REPEATED = "repeated"
    NOT_IN_LIST = "not_in_list"
    BAD_DATE = "bad_date"
    BAD_VALUE = "bad_value"
    STRAY_CONTENT = "stray_content"
    BAD_NAME = "bad_name"
    REFERENCES_MISSING = "references_missing"
    REFERENCES_MALFORMED = "references_malformed"
    RESTRICTION_MISSING = "restriction_missing"
    ADDRESSES_MISSING = "addresses_missing"
    LANGUAGE_REPEATED = "language_repeated"
    EXPIRES_BEFORE_SENT = "expires_before_sent"
    EXPIRES_BEFORE_EFFECTIVE = "expires_before_effective"
    POLYGON_MALFORMED = "polygon_malformed"
    POLYGON_NOT_CLOSED = "polygon_not_closed"
    CIRCLE_MALFORMED = "circle_malformed"
    CEILING_ALONE = "ceiling_alone"
    RELATIVE_URI = "relative_uri"
    DIGEST_WRONG = "digest_wrong"
    SIGNATURE_WRONG = "signature_wrong"


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: the reason, where it stands (`info[2].area[1].polygon`), and words for a person."""

    reason: Reason
    where: str
    plain: str


class Pair(msgspec.Struct, frozen=True):
    """A named value: an event code, a parameter, a geocode."""

    name: str
    value: str


class Reference(msgspec.Struct, frozen=True):
    """An earlier message: who sent it, its identifier, when it was sent."""

    sender: str
    identifier: str
    sent: datetime


class Resource(msgspec.Struct, frozen=True):
    """A file that goes with the message; `deref_uri` = its bytes in base64, `digest` = their SHA-1."""

    description: str
    mime_type: str
    size: int | None = None
    uri: str = ""
    deref_uri: str = ""
    digest: str = ""


class Area(msgspec.Struct, frozen=True):
    """Where. Polygons and circles as CAP writes them (`lat,lon lat,lon …`, `lat,lon radius-km`)."""

    description: str
    polygons: tuple[str, ...] = ()
    circles: tuple[str, ...] = ()
    geocodes: tuple[Pair, ...] = ()
    altitude: str = ""
    ceiling: str = ""


class Info(msgspec.Struct, frozen=True):
    """What, in one language."""

    categories: tuple[str, ...]
    event: str
    urgency: str
    severity: str
    certainty: str
    language: str = "en-US"
    responses: tuple[str, ...] = ()
    audience: str = ""
    event_codes: tuple[Pair, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    parameters: tuple[Pair, ...] = ()
    resources: tuple[Resource, ...] = ()
    areas: tuple[Area, ...] = ()


class Alert(msgspec.Struct, frozen=True):
    """One message. `version` = the CAP version it was written in; `signed` = it carries an XML signature."""

    identifier: str
    sender: str
    sent: datetime
    status: str
    kind: str
    scope: str
    source: str = ""
    restriction: str = ""
    addresses: str = ""
    codes: tuple[str, ...] = ()
    note: str = ""
    references: tuple[Reference, ...] = ()
    incidents: str = ""
    infos: tuple[Info, ...] = ()
    version: str = "1.2"
    signed: bool = False
