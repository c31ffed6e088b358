"""What comes back by mail: it moves a receipt as far as it proves, never further, whoever wrote it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cast import Cast, make_cast
from tests.contracts.collect_sources.test_mailbox import Server
from tests.stories.posting import Sink, Taken, settings_as, sink
from tests.stories.warned import released
from tocsin.deliver import actions, returned, store
from tocsin.deliver.models import Delivery, Destination, Recipient
from tocsin.deliver.returned import Kind
from tocsin.kernel.clock import VirtualClock
from tocsin.record.models import Entry

DESK = "desk@metro.example"


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def sent(cast: Cast, mail: Sink) -> Taken:
    """What Metro's desk got; a second mailbox and Mona's page are next."""
    ways = [("email", DESK), ("email", "second@metro.example")]
    actions.add_recipient(cast.rhea, agency="metro", role="partner", name="Desk", ways=ways)
    released(cast)
    go()
    return mail.messages[0]


def go() -> None:
    actions.fan_out()
    actions.send_due(threads=0)


def metro() -> Destination:
    return Destination.objects.get(seat_agency="metro")


def first() -> Delivery:
    return Delivery.objects.order_by("queued_at", "id")[0]


def reply(to: Taken, text: str, **headers: str) -> bytes:
    """As mail programs reply: threading headers back, the text above what it quotes."""
    made = EmailMessage()
    made["From"] = "Desk <desk@metro.example>"
    made["Subject"] = f"Re: {to.message['Subject']}"
    made["In-Reply-To"] = to.message["Message-ID"]
    made["References"] = f"{to.message['References']} {to.message['Message-ID']}"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    quoted = "\n".join(f"> {line}" for line in to.text.splitlines())
    made.set_content(f"{text}\n\nOn Monday, Tocsin wrote:\n{quoted}\n")
    return made.as_bytes()


def dsn(to: Taken, *, address: str = DESK, action: str = "failed", status: str = "5.1.1") -> bytes:
    """As Postfix reports (RFC 3464): a text, the report, and the head of what came back."""
    head = "\r\n".join(line for line in to.raw.decode().split("\r\n\r\n", 1)[0].split("\r\n"))
    return (
        "From: MAILER-DAEMON@metro.example\r\nSubject: Undelivered Mail\r\nAuto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n'
        "--B\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n"
        "--B\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.metro.example\r\n\r\n"
        f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"--B\r\nContent-Type: text/rfc822-headers\r\n\r\n{head}\r\n\r\n--B--\r\n"
    ).encode()


def test_a_bounce_tries_the_next_way_at_once_and_flags_the_line(
    sent: Taken, mail: Sink, cast: Cast
) -> None:
    assert metro().state == "SENT"
    assert actions.take_back(dsn(sent)) is Kind.FAILED
    row = first()
    assert (row.state, row.reason, row.failure) == ("FAILED", "BOUNCED", "permanent")
    assert metro().state == "QUEUED", "nobody has it now, and it says so"
    assert metro().sent_at is None
    assert Recipient.objects.get().bounced_at is not None
    assert store.tries(metro().id)[0].said == "5.1.1 smtp; 550 5.1.1 no such user"
    before = Entry.objects.count()
    assert actions.take_back(dsn(sent)) is Kind.NOTHING
    assert Entry.objects.count() == before, "the same letter again changes nothing"
    go()
    assert [m.to for m in mail.messages[1:]] == ["second@metro.example"]
    assert metro().state == "SENT"
    actions.acknowledge_by_link(mail.messages[1].token)
    assert Recipient.objects.get().bounced_at is None, "an answer proves the line"


def test_a_bounce_that_names_another_address_is_not_about_it(sent: Taken) -> None:
    assert actions.take_back(dsn(sent, address="else@metro.example")) is Kind.NOTHING
    assert first().state == "SENT"


def test_a_bounce_after_the_answer_takes_nothing_back(sent: Taken) -> None:
    actions.acknowledge_by_link(sent.token)
    assert actions.take_back(dsn(sent)) is Kind.NOTHING
    assert metro().state == "ACKNOWLEDGED"


@pytest.mark.parametrize(
    ("action", "state"), [("delayed", "SENT"), ("relayed", "SENT"), ("delivered", "DELIVERED")]
)
def test_a_report_that_is_no_failure(sent: Taken, action: str, state: str) -> None:
    actions.take_back(dsn(sent, action=action, status="2.0.0"))
    assert (first().state, metro().state) == (state, state)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"X_Autoreply": "yes"},
        {"Precedence": "bulk"},
        {"Return_Path": "<>"},
    ],
)
def test_an_out_of_office_never_opens_and_never_acknowledges(
    sent: Taken, headers: dict[str, str]
) -> None:
    kind = actions.take_back(reply(sent, "received", **headers))
    assert kind is Kind.ANSWERED_BY_MACHINE
    assert metro().state == "DELIVERED", "a mailbox has it; nobody has read it"
    assert metro().read_at is None
    assert metro().acknowledged_at is None


def test_a_reply_opens_and_its_words_reach_the_sender(sent: Taken) -> None:
    assert actions.take_back(reply(sent, "Which doors exactly?\nBob")) is Kind.REPLY
    assert metro().state == "OPENED"
    assert metro().acknowledged_at is None
    assert store.tries(metro().id)[0].said == "They wrote: Which doors exactly?\nBob"


@pytest.mark.parametrize("text", ["Received.", "ACK", "i have it", "Acknowledged!\n\nBob"])
def test_the_word_received_as_the_first_line_acknowledges(sent: Taken, text: str) -> None:
    assert actions.take_back(reply(sent, text)) is Kind.ACKNOWLEDGED
    assert metro().state == "ACKNOWLEDGED"
    assert metro().acknowledged_how == "reply"


@pytest.mark.parametrize("text", ["Not received, resend", "received by whom?", "> received", ""])
def test_other_words_do_not(sent: Taken, text: str) -> None:
    actions.take_back(reply(sent, text))
    assert metro().state == "OPENED"


def test_who_knows_only_the_message_id_proves_nothing(sent: Taken) -> None:
    """It stands in every server's log; the secret of the link does not."""
    forged = EmailMessage()
    forged["From"] = DESK
    forged["In-Reply-To"] = sent.message["Message-ID"]
    forged.set_content("received")
    assert actions.take_back(forged.as_bytes()) is Kind.NOTHING
    wrong = sent.token[:-3] + "AAA"
    forged["References"] = f"<{wrong}@localhost>"
    assert actions.take_back(forged.as_bytes()) is Kind.NOTHING
    assert metro().state == "SENT"


def test_the_mailbox_is_read_once_a_letter_and_again_after_a_new_validity(sent: Taken) -> None:
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    server.letters = {3: b"Subject: spam\r\n\r\nbuy", 7: reply(sent, "received")}
    box = {
        "mailbox_host": "127.0.0.1",
        "mailbox_port": server.server_address[1],
        "mailbox_user": "tocsin",
        "mailbox_password": "secret",
        "mailbox_security": "none",
    }
    try:
        with settings_as(**box):
            assert actions.read_mailbox() == 2
            assert metro().state == "ACKNOWLEDGED"
            assert actions.read_mailbox() == 0
            server.letters[9] = dsn(sent)
            assert actions.read_mailbox() == 1
            before = Entry.objects.count()
            server.validity = 78
            assert actions.read_mailbox() == 3
            assert Entry.objects.count() == before
            assert not server.seen, "what people do with the mailbox stays theirs"
    finally:
        server.shutdown()
        server.server_close()
    with settings_as(**box):
        assert actions.read_mailbox() == 0, "a mailbox that is away is asked again later"


@given(st.binary(max_size=2000), st.binary(max_size=300))
def test_no_letter_breaks_the_reader(noise: bytes, more: bytes) -> None:
    returned.read(noise)
    boundary = b'Content-Type: multipart/report; boundary="B"\n\n--B\nContent-Type: message/delivery-status\n\n'
    returned.read(boundary + noise + b"\n--B\n" + more)
    returned.read(b"References: <dlv_06eavhmtg07611vfb2h3.aaaaaaaaaaaaaaaaaaaaaaaa>\n" + noise)
