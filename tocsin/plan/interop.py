"""Nationwide interoperability channels, from a data file with its edition: offered, never made up."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Interop:
    """One channel as its source has it; frequencies in MHz, as text."""

    name: str
    use: str
    rx: str
    tx: str


@dataclass(frozen=True, slots=True)
class Edition:
    """The channels of one edition of the file, and from where they are."""

    edition: str
    source: str
    channels: tuple[Interop, ...]


@cache
def channels() -> Edition:
    """The channels that ship with the product."""
    data = tomllib.loads(files("tocsin.plan").joinpath("interop.toml").read_text(encoding="utf-8"))
    return Edition(data["edition"], data["source"], tuple(Interop(**c) for c in data["channel"]))
