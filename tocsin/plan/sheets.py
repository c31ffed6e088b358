"""Posts and channels as spreadsheets: people have them in Excel. One bad row never stops the others.

Times stand in the installation's zone. A cell that a spreadsheet would take for a formula is written as text.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tocsin.deliver.roster import cells_of
from tocsin.kernel import settings
from tocsin.kernel.errors import Invalid
from tocsin.plan.geometry import Point
from tocsin.plan.models import Channel, Post
from tocsin.plan.notation import read_point, write_point
from tocsin.plan.terms.comms import ChannelDraft
from tocsin.plan.terms.staffing import PostDraft, PostKind

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 5000
POSTS = (
    "post",
    "agency",
    "kind",
    "role",
    "place",
    "floor",
    "from",
    "until",
    "qualification",
    "equipment",
)
CHANNELS = (
    "zone", "channel", "function", "name", "assignment", "rx", "rx width", "rx tone",
    "tx", "tx width", "tx tone", "mode", "remarks", "kind", "source",
)  # fmt: skip
_CHANNEL_FIELDS = (
    "zone", "number", "function", "label", "assignment", "rx", "rx_width", "rx_tone",
    "tx", "tx_width", "tx_tone", "mode", "remarks", "kind", "source",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that did not come in: its number in the file, and why, with the cure."""

    number: int
    why: str


def posts(content: bytes) -> Iterator[tuple[int, PostDraft | Refused]]:
    """The posts of a file, row by row. Raises: Invalid when the file as a whole cannot be read."""
    for number, cell in _rows(content, POSTS, needed=("post", "agency")):
        try:
            yield (
                number,
                PostDraft(
                    label=cell["post"],
                    agency=cell["agency"],
                    kind=(cell["kind"] or PostKind.POST.value).upper(),
                    at=read_point(cell["place"], "place") if cell["place"] else None,
                    floor=cell["floor"],
                    from_at=_time(cell["from"], "from"),
                    until_at=_time(cell["until"], "until"),
                    equipment=tuple(e.strip() for e in cell["equipment"].split(";") if e.strip()),
                    qualification=cell["qualification"],
                    role_title=cell["role"],
                ),
            )
        except Invalid as e:
            yield number, Refused(number, str(e))


def channels(content: bytes) -> Iterator[tuple[int, ChannelDraft]]:
    """The channels of a file, row by row. Raises: Invalid when the file as a whole cannot be read."""
    for number, cell in _rows(content, CHANNELS, needed=("name",)):
        given = {
            field: cell[column] for column, field in zip(CHANNELS, _CHANNEL_FIELDS, strict=True)
        }
        given["kind"] = (given["kind"] or "RADIO").upper()
        given["mode"] = given["mode"].upper()
        yield number, ChannelDraft(**given)


def posts_file(rows: Iterable[Post]) -> bytes:
    """Posts as a spreadsheet that can be read back."""
    zone = ZoneInfo(settings.current().timezone)
    lines = [
        (
            p.label, p.agency, p.kind, p.role_title,
            write_point(Point(p.lat, p.lon)) if p.lat is not None and p.lon is not None else "",
            p.floor, _shown(p.from_at, zone), _shown(p.until_at, zone), p.qualification, "; ".join(p.equipment),
        )
        for p in rows
    ]  # fmt: skip
    return book([("Posts", POSTS, lines)])


def channels_file(rows: Iterable[Channel]) -> bytes:
    """Channels as a spreadsheet that can be read back."""
    return book([("Channels", CHANNELS, [[getattr(c, f) for f in _CHANNEL_FIELDS] for c in rows])])


def book(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[object]]]]) -> bytes:
    """A workbook: (title, columns, rows) a sheet."""
    from openpyxl import Workbook  # noqa: PLC0415 - only where a sheet is written
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    made = Workbook()
    for first in made.worksheets:
        made.remove(first)
    for title, columns, rows in sheets:
        sheet = made.create_sheet(title[:31])
        for at, row in enumerate([columns, *rows], 1):
            for column, value in enumerate(row, 1):
                cell = sheet.cell(at, column)
                cell.value = _text(value)
                cell.data_type = "s"  # text, whatever it begins with
                cell.alignment = Alignment(wrap_text=True, vertical="top")
                if at == 1:
                    cell.font = Font(bold=True)
        for column, name in enumerate(columns, 1):
            widest = max(
                (len(str(c.value or "")) for c in sheet[get_column_letter(column)]), default=0
            )
            sheet.column_dimensions[get_column_letter(column)].width = min(
                max(len(name), widest) + 2, 48
            )
        sheet.freeze_panes = "A2"
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _text(value: object) -> str:
    """Text a spreadsheet can hold: no control characters."""
    return "".join(c for c in str("" if value is None else value) if c >= " " or c in "\n\t")[
        :32_000
    ]


def _rows(
    content: bytes, columns: Sequence[str], needed: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    lines = cells_of(content)
    header = next(lines, None)
    if header is None:
        raise _bad("the file is empty", "Take the list out as a file first, and fill that in.")
    names = [" ".join(c.lower().split()) for c in header[1]]
    for name in needed:
        if name not in names:
            raise _bad(
                f"there is no column {name!r}",
                f"The first row names the columns: {', '.join(columns)}.",
            )
    for count, (number, cells) in enumerate(lines):
        if count >= MOST_ROWS:
            raise _bad(f"more than {MOST_ROWS} rows", "Split it into several files.")
        got = {n: cells[i].strip() for i, n in enumerate(names) if n in columns and i < len(cells)}
        yield number, {c: got.get(c, "") for c in columns}


def _time(text: str, field: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        local = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(settings.current().timezone))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            f"{text[:30]!r} is no time", field=field, cure="Write it as 2026-03-05 18:30."
        ) from None


def _shown(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _bad(message: str, cure: str) -> Invalid:
    return Invalid(message, field="file", cure=cure)
