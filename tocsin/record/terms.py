"""The record's vocabulary: entries, markings, row changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0 (FIRST): how far a thing may travel."""

    RED = "RED"
    AMBER_STRICT = "AMBER+STRICT"
    AMBER = "AMBER"
    GREEN = "GREEN"
    CLEAR = "CLEAR"


class Marking(msgspec.Struct, frozen=True):
    """Who may see a thing: the owning agency, how far it may travel, for which operation ('' = none)."""

    agency: str
    tlp: str = Tlp.AMBER_STRICT.value
    operation: str = ""


class Author(Protocol):
    """Who writes an entry: a person at an agency, or the system itself (`person` = 'system')."""

    @property
    def person(self) -> str: ...
    @property
    def agency(self) -> str: ...


class Entry(msgspec.Struct, frozen=True):
    """One thing that happened. Its canonical JSON is what is hashed; its bytes never change.

    `occurred_at` is when it happened, as told; `recorded_at` is ours. Both are RFC 3339 in UTC.
    `marking` None = concerns the running of the system and carries no content.
    """

    id: str
    kind: str
    v: int
    actor: str
    agency: str
    subject: str
    marking: Marking | None
    occurred_at: str
    recorded_at: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """A new row; a row with that key must not exist."""

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """A row that is made, or whose named columns are replaced."""

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Set:
    """New values for some columns of a row that exists."""

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Add:
    """Counts: each column of the row grows by the value given; a missing row starts from zero."""

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, int]


Change = Put | Merge | Set | Add


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds: one spelling, so equal times are equal bytes.

    Raises: ValueError for a naive datetime.
    """
    if at.tzinfo is None:
        raise ValueError(f"a time needs a zone: {at!r}")
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def unstamp(text: str) -> datetime:
    """The datetime of a `stamp`. Raises: ValueError when it is not one."""
    return datetime.fromisoformat(text)
