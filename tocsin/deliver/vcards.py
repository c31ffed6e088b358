"""The directory as vCards (RFC 6350, and the 3.0 that telephones still send), read card by card.

ORG names the agency and ROLE (or TITLE) the role; FN is who; EMAIL and TEL are the ways, the preferred first;
a URL marked `webhook` is their own system. One broken card never stops the others.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

from tocsin.deliver.roster import Refused, Row, Sheet
from tocsin.kernel.errors import Invalid

_CARD = re.compile(r"BEGIN:VCARD\b.*?END:VCARD\b[^\n]*", re.IGNORECASE | re.DOTALL)
MOST_CARDS = 5_000
_LONGEST_CARD = 200_000


def is_vcard(content: bytes) -> bool:
    """Whether a file holds vCards."""
    return content.lstrip(b"\xef\xbb\xbf \r\n\t")[:11].upper() == b"BEGIN:VCARD"


def read(filename: str, content: bytes) -> Sheet:
    """Read a file of vCards. Raises: Invalid when the file as a whole cannot be read."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        cure = "Save the contacts as vCard in UTF-8."
        raise Invalid("the file is not UTF-8 text", field="file", cure=cure) from e
    found = _CARD.findall(text)
    if len(found) > MOST_CARDS:
        cure = "Split it into several files."
        raise Invalid(f"more than {MOST_CARDS} cards", field="file", cure=cure)
    rows: list[Row] = []
    refused: list[Refused] = []
    for number, card in enumerate(found, 1):
        cells = {"name": f"card {number}"}
        try:
            rows.append(_row(number, card, cells))
        except Invalid as e:
            refused.append(Refused(number, cells, e.field, e.message, e.cure))
    if not found:
        raise Invalid("holds no whole card", field="file", cure="Export the contacts again.")
    return Sheet(filename[:200], rows, refused)


def _row(number: int, text: str, cells: dict[str, str]) -> Row:
    """One card. `cells` gets what it says, also when it is refused. Raises: Invalid naming the field."""
    import vobject  # noqa: PLC0415 - heavy: only an import of vCards pays for it

    logging.getLogger("vobject").setLevel(logging.CRITICAL)  # it repeats strangers' lines

    if len(text) > _LONGEST_CARD:
        raise Invalid("is too large", field="card", cure="Leave pictures out.")
    try:
        card = vobject.readOne(text.replace("\x00", ""), ignoreUnreadable=True, allowQP=True)
    except Exception as e:  # the library raises what its parts raise
        raise Invalid(
            f"cannot be read ({type(e).__name__})", field="card", cure="Export it again."
        ) from e
    cells |= {
        "agency": _text(card, "org"),
        "role": _text(card, "role") or _text(card, "title"),
        "name": _text(card, "fn"),
    }
    for field, label in (("agency", "ORG"), ("role", "ROLE"), ("name", "FN")):
        if not cells[field]:
            raise Invalid(f"has no {label}", field=field, cure=f"Fill in {label} on the card.")
    ways = list(dict.fromkeys(_ways(card)))
    cells["email"] = ", ".join(a for k, a in ways if k == "email")
    cells["sms"] = ", ".join(a for k, a in ways if k == "sms")
    return Row(number, dict(cells), cells["agency"], cells["role"], 0, cells["name"], ways, "")


def _text(card: Any, name: str) -> str:
    """The first value of a property, in one line; an organisation's first part is the agency."""
    for line in card.contents.get(name, []):
        value = line.value[0] if isinstance(line.value, list) and line.value else line.value
        return " ".join(str(value).split())[:300]
    return ""


def _ways(card: Any) -> Iterator[tuple[str, str]]:
    for line in _preferred(card.contents.get("email", []))[:2]:
        yield "email", str(line.value).strip().removeprefix("mailto:")
    for line in card.contents.get("url", []):
        if "webhook" in _types(line):
            yield "webhook", str(line.value).strip()
    for line in _preferred(card.contents.get("tel", []))[:1]:
        number = str(line.value).strip().removeprefix("tel:")
        landline = _types(line) & {"voice", "work", "home"} and not _types(line) & {"cell", "text"}
        yield ("voice" if landline else "sms"), number


def _preferred(lines: list[Any]) -> list[Any]:
    return sorted(
        lines, key=lambda line: not (_types(line) & {"pref", "cell"} or "PREF" in line.params)
    )


def _types(line: Any) -> set[str]:
    found = line.params.get("TYPE", [])
    return {part.strip().lower() for each in found for part in str(each).split(",")}
