"""E-mail as reports: one letter to one item, from `.eml` and mbox files or a mailbox.

Letters are written by strangers: no header, charset or nesting may stop the reading. Attached
files are named, never kept.
"""

import email
import email.header
import email.message
import email.utils
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from tocsin.collect.sources.batch import Batch, Broken, Cursor, refuse
from tocsin.collect.sources.plain import one_line, storable, text_of_html, without_surrogates
from tocsin.collect.terms import TEXT_CAP, FailReason, Item, Permanence, Refused

LETTER_CAP: Final = 32 * 1024 * 1024
"""Largest letter read, in bytes, attachments included."""
_PARTS_CAP: Final = 500
# The standard library's cost grows with depth times lines, and with the square of a header's
# length (measured: 17 s for 3.5 MB in 900 levels, 15 s for one header of 100 kB).
_BOUNDARIES_CAP: Final = 50
_DELIMITERS_CAP: Final = 20_000
_HEADER_CAP: Final = 8_000
_PARAMETERS_CAP: Final = 1_000
_SIZE_CURE: Final = "Open it in a mail program and enter what matters by hand."


class LetterFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of letters: one (`.eml`) or many (mbox), told by its first line."""

    path: str


def fetch(config: LetterFile, cursor: Cursor | None = None) -> Batch:
    """Read the letters of a file in order. The cursor counts letters."""
    path = Path(config.path)
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        raw = path.open("rb")
        size = path.stat().st_size
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = FailReason.FILE_MISSING if missing else FailReason.FILE_UNREADABLE
        said = f"Cannot open {path}: {'no such file' if missing else error.strerror}."
        broken = Broken(reason, Permanence.PERMANENT, said, cure="Check the path.")
        return Batch(cursor).end(broken.outcome)
    batch = Batch(cursor, total_bytes=size)
    batch.bytes_read = lambda: size if raw.closed else raw.tell()
    return batch.fill(_letters(raw, batch))


def _letters(raw: BinaryIO, batch: Batch) -> Iterator[Item | Refused]:
    done = batch.cursor.get("letters", "")
    skip = int(done) if done.isdecimal() else 0
    with raw:
        try:
            for number, (letter, whole) in enumerate(split_mbox(raw), start=1):
                if number <= skip:
                    continue
                batch.cursor["letters"] = str(number)
                where = f"letter {number}"
                if whole:
                    yield read_letter(letter, where)
                else:
                    reason = f"larger than {LETTER_CAP} bytes"
                    yield refuse(where, "", reason, _SIZE_CURE, letter)
        except OSError as error:
            said = f"The file breaks off: {error.strerror or error}."
            raise Broken(FailReason.FILE_UNREADABLE, Permanence.TEMPORARY, said) from error


def split_mbox(raw: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Split a file at its "From " lines (RFC 4155); a file without any is one letter.

    Yields (letter, whole); of a letter beyond `LETTER_CAP` the start only, and not whole.
    """
    letter = bytearray()
    started = whole = blank = True
    many = raw.read(5) == b"From "
    raw.seek(0)
    started = not many
    while line := raw.readline(1 << 20):
        if many and blank and line.startswith(b"From "):
            if started:
                yield bytes(letter), whole
            letter.clear()
            started = whole = True
            blank = False
            continue
        blank = many and line in (b"\n", b"\r\n")
        if many and line.startswith(b">") and line.lstrip(b">").startswith(b"From "):
            line = line[1:]
        if len(letter) + len(line) > LETTER_CAP:
            whole = False
        elif whole:
            letter += line
    if started and letter:
        yield bytes(letter), whole


def read_letter(raw: bytes, where: str) -> Item | Refused:
    """Turn the bytes of one letter into an item: subject, sender, date, readable text.

    `key` is the Message-ID, `thread` the first letter of the exchange. Never raises.
    """
    if raw.count(b"\n--") > _DELIMITERS_CAP or raw.lower().count(b"boundary=") > _BOUNDARIES_CAP:
        return refuse(where, "", "made of too many parts", _SIZE_CURE, raw)
    try:
        return _item(email.message_from_bytes(raw), raw, where)
    except Exception as error:  # noqa: BLE001 - see the module's promise
        reason = f"cannot be read as a letter ({type(error).__name__})"
        return refuse(where, "", reason, "Look at it in a mail program.", raw)


def _item(letter: email.message.Message, raw: bytes, where: str) -> Item | Refused:
    title = _header(letter, "Subject")
    text, attached = _content(letter)
    text = text or title
    if not text:
        cure = "Look at it in a mail program; it may hold only files."
        return refuse(where, "text", "neither text nor subject", cure, raw)
    if len(text) > TEXT_CAP:
        return refuse(where, "text", f"longer than {TEXT_CAP} characters", _SIZE_CURE, raw)
    at, extra = _posted(letter)
    if attached:
        extra["attached"] = "; ".join(attached)[:2000]
    return Item(
        key=_header(letter, "Message-ID").strip("<>"),
        text=text,
        title=title,
        author=_header(letter, "From"),
        at=at,
        thread=_thread(letter),
        lang=_header(letter, "Content-Language").split(",")[0].strip(),
        extra=extra,
    )


def _header(letter: email.message.Message, name: str) -> str:
    """Decode a header, whatever its bytes."""
    value = letter.get(name)
    if value is None:
        return ""
    written = str(value)[:_HEADER_CAP]
    try:
        parts = email.header.decode_header(written)
    except (ValueError, LookupError, email.errors.HeaderParseError):
        return one_line(written)
    pieces = [
        decoded(part, charset) if isinstance(part, bytes) else part for part, charset in parts
    ]
    return one_line("".join(pieces))


def decoded(data: bytes, charset: str | None) -> str:
    """Decode as declared; if that fails, as UTF-8; if that fails, as Windows text."""
    for name in (charset, "utf-8"):
        try:
            if name:
                return data.decode(name)
        except (LookupError, ValueError):  # ValueError: bad bytes, or NUL in the name
            continue
    return data.decode("cp1252", "replace")


def _thread(letter: email.message.Message) -> str:
    first = (_header(letter, "References") or _header(letter, "In-Reply-To")).split()
    return first[0].strip("<>") if first else ""


def _posted(letter: email.message.Message) -> tuple[datetime | None, dict[str, str]]:
    written = _header(letter, "Date")
    if not written:
        return None, {}
    try:
        found = email.utils.parsedate_to_datetime(written)
        # "-0000" means UTC of an unknown zone (RFC 5322 section 3.3).
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC), {}
    except (ValueError, TypeError, OverflowError, IndexError):
        return None, {"date_as_written": written[:200]}


def _content(letter: email.message.Message) -> tuple[str, list[str]]:
    """Choose the text a reader would see, plain before markup, and name what is attached."""
    plain: list[str] = []
    markup: list[str] = []
    attached: list[str] = []
    for part in _parts(letter):
        kind = part.get_content_type()
        name = _file_name(part)
        if name or part.get_content_disposition() == "attachment":
            attached.append(name or kind)
        elif kind == "text/plain":
            plain.append(_part_text(part))
        elif kind == "text/html":
            markup.append(text_of_html(_part_text(part)))
        elif kind != "message/rfc822":
            attached.append(kind)
    for texts in (plain, markup):
        text = "\n\n".join(filter(None, (text.strip() for text in texts)))
        if text:
            return text, attached
    return "", attached


def _parts(letter: email.message.Message) -> Iterator[email.message.Message]:
    """The leaves of a letter, forwarded letters opened, at most `_PARTS_CAP`, without recursion."""
    waiting = [letter]
    count = 0
    while waiting and count < _PARTS_CAP:
        part = waiting.pop(0)
        inside = part.get_payload() if part.is_multipart() else None
        if isinstance(inside, list):
            waiting[:0] = [sub for sub in inside if isinstance(sub, email.message.Message)]
        else:
            count += 1
            yield _bounded(part)


def _bounded(part: email.message.Message) -> email.message.Message:
    """Cut the headers that the library parses in square time."""
    for name in ("Content-Type", "Content-Disposition"):
        if len(str(part.get(name, ""))) > _PARAMETERS_CAP:
            part.replace_header(name, str(part[name])[:_PARAMETERS_CAP])
    return part


def _part_text(part: email.message.Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    return without_surrogates(storable(decoded(data, part.get_content_charset())))


def _file_name(part: email.message.Message) -> str:
    try:
        name = part.get_filename()
    except (ValueError, LookupError, TypeError):
        return "unnamed file"
    return one_line(str(name))[:200] if name else ""
