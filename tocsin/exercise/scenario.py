"""Load a scenario from its folder of TOML files: strict, and clear about what is wrong and where.

A scenario folder holds `scenario.toml` (the event, the policy, the measures), `people.toml`
(agencies, people, ladders), `sources.toml`, `injects.toml` and `posts.toml`. Times in the files are
local, without an offset; `utc_offset` in `scenario.toml` makes them UTC. Durations are written
`45m`, `2h30m`, `180d`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec

from tocsin.exercise.checking import problems
from tocsin.exercise.terms import (
    AgencySpec,
    ChatterSpec,
    Inject,
    LadderSpec,
    Measure,
    OperationSpec,
    Person,
    Post,
    RosterSpec,
    Scenario,
    SourceSpec,
)
from tocsin.kernel.errors import Invalid, NotFound

SCENARIOS = Path(__file__).parent / "scenarios"
FILES = {
    "scenario.toml": ("scenario", "operation", "chatter", "measures"),
    "people.toml": ("agencies", "people", "rosters", "ladders"),
    "sources.toml": ("sources",),
    "injects.toml": ("injects",),
    "posts.toml": ("posts",),
}
DURATIONS = frozenset({"within", "every", "retention", "review_limit", "lead_time", "alarm_window"})
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


class BadScenario(Invalid):
    """A scenario file cannot be used; `field` is `file: entry`."""

    code = "bad_scenario"


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: str
    summary: str
    zone: str
    utc_offset: str
    starts: datetime
    ends: datetime
    demo_stops_at: datetime


def names() -> tuple[str, ...]:
    """The scenarios that come with Tocsin, as one types them (`january-6`)."""
    return tuple(sorted(f.parent.name.replace("_", "-") for f in SCENARIOS.glob("*/scenario.toml")))


def load(name: str) -> Scenario:
    """The scenario called `name` (`january-6` or `january_6`).

    Raises: NotFound when there is none of that name; BadScenario when its files cannot be used.
    """
    if name.replace("_", "-") not in names():
        raise NotFound(
            f"there is no scenario called {name!r}.",
            field="scenario",
            cure=f"Choose one of: {', '.join(names())}.",
        )
    return load_folder(SCENARIOS / name.replace("-", "_"))


def load_folder(folder: Path) -> Scenario:
    """The scenario in `folder`.

    1. Parse. 2. Make times and durations typed. 3. Convert to values. 4. Cross-check.

    Raises: BadScenario, naming file, entry and cure.
    """
    tables = {name: _parse(folder, name) for name in FILES}
    offset = _offset(tables["scenario.toml"])
    typed = {name: _typed(name, "", table, offset) for name, table in tables.items()}
    scenario = _assemble(typed, offset)
    found = problems(scenario)
    if found:
        more = f" ({len(found) - 1} more.)" if len(found) > 1 else ""
        raise BadScenario(found[0].what + more, field=found[0].where, cure=found[0].cure)
    return scenario


def _parse(folder: Path, name: str) -> dict[str, Any]:
    try:
        table = tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadScenario(
            "the file is missing.",
            field=name,
            cure=f"A scenario folder needs {', '.join(FILES)}.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadScenario(
            f"not readable as TOML: {error}.", field=name, cure="Correct it at that place."
        ) from error
    for key in FILES[name]:
        if key not in table:
            raise BadScenario(f"no {key!r} in it.", field=name, cure=f"Add {key!r}.")
    for key in table:
        if key not in FILES[name]:
            raise BadScenario(
                f"unknown key {key!r}.", field=name, cure=f"It may hold: {', '.join(FILES[name])}."
            )
    return table


def _offset(table: Mapping[str, Any]) -> timedelta:
    head = table["scenario"]
    text = head.get("utc_offset", "") if isinstance(head, dict) else ""
    match = _OFFSET.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadScenario(
            f"utc_offset is {text!r}.",
            field="scenario.toml: scenario",
            cure="Write it like '-05:00'.",
        )
    size = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -size if match[1] == "-" else size


def duration(text: str) -> timedelta:
    """`45m`, `2h30m`, `180d` as a timedelta. Raises: ValueError."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text!r} is not a duration")
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def _typed(file: str, key: str, value: Any, offset: timedelta) -> Any:
    """`value` with local times made UTC and durations made timedeltas, all the way down."""
    if isinstance(value, dict):
        return {k: _typed(file, k, v, offset) for k, v in value.items()}
    if isinstance(value, list):
        return [_typed(file, key, v, offset) for v in value]
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise BadScenario(
                f"{key} = {value.isoformat()} carries an offset.",
                field=file,
                cure="Write local time without one; utc_offset in scenario.toml applies.",
            )
        return value.replace(tzinfo=timezone(offset)).astimezone(UTC)
    if key in DURATIONS:
        try:
            return duration(value)
        except (TypeError, ValueError):
            raise BadScenario(
                f"{key} = {value!r} is not a duration.",
                field=file,
                cure="Write it like '45m', '2h30m' or '180d'.",
            ) from None
    return value


def _assemble(typed: Mapping[str, Mapping[str, Any]], offset: timedelta) -> Scenario:
    main, cast = typed["scenario.toml"], typed["people.toml"]
    head = _convert("scenario.toml", "scenario", main["scenario"], _Head)
    injects: list[Inject] = _each("injects.toml", "injects", typed["injects.toml"], Inject)
    posts = _each("posts.toml", "posts", typed["posts.toml"], Post)
    return Scenario(
        id=head.id,
        title=head.title,
        summary=head.summary,
        starts=head.starts,
        ends=head.ends,
        demo_stops_at=head.demo_stops_at,
        local_offset=offset,
        zone=head.zone,
        operation=_convert("scenario.toml", "operation", main["operation"], OperationSpec),
        chatter=_convert("scenario.toml", "chatter", main["chatter"], ChatterSpec),
        agencies=tuple(_each("people.toml", "agencies", cast, AgencySpec)),
        people=tuple(_each("people.toml", "people", cast, Person)),
        sources=tuple(_each("sources.toml", "sources", typed["sources.toml"], SourceSpec)),
        rosters=tuple(_each("people.toml", "rosters", cast, RosterSpec)),
        ladders=tuple(_each("people.toml", "ladders", cast, LadderSpec)),
        measures=tuple(_each("scenario.toml", "measures", main, Measure)),
        injects=tuple(sorted([*injects, *posts], key=lambda inject: inject.at)),
    )


def _each(file: str, key: str, table: Mapping[str, Any], shape: Any) -> list[Any]:
    rows = table[key]
    if not isinstance(rows, list):
        raise BadScenario(f"{key} is not a list.", field=file, cure=f"Write [[{key}]] entries.")
    return [
        _convert(file, _entry(key, number, row), row, shape) for number, row in enumerate(rows, 1)
    ]


def _entry(key: str, number: int, row: object) -> str:
    named = row.get("id") if isinstance(row, dict) else None
    return f"{key} {named or f'number {number}'}"


def _convert(file: str, entry: str, row: object, shape: Any) -> Any:
    if shape is Post and isinstance(row, dict):
        row = {**row, "kind": "post"}
    try:
        return msgspec.convert(row, shape)
    except msgspec.ValidationError as error:
        raise BadScenario(
            f"{error}.", field=f"{file}: {entry}", cure="Correct that value, or take it out."
        ) from error
