"""What comes back by mail, read purely: a bounce (RFC 3464), an answer of a machine, an answer of a person.

A stranger's mail: it may be huge, forged or broken. Nothing in it is trusted beyond what it proves. The
delivery's id alone proves little (it shows in every server's log), so a bounce must also name the address it
was sent to; that somebody read the mail is proved only by the secret of its link, which comes back in the
`References` of a reply (RFC 5322 3.6.4) or in the text it quotes.
"""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr
from enum import StrEnum

MOST_BYTES = 512 * 1024
_MOST_PARTS = 50
_ID = re.compile(r"\bdlv_[0-9a-z]{10,40}\b")
_SECRET = re.compile(r"\bdlv_[0-9a-z]{10,40}\.[A-Za-z0-9_-]{20,100}")
_QUOTED = re.compile(
    r"^(>|On .{0,200}wrote:|-{2,} ?Original Message|_{10,}|From: |Von: |De : )", re.IGNORECASE
)
_SAYS_YES = re.compile(
    r"(ack|acknowledged|received|i have it|we have it|got it|copy|roger)[\s.!]*", re.IGNORECASE
)
_AWAY = re.compile(
    r"^\s*(automatic reply|auto(matic)?[- ]?reply|out of (the )?office|away)\b", re.I
)
_LONGEST_WORDS = 2000


class Kind(StrEnum):
    """What a letter that came back is."""

    FAILED = "it was not delivered and will not be"
    DELAYED = "it is late; their server still tries"
    DELIVERED = "it lies in their mailbox"
    ANSWERED_BY_MACHINE = "a machine answered: it lies in a mailbox, nobody has read it"
    REPLY = "a person answered"
    ACKNOWLEDGED = "a person said: I have it"
    NOTHING = "nothing of ours"


@dataclass(frozen=True, slots=True)
class Returned:
    """A letter that came back: the delivery it is about, the secret it carries or '', whose address failed,
    the status (RFC 3463) and the words of the other side."""

    kind: Kind
    delivery: str = ""
    secret: str = ""
    address: str = ""
    status: str = ""
    words: str = ""


def read(raw: bytes) -> Returned:
    """Read a letter; never raises, whatever it holds."""
    letter = email.message_from_bytes(raw[:MOST_BYTES], policy=email.policy.compat32)
    parts = _parts(letter)
    head = " ".join(_header(letter, n) for n in ("References", "In-Reply-To"))
    text = "\n".join(_text(p) for p in parts if p.get_content_type() == "text/plain")
    report = next((p for p in parts if p.get_content_type() == "message/delivery-status"), None)
    if report is not None:
        return _bounce(letter, parts, report)
    found = _SECRET.search(head) or _SECRET.search(text)
    secret = found[0] if found else ""
    named = _ID.search(secret or head)
    if named is None:
        return Returned(Kind.NOTHING)
    if _by_machine(letter):
        return Returned(Kind.ANSWERED_BY_MACHINE, named[0], secret)
    words = _own_words(text)
    said = words.split("\n", 1)[0].strip()
    kind = Kind.ACKNOWLEDGED if _SAYS_YES.fullmatch(said) else Kind.REPLY
    return Returned(kind, named[0], secret, words=words)


def _bounce(letter: Message, parts: list[Message], report: Message) -> Returned:
    """RFC 3464: the first group of fields is about the message, each further one about a recipient."""
    groups = [p for p in (report.get_payload() or []) if isinstance(p, Message)]
    fields: dict[str, str] = {}
    for group in groups[:_MOST_PARTS]:
        for name, value in group.items():
            fields.setdefault(name.lower(), " ".join(str(value).split())[:500])
    returned = " ".join(
        _header(p, "Message-ID") or _text(p)[:4000]
        for p in parts
        if p.get_content_type() in ("message/rfc822", "text/rfc822-headers")
        or (p is not letter and _header(p, "Message-ID"))
    )
    named = _ID.search(fields.get("original-envelope-id", "")) or _ID.search(returned)
    kind = {
        "failed": Kind.FAILED,
        "delayed": Kind.DELAYED,
        "delivered": Kind.DELIVERED,
    }.get(fields.get("action", "").lower().split(" ")[0], Kind.NOTHING)
    if named is None or kind is Kind.NOTHING:
        return Returned(Kind.NOTHING)
    whom = fields.get("original-recipient") or fields.get("final-recipient", "")
    return Returned(
        kind,
        named[0],
        address=parseaddr(whom.rpartition(";")[2].strip())[1],
        status=fields.get("status", "").split(" ")[0],
        words=fields.get("diagnostic-code", ""),
    )


def _by_machine(letter: Message) -> bool:
    """RFC 3834, and what mail systems did before it."""
    auto = _header(letter, "Auto-Submitted").lower()
    old = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress")
    return (
        bool(auto and not auto.startswith("no"))
        or any(letter.get(n) for n in old)
        or _header(letter, "Precedence").lower() in ("bulk", "junk", "auto_reply", "list")
        or _header(letter, "Return-Path").strip() == "<>"
        or bool(_AWAY.match(_header(letter, "Subject")))
        or parseaddr(_header(letter, "From"))[1].lower().startswith(("mailer-daemon@", "noreply@"))
    )


def _own_words(text: str) -> str:
    """What they wrote themselves: up to the first line that is quoted."""
    lines: list[str] = []
    for line in text.replace("\r", "").split("\n"):
        if _QUOTED.match(line):
            break
        lines.append(line.rstrip())
    return "\n".join(lines).strip()[:_LONGEST_WORDS]


def _parts(letter: Message) -> list[Message]:
    """The letter and what is in it, without recursion, at most so many; a report's own groups stay inside."""
    found: list[Message] = []
    waiting = [letter]
    while waiting and len(found) < _MOST_PARTS:
        part = waiting.pop(0)
        found.append(part)
        inside = part.get_payload() if part.is_multipart() else None
        if isinstance(inside, list) and part.get_content_type() != "message/delivery-status":
            waiting += [p for p in inside if isinstance(p, Message)]
    return found


def _header(part: Message, name: str) -> str:
    return " ".join(str(part.get(name, "")).split())[:4000]


def _text(part: Message) -> str:
    if part.is_multipart():
        return ""
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace")[:100_000] if isinstance(payload, bytes) else ""
