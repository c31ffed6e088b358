"""Reading XML from strangers: no network, no entities, no document types, bounded size and depth.

The one door through which CAP, EDXL-DE and Atom come in. Expansion bombs, external entities, XInclude and
stylesheets are refused or left alone; nothing here ever opens a file or a connection.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from tocsin.kernel.errors import Invalid

SIZE_CAP: Final = 4 * 1024 * 1024
"""Most bytes read of one document."""
ELEMENTS_CAP: Final = 100_000

_DOCTYPE = re.compile(rb"<!\s*DOCTYPE|<!\s*ENTITY", re.IGNORECASE)
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(raw: bytes, *, cap: int = SIZE_CAP, what: str = "document") -> etree._Element:
    """The root element of a document, without comments and processing instructions.

    Raises: Invalid when it is too large, not well formed, or declares a document type.
    """
    if len(raw) > cap:
        raise Invalid(f"is larger than {cap} bytes", field=what, cure="Send a smaller one.")
    # A document type is refused before a parser sees it: nothing we take needs one, and every attack starts there.
    if _DOCTYPE.search(raw) or _DOCTYPE.search(raw.replace(b"\x00", b"")):
        raise _doctype(what)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,  # the parser itself then stops at 256 levels
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise Invalid(f"is not well-formed XML: {said}", field=what, cure="Mend it.") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype(what)
    if sum(1 for _ in zip(root.iter(), range(ELEMENTS_CAP + 1), strict=False)) > ELEMENTS_CAP:
        raise Invalid("has too many elements", field=what, cure="Send it in parts.")
    return root


def _doctype(what: str) -> Invalid:
    return Invalid(
        "declares a document type or entities, which are never read here",
        field=what,
        cure="Leave the DOCTYPE out.",
    )


def words(element: etree._Element | None) -> str:
    """The text of an element without blanks around it; '' where there is none."""
    return (element.text or "").strip() if element is not None else ""


def local(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace(element: etree._Element) -> str:
    """An element's namespace; '' for none."""
    tag = str(element.tag)
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def sound(text: str) -> str:
    """Text that XML can hold: control characters and halves of characters become the replacement sign."""
    return _NOT_XML.sub("\ufffd", text)


def root(name: str, space: str) -> etree._Element:
    """The outermost element of a document whose elements are all in one namespace."""
    spaces: dict[str | None, str] = {None: space}
    return etree.Element(name, nsmap=spaces)  # type: ignore[arg-type]  # the stubs forget the default namespace


def write(root: etree._Element) -> bytes:
    """The bytes of a document, UTF-8 with its declaration; the same tree always gives the same bytes."""
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
