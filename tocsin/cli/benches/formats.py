"""Other people's formats: how fast they are written and read, and a hundred thousand broken inputs a parser."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator

from tocsin.cli import fuzzing
from tocsin.cli.benches import Measure
from tocsin.kernel import clock

_INPUTS = 100_000


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Messages a second each way, then the broken inputs; `quick` = a fiftieth of them."""
    yield from _speeds()
    yield from _broken(_INPUTS // 50 if quick else _INPUTS)


def _speeds() -> Iterator[Measure]:
    from tocsin.formats import as_cap, as_misp, as_stix, cap, cap_sign, edxl, misp, stix  # noqa: PLC0415

    b = fuzzing.bulletin()
    message = as_cap.write(b)
    key, certificate = cap_sign.self_signed("bench", at=clock.now())
    signed = cap_sign.sign(message, key=key, certificate=certificate)
    envelope, bundle, event = as_cap.envelope(b, message), as_stix.bundle(b), as_misp.write(b)
    work: dict[str, Callable[[], object]] = {
        "cap.write": lambda: as_cap.write(b),
        "cap.read": lambda: cap.read(message),
        "cap.sign": lambda: cap_sign.sign(message, key=key, certificate=certificate),
        "cap.verify": lambda: cap_sign.verify(signed, certificates=[certificate]),
        "edxl.read": lambda: edxl.read(envelope),
        "stix.write": lambda: as_stix.bundle(b),
        "stix.read": lambda: stix.read(bundle),
        "misp.write": lambda: as_misp.write(b),
        "misp.read": lambda: misp.read(event),
    }
    for name, step in work.items():
        step()
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < 0.5:
            step()
            count += 1
        rate = count / (time.perf_counter() - began)
        yield Measure(f"formats.{name}", round(rate), "1/s", "one warning with everything in it")


def _broken(count: int) -> Iterator[Measure]:
    for subject in fuzzing.subjects():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = fuzzing.run(subject, count)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        said = f"{found.inputs:,} mutated inputs, {found.refused:,} refused with a reason"
        name = f"formats.broken.{subject.name}"
        yield Measure(f"{name}.crashes", len(found.crashes), "", said)
        yield Measure(f"{name}.files_or_connections", len(found.opened), "", said)
        yield Measure(f"{name}.slowest", found.slowest_ms, "ms", said)
        yield Measure(f"{name}.memory_grown", round(grown, 1), "MiB", said)
