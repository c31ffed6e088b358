"""A mailbox over IMAP, against a small server of our own that speaks the needed part."""

import re
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tocsin.collect.sources import letters, mailbox
from tocsin.collect.sources.batch import Batch
from tocsin.collect.sources.mailbox import MailboxSource
from tocsin.collect.terms import FailReason, FeedState, Item, Permanence, Refused

UID_FETCH = re.compile(rb"UID FETCH ([\d,:]+) \((.+)\)$", re.IGNORECASE)


class Server(socketserver.ThreadingTCPServer):
    """The far end: letters by number, and switches for its bad days."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.letters: dict[int, bytes] = {}
        self.seen: set[int] = set()
        self.validity = 77
        self.opened: list[str] = []
        self.hang_up_at = 0
        self.sizes: dict[int, int] = {}
        self.babble = b""


class Talk(socketserver.StreamRequestHandler):
    """One conversation (RFC 9051 and 3501, the part a reader needs)."""

    server: Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.send(b"* OK ready")
        while line := self.rfile.readline().rstrip(b"\r\n"):
            tag, _, rest = line.partition(b" ")
            verb = rest.split(b" ")[0].upper()
            if verb == b"UID":
                verb = b"UID_" + rest.split(b" ")[1].upper()
            if self.server.babble and verb.startswith(b"UID"):
                self.wfile.write(self.server.babble)
                return
            answer = getattr(self, f"do_{verb.decode().lower()}", None)
            done = answer(rest) if answer else b"BAD unknown"
            if done is None:
                return
            self.send(tag + b" " + done)
            if verb == b"LOGOUT":
                return

    def send(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def do_capability(self, _: bytes) -> bytes:
        self.send(b"* CAPABILITY IMAP4rev1")
        return b"OK done"

    def do_login(self, rest: bytes) -> bytes:
        return b"OK in" if rest.endswith(b'"secret"') else b"NO wrong password"

    def opened(self, rest: bytes, how: str) -> bytes:
        if b"INBOX" not in rest:
            return b"NO no such folder"
        self.server.opened.append(how)
        self.send(b"* %d EXISTS" % len(self.server.letters))
        self.send(b"* OK [UIDVALIDITY %d] valid" % self.server.validity)
        return b"OK open"

    def do_select(self, rest: bytes) -> bytes:
        return self.opened(rest, "select")

    def do_examine(self, rest: bytes) -> bytes:
        return self.opened(rest, "examine")

    def do_uid_search(self, rest: bytes) -> bytes:
        first = int(re.findall(rb"(\d+):\*", rest)[0])
        numbers = sorted(self.server.letters)
        found = [n for n in numbers if n >= first] or numbers[-1:]
        self.send(b" ".join([b"* SEARCH", *(b"%d" % n for n in found)]))
        return b"OK found"

    def do_uid_fetch(self, rest: bytes) -> bytes | None:
        asked = UID_FETCH.match(rest)
        assert asked
        for number in map(int, asked[1].split(b",")):
            raw = self.server.letters.get(number)
            if raw is None:
                continue
            if b"SIZE" in asked[2]:
                size = self.server.sizes.get(number, len(raw))
                self.send(b"* 1 FETCH (UID %d RFC822.SIZE %d)" % (number, size))
                continue
            assert b"PEEK" in asked[2]
            if number == self.server.hang_up_at:
                self.wfile.write(b"* 1 FETCH (UID %d BODY[] {%d}\r\nSubj" % (number, len(raw)))
                return None
            self.send(b"* 1 FETCH (UID %d BODY[] {%d}\r\n%b)" % (number, len(raw), raw))
        return b"OK fetched"

    def do_uid_store(self, rest: bytes) -> bytes:
        self.server.seen.update(map(int, rest.split(b" ")[2].split(b",")))
        return b"OK stored"

    def do_logout(self, _: bytes) -> bytes:
        self.send(b"* BYE")
        return b"OK bye"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        found.letters = {n: b"Subject: letter %d\r\n\r\nbody %d\r\n" % (n, n) for n in (3, 5, 9)}
        thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def fetched(
    server: Server, cursor: dict[str, str] | None = None, password: str = "secret", **options: Any
) -> tuple[Batch, list[str]]:
    config = MailboxSource(
        "127.0.0.1",
        "watch",
        port=server.server_address[1],
        security="none",
        timeout_seconds=3,
        **options,
    )
    batch = mailbox.fetch(config, cursor, password=password, allow_private=True)
    return batch, [r.title if isinstance(r, Item) else r.reason for r in batch]


def test_letters_come_once_oldest_first_and_stay_unread(server: Server) -> None:
    batch, found = fetched(server)
    assert found == ["letter 3", "letter 5", "letter 9"]
    assert batch.cursor == {"uidvalidity": "77", "uid": "9"}
    assert server.opened == ["examine"]
    assert server.seen == set()
    again, nothing = fetched(server, batch.cursor)
    assert (again.outcome.state, nothing) == (FeedState.EMPTY, [])
    server.letters[12] = b"Subject: late\r\n\r\nx"
    assert fetched(server, batch.cursor)[1] == ["late"]


def test_letters_are_marked_seen_only_when_asked(server: Server) -> None:
    fetched(server, mark_seen=True)
    assert server.opened == ["select"]
    assert server.seen == {3, 5, 9}


def test_renumbered_letters_are_read_anew(server: Server) -> None:
    batch, _ = fetched(server)
    server.validity = 78
    assert len(fetched(server, batch.cursor)[1]) == 3


def test_a_few_at_a_time(server: Server) -> None:
    batch, found = fetched(server, letters_at_most=2)
    assert found == ["letter 3", "letter 5"]
    assert fetched(server, batch.cursor, letters_at_most=2)[1] == ["letter 9"]


def test_a_line_that_breaks_keeps_what_was_read(server: Server) -> None:
    server.hang_up_at = 5
    batch, found = fetched(server)
    assert found == ["letter 3"]
    assert batch.outcome.state is FeedState.FAILED
    assert batch.outcome.permanence is Permanence.TEMPORARY
    server.hang_up_at = 0
    assert fetched(server, dict(batch.cursor))[1] == ["letter 5", "letter 9"]


def test_a_letter_too_large_is_refused_unread(server: Server) -> None:
    server.sizes[5] = letters.LETTER_CAP + 1
    batch, found = fetched(server)
    assert [found[0], found[2]] == ["letter 3", "letter 9"]
    assert "larger than" in found[1]
    assert batch.outcome.refused == 1


def test_a_letter_that_cannot_be_read_is_refused(server: Server) -> None:
    server.letters = {1: b"\r\n\r\n"}
    config = MailboxSource("127.0.0.1", "watch", port=server.server_address[1], security="none")
    (found,) = mailbox.fetch(config, password="secret", allow_private=True)
    assert isinstance(found, Refused)
    assert found.where == "letter 1"


def test_refusals_at_the_door(server: Server) -> None:
    login = fetched(server, password="wrong")[0].outcome
    assert (login.reason, login.permanence) == (FailReason.LOGIN_REFUSED, Permanence.PERMANENT)
    folder = fetched(server, folder="Elsewhere")[0].outcome
    assert (folder.reason, folder.permanence) == (FailReason.FOLDER_MISSING, Permanence.PERMANENT)
    config = MailboxSource("127.0.0.1", "watch", port=9, security="none")
    closed = mailbox.fetch(config, password="x", allow_private=True).outcome
    assert closed.reason is FailReason.UNREACHABLE
    private = mailbox.fetch(config, password="x").outcome
    assert private.reason is FailReason.ADDRESS_REFUSED
    odd = MailboxSource("127.0.0.1", "watch", security="maybe")
    assert mailbox.fetch(odd, password="x").outcome.reason is FailReason.PROTOCOL


@pytest.mark.parametrize(
    "babble",
    [
        b"* SEARCH one two\r\nIMAP1 OK\r\n",
        b"\xff\xfe\x00\r\n" * 3,
        b"* " + b"(" * 5000 + b"\r\n",
        b"* SEARCH " + b"9" * 5000 + b"\r\n",
        b"",
    ],
)
def test_no_answer_of_a_server_crashes(server: Server, babble: bytes) -> None:
    server.babble = babble or b"\r\n"
    batch, found = fetched(server)
    assert found == []
    assert batch.outcome.state is FeedState.FAILED


def test_the_password_is_no_part_of_the_configuration() -> None:
    assert "password" not in MailboxSource.__struct_fields__
