"""Say in a small table which column of a file becomes which part of an item, and hold to it."""

import tomllib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, field

from tocsin.collect.sources.plain import has_surrogates, one_line, storable, text_of_html
from tocsin.collect.sources.times import UnreadableTime, is_format, reader_of, zone_named
from tocsin.collect.terms import TEXT_CAP, Item
from tocsin.kernel.errors import Invalid

FIELDS: Final = ("key", "text", "title", "url", "author", "at", "thread", "lang")
"""The parts of an item a mapping may fill, in the order of `Item`."""

Column = str | tuple[str, ...]
"""A column, or a path into nested ones: ``user.name``; a list where a name itself has a dot."""


class BadMapping(Invalid):
    """A mapping that cannot be used; names the entry and the cure."""

    code = "collect.bad_mapping"


class Times(Struct, frozen=True, forbid_unknown_fields=True):
    """How times are written: formats tried in order, and the zone of times that name none."""

    formats: tuple[str, ...] = ("iso",)
    zone: str = ""


class Mapping(Struct, frozen=True, forbid_unknown_fields=True):
    """Which column becomes which part of an item.

    `fields` maps parts of an item to columns; `text` is required. `extra` maps names of our own to
    columns. `constants` gives parts the same value in every row. Every mapped column must be there
    and filled in each row, unless its part is listed in `optional`. `html` says that the text is
    markup. `delimiter` and `encoding` are for CSV.
    """

    fields: dict[str, Column]
    extra: dict[str, Column] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    times: Times = Times()
    html: bool = False
    delimiter: str = ","
    encoding: str = "utf-8"


ENCODINGS: Final = ("utf-8", "cp1252", "latin-1", "iso-8859-15")


def load_mapping(source: str | dict[str, Any]) -> Mapping:
    """Read a mapping from TOML text or a dict, strictly.

    Raises:
        BadMapping: not TOML, an unknown or missing entry, an unknown format, zone or encoding.
    """
    try:
        table = tomllib.loads(source) if isinstance(source, str) else source
        mapping = msgspec.convert(table, Mapping)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadMapping(
            f"cannot be read: {error}",
            field="mapping",
            cure=f"Known entries: {', '.join(Mapping.__struct_fields__)}.",
        ) from error
    check(mapping)
    return mapping


def check(mapping: Mapping) -> None:
    """Refuse a mapping that could not work on any row.

    Raises:
        BadMapping: names the entry and the cure.
    """
    for part in (*mapping.fields, *mapping.constants):
        if part not in FIELDS:
            raise BadMapping(
                f"an item has no part called {part!r}",
                field=f"fields.{part}",
                cure=f"Use one of: {', '.join(FIELDS)}; other columns go under `extra`.",
            )
    for part in mapping.optional:
        if part == "text" or part not in (*mapping.fields, *mapping.extra):
            raise BadMapping(
                f"{part!r} cannot be optional",
                field="optional",
                cure="List parts that `fields` or `extra` maps; the text is always required.",
            )
    if "text" not in mapping.fields:
        cure = 'Say which column holds the text, such as: text = "body".'
        raise BadMapping("no column is mapped to the text", field="fields.text", cure=cure)
    for part in set(mapping.fields) & set(mapping.constants):
        cure = "Keep one of the two."
        raise BadMapping("is both a column and a constant", field=f"constants.{part}", cure=cure)
    _check_reading(mapping)


def _check_reading(mapping: Mapping) -> None:
    if len(mapping.delimiter) != 1 or mapping.delimiter in '\r\n"':
        cure = 'Give one character, such as "," or ";".'
        raise BadMapping("must be one character", field="delimiter", cure=cure)
    if mapping.encoding.lower() not in ENCODINGS:
        cure = f"Use one of: {', '.join(ENCODINGS)}."
        raise BadMapping(f"{mapping.encoding!r} is not known", field="encoding", cure=cure)
    _check_times(mapping)
    Shaper(mapping)


def _check_times(mapping: Mapping) -> None:
    try:
        zone = zone_named(mapping.times.zone) if mapping.times.zone else None
    except ValueError as error:
        cure = "Use a name such as UTC or America/New_York."
        raise BadMapping(str(error), field="times.zone", cure=cure) from error
    for name in mapping.times.formats or ("",):
        if not is_format(name):
            cure = 'Use "iso", "unix", "unix_ms" or a pattern such as "%d.%m.%Y %H:%M".'
            raise BadMapping(f"{name!r} is not a time format", field="times.formats", cure=cure)
    try:
        if "at" in mapping.constants:
            reader_of(mapping.times.formats, zone)(mapping.constants["at"])
    except UnreadableTime as error:
        raise BadMapping(str(error), field="constants.at", cure=error.cure) from error


class UnfitRow(Exception):
    """A row that does not become an item: which part, why, and the cure."""

    def __init__(self, part: str, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.part = part
        self.reason = reason
        self.cure = cure


Getter = Callable[[Sequence[Any]], Any]


class Shaper:
    """A mapping made ready: turns the values of `columns`, in that order, into an item."""

    def __init__(self, mapping: Mapping) -> None:
        paths = {part: _path(column) for part, column in mapping.fields.items()}
        extras = {name: _path(column) for name, column in mapping.extra.items()}
        tops = [path[0] for path in (*paths.values(), *extras.values())]
        self.columns: tuple[str, ...] = tuple(dict.fromkeys(tops))
        """Top-level columns needed, each once."""
        optional = set(mapping.optional)
        needed = (*((p, path) for p, path in paths.items()), *extras.items())
        self.required = frozenset(path[0] for part, path in needed if part not in optional)
        """Columns that a header must have."""
        zone = zone_named(mapping.times.zone) if mapping.times.zone else None
        self._time = reader_of(mapping.times.formats, zone)
        self._html = mapping.html
        self._constants = mapping.constants
        self._optional = optional
        self._at = self._slot("at", paths)
        self._text = self._slot("text", paths)
        plain = ("key", "title", "url", "author", "thread", "lang")
        self._plain = [(part, self._slot(part, paths)) for part in plain]
        self._extras = [(name, self._slot(name, extras)) for name in extras]

    def _slot(self, part: str, paths: dict[str, tuple[str, ...]]) -> tuple[int, tuple[str, ...]]:
        """Where a part's value lies: index into the columns (-1: not mapped), then the path."""
        path = paths.get(part)
        return (-1, ()) if path is None else (self.columns.index(path[0]), path[1:])

    def item(self, values: Sequence[Any]) -> Item:
        """Turn the values of one row into an item.

        Raises:
            UnfitRow: a required value is missing or of the wrong kind, a time is unreadable.
        """
        key, title, url, author, thread, lang = [
            self._one(part, slot, values) for part, slot in self._plain
        ]
        extra = {name: self._found(name, slot, values) for name, slot in self._extras}
        return Item(
            key,
            self._body(values),
            title,
            url,
            author,
            self._posted(values),
            thread,
            lang,
            extra,
        )

    def _one(self, part: str, slot: tuple[int, tuple[str, ...]], values: Sequence[Any]) -> str:
        if slot[0] < 0:
            return self._constants.get(part, "")
        return one_line(self._found(part, slot, values))

    def _found(self, part: str, slot: tuple[int, tuple[str, ...]], values: Sequence[Any]) -> str:
        value = values[slot[0]]
        if slot[1]:
            value = _walk(value, slot[1])
        if type(value) is str and value:
            return _sound(part, value)
        if value is UNSET or value is None or value == "":
            if part in self._optional:
                return ""
            raise UnfitRow(part, _missing(value), "Fill it in, or list the part in `optional`.")
        return _sound(part, _spelt(part, value))

    def _body(self, values: Sequence[Any]) -> str:
        text = self._found("text", self._text, values)
        if self._html:
            text = text_of_html(text)
        if not text.strip():
            raise UnfitRow("text", "there is no text to read", "Leave such rows out.")
        if len(text) > TEXT_CAP:
            raise UnfitRow("text", f"longer than {TEXT_CAP} characters", "Split it up.")
        return text

    def _posted(self, values: Sequence[Any]) -> datetime | None:
        index, rest = self._at
        if index < 0:
            return self._time(self._constants["at"]) if "at" in self._constants else None
        value = _walk(values[index], rest) if rest else values[index]
        if value is UNSET or value is None or value == "":
            if "at" in self._optional:
                return None
            raise UnfitRow("at", _missing(value), "Fill it in, or list the part in `optional`.")
        try:
            return self._time(value)
        except UnreadableTime as error:
            raise UnfitRow("at", str(error), error.cure) from error


def _path(column: Column) -> tuple[str, ...]:
    path = tuple(column.split(".")) if isinstance(column, str) else column
    if not path or not all(path):
        cure = "Name a column, such as id or user.name."
        raise BadMapping("an empty column name", field="fields", cure=cure)
    return path


def _walk(value: Any, path: tuple[str, ...]) -> Any:
    """Follow a path into nested tables and lists; what is not there is UNSET."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, UNSET)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return UNSET
    return value


def _missing(value: object) -> str:
    return "the column is missing" if value is UNSET else "the value is empty"


def _sound(part: str, text: str) -> str:
    if has_surrogates(text):
        raise UnfitRow(
            part, "holds bytes that are not text", "Save it as UTF-8, or set `encoding`."
        )
    return storable(text)


def _spelt(part: str, value: object) -> str:
    """Spell a number, yes/no or time as text; a nested value has no one spelling."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return str(value)
    raise UnfitRow(
        part,
        f"is a {type(value).__name__}, not a text or number",
        "Map a column inside it, such as user.name.",
    )
