"""Make plain text of what sources send: no markup, no characters the database refuses.

The reader of markup is our own because its time must grow with length only: the sanitiser at
hand (nh3 0.3.7) needs 143 s for one megabyte of nested blocks. Its output is text, never shown
as markup.
"""

import html
import re
from collections.abc import Iterator
from typing import Final

HTML_CAP: Final = 2 * 1024 * 1024
"""Most characters of markup that are read; the rest is left out."""

_BLOCK_NAMES = (
    "p br div li ul ol tr td th table hr pre blockquote h1 h2 h3 h4 h5 h6 "
    "section article header footer title"
)
_BLOCKS: Final = frozenset(_BLOCK_NAMES.split())
_UNREAD: Final = frozenset({"script", "style", "head", "template", "noscript"})
_NAME = re.compile(r"/?[a-zA-Z][a-zA-Z0-9-]*")
_STOP = re.compile("[>\"']")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INLINE_SPACE = re.compile(r"[ \t\r\f\v\u00a0]+")
_LINE_ENDS = re.compile(r"\n[ \n]*")


def text_of_html(markup: str) -> str:
    """Give the readable text of markup: scripts and styles gone, one line per block."""
    flat = _INLINE_SPACE.sub(" ", markup[:HTML_CAP].replace("\n", " "))
    text = html.unescape("".join(_pieces(flat)))
    text = _LINE_ENDS.sub("\n", _INLINE_SPACE.sub(" ", text)).replace(" \n", "\n")
    return storable(without_surrogates(text)).strip()


def _pieces(markup: str) -> Iterator[str]:
    """Walk the markup once, left to right; what is left open at the end is dropped."""
    here = 0
    absent: set[str] = set()
    while (start := markup.find("<", here)) >= 0:
        yield markup[here:start]
        if markup.startswith("<!--", start):
            here = _after(markup, "-->", start + 4)
            continue
        found = _NAME.match(markup, start + 1)
        if found is None and markup[start + 1 : start + 2] not in ("!", "?"):
            yield "<"
            here = start + 1
            continue
        name = found[0].lower() if found else ""
        here = _end_of_tag(markup, found.end() if found else start + 1, absent)
        if name in _UNREAD:
            here = _after_element(markup, name, here)
        if name.lstrip("/") in _BLOCKS:
            yield "\n"
    yield markup[here:]


def _after(markup: str, mark: str, start: int) -> int:
    end = markup.find(mark, start)
    return len(markup) if end < 0 else end + len(mark)


def _after_element(markup: str, name: str, start: int) -> int:
    close = re.compile(rf"</{name}\b", re.IGNORECASE).search(markup, start)
    return len(markup) if close is None else _after(markup, ">", close.end())


def _end_of_tag(markup: str, start: int, absent: set[str]) -> int:
    """Find where a tag ends, past quoted values. `absent` remembers quotes known to be used up."""
    here = start
    while (stop := _STOP.search(markup, here)) is not None:
        sign = stop[0]
        if sign == ">":
            return stop.end()
        close = -1 if sign in absent else markup.find(sign, stop.end())
        if close < 0:
            absent.add(sign)
        here = stop.end() if close < 0 else close + 1
    return len(markup)


def storable(text: str) -> str:
    """Drop NUL, which a text column cannot hold; it means nothing to a reader."""
    return text.replace("\x00", "") if "\x00" in text else text


def has_surrogates(text: str) -> bool:
    """Whether text holds halves of characters, the trace of bytes that were not decodable."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def without_surrogates(text: str) -> str:
    """Put the replacement sign where a character was not decodable."""
    return _SURROGATE.sub("\ufffd", text) if has_surrogates(text) else text


def one_line(text: str) -> str:
    """Give a title or name on one line, storable."""
    return " ".join(without_surrogates(storable(text)).split())
