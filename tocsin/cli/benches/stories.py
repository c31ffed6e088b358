"""Same information and stories, in one pass: agreement with labels, and speed. Targets: pairs AP .47, B-cubed F .76,
stories NMI .89, 5,000 texts a second."""

from __future__ import annotations

import math
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime
from random import Random
from typing import Any

from tocsin.cli.benches import Measure
from tocsin.cli.benches.labelled import missing, rows

_PAIRS, _STORIES = "duplicates/ttg_a", "stories/tweet"


def run(*, quick: bool = False) -> Iterator[Measure]:
    """Figures of groups and stories on labelled tweets; then speed and memory on many made-up texts."""
    yield from _groups()
    yield from _stories()
    yield from _many(20_000 if quick else 200_000)


def _groups() -> Iterator[Measure]:
    from tocsin.screen.masking import masked  # noqa: PLC0415
    from tocsin.screen.stories import Accounts, Weigher, closeness  # noqa: PLC0415

    labelled = sorted(rows(_PAIRS), key=lambda r: r["at"])
    if not labelled:
        yield missing("screen.groups", _PAIRS)
        return
    texts = [masked(row["text"]).text for row in labelled]
    times = [datetime.fromisoformat(row["at"]) for row in labelled]
    accounts = Accounts()
    found = [
        (r["topic"], accounts.assign(t, at).id)
        for r, t, at in zip(labelled, texts, times, strict=True)
    ]
    truth = [row["cluster"] for row in labelled]
    p, r, f = b_cubed(truth, found)
    said = f"precision {p:.3f}, recall {r:.3f}; {len(labelled):,} masked tweets in the order of time, one pass"
    yield Measure("screen.groups.b_cubed_f", round(f, 3), "", f"{said}, target .76")
    weigher = Weigher()
    vectors = [weigher.vector(text) for text in texts]
    by_topic: dict[str, list[int]] = defaultdict(list)
    for n, row in enumerate(labelled):
        by_topic[row["topic"]].append(n)
    every: list[tuple[float, bool]] = []
    each = []
    for members in by_topic.values():
        pairs = [
            (
                closeness(vectors[a], vectors[b], (times[b] - times[a]).total_seconds() / 3600),
                truth[a] == truth[b],
            )
            for i, b in enumerate(members)
            for a in members[:i]
        ]
        every += pairs
        each.append(average_precision(pairs))
    said = f"{len(by_topic)} topics, pairs within a topic, by the closeness that links them"
    yield Measure(
        "screen.groups.pairs_ap",
        round(sum(each) / len(each), 3),
        "",
        f"mean of topics; {said}, target .47",
    )
    yield Measure(
        "screen.groups.pairs_ap_pooled",
        round(average_precision(every), 3),
        "",
        f"all pairs in one list; {said}",
    )


def _stories() -> Iterator[Measure]:
    from tocsin.screen.stories import Stories  # noqa: PLC0415

    labelled = rows(_STORIES)
    if not labelled:
        yield missing("screen.stories", _STORIES)
        return
    truth = [row["story"] for row in labelled]
    stories = Stories()
    found = [stories.assign(row["text"]).id for row in labelled]
    said = (
        f"{len(labelled):,} tweets of {len(set(truth))} stories, {len(set(found))} found, one pass"
    )
    yield Measure("screen.stories.nmi", round(nmi(truth, found), 3), "", f"{said}, target .89")
    shuffled = []
    for seed in range(5):
        order = Random(seed).sample(range(len(labelled)), len(labelled))
        stories = Stories()
        ids = {n: stories.assign(labelled[n]["text"]).id for n in order}
        shuffled.append(nmi(truth, [ids[n] for n in range(len(labelled))]))
    yield Measure(
        "screen.stories.nmi_worst_order", round(min(shuffled), 3), "", "the least of five orders"
    )


def _many(count: int) -> Iterator[Measure]:
    from tocsin.screen.lexicon import lexicon  # noqa: PLC0415
    from tocsin.screen.stories import Accounts, Stories  # noqa: PLC0415

    rng = Random(7)
    words = [w for w, flags in lexicon().items() if flags[-1:].isdigit() and len(w) > 3]
    topics = [rng.sample(words, 30) for _ in range(2_000)]
    common = rng.sample(words, 3_000)

    def text() -> str:
        topic = topics[int(rng.paretovariate(0.6)) % len(topics)]
        return " ".join(rng.sample(topic, 6) + rng.choices(common, k=10))

    made = [text() for _ in range(count)]
    for what, grouper in (("groups", Accounts()), ("stories", Stories())):
        before, began = _memory(), time.process_time()
        for one in made:
            grouper.assign(one)
        took = time.process_time() - began
        said = f"{count:,} texts of 16 words, one core, {len(grouper):,} remembered"
        yield Measure(
            f"screen.{what}.texts_per_s", round(count / took), "1/s", f"{said}, target 5,000"
        )
        yield Measure(
            f"screen.{what}.memory_grown",
            round(_memory() - before),
            "MiB",
            f"highest of the process; {said}",
        )


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def b_cubed(truth: Sequence[Hashable], found: Sequence[Hashable]) -> tuple[float, float, float]:
    """Precision, recall and F: for each text, how much of its group is right, and how much of its right one it is."""
    right, got = Counter(truth), Counter(found)
    both = Counter(zip(truth, found, strict=True))
    p = sum(both[t, g] / got[g] for t, g in zip(truth, found, strict=True)) / len(truth)
    r = sum(both[t, g] / right[t] for t, g in zip(truth, found, strict=True)) / len(truth)
    return p, r, 2 * p * r / (p + r)


def average_precision(pairs: list[tuple[float, bool]]) -> float:
    """The mean of precision at each right pair, best first; equals count as one step."""
    by_score: dict[float, list[bool]] = defaultdict(list)
    for score, right in pairs:
        by_score[score].append(right)
    seen = hits = 0
    total = 0.0
    for score in sorted(by_score, reverse=True):
        step = by_score[score]
        seen += len(step)
        hits += sum(step)
        total += sum(step) * hits / seen
    return total / max(1, hits)


def nmi(truth: Sequence[Any], found: Sequence[Any]) -> float:
    """Normalised mutual information, over the mean of both entropies."""
    n = len(truth)
    one, other, both = Counter(truth), Counter(found), Counter(zip(truth, found, strict=True))
    shared = sum(c / n * math.log(c * n / (one[t] * other[f])) for (t, f), c in both.items())
    spread = [-sum(c / n * math.log(c / n) for c in counts.values()) for counts in (one, other)]
    return shared / (sum(spread) / 2) if sum(spread) else 1.0
