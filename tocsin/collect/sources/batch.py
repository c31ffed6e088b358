"""What every connector hands back: records in order, where to go on, and how it ended."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from msgspec.structs import replace

from tocsin.collect.terms import (
    RAW_CAP,
    FailReason,
    FeedState,
    Fetched,
    Item,
    Permanence,
    Refused,
)
from tocsin.kernel.errors import TocsinError

Cursor: TypeAlias = dict[str, str]
"""Where a source was left off; opaque, safe to keep as JSON. Empty means from the start."""


class Broken(TocsinError):
    """A source could not be reached or read further; becomes the batch's outcome."""

    code = "collect.broken_source"
    status = 502

    def __init__(
        self, reason: FailReason, permanence: Permanence, message: str, *, cure: str = ""
    ) -> None:
        super().__init__(message, field="source", cure=cure)
        self.reason = reason
        self.permanence = permanence

    @property
    def outcome(self) -> Fetched:
        """The failure as an outcome for the record."""
        note = f"{self.message} {self.cure}".strip()
        return Fetched(FeedState.FAILED, self.reason, self.permanence, note)


class Batch:
    """One fetch of a source. Iterate it once, to the end.

    Promises: records come in the source's order; one unreadable record never stops the rest;
    iterating never raises for what the source sent. `cursor` covers every record handed out so
    far: save a copy in the same transaction as those records, and a fetch that was cut short goes
    on behind the last saved record. `outcome` is final once the iteration has ended.
    """

    def __init__(self, cursor: Cursor | None = None, *, total_bytes: int = 0) -> None:
        self.cursor: Cursor = dict(cursor or {})
        self.outcome = Fetched(FeedState.OK)
        self.total_bytes = total_bytes
        self.items = 0
        self.refused = 0
        self.bytes_read: Callable[[], int] = lambda: 0
        self._records: Iterator[Item | Refused] = iter(())

    def fill(self, records: Iterator[Item | Refused]) -> "Batch":
        """Set the records to hand out; they may raise `Broken` when the source breaks off."""
        self._records = records
        return self

    def end(self, outcome: Fetched) -> "Batch":
        """Set the outcome of a batch that has no records."""
        self.outcome = outcome
        return self

    @property
    def done_bytes(self) -> int:
        """Bytes of the source read so far, of `total_bytes`; 0 of 0 where sizes are unknown."""
        return self.bytes_read()

    def __iter__(self) -> Iterator[Item | Refused]:
        """Hand out the records, counting them, and settle the outcome at the end."""
        try:
            for record in self._records:
                if isinstance(record, Item):
                    self.items += 1
                else:
                    self.refused += 1
                yield record
        except Broken as broken:
            self.outcome = broken.outcome
        counted = replace(self.outcome, items=self.items, refused=self.refused)
        if counted.state is FeedState.OK and not (self.items or self.refused):
            counted = replace(counted, state=FeedState.EMPTY)
        self.outcome = counted


def refuse(where: str, field: str, reason: str, cure: str, raw: bytes = b"") -> Refused:
    """Make a refusal, keeping at most `RAW_CAP` bytes of the input."""
    return Refused(where, field, reason, cure, raw[:RAW_CAP])
