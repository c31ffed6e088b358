"""Finding where people live: street addresses of many countries, boxes, flats, and what follows them on an envelope.

An address is found by its own grammar (a number and a kind of street, in either order), or, where the street has no
word for its kind ("Allika 46"), by the words before it ("lives at", "send it to"). A street without a number is a place
and stays. The town behind an address is part of it; `town` says which, so that the token can name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from tocsin.screen.lexicon import INSTITUTION, NOT_PEOPLE, lexicon

_W = r"[^\W\d_][^\W\d_'’.]*(?:['’][^\W\d_]+)?(?:-[^\W\d_]+)*\.?"
_N = r"\d{1,5}(?:[-/]\d{1,4})?[A-Za-z]?"
# Kinds of street behind the name (United States Postal Service, publication 28, appendix C, and everyday British ones).
_KIND = (
    r"(?:al?ley|ave?(?:nue)?|branch|boulevard|blvd|bypass|circle|cir|close|common|corner|court|courts|ct|cove|coves|"
    r"crescent|cres|crossing|crossroad|drive|drives|dr|esplanade|estates?|expressway|extensions?|freeway|gardens?|"
    r"gateway|glens?|greens?|groves?|heights|highway|hwy|hills?|hollow|junctions?|knolls?|landing|lane|ln|loop|manors?|"
    r"meadows?|mews|orchard|oval|parade|parks?|parkways?|pkwy|pass|passage|path|pike|place|pl|plaza|points?|ports?|"
    r"prairie|promenade|ranch|ridges?|road|roads|rd|route|row|run|shoals?|shores?|springs?|spurs?|square|squares|sq|"
    r"street|streets|st|str|summit|terrace|ter|trace|track|trail|turnpike|union|unions|valleys?|viaduct|views?|"
    r"villages?|ville|vistas?|walks?|way|ways|wells)\b\.?"
)
# Kinds of street grown into the name: Germanic, Nordic, Baltic.
_GROWN = (
    r"[^\W\d_]{2,}(?:stra(?:ss|ß)e|str\.|weg|allee|platz|gasse|ufer|damm|graben|brücke|ring|steig|katu|tie|polku|"
    r"kuja|raitti|vej|"
    r"veien|vegen|veg|vei|gata|gatan|gaten|gade|gate|vägen|gränd|gränden|stigen|straat|laan|plein|dijk|gracht|hof|kade|"
    r"achterberghove|stræti|straeti|braut|vegur|hlíð|hólar|stígur|bakken|bakka|haugen|vollen|lia|åsen|terrasse|tänav|"
    r"puiestee|ulica|allén|alléen|toften|vænget|parken|marken|haven|stien|ova|ovo|ského|ská)"
)
# Kinds of street that stand before the name.
_BEFORE = (
    r"(?:rua|rue|via|viale|vicolo|piazza|corso|largo|strada|calle|avenida|avda|av|avenue|carrera|camino|paseo|plaza|"
    r"praça|travessa|estrada|alameda|boulevard|bd|chemin|place|allée|impasse|quai|ul|ulica|ulitsa|aleja|plac|os|"
    r"os\.|λεωφόρος|οδός|λ)\b\.?"
)
# Kinds of street that stand between name and number.
_BETWEEN = (
    r"(?:u|út|utca|útja|tér|tere|krt|körút|köz|sor|rkp|kapu|dűlő|sétány|fasor|stra(?:ss|ß)e|str|straat|weg|gata|"
    r"terrasse|alle|allee|allé|vei|väg|gade|plads|tie|katu|maantee|tee|pst|mnt|trg|cesta|ulica|ul|gatve|iela|sokak|cad|"
    r"caddesi)\.?"
)
_UNIT = (
    r"(?:(?:apt|apartment|suite|ste|flat|apto|lgh|whg|wohnung)\.?\s*(?:no\.?\s*)?#?\s?\d{1,5}[a-z]?\b|"
    r"#\s?\d{1,5}[a-z]?\b)"
)
_BOX = (
    r"(?:p\.?\s?o\.?\s?box|postbox|postboks|postfach|apartado|casilla)\s*\d{1,6}"
    r"|(?:psc|unit|cmr)\s+\d{1,5},?\s+box\s+\d{1,6}(?:[\s,]+[afd]po[\s,]+a[aep]\s+\d{5}(?:-\d{4})?)?"
    r"|(?:us[a-z]{1,4}\s+[^\W\d_]+\s+)?[afd]po[\s,]+a[aep]\s+\d{5}(?:-\d{4})?"
)
_CORES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![\w$€£.,:/-])(?:{_N}[ ]+)?(?:{_BOX})\b(?:\s+{_W}(?:\s+{_KIND}))?",
        rf"(?<![\w$€£.,:/-])(?:{_N}[ ]+){{1,2}}{_BEFORE}\s+{_W}(?:\s+{_W}){{0,3}}",
        rf"(?<![\w$€£.,:/-])(?:{_N}[ ]+){{1,2}}(?:(?:{_W}|\d{{1,3}}(?:st|nd|rd|th))[ ]+){{1,4}}?{_KIND}(?![\w'’])",
        rf"(?<!\w)(?:\d{{1,5}}[ ]+)?(?:{_W}[ ]+){{0,3}}?{_GROWN}[ ]+{_N}\b\.?",
        rf"(?<!\w)(?:\d{{1,5}}[ ]+)?{_BEFORE}[ ]+{_W}(?:[ ]+{_W}){{0,3}}[ ,]+{_N}\b",
        rf"(?<!\w)(?:\d{{1,5}}[ ]+)?(?:{_W}[ ]+){{1,3}}{_BETWEEN}[ ]+{_N}\b\.?",
        rf"(?<![\w$€£.,:/-])\d{{1,5}}[ ]+(?:\d{{1,3}}[ ]+)?{_W}(?:[ ]+{_W}){{0,3}}[ ]+{_N}\b\.?"
        rf"(?=\s*(?:[,\n]|$|{_UNIT}))",
        rf"(?<!\w)(?:\d{{1,5}}[ ]+)?(?:\d{{1,4}}[ ]+)?{_W}(?:[ ]+{_W}){{0,4}}(?:[ ]+{_N}\.?)?"
        rf"[,\s]+{_UNIT}",
        r"(?<!\w)(?:apt|apartment|suite|ste|apto)\.?\s*#?\s?\d{1,5}[a-z]?\b",
    )
)
_CUE = re.compile(
    r"(?:\b(?:lives?|lived|living|resides?|wohnt|stays?|staying|located|home|house|offices?|meet(?:ing)?|taxi|"
    r"address(?:es)?|sent|send|deliver(?:ed)?|return|moved?|stop|following)\b"
    r"(?: (?:it|me|us|you|him|her|them|is|are|this))?(?: (?:at|on|in|to|an|with|from))?[\s:?,>]*(?:it is |and )?|"
    r"\b(?:at|to|with|and|is|in|on)\s+|[:>?]\s+)$",
    re.IGNORECASE,
)
_TOLD = re.compile(
    rf"(?:{_N}[ ]+){{1,2}}{_W}(?:[ ]+{_W}){{0,3}}(?:[ ]+{_N}\b\.?)?|{_W}(?:[ ]+{_W}){{0,3}}[ ]+{_N}\b\.?(?![\w:])"
)
_STARTS = re.compile(r"(?<![\w$€£.,:/-])(?=[\w])")
_POST = r"(?:\d{3,6}(?:[- ]\d{2,4})?|[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d|[A-Za-z]{1,2}\d{1,2}[A-Za-z]? ?\d[A-Za-z]{2})\b"
_MORE_UNIT = re.compile(rf"[\s,>?]*{_UNIT}", re.IGNORECASE)
_ENDS_UNIT = re.compile(rf"{_UNIT}$", re.IGNORECASE)
_FIELD = re.compile(r"\s*[:@]")  # the next line of a form
_SEGMENT = re.compile(rf"([\s,>?]{{1,12}})({_W}(?:[ ]{_W}){{0,3}}(?:[ ]\([^\W\d_]+\))?)")
_POSTCODE = re.compile(
    rf"[\s,>?]{{1,12}}{_POST}(?![ .-]?\d|\s*(?:am|pm|hours|people|%))", re.IGNORECASE
)
_MONTHS = frozenset(
    """january february march april may june july august september october november december jan feb mar apr jun jul aug
    sep sept oct nov dec am pm
    km m mi miles kg mm cm mph usd eur""".split()
)
_PUBLIC = re.compile(r"1600 pennsylvania|10 downing|first st(?:reet)? (?:ne|se)\b", re.IGNORECASE)


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses stand, in order and without overlap. Never raises."""
    if not any(c.isdigit() for c in text):
        return
    at = 0
    found = sorted(_found(text), key=lambda span: (span[0], -span[1]))
    for start, end in found:
        if start < at:
            if end <= at:
                continue
            start = at
        if _is_public(text, start):
            continue
        start, end = _cornered(text, start, _extended(text, start, end))
        yield start, end - (text[end - 1] == ".")
        at = end


def _is_public(text: str, start: int) -> bool:
    """Whether a public institution is named right before: its address is a place, not somebody's home."""
    before = re.search(r"([A-Z]\w+)(?:,| at| on| \()\s+$", text[max(0, start - 30) : start])
    return before is not None and before[1].casefold() in INSTITUTION


def town(address: str) -> str:
    """The places named in an address behind its street, as a token may show them; '' when none is known."""
    table = lexicon()
    _, _, rest = address.replace("\n", ",").partition(",")
    known = []
    for part in rest.split(","):
        words = [w for w in part.split() if w.isalpha()]
        placed = all(set("pq") & set(table.get(w.casefold(), "")) for w in words)
        if words and placed and words[0].casefold() not in ("box", "apt", "suite", "unit"):
            known.append(" ".join(words))
    return ", ".join(dict.fromkeys(known))[:60]


def _found(text: str) -> Iterator[tuple[int, int]]:
    for number, core in enumerate(_CORES):
        for match in core.finditer(text):
            start, end = match.span()
            start = _begins(text, start, end)
            if number in _LOOSE and not _strange(text[start:end]):
                continue
            if _sound(text[start:end], strict=number not in (0, 8)):
                yield start, end
    for match in _NUMBERED.finditer(text):
        if (span := _told(text, match.start())) is not None:
            yield span


_LOOSE = (6, 7)  # patterns without a word for a street


def _strange(words: str) -> bool:
    """Whether a word is in capitals or unknown: "50 girls make 1000" is no address."""
    table = lexicon()
    letters = [w.strip(".,") for w in words.split() if w[0].isalpha()]
    return any(w[0].isupper() or not table.get(w, "")[-1:].isdigit() for w in letters)


_NUMBERED = re.compile(
    rf"(?<![\w$€£.,:/-])(?:(?:{_N}[ ]+){{1,2}}|(?=[^\W\d_])){_W}(?:[ ]+(?:{_W}|{_N}\b)){{0,4}}"
)


def _told(text: str, start: int) -> tuple[int, int] | None:
    """An address known by the words before it."""
    if not _CUE.search(text, max(0, start - 60), start) and not _alone(text, start):
        return None
    match = _TOLD.match(text, start)
    if match is None:
        return None
    words = [w.strip(".") for w in match.group().split() if w[0].isalpha()]
    first = lexicon().get(words[0].casefold(), "")
    if not match.group()[0].isdigit() and (
        first[-1:].isdigit() or words[0].casefold() in NOT_PEOPLE
    ):
        return None
    if not words[0][0].isupper() and first[-1:].isdigit():
        return None
    return match.span() if _sound(match.group(), strict=True) else None


def _alone(text: str, start: int) -> bool:
    """Whether a line begins here."""
    before = text[:start].rstrip(" \t>?")
    return (not before and start > 0) or before.endswith("\n")


def _begins(text: str, start: int, end: int) -> int:
    """Leave out what a pattern took in before the street: in "Bo lives on Puruntie 82" all up to "on"."""
    words = list(re.finditer(r"\S+", text[start:end]))
    letters = [w for w in words if w.group()[0].isalpha()]
    mixed = any(w.group()[0].isupper() for w in letters)
    table = lexicon()
    began = start
    for word, after in pairwise(words):
        if word.group()[0].isdigit():
            break
        key = word.group().casefold().strip(".,:")
        everyday = table.get(key, "")[-1:].isdigit() and key not in _IN_NAMES
        small = (
            mixed and word.group()[0].islower() and (everyday or began == start + word.start())
        ) or key in _FUNCTION
        if small and len(words) > 2 and key not in _IN_NAMES:
            began = start + after.start()
    return began


_IN_NAMES = frozenset(
    "do da de di du del della des den der ten van von la le les el al of st".split()
)


def _sound(address: str, *, strict: bool) -> bool:
    """Has a number, no month, and is no public building."""
    words = {w.casefold().strip(".,") for w in address.split()}
    if words & _MONTHS or _PUBLIC.search(address) or not any(c.isdigit() for c in address):
        return False
    if not strict:
        return True
    letters = [w for w in address.split() if w[0].isalpha()]
    return bool(letters) and not any(w.strip(".,") in _FUNCTION for w in letters)


_FUNCTION = frozenset(
    """the a an and or of in on at to for with by from is are was were will would people years days hours minutes times
    percent dollars we you they he she it i who that this not no my your his her our their""".split()
)


def _cornered(text: str, start: int, end: int) -> tuple[int, int]:
    """A corner of two streets is one address where one of them has a number."""
    if (before := _CORNER.search(text, max(0, start - 16), start)) is None:
        return start, end
    after = _OTHER.match(text, end)
    return (before.start(), after.end()) if after else (start, end)


_CORNER = re.compile(r"(?:the )?corner of $", re.IGNORECASE)
_OTHER = re.compile(rf"\s+(?:st\.?\s+)?(?:and|&)\s+(?:{_W}[ ]+){{1,3}}?{_KIND}", re.IGNORECASE)


def _extended(text: str, start: int, end: int) -> int:
    """Go on over flat, town, region, postcode and country."""
    line = bool(_ENDS_UNIT.search(text, start, end))
    while match := _MORE_UNIT.match(text, end):
        end, line = match.end(), True
    reach = at = end
    for _ in range(4):
        if match := _POSTCODE.match(text, at):
            return match.end()
        match = _SEGMENT.match(text, at)
        ended = match and _town_ends(text, match.start(2), match.end())
        if match is None or not ended or _FIELD.match(text, ended):
            break
        new_line = not match.group(1).isspace() or "\n" in match.group(1)
        if not (new_line or line) and not _POSTCODE.match(text, ended):
            break
        at = ended
        if new_line or line:
            reach = at
    return reach


def _town_ends(text: str, start: int, end: int) -> int:
    """Where a town, region or country ends that starts here: with its last capitalised word; 0 where there is none."""
    table = lexicon()
    reach = 0
    for word in re.finditer(r"\S+", text[start:end]):
        told = word.group().strip(".,()")
        flags = table.get(told.casefold(), "")
        if told[:1].isupper() or told == "nan":
            reach = start + word.end()
        elif told in _FUNCTION or (
            not set("pq") & set(flags) and told not in _IN_NAMES and len(told) > 2
        ):
            break
        elif text[start].islower():  # a text all in small letters
            reach = start + word.end()
    return reach
