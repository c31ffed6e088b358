"""A form as values, and as PDF and spreadsheet."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from tocsin.formats import typeset
from tocsin.plan.sheets import book


@dataclass(frozen=True, slots=True)
class Block:
    """One numbered box: a table, or with no columns a few lines of text. `empty` = what it says with neither."""

    heading: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    empty: str = "Nothing on the record."
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """One form. `period` and `made` are written out in the installation's zone; `at` = when it was made."""

    code: str
    title: str
    operation: str
    period: str
    made: str
    marking: str
    blocks: tuple[Block, ...]
    at: datetime


def pdf(paper: Paper) -> bytes:
    """The form as it prints, on letter paper across."""
    data = {k: v for k, v in asdict(paper).items() if k != "at"}
    return typeset.pdf(typeset.part("tocsin.plan.forms", "form.typ"), data, at=paper.at)


def xlsx(paper: Paper) -> bytes:
    """The form as a workbook: its head, then a sheet for each box."""
    head = [
        ("Form", f"{paper.code} {paper.title}"),
        ("Operation", paper.operation),
        ("Operational period", paper.period),
        ("Prepared", paper.made),
        ("Marking", paper.marking),
    ]
    sheets: list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]] = [
        (paper.code, ("", ""), list(head))
    ]
    for number, b in enumerate(paper.blocks, 1):
        title = f"{number} {b.heading}".translate({ord(c): " " for c in "[]:*?/\\"})
        rows = list(b.rows) or [(b.text or b.empty,)]
        sheets.append((title, b.columns or (b.heading,), rows))
    return book(sheets)
