"""Loading files from the shell: a progress bar while it goes, and a plain summary at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from tocsin.collect import store
from tocsin.collect.configs import FileConfig, read_config
from tocsin.collect.sources.batch import Batch
from tocsin.collect.sources.mapping import Mapping
from tocsin.collect.terms import FeedState, Item, SourceKind
from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid
from tocsin.people.terms import Actor
from tocsin.screen.actions import read_file
from tocsin.screen.taken import Taken
from tocsin.screen.terms import Verdict

LABEL = "label"
_SHOWN = 10


class Loading:
    """Files taken in one after another for one source, with what became of them."""

    def __init__(
        self, actor: Actor, source: str, label_field: str, positive: Sequence[str]
    ) -> None:
        self._actor = actor
        self._source = source
        self._positive = frozenset(positive)
        self._mapping = self._with_label(label_field) if label_field else None
        self._begun: datetime = clock.now()
        self._started = time.monotonic()
        self.total = Taken()
        self.seen: Counter[str] = Counter()
        self.flagged: Counter[str] = Counter()

    def _with_label(self, field: str) -> Mapping:
        row = store.source(self._actor, self._source)
        config = read_config(SourceKind(row.kind), row.config)
        if not isinstance(config, FileConfig) or config.mapping is None:
            raise Invalid(
                "labels need a mapping", field="--label-field", cure="Give --mapping FILE."
            )
        extra = {**config.mapping.extra, LABEL: field}
        return replace(config.mapping, extra=extra, optional=(*config.mapping.optional, LABEL))

    def read(self, path: Path, *, again: bool) -> bool:
        """Take in one file; returns whether it could be read to its end."""
        with _bar() as progress:
            task = progress.add_task(path.name, total=None, note="")

            def tell(batch: Batch, taken: Taken) -> None:
                self._tell(progress, task, batch, taken)

            outcome, taken = read_file(
                self._actor,
                source=self._source,
                path=path,
                again=again,
                mapping=self._mapping,
                watch=self._watch if self._mapping else None,
                progress=tell,
            )
            progress.update(task, total=1, completed=1) if not taken.read else None
        self.total.add(taken)
        if outcome.state is FeedState.FAILED:
            Console(stderr=True).print(f"[bold red]{path}[/] {outcome.note}", highlight=False)
        elif not taken.read:
            Console(stderr=True).print(
                f"{path}: nothing new in it since it was read last; --again reads it from the start.",
                highlight=False,
            )
        return outcome.state is not FeedState.FAILED

    def _tell(self, progress: Progress, task: TaskID, batch: Batch, taken: Taken) -> None:
        rate = taken.read / max(0.001, time.monotonic() - self._started)
        note = f"{rate:,.0f} rows/s · {taken.flagged:,} flagged · {taken.refused:,} refused"
        note += f" · {taken.seen_again:,} known"
        progress.update(
            task, total=batch.total_bytes or None, completed=batch.done_bytes, note=note
        )

    def _watch(self, item: Item, verdict: Verdict | None) -> None:
        label = item.extra.get(LABEL, "")
        self.seen[label] += 1
        if verdict is not None:
            self.flagged[label] += 1

    def summary(self, console: Console) -> None:
        """Say what became of everything, which rows were refused, and how the flags compare with the labels."""
        t, took = self.total, max(0.001, time.monotonic() - self._started)
        table = Table(
            title=f"{t.read:,} rows in {took:.1f} s ({t.read / took:,.0f} rows/s)",
            show_header=False,
        )
        rows = (
            ("screened", t.screened, "counted; what was not flagged is not kept"),
            (
                "flagged",
                t.flagged,
                f"stored masked; {t.flagged - t.joined:,} to assess, {t.joined:,} near-copies",
            ),
            ("edited", t.revised, "a new version of a report that is stored"),
            ("known", t.seen_again, "stored before, unchanged"),
            ("outside the limits", t.outside, "counted, not kept"),
            (
                "refused",
                t.refused,
                f"kept until somebody looks{f' ({t.unkept:,} counted only)' if t.unkept else ''}",
            ),
        )
        for name, count, words in rows:
            table.add_row(name, f"{count:,}", words if count else "")
        console.print(table)
        if t.refused:
            self._refused(console)
        if self._mapping:
            self._labels(console)

    def _refused(self, console: Console) -> None:
        rows = list(
            store.refusals(self._actor, source=self._source).filter(received_at__gte=self._begun)[
                :_SHOWN
            ]
        )
        said = store.refusal_texts(rows)
        table = Table("where", "field", "reason", "cure", title=f"Refused (the first {len(rows)})")
        for row in rows:
            text = said.get(row.id, {})
            table.add_row(
                text.get("where", ""), row.field, text.get("reason", ""), text.get("cure", "")
            )
        console.print(table)

    def _labels(self, console: Console) -> None:
        table = Table("label", "rows", "flagged", "share", title="Flags against labels")
        for label, count in self.seen.most_common(40):
            flagged = self.flagged[label]
            table.add_row(label or "(none)", f"{count:,}", f"{flagged:,}", f"{flagged / count:.1%}")
        console.print(table)
        if self._positive:
            hits = sum(self.flagged[p] for p in self._positive)
            wanted = sum(self.seen[p] for p in self._positive)
            flagged = self.flagged.total()
            precision = f"{hits / flagged:.1%}" if flagged else "-"
            recall = f"{hits / wanted:.1%}" if wanted else "-"
            console.print(
                f"precision {precision} ({hits:,} of {flagged:,}) · recall {recall} ({hits:,} of {wanted:,})"
            )


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
    )
