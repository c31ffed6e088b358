"""Surges: windows found and false alarms on the Numenta benchmark's tweet counts. Targets: 80 % of windows at one false
alarm a series and week or less."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from tocsin.cli.benches import Measure
from tocsin.cli.benches.labelled import folder, missing, rows


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Each series by the hour, judged as it goes; an alarm inside no window is false."""
    from tocsin.screen.surge import Reading, filled, readings  # noqa: PLC0415

    names = sorted(
        p.name.removesuffix(".jsonl.gz") for p in (folder() / "surge").glob("*.jsonl.gz")
    )
    if not names:
        yield missing("screen.surge", "surge/*")
        return
    found = windows = hours = false = 0
    weeks = took = 0.0
    worst = (0.0, "")
    for name in names:
        counts: Counter[datetime] = Counter()
        for row in rows(f"surge/{name}"):
            at = datetime.fromisoformat(row["at"])
            counts[at.replace(minute=0, second=0, microsecond=0)] += int(row["count"])
        labels = msgspec.json.decode((folder() / "surge" / f"{name}_windows.json").read_bytes())
        spans = [tuple(map(datetime.fromisoformat, window)) for window in labels]
        series = filled(counts, min(counts), max(counts))
        began = time.perf_counter()
        judged = readings(series)
        took += time.perf_counter() - began
        hour = timedelta(hours=1)  # an hour rings inside a window that it touches
        alarms = [h.at for h in judged if h.reading is Reading.SURGE]
        hit = [any(a < end and begin < a + hour for begin, end in spans) for a in alarms]
        found += sum(any(a < end and begin < a + hour for a in alarms) for begin, end in spans)
        long = len(series) / (24 * 7)
        windows, weeks, hours = windows + len(spans), weeks + long, hours + len(series)
        false += hit.count(False)
        worst = max(worst, (hit.count(False) / long, name))
    yield Measure(
        "screen.surge.windows_found",
        round(100 * found / windows, 1),
        "%",
        f"{found} of {windows}, target 80",
    )
    yield Measure(
        "screen.surge.false_per_week",
        round(false / weeks, 2),
        "1/week",
        f"{len(names)} series, target 1 or less",
    )
    yield Measure("screen.surge.false_per_week_worst", round(worst[0], 2), "1/week", worst[1])
    yield Measure("screen.surge.hours_per_s", round(hours / took), "1/s", "judging only")
