"""Letters as strangers write them: every charset, nesting and header, never a crash."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.collect.sources import letters
from tocsin.collect.sources.letters import LetterFile, read_letter
from tocsin.collect.terms import FailReason, FeedState, Item, Refused

SIMPLE = b"""Message-ID: <one@example.org>\r
From: =?utf-8?q?J=C3=BCrgen?= Post <post@example.org>\r
Subject: =?iso-8859-1?q?Gr=FC=DFe_vom?= =?utf-8?b?IEZlc3Q=?=\r
Date: Wed, 06 Jan 2021 13:00:00 -0500\r
References: <zero@example.org> <half@example.org>\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Language: de\r
\r
Wir treffen uns um f\xfcnf.\r
"""

MIXED = b"""From: a@example.org
Subject: Photo
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/html

<p>The <b>marked up</b> one</p>
--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

VGhlIHBsYWluIG9uZQ==
--inner--
--outer
Content-Type: image/jpeg; name="ignored"
Content-Disposition: attachment; filename*=utf-8''gate%20map.jpg

xxxx
--outer
Content-Type: message/rfc822

Subject: Forwarded
Content-Type: text/plain

What the first one wrote
--outer--
"""


def read(raw: bytes) -> Item:
    found = read_letter(raw, "letter 1")
    assert isinstance(found, Item), found
    return found


def test_headers_charset_date_and_thread() -> None:
    assert read(SIMPLE) == Item(
        "one@example.org",
        "Wir treffen uns um f\u00fcnf.",
        title="Gr\u00fc\u00dfe vom Fest",
        author="J\u00fcrgen Post <post@example.org>",
        at=datetime(2021, 1, 6, 18, tzinfo=UTC),
        thread="zero@example.org",
        lang="de",
    )


def test_plain_text_is_preferred_files_are_named_and_forwarded_letters_opened() -> None:
    found = read(MIXED)
    assert found.text == "The plain one\n\nWhat the first one wrote"
    assert found.extra == {"attached": "gate map.jpg"}


def test_markup_alone_is_read_as_text() -> None:
    raw = b"Subject: x\nContent-Type: text/html\n\n<style>p{}</style><p>One</p><p>Two &amp; 3</p>"
    assert read(raw).text == "One\nTwo & 3"


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("utf-8", b"caf\xe9", "caf\u00e9"),
        ("no-such-set", "caf\u00e9".encode(), "caf\u00e9"),
        ("us-ascii", "caf\u00e9".encode(), "caf\u00e9"),
        ("utf-16", b"odd", "odd"),
        ("ut\x00f", b"a\x00b", "ab"),
        ("base64", b"YQ==", "YQ=="),
    ],
)
def test_a_wrong_charset_never_loses_the_letter(charset: str, body: bytes, text: str) -> None:
    head = f"Subject: x\nContent-Type: text/plain; charset={charset}\n\n".encode()
    assert read(head + body).text == text


@pytest.mark.parametrize("date", ["yesterday", "Wed, 99 Jan 2021 13:00:00", "0", "\xff"])
def test_an_unreadable_date_is_kept_as_written(date: str) -> None:
    found = read(f"Subject: x\nDate: {date}\n\nbody".encode("latin-1"))
    assert found.at is None
    assert found.extra["date_as_written"]


def test_a_letter_without_words_is_refused() -> None:
    found = read_letter(b"From: a@example.org\n\n", "letter 3")
    assert isinstance(found, Refused)
    assert (found.where, found.field) == ("letter 3", "text")


def test_deep_nesting_is_no_crash() -> None:
    raw = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
    )
    found = read_letter(b"Subject: deep\n" + raw + b"\nend", "letter 1")
    assert isinstance(found, Item | Refused)


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Type: text/plain; x="' + b";" * 100_000,
        b"From: " + b"=?utf-8?q?a?= " * 50_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 50_000,
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(300)
        )
        + b"some words\n" * 50_000,
    ],
)
def test_a_letter_made_to_be_slow_is_not(head: bytes) -> None:
    started = time.process_time()
    found = read_letter(b"Subject: slow\n" + head + b"\n\nbody", "letter 1")
    assert isinstance(found, Item | Refused)
    assert time.process_time() - started < 1


def mbox(tmp_path: Path, *bodies: bytes) -> LetterFile:
    path = tmp_path / "box.mbox"
    path.write_bytes(
        b"".join(b"From someone Wed Jan  6 13:00:00 2021\n" + b + b"\n" for b in bodies)
    )
    return LetterFile(str(path))


def test_an_mbox_is_split_and_its_quoting_undone(tmp_path: Path) -> None:
    config = mbox(
        tmp_path,
        b"Subject: one\n\n>From here to there\n>>From deeper\nnot\nFrom the start\n",
        SIMPLE.replace(b"\r\n", b"\n"),
        b"X: nothing\n\n\n",
    )
    batch = letters.fetch(config)
    first, second, third = batch
    assert isinstance(first, Item)
    assert first.text == "From here to there\n>From deeper\nnot\nFrom the start"
    assert isinstance(second, Item)
    assert second.key == "one@example.org"
    assert isinstance(third, Refused)
    assert third.where == "letter 3"
    assert batch.done_bytes == batch.total_bytes
    again = letters.fetch(config, batch.cursor)
    assert list(again) == []
    assert again.outcome.state is FeedState.EMPTY


def test_reading_goes_on_behind_the_last_letter(tmp_path: Path) -> None:
    config = mbox(tmp_path, *(b"Subject: s%d\n\nbody\n" % n for n in range(3)))
    batch = letters.fetch(config)
    first = next(iter(batch))
    rest = list(letters.fetch(config, dict(batch.cursor)))
    assert [r.title for r in (first, *rest) if isinstance(r, Item)] == ["s0", "s1", "s2"]


def test_a_single_letter_file_and_a_missing_one(tmp_path: Path) -> None:
    path = tmp_path / "one.eml"
    path.write_bytes(SIMPLE + b"\r\nFrom now on it is a body\r\n")
    (found,) = letters.fetch(LetterFile(str(path)))
    assert isinstance(found, Item)
    assert found.text.endswith("From now on it is a body")
    gone = letters.fetch(LetterFile(str(tmp_path / "two.eml")))
    assert gone.outcome.reason is FailReason.FILE_MISSING


def test_a_letter_too_large_is_refused_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "LETTER_CAP", 1000)
    config = mbox(tmp_path, b"Subject: big\n\n" + b"x" * 60 + b"\n" * 2000, b"Subject: s\n\nok\n")
    large, small = letters.fetch(config)
    assert isinstance(large, Refused)
    assert "larger than" in large.reason
    assert isinstance(small, Item)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300)
    | st.tuples(
        st.sampled_from([SIMPLE, MIXED]), st.integers(0, len(SIMPLE)), st.binary(max_size=6)
    ).map(lambda t: t[0][: t[1]] + t[2] + t[0][t[1] + 1 :])
    | st.tuples(st.sampled_from([b"Subject", b"Date", b"Content-Type", b"From"]), st.binary()).map(
        lambda t: t[0] + b": " + t[1] + b"\n\nbody"
    )
)
def test_no_bytes_crash_the_letter_reader(raw: bytes) -> None:
    found = read_letter(raw, "letter 1")
    if isinstance(found, Item):
        (found.text + found.title + found.key + found.author).encode("utf-8")
        assert "\x00" not in found.text
    else:
        assert found.reason
