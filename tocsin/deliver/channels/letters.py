"""A warning as mail and as a webhook's body: written once, addressed many times.

Writing a MIME message anew for each of 10,000 recipients costs more than sending it. So the encoded text
is cut at the place of the link, and each copy gets its own link, address and Message-ID.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from email.header import Header
from email.quoprimime import body_encode
from email.utils import format_datetime, formataddr, parseaddr
from typing import Any

import msgspec
from django.template.loader import render_to_string

from tocsin.deliver import rules
from tocsin.deliver.terms import Occasion
from tocsin.duties.terms import Precedence
from tocsin.formats import smime
from tocsin.formats.smime import Signer
from tocsin.record.terms import Tlp
from tocsin.warn import document as documents
from tocsin.warn.document import Document

_LINK = "https://link.invalid/here"
_LINE = 75
_URGENT = {Precedence.FLASH, Precedence.IMMEDIATE}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who mail comes from: the header's form, and the domain of Message-IDs."""

    header: str
    domain: str

    @classmethod
    def of(cls, mail_from: str) -> Sender:
        name, address = parseaddr(mail_from)
        return cls(formataddr((name, address)), address.rpartition("@")[2] or "localhost")


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that goes with a mail."""

    name: str
    pdf: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """A warning ready to be addressed. `text` and `html` are quoted-printable, cut where the link goes.

    `shown` = its text may travel by mail.
    """

    warning: str
    subject: str
    urgent: bool
    text: tuple[str, ...]
    html: tuple[str, ...]
    data: dict[str, Any]
    shown: bool = False

    def to(
        self,
        *,
        name: str,
        address: str,
        sender: Sender,
        link: str,
        key: str,
        at: datetime,
        paper: Paper | None = None,
        signer: Signer | None = None,
    ) -> bytes:
        """The whole message for one recipient. `key` (the delivery's id) makes the Message-ID: the same
        delivery sent twice carries the same one, so mail systems and people recognise the double."""
        head = [
            f"From: {sender.header}",
            f"To: {formataddr((name, address))}",
            f"Subject: {self.subject}",
            f"Date: {format_datetime(at)}",
            f"Message-ID: <{key}@{sender.domain}>",
            # A reply brings it back (RFC 5322 3.6.4): proof that its writer had this message.
            f"References: <{link.rpartition('/')[2]}@{sender.domain}>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ]
        if self.urgent:
            head += ["Importance: high", "X-Priority: 1"]
        place = body_encode(link, maxlinelen=_LINE, eol="\r\n")
        words = [_part("plain", self.text, place), _part("html", self.html, place)]
        entity = _several("alternative", f"=_{key}", words)
        if paper is not None:
            entity = _several("mixed", f"=_{key}_m", [entity, _enclosed(paper)])
        body = "\r\n".join(entity).encode("ascii")
        if signer is not None:
            body = smime.signed(body, signer)
        return "\r\n".join(head).encode("ascii") + b"\r\n" + body


def _several(kind: str, edge: str, parts: Sequence[Sequence[str]]) -> list[str]:
    """Parts as one, in lines."""
    lines = [f'Content-Type: multipart/{kind}; boundary="{edge}"', ""]
    for part in parts:
        lines += [f"--{edge}", *part]
    return [*lines, f"--{edge}--", ""]


def _enclosed(paper: Paper) -> list[str]:
    return [
        f'Content-Type: application/pdf; name="{paper.name}"',
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{paper.name}"',
        "",
        *base64.encodebytes(paper.pdf).decode("ascii").splitlines(),
    ]


def _part(kind: str, pieces: Sequence[str], place: str) -> list[str]:
    body = f"=\r\n{place}=\r\n".join(pieces)
    return [
        f'Content-Type: text/{kind}; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        body,
    ]


def write(document: Document, occasion: Occasion, zone: tzinfo) -> Letter:
    """Write a warning's letter. What TLP forbids to travel by mail stays behind the link."""
    cancelled = occasion is Occasion.CANCEL
    purged = occasion is Occasion.PURGE
    shown = rules.text_in_mail(document.label) and not purged
    context = {
        "document": document,
        "link": _LINK,
        "shown": shown,
        "cancelled": cancelled,
        "purged": purged,
        "plain": documents.plain(document, zone) if shown else "",
        "paragraphs": documents.paragraphs(document.content) if shown else [],
    }
    subject = rules.subject_line(
        document.label, document.precedence, document.agency, document.title, cancelled=cancelled
    )
    if purged:
        subject = f"[TLP:{document.label}] Remove your copies of a warning from {document.agency}"
    return Letter(
        warning=document.id,
        subject=_header(subject),
        urgent=document.precedence in _URGENT,
        text=_cut(render_to_string("mail/warning.txt", context)),
        html=_cut(render_to_string("mail/warning.html", context)),
        data=_data(document, occasion, shown),
        shown=shown,
    )


def trial(sender: str, subject: str) -> Letter:
    """The letter of a test: it warns of nothing, and says so first."""
    context = {"sender": sender, "link": _LINK}
    return Letter(
        warning=subject,
        subject=_header(f"TEST from {sender}: press to say that it came"),
        urgent=False,
        text=_cut(render_to_string("mail/trial.txt", context)),
        html=_cut(render_to_string("mail/trial.html", context)),
        data={"occasion": "test", "agency": sender, "precedence": "TEST", "tlp": Tlp.CLEAR.value},
    )


def _header(text: str) -> str:
    plain = " ".join(text.split())
    charset = "us-ascii" if plain.isascii() else "utf-8"
    return Header(plain, charset, header_name="Subject").encode(linesep="\r\n")


def _cut(text: str) -> tuple[str, ...]:
    return tuple(_encoded(piece) for piece in text.strip().split(_LINK))


def _encoded(text: str) -> str:
    """Quoted-printable of UTF-8. `body_encode` wants one character a byte."""
    return body_encode(text.encode().decode("latin-1"), maxlinelen=_LINE, eol="\r\n")


def _data(document: Document, occasion: Occasion, shown: bool) -> dict[str, Any]:
    """What a webhook carries of the warning: structure, not a text to be retyped."""
    data: dict[str, Any] = {
        "warning": document.id,
        "series": document.series,
        "edition": document.edition,
        "occasion": occasion.value,
        "product": document.product.name,
        "precedence": document.precedence,
        "tlp": document.label,
        "agency": document.agency,
        "operation": document.operation,
        "state": document.state,
        "released_at": document.released_at and document.released_at.isoformat(),
        "expires_at": document.expires_at and document.expires_at.isoformat(),
        "commitment": document.commitment,
    }
    if shown:
        data |= {"standing": document.standing, "content": msgspec.to_builtins(document.content)}
    return data
