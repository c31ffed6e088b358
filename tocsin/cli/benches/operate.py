"""`tocsin bench operate`: a question's answer with 2,000 posts and 5,000 live positions; acts and board under that
load; duties of the operation firing on time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from tocsin.cli.benches import Measure, fresh_database, live_scene, percentile


def run(*, quick: bool = False) -> Iterator[Measure]:
    """`quick` = 100 posts, few questions."""
    posts, live, times = (100, 200, 10) if quick else (2_000, 5_000, 200)
    with fresh_database("operate"):
        scene = live_scene.make(posts, devices=False)
        _locate(scene, live)
        how = f"{posts} posts, {live} live positions"
        yield from _asking(scene, times, how)
        yield from _acting(scene, max(5, times // 20), how)
        yield from _firing("operate.duties.late", scene, how)
        yield from _another_way(scene, how)


def _locate(scene: live_scene.Scene, live: int) -> None:
    from django.db import connection  # noqa: PLC0415

    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.operate.models import Location  # noqa: PLC0415

    pick, now = random.Random(7), clock.now()
    Location.objects.bulk_create(
        Location(
            operation=scene.operation, device=f"dev_{n}",
            person=scene.people[n % len(scene.people)] if n % 2 else f"per_{n}",
            lat=live_scene.STAGE_E7[0] + pick.randrange(180_000),
            lon=live_scene.STAGE_E7[1] + pick.randrange(180_000), at=now,
        )
        for n in range(live)
    )  # fmt: skip
    with connection.cursor() as cursor:
        for table in ("operate_location", "plan_post", "plan_assignment"):
            cursor.execute(f"ANALYZE {table}")


def _asking(scene: live_scene.Scene, times: int, how: str) -> Iterator[Measure]:
    """The register's answer alone, and the whole act: asked, on the record, those around owing an answer."""
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.operate import rules, store  # noqa: PLC0415
    from tocsin.operate.actions import ask  # noqa: PLC0415
    from tocsin.people.store import actor  # noqa: PLC0415
    from tocsin.plan.geometry import Point  # noqa: PLC0415

    pick = random.Random(8)

    def place() -> Point:
        return Point(
            live_scene.STAGE_E7[0] + pick.randrange(180_000),
            live_scene.STAGE_E7[1] + pick.randrange(180_000),
        )

    def register() -> None:
        at = place()
        near = store.near(scene.operation, at, clock.now())
        ground = store.ground_at(scene.operation, at)
        rules.whose([f for _, f in near], [g for _, g in ground], clock.now())

    asker = actor(scene.people[1])
    yield from _timed("operate.register", register, times, f"{how}; the register's answer alone")
    yield from _timed(
        "operate.question",
        lambda: ask(asker, operation=scene.operation, text="who is that?", at_point=place()),
        times,
        f"{how}; from the question to the answer, durable on the record, with up to five people asked",
    )


def _acting(scene: live_scene.Scene, times: int, how: str) -> Iterator[Measure]:
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.operate import store  # noqa: PLC0415
    from tocsin.operate.actions import check_in, report_sighting, update_sighting  # noqa: PLC0415
    from tocsin.people.store import actor, operation  # noqa: PLC0415

    officer, made = actor(scene.people[1]), []

    def report() -> None:
        made.append(
            report_sighting(officer, operation=scene.operation, text="man by the fence", severity=2)
        )

    yield from _timed(
        "operate.report", report, times, f"{how}; a sighting accepted, every post told"
    )
    yield from _timed(
        "operate.raise",
        lambda: update_sighting(
            officer, sighting=made.pop(), aggravators=["on_roof"], text="on the roof"
        ),
        times,
        f"{how}; a raise accepted, everybody asked anew",
    )
    yield from _timed(
        "operate.check_in",
        lambda: check_in(officer, operation=scene.operation, post=scene.posts[1]),
        times,
        how,
    )
    lead, row = actor(scene.lead), operation(scene.operation)
    yield from _timed(
        "operate.board",
        lambda: store.board(lead, row, clock.now()),
        times,
        f"{how}; all of the board",
    )
    yield from _page(scene, times, how)


def _page(scene: live_scene.Scene, times: int, how: str) -> Iterator[Measure]:
    """The part of the board that changes, as a browser asks for it: signed in, by the whole of Django."""
    from django.conf import settings  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from tocsin.people.models import Account  # noqa: PLC0415

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client(raise_request_exception=True)
    client.force_login(Account.objects.get(person=scene.lead))
    path = f"/operations/{scene.operation}/board/part"
    size = len(client.get(path).content) // 1000
    yield from _timed(
        "operate.board.page", lambda: client.get(path), times, f"{how}; drawn, {size} kB"
    )


def _another_way(scene: live_scene.Scene, how: str) -> Iterator[Measure]:
    """Nobody at any post answers, and everybody can be reached another way: what half a minute later brings."""
    from tocsin.kernel.ids import new_id  # noqa: PLC0415
    from tocsin.operate.actions import report_sighting, resolve  # noqa: PLC0415
    from tocsin.operate.models import Message, Sighting  # noqa: PLC0415
    from tocsin.people.models import Account  # noqa: PLC0415
    from tocsin.people.store import actor  # noqa: PLC0415

    Account.objects.bulk_create(
        Account(
            username=new_id("usr"), name=f"Officer {n}", person=person, email=f"o{n}@example.org"
        )
        for n, person in enumerate(scene.people)
    )
    for over in Sighting.objects.exclude(state="RESOLVED"):
        resolve(actor(scene.lead), sighting=over.id, reason="the one before is over")
    report_sighting(
        actor(scene.lead), operation=scene.operation, text="man by the fence", severity=2
    )
    time.sleep(30)
    for measure in _firing("operate.duties.late.another_way", scene, how):
        words = f"{measure.conditions}; {Message.objects.count()} messages queued to people who did not answer"
        yield Measure(measure.name, measure.value, measure.unit, words)


def _firing(name: str, scene: live_scene.Scene, how: str) -> Iterator[Measure]:
    """Duties that fall due under this load: how late the last one fires."""
    from tocsin.duties.actions import fire_due  # noqa: PLC0415
    from tocsin.duties.models import Duty  # noqa: PLC0415
    from tocsin.kernel import clock  # noqa: PLC0415

    late, fired, until = [0.0], 0, time.monotonic() + 15
    while time.monotonic() < until:
        first = (
            Duty.objects.filter(discharged_at=None, next_at__lte=clock.now())
            .order_by("next_at")
            .first()
        )
        begin = clock.now()
        did = fire_due()
        fired += did
        if did and first is not None and first.next_at is not None:
            late.append((clock.now() - max(first.next_at, begin)).total_seconds())
        if not did:
            time.sleep(0.1)
    yield Measure(
        name,
        round(max(late), 2),
        "s",
        f"{how}; the longest a step took to fire; {fired} fired",
    )


def _timed(name: str, act: Callable[[], object], times: int, how: str) -> Iterator[Measure]:
    act()
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        act()
        took.append(time.perf_counter() - begin)
    for share, word in ((0.5, "p50"), (0.99, "p99")):
        yield Measure(
            f"{name}.{word}",
            round(percentile(took, share) * 1000, 1),
            "ms",
            f"{how}; {times} times",
        )
