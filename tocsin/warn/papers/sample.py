"""A made-up product with everything in it, on which a layout is tried and by which it is previewed."""

from __future__ import annotations

from datetime import datetime

from tocsin.formats.papers.paper import (
    Answer,
    Fact,
    Judged,
    Judgments,
    Moment,
    Paper,
    Place,
    Reference,
    References,
    Sketch,
    Steps,
    Table,
    Tear,
    Timeline,
    Words,
)
from tocsin.warn.papers.words import estimate
from tocsin.warn.products import PRODUCTS, UNEVALUATED


def paper(product: str, issuer: str, at: datetime) -> Paper:
    """The sample, issued by `issuer`. Nothing in it is true; it says so in its title."""
    kind = PRODUCTS[product].name if product in PRODUCTS else "Sample"
    return Paper(
        number="wrn_sample00000000000000",
        kind=kind,
        title="Sample: nothing in this is true; it shows how your layout looks",
        marking="TLP:AMBER+STRICT",
        issuer=issuer,
        at=at,
        precedence="IMMEDIATE",
        edition=2,
        banner=UNEVALUATED,
        standing="CANCELLED. Do not act on it. Reason: this is a sample.",
        facts=(
            Fact("From", issuer),
            Fact("About", "Harvest parade"),
            Fact("Released", "5 Oct 2026 14:02 EDT"),
            Fact("Holds until", "7 Oct 2026 00:00 EDT"),
            Fact("Goes to", "City police (operation lead, must know), Park rangers (partner)"),
        ),
        blocks=_blocks(),
        tear=Tear(
            "TLP:GREEN",
            "Crowding expected at the west gate",
            ("Expect crowding at the west gate from noon.",),
        ),
        answer=Answer(
            "https://example.invalid/warnings/sample/acknowledge", "Read it? Say so here."
        ),
        copy="Copy of 5 Oct 2026 14:20 EDT for Sam Sample · cpy_sample",
    )


def _blocks() -> tuple[Words | Steps | Judgments | Sketch | Timeline | Table | References, ...]:
    return (
        Words(
            "What changed since edition 1", ("The west gate is named for the first time.",), True
        ),
        Table("", ("What", "Before", "Now"), (("TLP", "AMBER", "AMBER+STRICT"),)),
        Words("", ("Four posts name the west gate.", "They were written by different people.")),
        Steps("What you are asked to do", ("Man the west gate from noon.", "Report what you see.")),
        Judgments(
            "What we judge",
            (
                Judged(
                    1,
                    "A crowd will push through the west gate.",
                    (1, 2),
                    estimate("likely"),
                    "moderate",
                    "Four unconnected authors.",
                    "before: unlikely",
                ),
                Judged(
                    2,
                    "It will be armed.",
                    (2,),
                    estimate("almost no chance"),
                    "low",
                    "One post.",
                    "new",
                ),
            ),
        ),
        Sketch(
            "Places",
            (Place(1, "West gate", 40.0, -75.0), Place(2, "Fountain", 40.002, -74.998, "muster")),
        ),
        Timeline("What happened", (Moment("3 Oct 2026 09:05 EDT", "First post."),)),
        Words("What would change this", ("The gate is closed.",)),
        Words("Seen otherwise", ("Park rangers: the crowd will be smaller.",), True),
        References(
            "Sources",
            (
                Reference(
                    1,
                    "Report",
                    "See you at the west gate",
                    ("open source post", "version 1"),
                    "0" * 64,
                ),
                Reference(2, "Report", "", ("kept by another agency", "version 2"), "f" * 64),
            ),
        ),
    )
