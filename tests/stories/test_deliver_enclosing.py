"""What goes with a warning by mail: its paper where the card asks for one, and a signature where the site has a key."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.test import Client

from tests.cast import Cast, make_cast
from tests.stories.posting import Sink, settings_as, sink
from tests.stories.warned import released
from tocsin.deliver import actions, store
from tocsin.deliver.channels import mail as smtp
from tocsin.deliver.models import Delivery, Recipient
from tocsin.deliver.terms import Reason, State
from tocsin.formats import smime
from tocsin.kernel import clock
from tocsin.kernel.clock import VirtualClock
from tocsin.kernel.errors import Invalid
from tocsin.people.models import Account

PEM = serialization.Encoding.PEM


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


def listed(cast: Cast, address: str, *, paper: bool = False) -> str:
    return actions.add_recipient(
        cast.rhea,
        agency="metro",
        role="partner",
        name="Desk",
        ways=[("email", address)],
        paper=paper,
    )


def send() -> None:
    actions.fan_out()
    actions.send_due(threads=0)


def files(sent: Sink, address: str) -> list[tuple[str, bytes]]:
    (taken,) = sent.to(address)
    return [
        (str(p.get_filename()), p.get_payload(decode=True))  # type: ignore[misc]
        for p in taken.message.iter_attachments()
    ]


# The paper


def test_who_asks_for_the_paper_gets_it_beside_text_and_link_and_nobody_else(
    cast: Cast, mail: Sink
) -> None:
    listed(cast, "with@metro.example", paper=True)
    listed(cast, "without@metro.example")
    row = released(cast, precedence="FLASH")
    send()
    ((name, pdf),) = files(mail, "with@metro.example")
    assert name == f"bulletin-{row.id[-6:]}.pdf"
    assert pdf.startswith(b"%PDF-")
    assert b"pdfuaid" in pdf, "a paper that is read aloud, as every one of ours"
    assert "North doors" in mail.to("with@metro.example")[0].text
    assert mail.to("with@metro.example")[0].token
    assert files(mail, "without@metro.example") == []


def test_what_may_not_travel_by_mail_does_not_travel_as_a_paper_either(
    cast: Cast, mail: Sink
) -> None:
    listed(cast, "desk@metro.example", paper=True)
    released(cast, label="AMBER+STRICT")
    send()
    assert files(mail, "desk@metro.example") == []


def test_a_card_asks_on_its_page_and_a_file_that_says_nothing_of_it_changes_nothing(
    cast: Cast, client: Client
) -> None:
    client.force_login(Account.objects.get(person=cast.rhea.person))
    typed = {"agency": "metro", "role": "partner", "name": "Desk", "rank": "1"}
    typed |= {"email": "desk@metro.example", "paper": "on"}
    assert client.post("/directory/new", typed).status_code == 302
    line = Recipient.objects.get()
    assert "checked" in client.get(f"/directory/{line.id}").content.decode()
    sheet = b"agency,role,order,name,email\nmetro,partner,1,The desk,desk@metro.example\n"
    from tocsin.deliver import roster  # noqa: PLC0415

    actions.import_directory(cast.rhea, sheet=roster.read("lines.csv", sheet))
    (kept,) = store.lines(Recipient.objects.all())
    assert (kept.card.name, kept.card.paper) == ("The desk", True)


# The signature


def issued(
    name: str, by: tuple[rsa.RSAPrivateKey, x509.Certificate] | None = None
) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """A certificate for signing mail, issued by another or by itself (then it may issue others)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = clock.SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(by[1].subject if by else who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .sign(by[0] if by else key, hashes.SHA256())
    )
    return key, made


def pem(key: rsa.RSAPrivateKey, *certificates: x509.Certificate) -> str:
    secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (secret + b"".join(c.public_bytes(PEM) for c in certificates)).decode()


def opened(folder: Path, raw: bytes, root: x509.Certificate) -> subprocess.CompletedProcess[bytes]:
    """OpenSSL's word on a signed mail; its output is what was signed."""
    (folder / "root.pem").write_bytes(root.public_bytes(PEM))
    (folder / "mail.eml").write_bytes(raw)
    asked = ["openssl", "cms", "-verify", "-in", "mail.eml", "-CAfile", "root.pem"]
    return subprocess.run(asked, cwd=folder, capture_output=True, check=False)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL is not installed")
def test_a_signed_warning_holds_before_openssl_and_not_when_a_word_is_changed(
    cast: Cast, mail: Sink, tmp_path: Path
) -> None:
    root = issued("Root")
    key, certificate = issued("tocsin@fusion.example", root)
    file = tmp_path / "signer.pem"
    file.write_text(pem(key, certificate, root[1]))
    listed(cast, "desk@metro.example", paper=True)
    released(cast)
    with settings_as(smime_file=file, smtp_host="127.0.0.1", smtp_port=mail.port):
        send()
    (taken,) = mail.to("desk@metro.example")
    good = opened(tmp_path, taken.raw, root[1])
    assert good.returncode == 0, good.stderr
    assert b"application/pdf" in good.stdout
    assert taken.message.get_content_type() == "multipart/signed"
    assert taken.token, "what reads no signatures still finds text and link"
    changed = taken.raw.replace(b"North doors", b"South doors", 1)
    assert changed != taken.raw
    assert opened(tmp_path, changed, root[1]).returncode != 0
    assert opened(tmp_path, taken.raw, issued("Somebody")[1]).returncode != 0


def test_a_site_that_signs_sends_nothing_unsigned_and_says_what_is_wrong(
    cast: Cast, mail: Sink, tmp_path: Path
) -> None:
    file = tmp_path / "signer.pem"
    file.write_text("no key")
    listed(cast, "desk@metro.example")
    released(cast)
    with settings_as(smime_file=file, smtp_host="127.0.0.1", smtp_port=mail.port):
        send()
    row = Delivery.objects.get()
    assert (row.state, row.reason, mail.messages) == (State.RETRYING, Reason.NOT_SET_UP.name, [])


def test_a_key_and_somebody_elses_certificate_make_no_signer() -> None:
    key, _ = issued("One")
    _, other = issued("Other")
    with pytest.raises(Invalid, match="another key"):
        smime.signer(pem(key, other))


# The answer to a text


def test_a_server_that_thinks_long_about_a_text_gets_it_once(
    cast: Cast, mail: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(smtp, "_WHOLE_SECONDS", 3.0)
    mail.delay_seconds = 0.5
    listed(cast, "desk@metro.example")
    released(cast)
    send()
    assert (Delivery.objects.get().state, len(mail.messages)) == (State.SENT, 1)
