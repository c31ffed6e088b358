"""A person's own notices of duties, by mail: what is asked, until when, and where to do it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from django.db import connection
from django.template.loader import render_to_string

from tocsin.deliver import rules
from tocsin.deliver.channels import Roads, Undelivered
from tocsin.deliver.channels.letters import Sender
from tocsin.deliver.models import Mailed
from tocsin.deliver.terms import LEASE, PAGES, Reason
from tocsin.duties.models import Duty
from tocsin.kernel import clock, settings
from tocsin.kernel.settings import Settings
from tocsin.people.models import Account

log = logging.getLogger(__name__)

_NO_OLDER = timedelta(days=2)
"""A notice older than this is on the person's page; a mail about it would only confuse."""

_CLAIM = """
WITH due AS (
    SELECT n.duty, n.rung, n.person FROM duties_notice n
    JOIN duties_duty d ON d.id = n.duty AND d.discharged_at IS NULL
    JOIN people_account a ON a.person = n.person AND a.is_active AND a.email <> ''
    WHERE n.seen_at IS NULL AND n.told_at > %(oldest)s AND NOT EXISTS (
        SELECT 1 FROM deliver_mailed m WHERE m.duty = n.duty AND m.rung = n.rung AND m.person = n.person
        AND (m.done_at IS NOT NULL OR m.until > %(now)s))
    ORDER BY n.told_at LIMIT %(limit)s)
INSERT INTO deliver_mailed AS m (duty, rung, person, until, attempts, done_at, reason)
SELECT duty, rung, person, %(until)s, 0, NULL, '' FROM due
ON CONFLICT (duty, rung, person) DO UPDATE SET until = excluded.until
WHERE m.done_at IS NULL AND m.until <= %(now)s
RETURNING m.duty, m.rung, m.person, m.attempts
"""


def send_notices(*, limit: int = 200) -> int:
    """Mail the notices that were not mailed yet; returns how many left. A worker's step, any number of workers.

    What was answered or seen in the meantime is not mailed. A notice is claimed for a minute, then sent, and
    its result kept at once: a kill in between may send one notice twice (with the same Message-ID), never none.
    """
    now = clock.now()
    values: dict[str, datetime | int] = {
        "now": now,
        "oldest": now - _NO_OLDER,
        "limit": limit,
        "until": now + LEASE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        claimed = cursor.fetchall()
    if not claimed:
        return 0
    duties = Duty.objects.in_bulk([c[0] for c in claimed])
    people = {a.person: a for a in Account.objects.filter(person__in={c[2] for c in claimed})}
    s = settings.current()
    roads = Roads(s)
    sent = 0
    try:
        for duty, rung, person, attempts in claimed:
            to = people[person]
            if not rules.is_email(to.email):
                _note(duty, rung, to, attempts, Reason.NO_SUCH_ADDRESS, None)
                continue
            message = _message(duties[duty], rung, to, s, now)
            sent += _post(roads, duty, rung, to, attempts, message)
    finally:
        roads.close()
    return sent


def _post(
    roads: Roads, duty: str, rung: int, person: Account, attempts: int, message: EmailMessage
) -> bool:
    key = _key(duty, rung, person)
    try:
        roads.mail().post(key, person.email, message.as_bytes())
    except Undelivered as e:
        wait = None if e.permanent else rules.wait(key, attempts + 1)
        _note(duty, rung, person, attempts, e.reason, wait)
        return False
    _note(duty, rung, person, attempts, None, None)
    return True


def _note(
    duty: str,
    rung: int,
    person: Account,
    attempts: int,
    failed: Reason | None,
    wait: timedelta | None,
) -> None:
    """Keep what came of one notice; `wait` = until it is tried again."""
    now = clock.now()
    if failed is not None:
        log.warning("the notice %s was not mailed: %s", _key(duty, rung, person), failed.value)
    Mailed.objects.filter(duty=duty, rung=rung, person=person.person).update(
        attempts=attempts + 1,
        reason=failed.name if failed else "",
        done_at=None if wait else now,
        until=now + (wait or timedelta(0)),
    )


def _key(duty: str, rung: int, person: Account) -> str:
    return f"{duty}.{rung}.{person.person}"


def _message(duty: Duty, rung: int, person: Account, s: Settings, now: datetime) -> EmailMessage:
    zone = ZoneInfo(s.timezone)
    due = duty.due_at.astimezone(zone)
    context = {
        "duty": duty,
        "due": f"{due.day} {due:%b %H:%M} {due.tzname()}",
        "late": duty.due_at < now,
        "link": s.base_url + page(duty.subject),
        "rung": rung,
    }
    message = EmailMessage()
    message["From"] = s.mail_from
    message["To"] = person.email
    message["Subject"] = " ".join(
        f"{duty.precedence}: {duty.title}".split()
    )  # a line break would end the header
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{_key(duty.id, rung, person)}@{Sender.of(s.mail_from).domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(render_to_string("mail/notice.txt", context).strip() + "\n")
    return message


def page(subject: str) -> str:
    """The path of a subject's page, by the kind its id names; the front page for those without one."""
    kind = subject.partition("_")[0]
    return f"/{PAGES[kind]}/{subject}" if kind in PAGES else "/"
