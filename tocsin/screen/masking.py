"""Masking: people's identifiers in a text become typed tokens; places and institutions stay.

Tokens look like ⟦handle⟧. The same value gets the same token, the second different one ⟦handle #2⟧,
so that who speaks to whom stays readable. Of a link the domain stays: ⟦link example.org⟧.

This is a first line of defence, not anonymisation. Names are found by a title before them, an
introduction, or a common first name; a name written in small letters, a rare one, or a surname by
itself is not found.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from tocsin.screen.firstnames import EVERYDAY, FIRST_NAMES
from tocsin.screen.terms import Mask, Masked, MaskKind, Span

_WORD = r"[A-Z][a-zà-ÿ'’]+(?:-[A-Z][a-zà-ÿ]+)?"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Way|Terrace|Circle|Parkway|Pkwy"
    r"|street|avenue|road|lane|drive|STREET|AVENUE|ROAD)"
)
_UNIT = r"(?:,?\s*(?:Apt|Apartment|Unit|Suite|Ste|#)\.?\s*#?\w{1,6})?"
_TITLE = (
    r"(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Judge|Justice|Officer|Sgt|Sergeant|Lt|Lieutenant|Capt|Captain|Chief|Sheriff"
    r"|Deputy|Detective|Agent|Trooper|Senator|Sen|Rep|Representative|Congressman|Congresswoman|Governor|Gov|Mayor"
    r"|Councilman|Councilwoman|President|Secretary|Pastor|Rabbi|Imam|Father|Sister|Coach|Principal|Herr|Frau)\.?"
)
_PARTS = {
    MaskKind.EMAIL: r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+",
    MaskKind.LINK: r"(?:https?://|www\.)[^\s<>\"']+|\b(?:t\.me|bit\.ly|discord\.gg|youtu\.be)/[^\s<>\"']+",
    MaskKind.HANDLE: r"(?<![\w@])@[\w.]*\w|(?<![\w/])/?u/[\w-]{3,}",
    MaskKind.ADDRESS: (
        r"\b\d{1,5}[A-Za-z]?\s+(?:[NSEW]{1,2}\.?\s+|North\s+|South\s+|East\s+|West\s+)?"
        rf"(?:{_WORD}\s+|\d{{1,3}}(?:st|nd|rd|th)\s+){{1,3}}{_STREET}\b\.?{_UNIT}"
        r"|(?i:\b(?:lives? (?:at|on)|address(?: is|:)|resides at|wohnt (?:in|an))\s+)"
        rf"(?P<told>\d{{1,6}}[A-Za-z]?(?:\s+{_WORD}){{1,4}}(?:\s+\d{{1,5}})?{_UNIT})"
        r"|\b[A-ZÄÖÜ][\wäöüß-]{2,30}(?:straße|strasse|str\.|weg|allee|platz|gasse)\s+\d{1,4}[a-z]?\b"
    ),
    MaskKind.PLATE: (
        r"(?i:\b(?:plates?|licen[sc]e|registration|tag|kennzeichen)\b[\s:#]*(?:(?:number|no|is)\b[\s:.#]*){0,2})"
        r"(?P<plate_value>[A-Z0-9]{1,4}[\s-]?[A-Z0-9]{0,3}[\s-]?\d[A-Z0-9]{0,4})\b"
    ),
    MaskKind.NUMBER: (
        r"\b\d{3}-\d{2}-\d{4}\b|\b(?:\d{4}[ -]){3}\d{4}\b|(?<![\w.,$€£])\d{7,19}\b"
        r"|\b[A-Za-z]{2}\d{2}(?: ?\d{4}){3,6}\b|\b[A-Za-z]{2}\d{2}[A-Za-z]{0,4}\d{8,26}\b"
        r"|\b(?:\d{1,3}\.){3}\d{1,3}\b"
    ),
    MaskKind.PHONE: (
        r"(?<![\w.,:$€£/-])(?:\+\d{1,3}[ .-]?)?\(?\d{1,5}\)?(?:[ ./-]{1,2}\(?\d{1,8}\)?){1,6}"
        r"(?:\s?x\d{1,5})?(?![\d:])|(?<![\w.,$€£])\+\d{8,15}\b"
    ),
    MaskKind.NAME: (
        rf"\b{_TITLE}\s+(?P<titled>{_WORD}(?:\s+{_WORD}){{0,2}})"
        rf"|(?i:\b(?:my name is|her name is|his name is|named|ich heisse|ich heiße)\s+)"
        rf"(?P<named>{_WORD}(?:\s+{_WORD}){{0,2}})"
        rf"|\b(?P<first>{_WORD})\s+(?:[A-Z]\.?\s+)?(?P<last>(?:(?:van|von|de|del|la|bin|al)\s+)?{_WORD})\b"
        rf"|\b(?P<alone>{_WORD})\b"
    ),
}
_FIND = re.compile(
    "|".join(f"(?P<{kind.name.lower()}>{pattern})" for kind, pattern in _PARTS.items())
)
_DOMAIN = re.compile(r"(?:https?://)?(?:[^/@\s]*@)?(?:www\.)?([\w.-]{1,80})")
_DATE = re.compile(
    r"(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d\d(?!\d)"
)
_PUBLIC_ADDRESSES = ("1600 pennsylvania",)  # a public building, not somebody's home
_PLACE_WORDS = frozenset(
    """
    Street Avenue Road Square Center Centre Hall Park Memorial Monument Building Bridge
    Tunnel Station Airport Stadium Arena Theater Theatre School University College
    Hospital Church Temple Mosque Synagogue Plaza Garden Gardens House Office Court Tower
    Hotel Mall Library Museum County City River Lake Island Beach Valley Day Police
    """.split()
)
_NOT_SURNAMES = frozenset(
    """
    The And But Is Was Will Has Had Said Says Can Should Would Must Needs Or For From With
    At In On To You We They He She It Not Never Just Please Are Were Have Does Did Do Go
    Goes Get Gets I I'm I'll
    """.split()
)


def masked(text: str, spans: Iterable[Span] = ()) -> Masked:
    """The text with identifiers replaced, and the spans moved along. Never raises."""
    pieces: list[str] = []
    masks: list[Mask] = []
    tokens: dict[tuple[MaskKind, str], str] = {}
    at = length = 0
    for start, end, kind in _identifiers(text):
        value = text[start:end]
        token = tokens.get((kind, value.casefold()))
        if token is None:
            token = tokens[kind, value.casefold()] = _token(kind, value, tokens.values())
        length += start - at
        pieces += [text[at:start], token]
        masks.append(Mask(length, length + len(token), kind, start, end))
        length += len(token)
        at = end
    pieces.append(text[at:])
    return Masked("".join(pieces), tuple(masks), _moved(spans, masks))


def _identifiers(text: str) -> Iterable[tuple[int, int, MaskKind]]:
    """Places to mask, in order and without overlap."""
    at = 0
    while match := _FIND.search(text, at):
        kind = next(kind for kind in _PARTS if match.group(kind.name.lower()) is not None)
        start, end = _extent(match, kind)
        if start < end:
            yield start, end, kind
            at = end
        else:  # not an identifier after all: look again from its second word
            at = match.start() + len(match.group().split(maxsplit=1)[0])


def _extent(match: re.Match[str], kind: MaskKind) -> tuple[int, int]:
    """The part of a match to replace: a name without its title, a plate without the word "plate";
    empty if none.
    """
    start, end = match.span()
    if kind is MaskKind.PLATE:
        return match.span("plate_value")
    if kind is MaskKind.LINK:
        return start, end - (len(match.group()) - len(match.group().rstrip(".,;:!?)")))
    if kind is MaskKind.ADDRESS and match.group().casefold().startswith(_PUBLIC_ADDRESSES):
        return start, start
    if kind is MaskKind.ADDRESS and match.group("told") is not None:
        return match.span("told")
    if kind is MaskKind.PHONE and not _is_phone(match.group()):
        return start, start
    return _name_extent(match) if kind is MaskKind.NAME else (start, end)


def _is_phone(text: str) -> bool:
    """Enough digits for a telephone number, and not a date."""
    digits = sum(character.isdigit() for character in text)
    return 7 <= digits <= 15 and not _DATE.match(text)


def _name_extent(match: re.Match[str]) -> tuple[int, int]:
    start, end = match.span()
    for group in ("titled", "named"):
        if match.group(group) is not None:
            return match.start(group), match.start(group) + _name_length(match.group(group))
    if match.group("alone") is not None:
        name = match.group("alone").removesuffix("'s").removesuffix("’s").casefold()
        return (start, start + len(name)) if name in FIRST_NAMES - EVERYDAY else (start, start)
    known = match.group("first").casefold()
    if known in FIRST_NAMES and _name_length(match.group("last")) > 0:
        return start, end
    place = match.group("last") in _PLACE_WORDS
    return (
        (start, match.end("first"))
        if known in FIRST_NAMES - EVERYDAY and not place
        else (start, start)
    )


def _name_length(words: str) -> int:
    """How many characters of these capitalised words are a name: up to the first everyday or place
    word.
    """
    length = 0
    for word in re.finditer(r"\S+", words):
        if word.group() in _NOT_SURNAMES:
            break
        if word.group() in _PLACE_WORDS:
            return 0
        length = word.end()
    return length


def _token(kind: MaskKind, value: str, taken: Iterable[str]) -> str:
    label = str(kind)
    if kind is MaskKind.LINK and (domain := _DOMAIN.match(value)):
        label = f"link {domain[1].lower()}"
    same = sum(token == f"⟦{label}⟧" or token.startswith(f"⟦{label} #") for token in taken)
    return f"⟦{label}⟧" if not same else f"⟦{label} #{same + 1}⟧"


def _moved(spans: Iterable[Span], masks: Sequence[Mask]) -> tuple[Span, ...]:
    """Spans of the original as spans of the masked text; one that ends inside a token covers all of
    it.
    """
    starts = [mask.original_start for mask in masks]

    def moved(at: int, *, is_end: bool) -> int:
        index = bisect_right(starts, at - is_end) - 1
        if index < 0:
            return at
        mask = masks[index]
        if at - is_end < mask.original_end:
            return mask.end if is_end else mask.start
        return at - mask.original_end + mask.end

    return tuple(
        Span(
            moved(span.start, is_end=False),
            moved(span.end, is_end=True),
            span.indicator,
            span.category,
        )
        for span in spans
    )
