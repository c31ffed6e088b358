"""Finding the names of people in a text: lists of names, words around them, and what else they could be.

A run of capitalised words is a name when its words are known as names, or when they are known as nothing else and
stand where people stand (after "says", before "'s wife", behind a title). Places, institutions, groups and makes stay.
German capitalises every noun: there only names known as nothing else count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tocsin.screen.firstnames import EVERYDAY, FIRST_NAMES
from tocsin.screen.lexicon import INSTITUTION, NOT_PEOPLE, lexicon

_TOKEN = re.compile(r"[^\W\d_]+(?:['’`´][^\W\d_]+)*(?:-[^\W\d_]+(?:['’][^\W\d_]+)*)*")
_JOIN = re.compile(r"\.?[ \t]+")
_ABBREVIATED = re.compile(
    r"(?:\b[^\W\d_]|\b(?:mr|mrs|ms|dr|prof|st|sgt|lt|capt|gov|sen|rep))\.\s+$", re.IGNORECASE
)
_NUMERAL = frozenset("ii iii iv jr sr".split())
_JOINED = re.compile(
    r"(?!(?:Mc|Mac|De|Le|La|Di|Du|Van|Fitz|O['’])[A-Z][a-zà-ÿ]+(?:['’]s)?$).*[a-zß-ÿ][A-ZÀ-Þ]"
)
_POSSESSIVE = re.compile(r"['’`´]s?$")
_PARTICLES = frozenset(
    "van von de der den del della di da dos das du la le ten ter bin ibn al el af av zu y ben mc st".split()
)
_TITLES = frozenset(
    """
    mr mrs ms miss mx dr prof professor judge justice officer sgt sergeant lt lieutenant capt captain
    chief sheriff deputy detective agent trooper senator sen rep representative congressman
    congresswoman governor gov mayor councilman councilwoman president secretary pastor rabbi imam
    father sister coach principal herr frau sir lady lord dame uncle aunt auntie grandma grandpa speaker
    general colonel major corporal private commissioner director minister chancellor prince princess
    señor señora monsieur madame signor signora pan pani hr fru
    """.split()
)
_SAYING = (
    "says|said|told|tells|asked|asks|shouted|shouts|wrote|writes|explained|explains|replied|tweeted|posted|added|"
    "lives|lived|thinks|wants|knows|loves|hates|speaks?|listed|points out|announced|claimed|claims|admitted"
)
_BEFORE = re.compile(
    r"(?i:(?:\b(?:name(?: in the account| on the account)?(?: is|'s|:)|named(?: him| her| them)?|called|calls? me|"
    r"my name|(?:maiden|last|first|full|partner's|user) ?name(?: is|:|\?)?|named|i(?:'| a|’)?m|this is|hi|hello|hey|"
    r"dear|by|with|starring|featuring|features|feat\.?|starring|directed by|(?:under|to|and) (?=[^,]{2,30}$)|"
    r"says|said|told|asked|tell|ask|kid|son|daughter|wife|husband|brother|sister|friend|mother|father|"
    r"partner|neighbou?r|boss|producer|singer|songwriter|actor|actress|player|founder|commenter|director|author|"
    r"assistant to|tribute to|daughter of|son of|heard|add|remove|user|name|"
    r"heisst|heiße|heisse|heißt|namens|m'appelle|me llamo|mi chiamo)\b[\s:,>\"“]*)$)"
)
_AFTER = re.compile(
    rf"(?:['’`´]s?\s+(?:wife|husband|kid|kids|son|daughter|father|mother|brother|sister|killers?|house|home|family|"
    rf"friend|face|head|song|album|novel|address|account|name|car|boss|lawyer|phone)\b|"
    rf"\s+(?:{_SAYING})\b|\s*:[\s\"“]|"
    rf"\s+(?:is|was) (?:very|a|an|the|so|really|from|dead|born|shot|killed|arrested|my|his|her)\b|"
    rf"\s+has (?:a|been|no)\b|"
    rf"\s+(?:family|will be)\b|\s+had (?:given|been)\b|,? can (?:i|you)\b|"
    rf"\s+(?:is|lives|just|of [A-Z]|from [A-Z]|and [A-Z])|,? the \w+, said\b)",
    re.IGNORECASE,
)
_PLACING = re.compile(
    r"(?i:\b(?:in|from|near|at|to|outside|around|across|throughout|towards?|via|of|leaving|visit(?:ing)?)\s+"
    r"(?:the\s+|downtown\s+|central\s+|northern\s+|southern\s+|eastern\s+|western\s+)?)$"
)
_IN = re.compile(r"(?i:\b(?:in|near|from|outside|across|around)\s+(?:the\s+|downtown\s+)?)$")
_SURNAME = re.compile(
    r"(?:sson|sen|son|ová?|eva|ov|ev|in|ina|ić|ič|vić|ski|ska|sky|skij|cki|cka|wicz|czyk|ak|ák|ek|ík|ez|és|es|"
    r"dóttir|nen|berg|stein|mann|feld|bach|hofer|escu|ini|elli|etti|ucci|oğlu|yan|ian|dze|shvili|enko|chuk|"
    r"quist|qvist|lund|ström|gren|strand|gaard|gård|stra|sma|inga|ász|ós|ffy|ty|y|i|á)$"
)
_GERMAN = re.compile(
    r"\b(?:der|die|das|und|ist|nicht|ein|eine|ich|wir|sie|mit|auf|für|von|den|dem|zu|im|auch|wird|sind|"
    r"Der|Die|Das|Und|Ich|Wir|Sie|Ja|Nein|wer|Wer|hat|haben|doch|mal|dann|aber|Aber|bei|nur|noch|so|wie|was|es)\b|(?<!\w)[a-zäöü]\w*[äöüß]"
)
_ENGLISH = re.compile(
    r"\b(?:the|and|is|not|a|an|i|you|we|they|with|on|for|of|to|in|it|are|will|my|your|this|that)\b",
    re.IGNORECASE,
)


_RARE = (
    5  # level of frequency under which a word in small letters may be a name somebody introduced
)
_COMMON = FIRST_NAMES - EVERYDAY


class _Word(NamedTuple):
    start: int
    end: int
    text: str
    key: str
    flags: str
    opens: bool  # begins a sentence, where any word has a capital letter

    @property
    def everyday(self) -> bool:
        """Whether English also writes it small."""
        return self.flags[-1:].isdigit()

    @property
    def unknown(self) -> bool:
        return not self.flags and self.key not in NOT_PEOPLE and self.key not in INSTITUTION

    @property
    def first(self) -> bool:
        return "f" in self.flags

    @property
    def last(self) -> bool:
        return "l" in self.flags

    @property
    def common(self) -> bool:
        """A common first name, and hardly ever anything else."""
        return self.key in _COMMON

    @property
    def sure(self) -> bool:
        """A name, and nothing else that we know of."""
        if self.common:
            return True
        named = self.first or self.last
        return named and not (self.everyday or "p" in self.flags or self.barred)

    @property
    def barred(self) -> bool:
        return self.key in NOT_PEOPLE or self.key in INSTITUTION


def names(text: str) -> Iterator[tuple[int, int]]:
    """Where people's names stand, in order. Never raises."""
    words = list(_words(text))
    german = _is_german(text)
    found = [span for run in _runs(text, words) for span in _named(text, run, german=german)]
    sure = {at for start, end in found for at in range(start, end)}
    known = {w.key for w in words if w.start in sure and not w.everyday}
    found += _small(text, words, german=german)
    found += _listed(text, words, found)
    covered = {at for start, end in found for at in range(start, end)}
    for word in words:  # who was named once is meant wherever the same word stands again
        if word.key in known and word.start not in covered and _capital(word.text):
            found.append((word.start, word.end))
    yield from sorted(found)


def _listed(
    text: str, words: list[_Word], found: list[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Who stands in a list with people: "Ann, Kim and Bo"."""
    starts, ends = {a for a, _ in found}, {b for _, b in found}
    order = [*range(len(words)), *range(len(words) - 1, -1, -1)]
    for index in order:
        word = words[index]
        if word.start in starts or not _capital(word.text) or word.barred or len(word.text) < 3:
            continue
        if not (word.first or word.last or word.unknown) or (word.everyday and word.opens):
            continue
        after = _AND_AFTER.match(text, word.end)
        before = _AND_BEFORE.search(text, max(0, word.start - 6), word.start)
        if (after and after.end() in starts) or (before and before.start() in ends):
            starts.add(word.start)
            ends.add(word.end)
            yield word.start, word.end


_AND_AFTER = re.compile(r",?\s+(?:and|und|&)\s+|,\s+")
_AND_BEFORE = re.compile(r"(?:,?\s+(?:and|und|&)\s+|,\s+)$")


def _words(text: str) -> Iterator[_Word]:
    table = lexicon()
    for match in _TOKEN.finditer(text):
        whole = match.group()
        told = _POSSESSIVE.sub("", whole)
        key = told.casefold().replace("’", "'")
        flags = table.get(key) or _of_parts(key, table)
        if (match.start() and text[match.start() - 1] in "#@") or _JOINED.match(whole):
            flags = "0"  # a tag, or words written together: not looked into
        if whole == "I" and text[match.end() : match.end() + 1] == ".":
            key, flags = "i.", ""  # an initial
        before = text[max(0, match.start() - 3) : match.start()].rstrip(" \t\"“'‘(>*_")
        opens = not before or before[-1] in ".!?:\n>•|"
        if opens and before[-1:] == ".":
            opens = not _ABBREVIATED.search(text, max(0, match.start() - 6), match.start())
        yield _Word(match.start(), match.start() + len(told), told, key, flags, opens)


def _of_parts(key: str, table: dict[str, str]) -> str:
    """A hyphenated word is a name where its parts are, and a word where they are."""
    if "-" not in key:
        return ""
    parts = [table.get(part, "") for part in key.split("-")]
    if not all(parts):
        return ""
    letters = set(parts[0]).intersection(*parts[1:])
    return "".join(sorted(letters & set("flp"))) + (
        "5" if any(part[-1:].isdigit() for part in parts) else ""
    )


def _capital(word: str) -> bool:
    return word[0].isupper() and (len(word) == 1 or not word.isupper())


def _runs(text: str, words: list[_Word]) -> Iterator[list[_Word]]:
    """Capitalised words side by side, with the particles and initials between them."""
    run: list[_Word] = []
    for index, word in enumerate(words):
        joined = run and _JOIN.fullmatch(text, run[-1].end, word.start)
        if joined and "." in text[run[-1].end : word.start] and not _abbreviates(run[-1]):
            joined = None
        if run and not joined:
            yield run
            run = []
        if _capital(word.text) or _shouted(word) or (run and _continues(text, words, index)):
            run.append(word)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _continues(text: str, words: list[_Word], index: int) -> bool:
    """Whether a word that is no name by itself goes on with one: "III", "van der"."""
    word = words[index]
    if word.key in _NUMERAL and word.text.isupper():
        return True
    return word.key in _PARTICLES and _leads_on(text, words, index)


def _abbreviates(word: _Word) -> bool:
    return len(word.text) == 1 or word.key in _TITLES


def _leads_on(text: str, words: list[_Word], index: int) -> bool:
    """Whether a capitalised word follows a particle, or two, at once."""
    for at in range(index, min(index + 2, len(words) - 1)):
        after = words[at + 1]
        if text[words[at].end : after.start] != " ":
            return False
        if _capital(after.text):
            return True
        if after.key not in _PARTICLES:
            return False
    return False


def _shouted(word: _Word) -> bool:
    """A name in capital letters: only where it can be nothing else."""
    return word.text.isupper() and len(word.text) > 3 and word.sure and word.key in FIRST_NAMES


def _named(text: str, run: list[_Word], *, german: bool) -> Iterator[tuple[int, int]]:
    """The names inside one run."""
    at = 0
    while at < len(run):
        if run[at].key in _TITLES and at + 1 < len(run):
            size = _titled(run[at + 1 :])
            if size:
                yield run[at + 1].start, run[at + size].end
                at += size + 1
                continue
        size = _piece(run, at)
        piece = run[at : at + size]
        if size and _is_person(text, piece, german=german):
            end = piece[-1].end
            yield piece[0].start, end
        at += max(size, 1)


def _titled(run: list[_Word]) -> int:
    """How many words after a title are a name: up to the first that is only an everyday word."""
    size = 0
    for word in run[:3]:
        level = int(word.flags[-1]) if word.everyday else 0
        if word.barred or (level >= 4 and not (word.first or word.last)):
            break
        if level >= 7 and size == 0:
            break
        size += 1
    return size


def _piece(run: list[_Word], at: int) -> int:
    """How many words from here may belong to one name; 0 where the first is an everyday word."""
    if _is_plain(run[at]) or (run[at].key in _PARTICLES and run[at].text.islower()):
        return 0
    size = 1
    while at + size < len(run) and size < 5:
        word, before = run[at + size], run[at + size - 1]
        bound = len(before.text) == 1 or (size > 1 and before.text.islower())
        if _is_plain(word) and not (bound and len(word.text) > 1) and word.key not in _NUMERAL:
            break
        size += 1
    return size


def _is_plain(word: _Word) -> bool:
    """An everyday word and no name."""
    if len(word.text) == 1:
        return word.opens or word.key == "i"
    if word.key in _TITLES and word.key not in FIRST_NAMES:
        return True
    if word.key in NOT_PEOPLE:
        return True
    if word.opens and word.everyday and int(word.flags[-1]) >= 5 and word.key not in FIRST_NAMES:
        return True
    return word.everyday and not (word.first or word.last)


def _is_person(text: str, piece: list[_Word], *, german: bool) -> bool:
    if any(word.barred for word in piece):
        return False
    words = [w for w in piece if len(w.text) > 1 and not (w.text.islower())]
    if not words:
        return False
    if german:
        first = words[0]
        return first.key in FIRST_NAMES - EVERYDAY or (
            len(words) > 1 and first.first and first.sure
        )
    if len(words) > 1:
        return _is_full_name(text, piece, words)
    return _is_single_name(text, words[0])


def _is_full_name(text: str, piece: list[_Word], words: list[_Word]) -> bool:
    """Two words or more."""
    if any(word.sure and word.first for word in words[:-1]):
        return True
    placed = _IN.search(text[max(0, piece[0].start - 24) : piece[0].start])
    if all("p" in w.flags or "q" in w.flags for w in words) and placed:
        return False
    if len(words) < len(piece) and not words[0].everyday:  # an initial or a particle between them
        return True
    if words[0].first and (words[-1].last or words[-1].unknown):
        return not (placed and words[0].everyday)
    surely = sum(word.sure or word.unknown for word in words)
    return surely * 2 >= len(words) and (words[0].first or words[0].last or words[0].unknown)


def _is_single_name(text: str, word: _Word) -> bool:
    before = text[max(0, word.start - 40) : word.start]
    placed = bool(_PLACING.search(before))
    acts = bool(_AFTER.match(text[word.end : word.end + 24]))
    stands = acts or bool(_BEFORE.search(before))
    if len(word.text) < 2:
        return False
    if "P" in word.flags and not word.common:
        return (word.first or word.last) and bool(_TOLD_BEFORE.search(before))
    if word.common:
        return not ("p" in word.flags and _IN.search(before))
    if word.sure:
        return not (placed and "q" in word.flags) or word.first or stands
    if word.unknown and len(word.text) > 2:
        return acts or (
            not placed and (stands or not word.opens or bool(_SURNAME.search(word.key)))
        )
    if word.everyday:
        level = int(word.flags[-1])
        told = stands and level <= 6 and not (word.opens and level == 6)
        return told or (word.last and level <= 4 and not (word.opens or placed))
    return stands and not placed


def _small(text: str, words: list[_Word], *, german: bool) -> Iterator[tuple[int, int]]:
    """Names written in small letters: only common first names that mean nothing else, and what follows them."""
    sure = FIRST_NAMES - EVERYDAY
    skip = 0
    whispered = text.islower() and not german and len(_ENGLISH.findall(text)) > 1
    for index, word in enumerate(words):
        if index < skip or not word.text.islower():
            continue
        told = _TOLD_BEFORE.search(text[max(0, word.start - 24) : word.start])
        known = word.key in sure or (not german and word.first and word.sure and len(word.key) > 3)
        level = int(word.flags[-1]) if word.everyday else 0
        if not known and not (told and level < _RARE and (not level or word.flags[0] in "flpq")):
            continue
        end = word.end
        for after in words[index + 1 : index + 3]:
            if text[end : after.start] != " " or not after.text.islower():
                break
            if german or (len(after.text) > 1 and not (after.last and after.sure)):
                break
            end, skip = after.end, index + 3
        if told or word.key in sure or end > word.end or (whispered and "p" not in word.flags):
            yield word.start, end


_TOLD_BEFORE = re.compile(
    r"\b(?:name(?: is|'s|\?|:)|named(?: him| her)?|called|calls? me|mrs?\.?|ms\.|dr\.|hi|dear)\s+$",
    re.IGNORECASE,
)


def _is_german(text: str) -> bool:
    german = len(_GERMAN.findall(text))
    return german > len(_ENGLISH.findall(text))
