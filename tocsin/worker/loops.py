"""The worker's loops: each a named step that is safe to run anywhere, any number of times.

Every step takes what is due, answers it in its own transactions and returns how much it did; so a loop
may be killed at any moment and run twice at once. An exception is logged and tried again, never fatal.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import connection, connections

from tocsin.kernel import clock
from tocsin.record.models import Heartbeat

log = logging.getLogger("tocsin.worker")
BEAT_EVERY_S = 2.0
_BACK_OFF_S = (0.1, 0.5, 2.0, 5.0)
_JITTER = 0.2  # of a rest: workers on several machines do not all ask at the same moment


@dataclass(frozen=True, slots=True)
class Loop:
    """A step and how long to rest when it found nothing to do (seconds)."""

    name: str
    step: Callable[[], int]
    idle_s: float


def all_loops() -> list[Loop]:
    """Every loop of the product, in the order of a warning's life."""
    from tocsin.assess.actions import mind_surges, mind_watches  # noqa: PLC0415
    from tocsin.deliver.actions import (  # noqa: PLC0415
        check_directory,
        fan_out,
        read_mailbox,
        send_due,
        send_links,
        send_notices,
        send_relays,
        send_trials,
    )
    from tocsin.duties.actions import fire_due  # noqa: PLC0415
    from tocsin.exchange.actions import publish_due  # noqa: PLC0415
    from tocsin.operate.actions import mind as mind_live  # noqa: PLC0415
    from tocsin.operate.actions import send_due as send_sightings  # noqa: PLC0415
    from tocsin.oversee.actions import bring_up, build_due, note_views  # noqa: PLC0415
    from tocsin.plan.actions import lapse_due  # noqa: PLC0415
    from tocsin.record.proof.asking import ask_due  # noqa: PLC0415
    from tocsin.record.proof.stamping import stamp_due  # noqa: PLC0415
    from tocsin.record.sequencer import Sequencer  # noqa: PLC0415
    from tocsin.retain.actions import account_due, sweep  # noqa: PLC0415
    from tocsin.screen.actions import Following, adapt_lines, poll_due  # noqa: PLC0415
    from tocsin.warn.actions import correct_copies, expire_due  # noqa: PLC0415

    return [
        Loop("sequencer", Sequencer().step, 0.02),
        Loop("duties", fire_due, 0.1),
        Loop("feeds", poll_due, 1.0),
        Loop("streams", Following().step, 1.0),
        Loop("lines", rarely(adapt_lines, 60.0), 5.0),
        Loop("watches", rarely(mind_watches, 30.0), 5.0),
        Loop("surges", rarely(mind_surges, 30.0), 5.0),
        Loop("expiry", expire_due, 1.0),
        Loop("sweeps", lapse_due, 1.0),
        Loop("fan-out", fan_out, 0.2),
        Loop("send", send_due, 0.1),
        Loop("sightings", send_sightings, 0.2),
        Loop("live operations", mind_live, 1.0),
        Loop("notices", send_notices, 1.0),
        Loop("exchange", publish_due, 2.0),
        Loop("sign-in links", send_links, 0.5),
        Loop("passed on", send_relays, 1.0),
        Loop("tests of ways", send_trials, 1.0),
        Loop("mailbox", rarely(read_mailbox, 10.0), 5.0),
        Loop("directory", rarely(check_directory, 60.0), 5.0),
        Loop("copies", rarely(correct_copies, 30.0), 5.0),
        Loop("sights", note_views, 0.5),
        Loop("past", build_due, 1.0),
        Loop("findings", bring_up, 5.0),
        Loop("disclosures", account_due, 5.0),
        Loop("retention", rarely(sweep, 60.0), 5.0),
        Loop("auditor", audit, 5.0),
        Loop("witnesses", ask_due, 1.0),
        Loop("time-stamp", rarely(stamp_due, 30.0), 5.0),
    ]


def rarely(step: Callable[[], int], every_s: float) -> Callable[[], int]:
    """`step`, but after it found nothing not again for so long: the loop itself stays alive and says so."""
    quiet_until = 0.0

    def stepped() -> int:
        nonlocal quiet_until
        if time.monotonic() < quiet_until:
            return 0
        did = step()
        quiet_until = 0.0 if did else time.monotonic() + every_s
        return did

    return stepped


def audit() -> int:
    """Log when something that was due did not fire: the auditor watches the workers, this one included."""
    from tocsin.duties import store  # noqa: PLC0415

    found = store.audit(clock.now())
    if not found.well:
        log.error("%d duties did not fire in time, the oldest was due %s", found.late, found.oldest)
    return 0


@dataclass(slots=True)
class Runner:
    """Runs loops, each in a thread with a database connection of its own, until told to stop."""

    loops: Iterable[Loop]
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for loop in self.loops:
            thread = threading.Thread(target=self._run, args=(loop,), name=loop.name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Let every step finish what it does, then end. A step that takes longer is left to its transaction."""
        self._stop.set()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, loop: Loop) -> None:
        failures, beaten = 0, 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() - beaten > BEAT_EVERY_S:
                    beat(loop.name)
                    beaten = time.monotonic()
                did = loop.step()
                failures = 0
            except Exception:
                log.exception("loop %s failed; trying again", loop.name)
                connections.close_all()
                self._stop.wait(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
                failures += 1
                continue
            if not did:
                self._stop.wait(loop.idle_s * random.uniform(1 - _JITTER, 1))  # noqa: S311 - no secret
        connections.close_all()


def beat(name: str) -> None:
    """Note that a loop of this process is alive (front page, `tocsin check`), and which connection is its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", [f"tocsin {name}"])
    Heartbeat.objects.update_or_create(
        name=name, defaults={"at": clock.now(), "process": os.getpid()}
    )
