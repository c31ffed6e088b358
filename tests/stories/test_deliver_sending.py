"""Sending by many hands: leases, a worker killed in the middle, nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections

from tests.cast import Cast, make_cast
from tests.stories.posting import Sink, settings_as, sink
from tests.stories.warned import released
from tocsin.deliver import actions
from tocsin.deliver.actions.crews import Crew, Lane
from tocsin.deliver.actions.sending import claim
from tocsin.deliver.channels import Job
from tocsin.deliver.channels.letters import Letter
from tocsin.deliver.models import Delivery, Lease
from tocsin.deliver.terms import LEASE, Channel, State
from tocsin.kernel import clock, settings
from tocsin.kernel.clock import OffsetClock, VirtualClock

MANY = 40
LETTER = Letter("wrn_1", "", False, (), (), {})


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Sink]:
    with sink() as s, settings_as(smtp_host="127.0.0.1", smtp_port=s.port, data_dir=tmp_path):
        yield s


def to_send(cast: Cast) -> list[str]:
    """A FLASH to many people of one role, fanned out and not sent."""
    for i in range(MANY):
        way = [("email", f"p{i}@metro.example")]
        actions.add_recipient(
            cast.rhea, agency="metro", role="partner", name=f"P{i}", ways=way, rank=i + 1
        )
    released(cast, precedence="FLASH")
    actions.fan_out()
    return list(Delivery.objects.values_list("id", flat=True))


def taken(mail: Sink) -> Counter[str]:
    """Message-ID -> how often it arrived."""
    return Counter(str(m.message["Message-ID"]).strip("<>").split("@")[0] for m in mail.messages)


@pytest.fixture
def cast(db: None, virtual: VirtualClock) -> Cast:
    return make_cast()


def test_what_another_worker_holds_is_left_to_it_until_its_lease_ends(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    ids = to_send(cast)
    held = claim(10, "a worker that dies now")
    assert len(held) == 10
    actions.send_due(threads=0)
    assert len(mail.messages) == MANY - 10
    virtual.advance(LEASE - timedelta(seconds=1))
    actions.send_due(threads=0)
    assert len(mail.messages) == MANY - 10
    virtual.advance(timedelta(seconds=2))
    actions.send_due(threads=0)
    assert taken(mail) == Counter(ids)
    assert not Lease.objects.exists()


def test_what_was_sent_but_not_noted_is_noted_and_never_sent_again(
    cast: Cast, mail: Sink, virtual: VirtualClock
) -> None:
    to_send(cast)
    jobs = claim(5, "killed after sending")
    Lease.objects.filter(delivery__in=[j.delivery for j in jobs]).update(
        result=State.SENT.value, at=virtual.now()
    )
    virtual.advance(LEASE * 2)
    actions.send_due(threads=0)
    assert len(mail.messages) == MANY - 5
    assert Delivery.objects.filter(state=State.SENT.value).count() == MANY


def test_the_urgent_is_claimed_first(cast: Cast, mail: Sink, virtual: VirtualClock) -> None:
    way = [("email", "desk@metro.example")]
    actions.add_recipient(cast.rhea, agency="metro", role="partner", name="Desk", ways=way)
    for precedence in ("ROUTINE", "FLASH", "PRIORITY"):
        released(cast, precedence=precedence)
        actions.fan_out()
        virtual.advance(timedelta(seconds=1))
    order = [Delivery.objects.get(id=job.delivery).urgency for job in claim(10, "x")]
    assert order == [3, 1, 0]


def test_two_workers_at_once_send_everything_once(committed: None, mail: Sink) -> None:
    ids = to_send(make_cast())

    def run(threads: int | None) -> None:
        try:
            actions.send_due(threads=threads)
        finally:
            connections.close_all()

    hands = [threading.Thread(target=run, args=(n,)) for n in (None, 0)]
    try:
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        actions.note_answers()
    finally:
        actions.close_crews()
    assert taken(mail) == Counter(ids)
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.SENT.value}
    assert not Lease.objects.exists()


_WORKER = """
import django; django.setup()
from tocsin.deliver.actions import send_due
while True:
    send_due()
"""


def test_a_worker_killed_in_the_middle_loses_nothing(
    committed: None, mail: Sink, database_url: str
) -> None:
    ids = to_send(make_cast())
    mail.delay_seconds = 0.05
    environ = {
        **os.environ,
        "TOCSIN_DATA_DIR": str(settings.current().data_dir),
        "DJANGO_SETTINGS_MODULE": "tocsin.kernel.django_settings",
        "TOCSIN_DATABASE_URL": database_url.replace("//postgres:", "//tocsin_app:"),
        "TOCSIN_SMTP_HOST": "127.0.0.1",
        "TOCSIN_SMTP_PORT": str(mail.port),
    }
    worker = subprocess.Popen([sys.executable, "-c", _WORKER], env=environ)
    end = time.monotonic() + 60
    while len(mail.messages) < MANY // 4 and time.monotonic() < end:
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert len(mail.messages) < MANY
    mail.delay_seconds = 0
    with clock.use(OffsetClock(LEASE + timedelta(seconds=1))):
        actions.send_due(threads=0)
    got = taken(mail)
    assert set(got) == set(ids)
    in_doubt = 5  # one a thread: taken by the server, and the process killed before it read that
    assert sum(got.values()) <= MANY + in_doubt
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.SENT.value}


def test_a_hand_kept_for_the_urgent_never_holds_up_the_calm() -> None:
    """Woken for a calm job it lets it lie: then another must have been woken too."""
    done: list[str] = []

    def send(_roads: object, job: object) -> None:
        done.append(str(job.delivery))  # type: ignore[attr-defined]

    crew = Crew(Lane("test", (Channel.INAPP,), 1, 4), send)
    try:
        for n in range(300):
            crew.put([Job(f"dlv_{n}", "inapp", "", "", "", "", "", LETTER, clock.now())])
            end = time.monotonic() + 5
            while crew.busy and time.monotonic() < end:
                time.sleep(0.0005)
            assert len(done) == n + 1
    finally:
        crew.close()


def test_what_hangs_is_worked_around_and_the_urgent_goes_first() -> None:
    order: list[int] = []
    hang = threading.Event()

    def send(_roads: object, job: object) -> None:
        if job.delivery == "hangs":  # type: ignore[attr-defined]
            hang.wait(10)
            return
        order.append(job.urgency)  # type: ignore[attr-defined]

    def job(name: str, urgency: int) -> Job:
        return Job(name, "inapp", "", "", "", "", "", LETTER, clock.now(), urgency)

    crew = Crew(Lane("test", (Channel.INAPP,), 1, 3), send)
    try:
        crew.put([job("hangs", 0)])
        end = time.monotonic() + 5
        while not any(h.since for h in crew._hands) and time.monotonic() < end:
            time.sleep(0.001)
        crew.put([job("calm", 0), job("flash", 3)])
        while len(order) < 2 and time.monotonic() < end:
            crew.tend()
            time.sleep(0.01)
        assert order == [3, 0], "the urgent by the hand kept for it, the calm by one that was hired"
    finally:
        hang.set()
        crew.close()
