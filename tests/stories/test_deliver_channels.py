"""The ways out: what each proves, what each may carry, and that none of them is a way in."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from standardwebhooks import Webhook as StandardWebhook

from tests.cast import Cast, make_cast
from tests.stories.posting import Hook, Sink, hook, settings_as, sink
from tests.stories.warned import released
from tocsin.deliver import actions, store
from tocsin.deliver.actions.journal import Answer, Journal, left_behind
from tocsin.deliver.actions.notices import _message
from tocsin.deliver.actions.sending import _folder, claim
from tocsin.deliver.channels import Roads, Undelivered, push
from tocsin.deliver.channels.mail import Mail
from tocsin.deliver.channels.webhook import secret_of
from tocsin.deliver.models import Delivery, Lease, Push, Quota, Recipient
from tocsin.deliver.terms import LEASE, Reason, State
from tocsin.duties.models import Duty
from tocsin.formats import cloudevents, webhooks
from tocsin.kernel import settings
from tocsin.kernel.clock import VirtualClock
from tocsin.people.models import Account
from tocsin.record.terms import stamp

PHONE = "+12025550123"


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


def listed(cast: Cast, *ways: tuple[str, str], rank: int = 1, person: str = "") -> str:
    return actions.add_recipient(
        cast.rhea,
        agency="metro",
        role="partner",
        name=f"Desk {rank}",
        ways=ways,
        rank=rank,
        person=person,
    )


def go() -> None:
    actions.fan_out()
    actions.send_due(threads=0)


def gateway(tmp_path: Path, partner: Hook, **more: object) -> Path:
    """A site's file of gateways."""
    lines = ["[sms]", f'url = "{partner.url}"', 'headers = { "Idempotency-Key" = "{key}" }']
    lines += [f"{k} = {json.dumps(v)}" for k, v in more.items()]
    file = tmp_path / "gateways.toml"
    file.write_text("\n".join(lines))
    return file


# What is left by a worker that was killed


def test_what_a_killed_worker_had_sent_is_noted_from_its_journal_and_never_sent_again(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    for rank in range(1, 9):
        listed(cast, ("email", f"p{rank}@metro.example"), rank=rank)
    released(cast, precedence="FLASH")
    actions.fan_out()
    jobs = claim(5, "a worker that is killed")
    folder = _folder()
    journal = Journal(folder)
    for job in jobs:
        journal.write(Answer(job.delivery, 0, "SENT", "", "", stamp(virtual.now())))
    segment = journal.turn()
    assert segment is not None
    with segment.path.open("ab") as cut_short:
        cut_short.write(b'["dlv_half')
    assert list(left_behind(folder)) == [], "its owner still lives: nobody else may take it"
    segment.leave()  # the kill: the kernel drops the lock
    virtual.advance(LEASE * 2)
    actions.send_due(threads=0)
    assert len(mail.messages) == 3
    assert set(Delivery.objects.values_list("state", flat=True)) == {"SENT"}
    assert not list(folder.glob("*.sends"))
    assert not Lease.objects.exists()


def test_a_try_is_noted_once_however_often_its_journal_is_read(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    listed(cast, ("email", "desk@metro.example"))
    released(cast)
    go()
    row = Delivery.objects.get()
    journal = Journal(_folder())
    journal.write(Answer(row.id, 0, "FAILED", "REFUSED", "", stamp(virtual.now())))
    segment = journal.turn()
    assert segment is not None
    segment.leave()
    actions.send_due(threads=0)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("SENT", 1)


# Mail


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of our own making for this machine."""
    import datetime  # noqa: PLC0415
    import ipaddress  # noqa: PLC0415

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert, secret


def test_starttls_sends_to_a_server_it_can_trust_and_nothing_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    message = b"Subject: x\r\n\r\nhi\r\n"
    with (
        sink(tls_context=context, require_starttls=True) as kept,
        settings_as(smtp_host="127.0.0.1", smtp_port=kept.port, smtp_starttls=True),
    ):
        with pytest.raises(Undelivered) as refused:
            Mail(settings.current()).post("a", "desk@metro.example", message)
        assert refused.value.reason is Reason.NOT_SECURE
        assert kept.messages == []
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        secure = Mail(settings.current())
        secure.post("a", "desk@metro.example", message)
        secure.close()
        assert len(kept.messages) == 1


def test_no_text_ends_a_message_early_and_no_address_adds_a_command(mail: Sink) -> None:
    post = Mail(settings.current())
    trick = b"Subject: x\n\nfirst\n.\nMAIL FROM:<evil@x.example>\r.\rend"
    post.post("a", "desk@metro.example", trick)
    post.post("b", "desk@metro.example", b"Subject: y\r\n\r\nsecond")
    assert [m.message["Subject"] for m in mail.messages] == ["x", "y"]
    assert b"\r\n.\r\nMAIL FROM:<evil@x.example>\r\n.\r\nend" in mail.messages[0].raw
    for address in ("a@x.example>\r\nRCPT TO:<b@x.example", "a b@x.example", "å@x.example"):
        with pytest.raises(Undelivered) as refused:
            post.post("c", address, trick)
        assert refused.value.permanent
    post.close()


def test_a_duty_with_a_line_break_in_its_title_adds_no_header(virtual: VirtualClock) -> None:
    duty = Duty(
        id="dut_1",
        kind="assess",
        subject="rpt_1",
        title="Read this\r\nBcc: spy@evil.example\r\n\r\nand this",
        precedence="ROUTINE",
        due_at=virtual.now(),
        due_reason="x",
    )
    person = Account(person="per_1", email="ana@fusion.example", name="Ana")
    message = _message(duty, 0, person, settings.current(), virtual.now())
    raw = message.as_bytes()
    assert isinstance(message, EmailMessage)
    assert message["Bcc"] is None
    assert message["Subject"] == "ROUTINE: Read this Bcc: spy@evil.example and this"
    assert b"\nBcc:" not in raw.split(b"\n\n", 1)[0]


# Their own system


def test_a_webhook_is_accepted_by_the_standards_own_library_and_not_when_replayed(
    cast: Cast, tmp_path: Path
) -> None:
    with hook() as partner, settings_as(allow_private_addresses=True, data_dir=tmp_path):
        line = listed(cast, ("webhook", partner.url))
        released(cast)
        from tocsin.kernel import clock  # noqa: PLC0415

        with clock.use(clock.SystemClock()):  # the library compares with the machine's clock
            actions.fan_out()
            actions.send_due(threads=0)
        headers, body = partner.got[0]
        secret = secret_of(settings.secret(settings.current(), "webhook_secret"), line)
        event = StandardWebhook(secret).verify(body, headers)
        assert event["id"] == headers["webhook-id"] == Delivery.objects.get().id
        sent = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        assert webhooks.verify(secret, headers, body, now=sent) == event["id"]
        assert cloudevents.read(body).data["acknowledge_url"].endswith(store.token(event["id"]))
        with pytest.raises(Exception, match="too old"):
            StandardWebhook(secret).verify(
                body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)}
            )
        with pytest.raises(Exception, match="No matching signature"):
            StandardWebhook(secret).verify(body + b" ", headers)


# Text messages


def test_a_text_message_carries_a_line_and_a_link_and_proves_sent(
    cast: Cast, tmp_path: Path
) -> None:
    with hook() as partner:
        file = gateway(tmp_path, partner)
        with settings_as(gateways_file=file, data_dir=tmp_path):
            listed(cast, ("sms", "+1 (202) 555-0123"))
            released(cast)
            go()
            (event,) = partner.events
            assert event["to"] == PHONE
            assert "IMMEDIATE warning from" in event["text"]
            assert "North doors" not in event["text"], "AMBER: a locked screen shows no title"
            secret = event["text"].rsplit("/a/", 1)[1]
            assert Delivery.objects.get().state == State.SENT
            assert partner.got[0][0]["idempotency-key"] == Delivery.objects.get().id
            actions.acknowledge_by_link(secret)
            assert Delivery.objects.get().state == State.ACKNOWLEDGED


def test_a_gateways_limit_holds_what_is_calm_and_lets_the_urgent_pass(
    cast: Cast, tmp_path: Path, virtual: VirtualClock
) -> None:
    with hook() as partner:
        file = gateway(tmp_path, partner, per_minute=4, calm_percent=50)
        with settings_as(gateways_file=file, data_dir=tmp_path):
            listed(cast, ("sms", PHONE))
            for _ in range(4):
                released(cast, precedence="ROUTINE")
            go()
            assert len(partner.got) == 2
            assert set(Delivery.objects.values_list("attempts", flat=True)) == {0, 1}
            released(cast, precedence="FLASH")
            go()
            assert len(partner.got) == 3
            assert "FLASH" in partner.events[2]["text"]
            virtual.advance(timedelta(seconds=61))
            go()
            assert len(partner.got) == 5
            assert set(Delivery.objects.values_list("state", flat=True)) == {"SENT"}
            assert Quota.objects.count() == 2


@pytest.mark.parametrize(("answer", "state"), [(503, "RETRYING"), (400, "FAILED")])
def test_a_gateway_that_refuses(cast: Cast, tmp_path: Path, answer: int, state: str) -> None:
    with hook() as partner:
        partner.answers = [answer]
        file = gateway(tmp_path, partner)
        with settings_as(gateways_file=file, data_dir=tmp_path):
            listed(cast, ("sms", PHONE))
            released(cast)
            go()
            assert Delivery.objects.get().state == state


def test_without_a_gateway_a_text_message_fails_for_good_and_says_why(
    cast: Cast, tmp_path: Path
) -> None:
    with settings_as(data_dir=tmp_path):
        listed(cast, ("sms", PHONE))
        released(cast)
        go()
        row = Delivery.objects.get()
        assert (row.state, row.reason) == ("FAILED", "NOT_SET_UP")


# Services


def test_a_service_gets_a_line_and_a_link_and_only_kinds_the_site_allows(
    cast: Cast, tmp_path: Path
) -> None:
    with hook() as partner:
        at = partner.url.removeprefix("http://")
        ways = [("service", f"json://{at}")]
        listed(cast, *ways)
        allowed = {"services": ("json",), "data_dir": tmp_path}
        with settings_as(**allowed):
            released(cast)
            go()
            assert Delivery.objects.get().reason == "ADDRESS_REFUSED", "it leads into our network"
        Delivery.objects.all()
        with settings_as(**allowed, allow_private_addresses=True):
            row = released(cast)
            go()
            assert Delivery.objects.get(warning=row.id).state == State.SENT
            text = partner.events[0]["message"]
            assert "/a/dlv_" in text
            assert "North doors" not in text
        with settings_as(data_dir=tmp_path, allow_private_addresses=True):
            row = released(cast)
            go()
            assert Delivery.objects.get(warning=row.id).reason == "NOT_ALLOWED"


# Web push


def test_a_push_knocks_on_the_browser_without_moving_a_receipt_and_forgets_one_that_is_gone(
    cast: Cast, tmp_path: Path, virtual: VirtualClock
) -> None:
    keys = {
        "p256dh": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM",
        "auth": "tBHItJI5svbpez7KI4CCXg",
    }
    with hook() as browser, settings_as(allow_private_addresses=True, data_dir=tmp_path):
        Push.objects.create(
            endpoint=browser.url, person=cast.people["mona"], at=virtual.now(), **keys
        )
        listed(cast, ("inapp", ""), person=cast.people["mona"])
        released(cast)
        go()
        assert Delivery.objects.get().state == State.DELIVERED
        headers, body = browser.got[0]
        assert headers["authorization"].startswith("vapid t=")
        assert headers["content-encoding"] == "aes128gcm"
        assert b"IMMEDIATE" not in body, "it is encrypted for that browser alone"
        assert push.public_key(tmp_path).startswith("B")
        browser.answers = [410]
        released(cast)
        go()
        assert set(Delivery.objects.values_list("state", flat=True)) == {"DELIVERED"}
        assert not Push.objects.exists()


def test_nothing_known_is_sent_by_a_road_that_does_not_exist(cast: Cast, tmp_path: Path) -> None:
    """Every kind of way in the directory has a road; a forgotten address fails for good."""
    from tocsin.deliver.channels.roads import _ROADS  # noqa: PLC0415
    from tocsin.deliver.terms import Channel  # noqa: PLC0415

    assert set(_ROADS) | {Channel.EMAIL} == set(Channel)
    listed(cast, ("sms", PHONE))
    released(cast)
    actions.fan_out()
    from tocsin.record.models import Vault  # noqa: PLC0415

    card = Recipient.objects.get().card
    assert store.cards([card])
    Vault.objects.filter(id=card)._raw_delete("default")
    roads = Roads(settings.current())
    with pytest.raises(Undelivered) as refused:
        roads.send(claim(1, "x")[0])
    assert refused.value.reason is Reason.FORGOTTEN
