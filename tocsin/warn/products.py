"""The kinds of warning as data: a correction is a change of this table, with its source.

`[V]` read in a source, `[M]` from memory: names and rules marked so await a check against the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tocsin.kernel.errors import Invalid

UNEVALUATED = "UNEVALUATED: raw information, reported as seen; nobody has judged how true it is."
NOT_AN_ALL_CLEAR = "A statement of what was known at the time given. It is not an all-clear, and it lapses by itself."


@dataclass(frozen=True, slots=True)
class Product:
    """One kind of warning and what its release asks for.

    `raw` = carries the banner and no judgment of likelihood; `null` = states that nothing is known;
    `max_life` = the longest it may stay in force; `max_words` = what still prints on one page; `one_page` = it is
    printed on one, in the largest type that fits, for a wall or a visor.
    """

    code: str
    name: str
    short: str
    use: str
    source: str
    raw: bool = False
    null: bool = False
    needs_expiry: bool = False
    needs_operation: bool = False
    needs_judgments: bool = True
    asks_for_action: bool = False
    max_life: timedelta | None = None
    max_words: int = 600
    one_page: bool = False

    @property
    def banner(self) -> str:
        if self.raw:
            return UNEVALUATED
        return NOT_AN_ALL_CLEAR if self.null else ""


_PRODUCTS = (
    Product(
        "OSIR",
        "Open source information report",
        "OSIR",
        "What was openly posted, passed on at once and not yet judged.",
        "DHS I&A raw report; see OIG-22-29 on its review [M]",
        raw=True,
    ),
    Product(
        "IIR",
        "Intelligence information report",
        "IIR",
        "One piece of raw information from a source, not yet judged.",
        "US intelligence community raw report [M]",
        raw=True,
        needs_judgments=False,
    ),
    Product(
        "FIR",
        "Field intelligence report",
        "FIR",
        "What officers in the field saw or were told, not yet judged.",
        "DHS I&A field operations [M]",
        raw=True,
        needs_judgments=False,
    ),
    Product(
        "SIR",
        "Situational information report",
        "SIR",
        "Local information for partners, quickly and not yet judged.",
        "FBI field office report [M]",
        raw=True,
        needs_judgments=False,
    ),
    Product(
        "ROLL_CALL",
        "Roll call release",
        "Roll call",
        "One page for officers starting a shift: what to look for, what to do.",
        "DHS, FBI and NCTC roll call release [M]",
        asks_for_action=True,
        max_words=350,
        one_page=True,
    ),
    Product(
        "BULLETIN",
        "Bulletin",
        "Bulletin",
        "A judged warning to many agencies, in force until a stated time.",
        "joint intelligence bulletin; expiry as in the advisory system's bulletins [M]",
        needs_expiry=True,
        asks_for_action=True,
        max_life=timedelta(days=180),
    ),
    Product(
        "NOTE",
        "Intelligence note",
        "Note",
        "A judgment on one question, for those who plan.",
        "US intelligence community finished product [M]",
    ),
    Product(
        "EVENT_ASSESSMENT",
        "Special event assessment",
        "Event assessment",
        "What threatens one protected event, judged as a whole.",
        "special event threat assessment; see the 3 January 2021 assessment [M]",
        needs_operation=True,
        needs_expiry=True,
        max_life=timedelta(days=90),
        max_words=1500,
    ),
    Product(
        "NO_THREAT",
        "No-threat statement",
        "No threat known",
        "States that nothing is known at a given time. Refused while anything is open.",
        "house rule, from the 10:00 brief of 6 January 2021",
        null=True,
        needs_operation=True,
        needs_expiry=True,
        needs_judgments=False,
        max_life=timedelta(hours=24),
    ),
)
PRODUCTS: dict[str, Product] = {p.code: p for p in _PRODUCTS}


def product(code: str) -> Product:
    """The product of a code. Raises: Invalid naming those there are."""
    try:
        return PRODUCTS[code]
    except KeyError:
        raise Invalid(
            f"there is no kind of warning {code!r}",
            field="type",
            cure=f"Use one of {', '.join(PRODUCTS)}.",
        ) from None
