"""Streams: whatever breaks, on either side, nothing is lost, nothing is taken twice, and a gap is said."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from django.db import connections
from django.db.models import Sum
from nats import connect

from tests.cast import Cast, make_cast
from tests.stories import streaming as far
from tocsin.collect import actions as collect
from tocsin.collect.models import Progress, Refusal, Report, Run, Source, Tally
from tocsin.collect.sources import jetstream, mastodon, nats_stream
from tocsin.collect.sources.mastodon import events_of
from tocsin.collect.sources.streams import Part, wait
from tocsin.collect.terms import FailReason, FeedState, Fetched, SourceKind
from tocsin.kernel import clock, settings
from tocsin.kernel.clock import OffsetClock, VirtualClock
from tocsin.kernel.errors import Invalid
from tocsin.people.terms import SYSTEM
from tocsin.record.models import Entry
from tocsin.screen import store
from tocsin.screen.actions import follow, streaming


@pytest.fixture
def cast(db: None, virtual: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Cast:
    here = replace(settings.current(), allow_private_addresses=True)
    monkeypatch.setattr(settings, "current", lambda: here)
    for module in (jetstream, mastodon, nats_stream):
        monkeypatch.setattr(module, "PAUSE_S", 0.15)
    return make_cast()


def source(kind: SourceKind, *, name: str = "Stream", **config: Any) -> str:
    return collect.add_source(
        SYSTEM,
        kind=kind,
        name=name,
        agency="fusion",
        authority="exercise",
        purpose="exercise",
        config=config,
    )


def session(source_id: str, ends: Callable[[Part], bool] = lambda part: False) -> Fetched:
    """Follow the one part of a source that is due, until it breaks or `ends` says so."""
    ((row, what, cursor, until),) = store.claim_streams(
        streaming.STREAMED, clock.now(), streaming.LEASE, 1
    )
    assert row.id == source_id
    return follow(row, what, cursor, until, ends=ends)


def quiet(part: Part) -> bool:
    """The stream has nothing more."""
    return not part.records and not part.again and not part.gaps


def taken(source_id: str) -> tuple[int, int]:
    """(screened, flagged) so far."""
    rows = Tally.objects.filter(source=source_id).aggregate(s=Sum("screened"), f=Sum("flagged"))
    return rows["s"] or 0, rows["f"] or 0


def flagged_texts(source_id: str) -> int:
    return Report.objects.filter(source=source_id).count()


# --- Bluesky


@pytest.fixture
def sky() -> Iterator[far.Bluesky]:
    with far.bluesky() as here:
        yield here


def test_a_stream_that_breaks_and_plays_back_is_taken_once(
    cast: Cast, virtual: VirtualClock, sky: far.Bluesky
) -> None:
    sky.events = [json.dumps(far.post(n)).encode() for n in range(1, 101)]
    sky.drop_after, sky.rewind = 17, 5
    sid = source(SourceKind.JETSTREAM, url=sky.url)
    for _ in range(30):
        outcome = session(sid, quiet)
        if outcome.state is not FeedState.FAILED:
            break
        assert outcome.reason is FailReason.UNREACHABLE
        virtual.advance(timedelta(minutes=6))
    assert sky.connections > 5
    assert taken(sid) == (100, 10)
    assert flagged_texts(sid) == 10
    assert set(Report.objects.values_list("seen_count", flat=True)) == {1}


def test_what_is_corrupt_is_kept_for_a_person_and_stops_nothing(
    cast: Cast, sky: far.Bluesky
) -> None:
    good = [json.dumps(far.post(n)).encode() for n in range(1, 41)]
    broken = [b"{", b"[1,2]", b'{"did":1}', b'\xff\xfe{"did":"x"}', b"[" * 50_000]
    sky.events = [*good[:20], *broken, *good[20:]]
    sid = source(SourceKind.JETSTREAM, url=sky.url)
    session(sid, quiet)
    assert taken(sid) == (40, 4)
    assert Refusal.objects.filter(source=sid).count() == len(broken)
    sky.rewind = 30
    session(sid, quiet)
    assert Refusal.objects.filter(source=sid).count() == len(broken)


def test_a_message_beyond_all_bounds_is_passed_over_and_said(
    cast: Cast, virtual: VirtualClock, sky: far.Bluesky
) -> None:
    sky.events = [json.dumps(far.post(n)).encode() for n in range(1, 21)]
    sky.events.append(json.dumps(far.post(21, "x" * 5_000_000)).encode())
    sid = source(SourceKind.JETSTREAM, url=sky.url)
    outcome = session(sid, quiet)
    assert outcome.reason is FailReason.TOO_LARGE
    assert Entry.objects.filter(kind="source.gapped", subject=sid).count() == 1
    assert Progress.objects.get(source=sid).cursor == {}
    assert "may be missing" in Run.objects.filter(source=sid).latest("id").note


def test_what_the_server_no_longer_has_is_a_gap(
    cast: Cast, virtual: VirtualClock, sky: far.Bluesky
) -> None:
    hour = 3_600_000_000
    first = [far.post(n) for n in range(1, 11)]
    later = [far.post(n) | {"time_us": far.BASE_US + 5 * hour + n} for n in range(11, 31)]
    sky.events = [json.dumps(e).encode() for e in first]
    sid = source(SourceKind.JETSTREAM, url=sky.url)
    session(sid, quiet)
    assert not Entry.objects.filter(kind="source.gapped").exists()
    sky.events, sky.forgotten = [json.dumps(e).encode() for e in [*first, *later]], 10
    session(sid, quiet)
    gap = Entry.objects.get(kind="source.gapped", subject=sid)
    data = json.loads(bytes(gap.body))["data"]
    assert data["after"] < data["until"]
    assert taken(sid) == (30, 3)
    note = Run.objects.filter(source=sid).latest("id").note
    assert "could not play back" in note


def test_a_server_that_is_not_there_is_asked_less_and_less_often(
    cast: Cast, virtual: VirtualClock
) -> None:
    sid = source(SourceKind.JETSTREAM, url="ws://127.0.0.1:9/subscribe")
    waits = []
    for _ in range(6):
        assert session(sid).state is FeedState.FAILED
        progress = Progress.objects.get(source=sid)
        assert progress.next_at is not None
        assert progress.claimed_until is None
        waits.append(progress.next_at - virtual.now())
        assert store.claim_streams(streaming.STREAMED, clock.now(), streaming.LEASE, 9) == []
        virtual.advance(waits[-1])
    assert waits[-1] > waits[0] * 4


def test_waits_double_to_five_minutes_and_never_fall_together() -> None:
    rng = Random(1)
    for failures in range(1, 30):
        longest = min(timedelta(seconds=2 ** (failures - 1)), timedelta(minutes=5))
        drawn = [wait(failures, rng) for _ in range(50)]
        assert all(longest / 2 <= w <= longest for w in drawn)
        assert len(set(drawn)) > 40


def test_a_part_belongs_to_one_and_who_lost_it_stores_nothing(
    cast: Cast, virtual: VirtualClock, sky: far.Bluesky
) -> None:
    sky.events = [json.dumps(far.post(n)).encode() for n in range(1, 31)]
    sid = source(SourceKind.JETSTREAM, url=sky.url)
    ((row, what, cursor, until),) = store.claim_streams(
        streaming.STREAMED, clock.now(), streaming.LEASE, 1
    )
    assert store.claim_streams(streaming.STREAMED, clock.now(), streaming.LEASE, 1) == []
    virtual.advance(streaming.LEASE * 2)  # the first one froze
    session(sid, quiet)
    assert taken(sid) == (30, 3)
    assert follow(row, what, cursor, until, ends=quiet).state is FeedState.EMPTY  # it wakes up
    assert taken(sid) == (30, 3)


def test_a_paused_source_is_let_go(cast: Cast, sky: far.Bluesky) -> None:
    sky.events = [json.dumps(far.post(n)).encode() for n in range(1, 11)]
    sid = source(SourceKind.JETSTREAM, url=sky.url)

    def pausing(part: Part) -> bool:
        row = Source.objects.get(id=sid)
        collect.pause_source(cast.ana, source=sid, version=row.version, reason="enough for now")
        return False

    session(sid, pausing)
    assert store.claim_streams(streaming.STREAMED, clock.now(), streaming.LEASE, 1) == []


# --- Mastodon


@pytest.fixture
def toot() -> Iterator[far.Toot]:
    with far.mastodon() as here:
        yield here


def test_what_was_posted_while_we_were_away_is_fetched_and_nothing_comes_twice(
    cast: Cast, virtual: VirtualClock, toot: far.Toot
) -> None:
    sid = source(SourceKind.MASTODON, url=toot.url)
    toot.posts, toot.live = list(range(1, 21)), [*range(1, 21)]
    session(sid)
    virtual.advance(timedelta(minutes=6))
    toot.posts, toot.live = (
        list(range(1, 151)),
        [150, b"event: update\ndata: {broken\n\n", 20, 149, 151],
    )
    outcome = session(sid)
    assert outcome.state is FeedState.FAILED  # the server hung up; it is asked again later
    assert taken(sid) == (151, 15)
    assert Refusal.objects.filter(source=sid).count() == 1
    assert not Entry.objects.filter(kind="source.gapped").exists()


def test_a_server_without_pages_leaves_a_gap(
    cast: Cast, virtual: VirtualClock, toot: far.Toot
) -> None:
    sid = source(SourceKind.MASTODON, url=toot.url)
    toot.live = [1, 2, 3]
    session(sid)
    virtual.advance(timedelta(minutes=6))
    toot.pages, toot.live = False, [7, 8]
    session(sid)
    assert taken(sid)[0] == 5
    assert Entry.objects.filter(kind="source.gapped", subject=sid).count() == 1


def test_any_split_of_the_bytes_gives_the_same_events() -> None:
    wire = b':)\n\nevent: update\r\ndata: {"a":1}\r\n\r\nevent: delete\ndata: 5\n\nevent: update\ndata: {}\n\n'
    whole = list(events_of(iter([wire])))
    assert whole == [b'{"a":1}', b"{}"]
    for size in range(1, 12):
        pieces = (wire[at : at + size] for at in range(0, len(wire), size))
        assert list(events_of(pieces)) == whole


# --- NATS


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[far.Nats]:
    if not far.nats_server():
        pytest.skip("no nats-server here")
    with far.nats(tmp_path) as here:
        yield here


def test_a_killed_server_comes_back_and_nothing_is_lost_or_twice(
    cast: Cast, virtual: VirtualClock, broker: far.Nats
) -> None:
    far.publish(broker.url, range(1, 61), partitions=1, raw={30: b"not json"})
    sid = source(SourceKind.NATS, url=broker.url, stream="posts", subject="posts")

    def killing(part: Part) -> bool:
        if part.records:
            broker.kill()
        return False

    assert session(sid, killing).reason is FailReason.UNREACHABLE
    broker.start()
    far.publish(broker.url, range(61, 101), partitions=1)
    virtual.advance(timedelta(minutes=6))
    session(sid, quiet)
    assert taken(sid) == (99, 9)
    assert Refusal.objects.filter(source=sid).count() == 1


def test_messages_thrown_away_before_they_were_read_are_counted(
    cast: Cast, virtual: VirtualClock, broker: far.Nats
) -> None:
    far.publish(broker.url, range(1, 11), partitions=1)
    sid = source(SourceKind.NATS, url=broker.url, stream="posts", subject="posts")
    session(sid, quiet)
    far.publish(broker.url, range(11, 31), partitions=1)

    async def purge() -> None:
        client = await connect(broker.url)
        await client.jetstream().purge_stream("posts", seq=25)
        await client.close()

    asyncio.run(purge())
    session(sid, quiet)
    assert taken(sid)[0] == 16
    data = json.loads(bytes(Entry.objects.get(kind="source.gapped").body))["data"]
    assert data["missed"] == 14


def test_partitions_shared_by_engines_give_what_one_engine_gives(
    committed: None, virtual: VirtualClock, broker: far.Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = replace(settings.current(), allow_private_addresses=True)
    monkeypatch.setattr(settings, "current", lambda: here)
    make_cast()
    far.publish(broker.url, range(1, 301), partitions=3)
    shared = source(SourceKind.NATS, url=broker.url, stream="posts", subject="posts", partitions=3)
    claimed = store.claim_streams(streaming.STREAMED, clock.now(), streaming.LEASE, 9)
    assert [what for _, what, _, _ in claimed] == ["part:0", "part:1", "part:2"]

    def engine(row: Source, what: str, cursor: dict[str, str], until: Any) -> None:
        try:
            follow(row, what, cursor, until, ends=quiet)
        finally:
            connections.close_all()

    threads = [Thread(target=engine, args=each) for each in claimed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    alone = source(SourceKind.NATS, name="Alone", url=broker.url, stream="posts", subject="posts.*")
    ((row, what, cursor, until),) = (
        c
        for c in store.claim_streams(streaming.STREAMED, clock.now(), streaming.LEASE, 9)
        if c[0].id == alone
    )
    follow(row, what, cursor, until, ends=quiet)
    assert taken(shared) == taken(alone) == (300, 30)

    def told(source_id: str) -> list[tuple[int, str, str]]:
        rows = Report.objects.filter(source=source_id)
        return sorted((r.score, r.precedence, r.group) for r in rows)

    assert told(shared) == told(alone)


def test_settings_that_cannot_work_are_refused(cast: Cast) -> None:
    with pytest.raises(Invalid, match="wss://"):
        source(SourceKind.JETSTREAM, url="https://x.example")
    with pytest.raises(Invalid, match="1 to 256"):
        source(SourceKind.NATS, url="nats://x.example", stream="s", subject="s", partitions=0)
    with pytest.raises(Invalid, match="MASTODON_"):
        source(SourceKind.MASTODON, url="https://x.example", password_env="PATH")


_WORKER = """
import time
import django; django.setup()
from tocsin.collect.sources import nats_stream
nats_stream.PART = nats_stream._AT_ONCE = 20
from tocsin.screen.actions import Following
tasks = Following()
while True:
    tasks.step()
    time.sleep(0.05)
"""


def test_an_engine_killed_in_the_middle_loses_nothing_and_takes_nothing_twice(
    committed: None, broker: far.Nats, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cast()
    far.publish(broker.url, range(1, 401), partitions=1)
    sid = source(SourceKind.NATS, url=broker.url, stream="posts", subject="posts")
    environ = {
        **os.environ,
        "TOCSIN_DATA_DIR": str(settings.current().data_dir),
        "DJANGO_SETTINGS_MODULE": "tocsin.kernel.django_settings",
        "TOCSIN_DATABASE_URL": database_url.replace("//postgres:", "//tocsin_app:"),
    }
    worker = subprocess.Popen([sys.executable, "-c", _WORKER], env=environ)
    end = time.monotonic() + 60
    while taken(sid)[0] < 100 and time.monotonic() < end:
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = taken(sid)[0]
    assert 100 <= before < 400
    with clock.use(OffsetClock(streaming.LEASE + timedelta(seconds=1))):
        session(sid, quiet)
    assert taken(sid) == (400, 40)
    assert flagged_texts(sid) == 40
    assert set(Report.objects.values_list("seen_count", flat=True)) == {1}
