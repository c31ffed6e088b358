"""Masking: people's identifiers in a text become typed tokens; places and institutions stay.

Tokens look like ⟦handle⟧. The same value gets the same token, the second different one ⟦handle #2⟧,
so that who speaks to whom stays readable. Of a link the domain stays: ⟦link example.org⟧; of an address its town:
⟦address, Calgary⟧.

This is a first line of defence, not anonymisation. What it finds, and what it masks wrongly, is measured by
`tocsin bench masking`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from tocsin.screen.addresses import addresses, town
from tocsin.screen.personnames import names
from tocsin.screen.terms import Mask, Masked, MaskKind, Span

_PATTERNS = {
    MaskKind.EMAIL: r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+",
    MaskKind.LINK: r"(?:https?://|www\.)[^\s<>\"']+|\b(?:t\.me|bit\.ly|discord\.gg|youtu\.be)/[^\s<>\"']+",
    MaskKind.HANDLE: r"(?<![\w@])@[\w.]*\w|(?<![\w/])/?u/[\w-]{3,}",
    MaskKind.PLATE: (
        r"(?i:\b(?:plates?|licen[sc]e|registration|tag|kennzeichen)\b[\s:#]*(?:(?:number|no|is)\b[\s:.#]*){0,2})"
        r"(?P<plate_value>[A-Z0-9]{1,4}[\s-]?[A-Z0-9]{0,3}[\s-]?\d[A-Z0-9]{0,4})\b"
    ),
    MaskKind.NUMBER: (
        r"\b\d{3}-\d{2}-\d{4}\b|\b(?:\d{4}[ -]){3}\d{1,4}\b|\b\d{4}[ -]\d{6}[ -]\d{5}\b"
        r"|(?<![\w$€£])(?<!\d[.,])\d{7,19}\b"
        r"|\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){3,7}(?: ?[A-Za-z0-9]{1,3})?\b(?<=\d)"
        r"|\b[A-Za-z]{2}\d{2}[A-Za-z]{0,4}\d{8,26}\b"
        r"|\b[A-Z]{1,3}\d{6,14}[A-Z]?\b|\b\d{4}-\d{2}-\d{4}\b"
        r"|(?<![.\w])(?:\d{1,3}\.){3}\d{1,3}\b(?!\.\d)|\b(?:[0-9A-Fa-f]{1,4}:){3,7}:?[0-9A-Fa-f]{1,4}\b"
    ),
    MaskKind.PHONE: (
        r"(?<![\w:$€£/-])(?<!\d[.,])(?:(?:\+|00)\d{1,3}[ .-]?)?\(?\d{1,5}\)?(?:[ ./-]{0,2}\(?\d{1,8}\)?){1,6}"
        r"(?:\s?x\d{1,5})?(?![\d:])|(?<![\w.,$€£])\+\d{8,15}\b"
    ),
}
_FIND = re.compile(
    "|".join(f"(?P<{kind.name.lower()}>{pattern})" for kind, pattern in _PATTERNS.items())
)
_DOMAIN = re.compile(r"(?:https?://)?(?:[^/@\s]*@)?(?:www\.)?([\w.-]{1,80})")
_DATE = re.compile(
    r"(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d\d(?![./-]?\d)|"
    r"(?:19|20)\d\d[ -]+(?:19|20)\d\d\b"
)
_FIRM = (MaskKind.EMAIL, MaskKind.LINK, MaskKind.HANDLE, MaskKind.PLATE)
Found = tuple[int, int, MaskKind]


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


def _identifiers(text: str) -> list[Found]:
    """Places to mask, in order and without overlap. Where two finders claim a place: what is unmistakable by its form
    comes first, then addresses, which have numbers in them, then numbers and telephones, then names.
    """
    shaped = list(_shaped(text))
    found = [f for f in shaped if f[2] in _FIRM]
    taken = bytearray(len(text))
    for start, end, _ in found:
        taken[start:end] = b"\x01" * (end - start)
    rest: list[Found] = [(a, b, MaskKind.ADDRESS) for a, b in addresses(text)]
    rest += [f for f in shaped if f[2] not in _FIRM]
    rest += [(a, b, MaskKind.NAME) for a, b in names(text)]
    for start, end, kind in rest:
        if kind is MaskKind.ADDRESS and any(taken[start:end]):
            end = start + taken.index(1, start) - start
            end = start + len(text[start:end].rstrip())
        if start < end and not any(taken[start:end]):
            taken[start:end] = b"\x01" * (end - start)
            found.append((start, end, kind))
    return sorted(found)


def _shaped(text: str) -> Iterator[Found]:
    """What is known by its form alone."""
    at = 0
    while match := _FIND.search(text, at):
        kind = next(kind for kind in _PATTERNS if match.group(kind.name.lower()) is not None)
        start, end = _extent(match, kind)
        if start < end:
            yield start, end, kind
            at = end
        else:  # not an identifier after all: look again from its second word
            at = match.start() + len(match.group().split(maxsplit=1)[0])


def _extent(match: re.Match[str], kind: MaskKind) -> tuple[int, int]:
    """The part of a match to replace: a plate without the word "plate"; empty if none."""
    start, end = match.span()
    if kind is MaskKind.PLATE:
        return match.span("plate_value")
    if kind is MaskKind.LINK:
        return start, end - (len(match.group()) - len(match.group().rstrip(".,;:!?)")))
    if kind is MaskKind.PHONE and not _is_phone(match.group()):
        return start, start
    return start, end


def _is_phone(text: str) -> bool:
    """Enough digits for a telephone number, and not a date."""
    digits = sum(character.isdigit() for character in text)
    return 7 <= digits <= 15 and not _DATE.match(text)


def _token(kind: MaskKind, value: str, taken: Iterable[str]) -> str:
    label = str(kind)
    if kind is MaskKind.LINK and (domain := _DOMAIN.match(value)):
        label = f"link {domain[1].lower()}"
    if kind is MaskKind.ADDRESS and (where := town(value)):
        label = f"address, {where}"
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
