"""A real mail server at the far end: Debian's postfix takes our mail, delivers it, and sends back what it cannot.

It runs in a folder of its own, on a free port of this machine, and hands no mail to anybody else. Where postfix
is not installed, or we are not root (it must change its user), a word says so.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.cast import Cast, make_cast
from tests.stories.posting import settings_as
from tests.stories.warned import released
from tocsin.deliver import actions
from tocsin.deliver.models import Delivery
from tocsin.deliver.returned import Kind
from tocsin.deliver.terms import Reason, State
from tocsin.kernel.clock import VirtualClock

_DAEMONS = Path("/usr/lib/postfix/sbin")
_NOBODY = 65534
_MAIN = """
compatibility_level = 3.6
queue_directory = {here}/queue
data_directory = {here}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {here}/log
maillog_file_prefixes = {here}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.metro.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = error:this server knows no other
virtual_mailbox_domains = metro.example fusion.example
virtual_mailbox_maps = texthash:{here}/boxes
virtual_mailbox_base = {here}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_reject_unlisted_recipient = no
smtpd_relay_restrictions = permit_mynetworks, reject
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
"""


@dataclass(frozen=True)
class PostOffice:
    """A running postfix: where it listens, and the letters in its boxes."""

    port: int
    mail: Path

    def letters(self, box: str, count: int, patience_s: float = 20.0) -> list[bytes]:
        """The letters in a box, once there are so many."""
        end = time.monotonic() + patience_s
        while True:
            found = [f.read_bytes() for f in sorted((self.mail / box / "new").glob("*"))]
            if len(found) >= count or time.monotonic() > end:
                return found
            time.sleep(0.02)


@pytest.fixture
def office() -> Iterator[PostOffice]:
    if shutil.which("postfix") is None or not _DAEMONS.is_dir():
        pytest.skip("postfix is not installed")
    if os.geteuid() != 0:
        pytest.skip("postfix starts as root only")
    here = Path(tempfile.mkdtemp(prefix="postfix-"))
    here.chmod(0o755)  # its processes run as users of their own
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("queue", "data", "mail", "conf"):
        (here / name).mkdir(mode=0o755)
    shutil.chown(here / "data", "postfix")
    os.chown(here / "mail", _NOBODY, _NOBODY)
    boxes = "tocsin@fusion.example fusion/\ndesk@metro.example desk/\n"
    (here / "boxes").write_text(boxes)
    (here / "conf" / "main.cf").write_text(_MAIN.format(here=here))
    (here / "conf" / "master.cf").write_text(_MASTER.format(port=port))
    try:
        begun = _postfix(here, "start")
        log = here / "log"
        assert begun.returncode == 0, begun.stderr + (log.read_text() if log.exists() else "")
        _listens(port)
        yield PostOffice(port, here / "mail")
    finally:
        _postfix(here, "stop")
        shutil.rmtree(here, ignore_errors=True)


def _postfix(here: Path, what: str) -> subprocess.CompletedProcess[str]:
    asked = ["postfix", "-c", str(here / "conf"), what]
    return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=30)


def _listens(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("postfix does not listen")


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def test_postfix_takes_our_mail_and_what_it_sends_back_moves_the_receipt(
    cast: Cast, office: PostOffice, tmp_path: Path
) -> None:
    """1. Taken over for somebody its domain does not know: SENT, and no further. 2. Its DSN, read back from our
    mailbox, takes that back and tries the next way. 3. That one lies in the desk's box, whole."""
    ways = [("email", "gone@metro.example"), ("email", "desk@metro.example")]
    actions.add_recipient(cast.rhea, agency="metro", role="partner", name="Desk", ways=ways)
    released(cast)
    sender = "Tocsin <tocsin@fusion.example>"
    with settings_as(
        smtp_host="127.0.0.1", smtp_port=office.port, mail_from=sender, data_dir=tmp_path
    ):
        actions.fan_out()
        actions.send_due(threads=0)
        first = Delivery.objects.get()
        assert first.state == State.SENT

        (back,) = office.letters("fusion", 1)
        assert actions.take_back(back) is Kind.FAILED
        first.refresh_from_db()
        assert (first.state, first.reason) == (State.FAILED, Reason.BOUNCED.name)
        assert actions.take_back(back) is Kind.NOTHING, "the same letter again proves nothing new"

        actions.send_due(threads=0)
        second = Delivery.objects.exclude(id=first.id).get()
        (letter,) = office.letters("desk", 1)
    assert second.state == State.SENT
    mail = message_from_bytes(letter, policy=policy.default)
    assert mail["Message-ID"] == f"<{second.id}@fusion.example>"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "North doors" in body.get_content()
    secret = body.get_content().split("/a/", 1)[1].split()[0]
    actions.acknowledge_by_link(secret)
    second.refresh_from_db()
    assert second.state == State.ACKNOWLEDGED
