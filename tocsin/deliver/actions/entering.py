"""Signing in by a link sent by mail: it works once, for a quarter of an hour, and only when a button is pressed.

The link is made of what is there already (the person, and when they last signed in), so nothing is kept that
could be stolen, and signing in by it ends it. A worker sends it: so asking takes the same time whether the
address is known here or not, and says the same.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string

from tocsin.deliver import rules
from tocsin.deliver.channels import Roads, Undelivered
from tocsin.deliver.channels.letters import Sender
from tocsin.deliver.models import Mailed
from tocsin.deliver.terms import LEASE
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Conflict
from tocsin.kernel.ids import new_id
from tocsin.people.models import Account

log = logging.getLogger(__name__)
LIVES = timedelta(minutes=15)
_NOT_SOONER = timedelta(minutes=1)
_KIND = "sign-in"
_SIGNER = Signer(sep=".", salt="tocsin.deliver.entering")


def ask_for_link(address: str) -> None:
    """Have a sign-in link sent to this address, where somebody here has it; at most one a minute."""
    now = clock.now()
    for account in Account.objects.filter(email__iexact=address.strip(), is_active=True)[:3]:
        kept = Mailed.objects.filter(duty=_KIND, rung=0, person=account.person).first()
        if kept is None:
            Mailed.objects.create(duty=_KIND, rung=0, person=account.person, until=now)
        elif kept.done_at is not None and now - kept.done_at > _NOT_SOONER:
            Mailed.objects.filter(duty=_KIND, rung=0, person=account.person).update(
                until=now, done_at=None, attempts=0
            )


def send_links() -> int:
    """Mail the links that were asked for; returns how many left. A worker's step, any number of workers."""
    now = clock.now()
    waiting = Mailed.objects.filter(duty=_KIND, done_at=None, until__lte=now)
    roads, sent = Roads(settings.current()), 0
    try:
        for row in waiting[:100]:
            mine = Mailed.objects.filter(duty=_KIND, rung=0, person=row.person)
            if mine.filter(done_at=None, until=row.until).update(until=now + LEASE):
                sent += _send(roads, row)
    finally:
        roads.close()
    return sent


def _send(roads: Roads, row: Mailed) -> bool:
    mine = Mailed.objects.filter(duty=_KIND, rung=0, person=row.person)
    account = Account.objects.filter(person=row.person, is_active=True).first()
    try:
        if account is not None and rules.is_email(account.email):
            key = new_id("sgn")
            roads.mail().post(key, account.email, _message(account, key).as_bytes())
    except Undelivered as e:
        wait = None if e.permanent else rules.wait(_KIND + row.person, row.attempts + 1)
        log.warning("a sign-in link was not mailed: %s", e.reason.value)
        if wait is not None and row.attempts < 3:
            mine.update(attempts=row.attempts + 1, until=clock.now() + wait)
            return False
    mine.update(done_at=clock.now())
    return True


def _message(account: Account, key: str) -> EmailMessage:
    s = settings.current()
    message = EmailMessage()
    message["From"] = s.mail_from
    message["To"] = account.email
    message["Subject"] = "Your link to sign in to Tocsin"
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{key}@{Sender.of(s.mail_from).domain}>"
    message["Auto-Submitted"] = "auto-generated"
    context = {"link": f"{s.base_url}/accounts/link/{token(account)}", "minutes": 15}
    message.set_content(render_to_string("mail/sign_in.txt", context).strip() + "\n")
    return message


def token(account: Account) -> str:
    """The secret part of a sign-in link for this account, good from now on for a quarter of an hour."""
    ends = int((clock.now() + LIVES).timestamp())
    return _SIGNER.sign(f"{account.person}~{ends}~{_mark(account)}")


def whose(secret: str) -> Account:
    """Whose link this is. Raises: Conflict for one that is forged, used or too old: all the same."""
    over = Conflict(
        "this link works no more", cure="Links work once, for 15 minutes. Ask for a new one."
    )
    try:
        person, ends, mark = _SIGNER.unsign(secret).split("~")
        until = int(ends)
    except (BadSignature, ValueError):
        raise over from None
    account = Account.objects.filter(person=person, is_active=True).first()
    if account is None or _mark(account) != mark or clock.now().timestamp() > until:
        raise over
    return account


def _mark(account: Account) -> str:
    """Changes with every signing in, and with the password; says nothing about either."""
    state = f"{account.last_login}/{account.password}"
    return hashlib.sha256(state.encode()).hexdigest()[:16]
