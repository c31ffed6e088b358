"""Broken input for every parser of other people's formats: seeds, mutations, and what must never happen.

Shared by `tocsin bench formats` (100,000 a parser) and the tests (fewer). A parser may answer or refuse with an
error of ours; it may not crash, open a file or a connection, take long, or hold much memory.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tocsin.formats.bulletin import Bulletin, Cited, Statement
from tocsin.kernel.errors import TocsinError

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_SECRET = "whsec_" + "QUJD" * 11 + "QUI="
_HOSTILE = (
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"&x;", b"&#0;", b"&#xD800;", b"<![CDATA[", b"]]>", b"<!--", b"-->",
    b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>", b"<?xml version='1.1'?>", b"]" * 50, b"[" * 2000,
    b'{"a":' * 500, b"1e999", b"-0", b"9" * 400, b"\\u0000", b"\\ud800", b"NaN", b"null", b"true", b'"',
    b"\r\n\r\n", b"boundary=", b"=?utf-8?b?", b"=?x?q?=00?=", b"Content-Type: multipart/mixed; boundary=a\n",
    b"\xc2\xa0" * 40, b"xmlns:a='b'", b"a:b", b"v1,", b",", b" ",
)  # fmt: skip

Parse = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Subject:
    """A parser and right inputs to begin from."""

    name: str
    parse: Parse
    seeds: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. `crashes` = inputs that ended in anything but an answer or an error of ours."""

    inputs: int
    refused: int
    crashes: tuple[tuple[bytes, str], ...]
    opened: tuple[str, ...]
    slowest_ms: float


def subjects() -> list[Subject]:
    """Every parser that strangers reach, each with inputs that are right."""
    from tocsin.collect.sources import letters  # noqa: PLC0415
    from tocsin.formats import (  # noqa: PLC0415  # noqa: PLC0415
        as_cap,
        as_misp,
        as_stix,
        atom,
        cap,
        cloudevents,
        edxl,
        misp,
        stix,
        webhooks,
    )
    from tocsin.formats.cloudevents import Event  # noqa: PLC0415

    b = bulletin()
    message = as_cap.write(b)
    feed = atom.write(
        feed_id="f",
        title="t",
        link="https://x.example/",
        entries=[atom.Entry("a", "b", AT, "https://x.example/a")],
        at=AT,
    )
    event = cloudevents.write(Event("1", "https://x.example", "t", {"a": [1, "x"]}, "s", AT))
    letter = (
        b"From: a@example.org\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n"
        b"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n--x\r\n"
        b"Content-Type: text/html\r\n\r\n<p>Hi <b>you</b></p>\r\n--x--\r\n"
    )
    return [
        Subject("cap", cap.read, (message,)),
        Subject("edxl", edxl.read, (as_cap.envelope(b, message),)),
        Subject("atom", atom.read, (feed,)),
        Subject("stix", stix.read, (as_stix.bundle(b),)),
        Subject("misp", misp.read, (as_misp.write(b),)),
        Subject("cloudevents", cloudevents.read, (event,)),
        Subject("webhook", _webhook(webhooks.verify), (_signed(webhooks.sign, event),)),
        Subject("email", lambda raw: letters.read_letter(raw, "letter"), (letter,)),
    ]


def run(subject: Subject, count: int, *, seed: int = 1) -> Outcome:
    """Give a parser `count` mutated inputs; the same seed gives the same inputs."""
    import time  # noqa: PLC0415

    rng = random.Random(seed)  # noqa: S311 - the same inputs again, no secret
    watch = _watch()
    crashes: list[tuple[bytes, str]] = []
    refused, slowest = 0, 0.0
    for raw in mutations(rng, subject.seeds, count):
        began = time.perf_counter()
        watch.on = True
        try:
            subject.parse(raw)
        except TocsinError:
            refused += 1
        except Exception as error:  # noqa: BLE001 - what is looked for
            crashes.append((raw, f"{type(error).__name__}: {error}"[:200]))
        finally:
            watch.on = False
        slowest = max(slowest, time.perf_counter() - began)
    opened, watch.seen = tuple(watch.seen), []
    return Outcome(count, refused, tuple(crashes[:20]), opened, round(slowest * 1000, 1))


def mutations(rng: random.Random, seeds: tuple[bytes, ...], count: int) -> Iterator[bytes]:
    """Inputs made from right ones by one to eight changes each."""
    for _ in range(count):
        raw = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 2, 3, 8))):
            _change(rng, raw)
        yield bytes(raw[: 512 * 1024])


def _change(rng: random.Random, raw: bytearray) -> None:
    place = rng.randrange(len(raw) + 1)
    length = rng.choice((1, 1, 4, 16, 200))
    match rng.randrange(7):
        case 0:
            raw[place : place + 1] = bytes([rng.randrange(256)])
        case 1:
            del raw[place : place + length]
        case 2:
            raw[place:place] = rng.choice(_HOSTILE)
        case 3:
            raw[place:place] = raw[place : place + length] * rng.choice((1, 2, 30))
        case 4:
            end = rng.randrange(len(raw) + 1)
            raw[place:place] = raw[end : end + length]
        case 5:
            del raw[place:]
        case _:
            raw[place : place + length] = rng.choice(_HOSTILE)


class _Watch:
    """Notes files and connections opened while a parser runs."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []

    def __call__(self, event: str, given: tuple[object, ...]) -> None:
        if self.on and (event == "open" or event.startswith(("socket.connect", "socket.getaddr"))):
            name = str(given[0] if given else "")
            # Python itself loads modules and codecs the first time they are needed.
            if not name.endswith((".py", ".pyc")) and "site-packages" not in name:
                self.seen.append(f"{event} {name}"[:200])


_watches: list[_Watch] = []


def _watch() -> _Watch:
    """One audit hook for the process: such hooks cannot be taken away again."""
    if not _watches:
        _watches.append(_Watch())
        sys.addaudithook(_watches[0])
    return _watches[0]


def bulletin() -> Bulletin:
    """A warning with something for every element to hold."""
    return Bulletin(
        id="wrn_1",
        series="wrn_1",
        edition=1,
        product="BULLETIN",
        product_name="Bulletin",
        sender="fusion",
        agency="Fusion centre",
        site="tocsin.example",
        url="https://tocsin.example/warnings/wrn_1",
        tlp="AMBER",
        precedence="FLASH",
        title="North doors",
        text="Several posts name the north doors.",
        first_at=AT,
        sent=AT,
        statements=(Statement("They will try.", "likely", 55, 80, "moderate", "Authors."),),
        sources=(Cited("rpt_1", "report", "B", "2", AT, AT, AT + timedelta(hours=1), 3),),
        actions=("Man the doors.",),
        dissent="One holds it is talk.",
        expires=AT + timedelta(days=1),
        recipients=("capitol",),
        event="The march",
    )


def _signed(sign: Callable[..., dict[str, str]], body: bytes) -> bytes:
    lines = [f"{k}: {v}" for k, v in sign(_SECRET, "msg_1", AT, body).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _webhook(verify: Callable[..., str]) -> Parse:
    """Headers and body in one input, so that both are mutated."""

    def parse(raw: bytes) -> str:
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = (line.partition(": ") for line in head.decode("latin-1").split("\r\n"))
        return verify(_SECRET, {k: v for k, _, v in lines}, body, now=AT)

    return parse
