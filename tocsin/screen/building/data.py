"""The labelled data the models learn from: which files, what counts as positive, and what is held back.

`DATA` is a folder of gzipped JSON lines as described in the model card. What is held back for
measuring (`held_out`) is chosen by the text itself or by time, never by chance, so that every
build holds back the same.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tocsin.kernel.errors import Invalid

VIOLENT_EVENTS = frozenset({"bostonBombings2013", "flSchoolShooting2018", "parisAttacks2015"})
"""Events of the incident data that nothing is learned from: attacks must be found unseen."""

THREAT, INCIDENT = "threat", "incident"
GERMAN = "german"
HARDEST = "edos"
"""The corpus whose threats are rarest and most varied."""

LATEST = 0.2
"""Share of a timed set that is held back: the latest."""

_MARKS = (
    (re.compile(r"\[USER\]|<user>", re.I), "@user"),
    (re.compile(r"\[URL\]", re.I), "http://x"),
)
Row = dict[str, Any]


class Example(NamedTuple):
    """One labelled text. `weight` tells how far its label is to be trusted, `corpus` where it is from."""

    text: str
    head: str
    wanted: bool
    weight: float
    corpus: str
    held_out: bool


def lent(example: Example) -> bool:
    """Whether a held-back text is lent to the blend: a third of them. Only the rest is measured on."""
    return example.held_out and zlib.crc32(example.text.encode()[::-1]) % 3 == 0


class _Set(NamedTuple):
    path: str
    corpus: str
    head: str
    label: Callable[[Row], tuple[bool, float]]
    held: Callable[[Row], bool]


def examples(folder: Path) -> list[Example]:
    """Every labelled text of the sets that are there.

    Raises: Invalid when the folder has none of them, or a line of one is not what it should be.
    """
    found = [
        example for one in _SETS if (folder / one.path).is_file() for example in _of(folder, one)
    ]
    found += _timed(folder / "threat/threatgram_before_2023.jsonl.gz")
    if not found:
        raise Invalid(
            f"there is no labelled data in {folder}",
            field="data",
            cure="Give the folder with threat/, priority/ and false_alarms/.",
        )
    return found


def rows(path: Path) -> list[Row]:
    """The objects of a (gzipped) JSON lines file. Raises: Invalid, naming the line."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as lines:
        out = []
        for number, line in enumerate(lines, 1):
            try:
                row = msgspec.json.decode(line)
            except msgspec.DecodeError as wrong:
                raise Invalid(
                    f"line {number} of {path.name} is not JSON: {wrong}",
                    field="data",
                    cure="Mend it.",
                ) from wrong
            if isinstance(row, dict) and isinstance(row.get("text"), str):
                out.append(row)
    return out


def plain(text: str) -> str:
    """A text with the handles and links that a data set masked put back as handles and links."""
    for mark, put in _MARKS:
        text = mark.sub(put, text)
    return text


def _of(folder: Path, one: _Set) -> Iterator[Example]:
    for row in rows(folder / one.path):
        wanted, weight = one.label(row)
        corpus = row["event"] if one.head == INCIDENT else one.corpus
        yield Example(plain(row["text"]), one.head, wanted, weight, corpus, one.held(row))


def _timed(path: Path) -> list[Example]:
    """Telegram replies: violent ones are wanted, the latest fifth is held back."""
    if not path.is_file():
        return []
    told = sorted(rows(path), key=lambda row: str(row.get("at", "")))
    cut = int(len(told) * (1 - LATEST))
    return [
        Example(plain(row["text"]), THREAT, row["label"] == "violent", 1.0, "telegram", at >= cut)
        for at, row in enumerate(told)
    ]


def _part(row: Row, of: int) -> int:
    return zlib.crc32(row["text"].encode()) % of


_SETS = (
    _Set(
        "threat/edos_train.jsonl.gz",
        "edos",
        THREAT,
        lambda r: (r["threat"], 1.0),
        lambda r: _part(r, 10) == 0,
    ),
    _Set("threat/edos_dev.jsonl.gz", "edos", THREAT, lambda r: (r["threat"], 1.0), lambda r: True),
    _Set(
        "threat/implicit_hate.jsonl.gz",
        "implicit",
        THREAT,
        lambda r: (
            r["label"] in ("threatening", "incitement"),
            0.4 if r["label"] == "incitement" else 1.0,
        ),
        lambda r: _part(r, 10) < 2,
    ),
    _Set(
        "threat/gab_train.jsonl.gz",
        "gab",
        THREAT,
        lambda r: (r["call_for_violence"], 1.0),
        lambda r: _part(r, 10) < 2,
    ),
    _Set(
        "false_alarms/school_alerts_a.jsonl.gz",
        "school",
        THREAT,
        lambda r: (False, 1.0),
        lambda r: _part(r, 10) < 3,
    ),
    _Set(
        "threat/germeval_violence_de.jsonl.gz",
        "german",
        THREAT,
        lambda r: (r["label"] != "nothing", 1.0),
        lambda r: _part(r, 5) == 0,
    ),
    _Set(
        "priority/trecis.jsonl.gz",
        "trec",
        INCIDENT,
        lambda r: (
            r["priority"] in ("High", "Critical"),
            0.5 if r["priority"] == "Medium" else 1.0,
        ),
        lambda r: r["event"] in VIOLENT_EVENTS,
    ),
)
