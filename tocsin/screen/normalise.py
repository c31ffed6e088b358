"""Folding: plain lower-case ASCII views of a text, so that tricks of spelling do not hide words.

A *view* is a folded text that knows where each of its characters came from. Every text has a plain
view (Unicode compatibility forms, look-alike letters, zero-width characters, case). Texts that show
a trick (k1ll, k i l l, kiiiill) get further views with the trick undone. The plain view always
stays, so undoing a trick can only add matches.

German umlauts fold to their two-letter spelling (ae, oe, ue, ss), the way people type them on other
keyboards.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

UMLAUTS = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
    "ẞ": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ł": "l",
}
# Stands for a combining diaeresis after a, o, u; private use, so no real text needs it.
_MARKED_UMLAUT = "\ue000"

# Look-alikes that compatibility folding leaves alone: Cyrillic, Greek, phonetic and small capitals.
# Source of the pairs: the Latin skeletons in Unicode TS 39, reduced to letters that a reader
# takes for a-z.
_LOOKALIKES = dict(
    zip(
        "авеіјкмнорсѕтухԁһցɡԛԝьαβεικνορτυχωγηµᴀʙᴄᴅᴇғɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢıɑɩɾɪ",
        "abeijkmhopcstyxdhggqwbabeiknoptuxwynuabcdefghijklmnoprstuvwyziairi",
        strict=True,
    )
)
_PUNCTUATION = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
    "•": ".", "·": ".", "∙": ".",
}  # fmt: skip
_EMOJI = {
    **dict.fromkeys("😂🤣😆😹😜🤪", " lol "),
    **dict.fromkeys("🔪🗡", " knife "),
    "🔫": " gun ", "💣": " bomb ", "🪓": " axe ",
}  # fmt: skip
_SQUARED = {base + i: chr(97 + i) for base in (0x1F130, 0x1F150, 0x1F170) for i in range(26)}


def fold_character(character: str) -> str:
    """Zero or more lower-case characters that one character stands for."""
    if ord(character) in _SQUARED:
        return _SQUARED[ord(character)]
    if character == _MARKED_UMLAUT:
        return "e"
    for form in (character, character.lower()):
        if form in _EMOJI:
            return _EMOJI[form]
        if form in _PUNCTUATION:
            return _PUNCTUATION[form]
        if form in UMLAUTS:
            return UMLAUTS[form]
        if form in _LOOKALIKES:
            return _LOOKALIKES[form]
    if unicodedata.category(character) == "Cs":
        return "\ufffd"  # half a surrogate pair cannot be encoded for the matcher
    if character.isspace():
        return "\n" if character in "\n\r\u2028\u2029\x85" else " "
    folded = []
    for part in unicodedata.normalize("NFKD", character):
        if unicodedata.category(part) in (
            "Mn",
            "Me",
            "Cf",
        ):  # accents, enclosing marks, zero-width characters
            continue
        lower = part.lower()
        folded.append(_PUNCTUATION.get(part) or _LOOKALIKES.get(lower) or lower)
    return "".join(folded)


class _Table(dict[int, str]):
    """Folds of code points, worked out when first met."""

    def __missing__(self, code: int) -> str:
        if len(self) > 20_000:  # bounds memory under text that walks through all of Unicode
            self.clear()
        folded = self[code] = fold_character(chr(code))
        return folded


_TABLE = _Table()
_DIAERESIS = "\u0308"
_DECOMPOSED = re.compile(f"(?<=[aouAOU]){_DIAERESIS}")
# All but letters, digits and signs that stand for themselves: in most texts a few characters.
_FOREIGN = re.compile(r"[^\n -_a-~]+")


class View:
    """A folded text. `span(start, end)` gives the place in the original that produced
    `text[start:end]`.
    """

    __slots__ = ("_ends", "_starts", "original", "text")

    def __init__(
        self,
        text: str,
        original: str,
        starts: list[int] | None = None,
        ends: list[int] | None = None,
    ) -> None:
        self.text = text
        self.original = original
        self._starts = starts
        self._ends = ends

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the original, half open; an empty range maps to an empty range."""
        if self._starts is None or self._ends is None:
            if self.original.isascii():
                return start, end
            self._starts, self._ends = _plain_offsets(self.original)
        if end <= start:
            at = self._starts[start] if start < len(self._starts) else len(self.original)
            return at, at
        return self._starts[start], self._ends[end - 1]

    def offsets(self) -> Iterator[tuple[str, int, int]]:
        """Each character with its place in the original."""
        for index, character in enumerate(self.text):
            yield (character, *self.span(index, index + 1))


def plain(text: str) -> View:
    """The plain view: fast, its offsets are only worked out when somebody asks."""
    if text.isascii():
        return View(text.lower(), text)
    marked = _DECOMPOSED.sub(_MARKED_UMLAUT, text) if _DIAERESIS in text else text
    return View(_FOREIGN.sub(_folded_run, marked).lower(), text)


def _folded_run(run: re.Match[str]) -> str:
    return run.group().translate(_TABLE)


def _plain_offsets(original: str) -> tuple[list[int], list[int]]:
    starts: list[int] = []
    for index, character in enumerate(_DECOMPOSED.sub(_MARKED_UMLAUT, original)):
        starts.extend([index] * len(_TABLE[ord(character)]))
    return starts, [start + 1 for start in starts]


_SPACED = re.compile(
    r"(?<![a-z0-9])[a-z0-9@$!](?:([ ._*\-/|])[a-z0-9@$!](?:\1[a-z0-9@$!])+)(?![a-z0-9])"
)
_LEET = re.compile(
    r"(?<=[a-z])[013457$@!|]+(?=[a-z])|(?<=[a-z])[013457$]+(?![\w$])"
    r"|\b4(?=[a-z]{4})|(?<!\S)\$(?=[a-z]{4})"
)
_LEET_LETTERS = dict(zip("013457$@!|", "oieastsail", strict=True))
_RUN = re.compile(r"([a-vx-z])\1{2,}")  # not w, because of www
_DOUBLED = "bcdefglmnoprstz"
_LINK = re.compile(r"https?://\S+|www\.\S+|[^\s@]{1,64}@[^\s@.]{1,64}\.\S+")


def tricked(view: View) -> list[View]:
    """Further views of a text that shows a trick: letters joined and digits read as letters, then
    runs shortened.

    Runs of three or more letters are shortened to two in one view and to one in another
    (shooot, kiiill).
    """
    undone = _without_leet(_joined(view))
    views = [undone] if undone.text != view.text else []
    if _RUN.search(undone.text):
        views += [_shortened(undone, _DOUBLED), _shortened(undone, "")]
    return views


def _pick(view: View, keep: list[int], letters: dict[int, str] | None = None) -> View:
    """The view reduced to the characters at `keep`, some replaced one for one."""
    letters = letters or {}
    spans = [view.span(index, index + 1) for index in keep]
    text = "".join(letters.get(index, view.text[index]) for index in keep)
    return View(text, view.original, [start for start, _ in spans], [end for _, end in spans])


def _joined(view: View) -> View:
    drop: set[int] = set()
    for match in _SPACED.finditer(view.text):
        drop.update(range(match.start() + 1, match.end(), 2))
    if not drop:
        return view
    return _pick(view, [index for index in range(len(view.text)) if index not in drop])


def _without_leet(view: View) -> View:
    links = [match.span() for match in _LINK.finditer(view.text)]
    letters: dict[int, str] = {}
    for match in _LEET.finditer(view.text):
        if any(start <= match.start() < end for start, end in links):
            continue
        signs = match.group()
        read = "ll" if signs == "11" else "".join(_LEET_LETTERS[sign] for sign in signs)
        letters.update(zip(range(match.start(), match.end()), read, strict=True))
    return _pick(view, list(range(len(view.text))), letters) if letters else view


def _shortened(view: View, doubled: str) -> View:
    drop: set[int] = set()
    for match in _RUN.finditer(view.text):
        drop.update(range(match.start() + (2 if match[1] in doubled else 1), match.end()))
    return _pick(view, [index for index in range(len(view.text)) if index not in drop])


def folded(text: str) -> bytes:
    """The plain view's text in UTF-8: for looking whether anything is in it."""
    return (text.lower() if text.isascii() else plain(text).text).encode()


def fold(text: str) -> str:
    """The plain view's text with white space squeezed: for comparing texts."""
    return " ".join(plain(text).text.split())
