"""From entries to row changes: one registry of pure handlers, and the fold that live running,
recovery and the time machine share.

A handler never reads a table: an entry carries what was decided, so the same entries always give
the same rows, whether one at a time or a million at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin.kernel.errors import Corrupt
from tocsin.record.terms import Add, Change, Entry, Merge, Put, Set

Handler = Callable[[Entry], Iterable[Change]]
Upcaster = Callable[[Entry], Entry]

_handlers: dict[str, Handler] = {}
_upcasters: dict[tuple[str, int], Upcaster] = {}


def on(kind: str) -> Callable[[Handler], Handler]:
    """Register the handler of an entry kind (its newest version).

    Raises: ValueError when the kind already has one.
    """

    def register(handler: Handler) -> Handler:
        if kind in _handlers:
            raise ValueError(f"two handlers for {kind}")
        _handlers[kind] = handler
        return handler

    return register


def upcast(kind: str, version: int) -> Callable[[Upcaster], Upcaster]:
    """Register how an entry of an old version is read as the next one. Stored bytes never change."""

    def register(upcaster: Upcaster) -> Upcaster:
        _upcasters[(kind, version)] = upcaster
        return upcaster

    return register


def kinds() -> list[str]:
    """Every entry kind the product knows."""
    return sorted(_handlers)


def changes(entry: Entry) -> Iterable[Change]:
    """The row changes of one entry. Raises: Corrupt for a kind nobody knows."""
    while (up := _upcasters.get((entry.kind, entry.v))) is not None:
        entry = up(entry)
    handler = _handlers.get(entry.kind)
    if handler is None:
        raise Corrupt(f"no handler for entry kind {entry.kind!r} ({entry.id})", field="kind")
    return handler(entry)


@dataclass(slots=True)
class Net:
    """The net effect of a run of changes on one row."""

    op: type[Change]
    key: tuple[tuple[str, Any], ...]
    values: dict[str, Any] = field(default_factory=dict)


def fold(entries: Iterable[Entry]) -> dict[tuple[str, tuple[Any, ...]], Net]:
    """The net change per row of a run of entries, in order of first touch.

    Raises: Corrupt when an entry makes a row that its forerunner in this run already made.
    """
    net: dict[tuple[str, tuple[Any, ...]], Net] = {}
    for entry in entries:
        for change in changes(entry):
            place = (change.table, tuple(change.key.values()))
            before = net.get(place)
            if before is None:
                net[place] = Net(type(change), tuple(change.key.items()), dict(change.values))
            else:
                _combine(before, change, entry)
    return net


def _combine(before: Net, change: Change, entry: Entry) -> None:
    kind = type(change)
    if kind is Put:
        raise Corrupt(f"{entry.kind} ({entry.id}) makes a row twice", field=change.table)
    if kind is Add:
        for column, by in change.values.items():
            before.values[column] = before.values.get(column, 0) + by
        return
    before.values.update(change.values)
    if kind is Merge and before.op is Set:
        before.op = Merge


def groups(
    net: Mapping[tuple[str, tuple[Any, ...]], Net],
) -> dict[tuple[str, type[Change], tuple[str, ...], tuple[str, ...]], list[Net]]:
    """Net changes grouped so that each group is one SQL statement: same table, kind and columns."""
    out: dict[tuple[str, type[Change], tuple[str, ...], tuple[str, ...]], list[Net]] = {}
    for (table, _), change in net.items():
        keys = tuple(name for name, _ in change.key)
        out.setdefault((table, change.op, keys, tuple(change.values)), []).append(change)
    return out
