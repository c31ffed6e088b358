"""Load an exercise in the field from its folder: strict, and clear about what is wrong and where.

A folder holds `story.toml` (the event and the measures), `people.toml`, `plan.toml` and `happenings.toml`. Times
are local, without an offset; durations are written `40s`, `5m`, `2h30m`. A time without a day is on the story's day.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec

from tocsin.exercise.live.terms import (
    FieldMeasure,
    FieldOperation,
    FieldPlan,
    FieldStory,
    Happening,
    Player,
)
from tocsin.exercise.scenario import SCENARIOS, BadScenario
from tocsin.exercise.terms import AgencySpec
from tocsin.kernel.errors import NotFound

FILES = {
    "story.toml": ("story", "operation", "measures"),
    "people.toml": ("agencies", "people"),
    "plan.toml": None,
    "happenings.toml": ("happenings",),
}
_DURATIONS = frozenset(
    {
        "phone",
        "acknowledges",
        "answers_call",
        "decides_in",
        "whose_in",
        "covers_in",
        "every",
        "holds",
    }
)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def names() -> tuple[str, ...]:
    """The exercises in the field that come with Tocsin, as one types them (`butler-2024`)."""
    return tuple(sorted(f.parent.name.replace("_", "-") for f in SCENARIOS.glob("*/story.toml")))


def load(name: str) -> FieldStory:
    """The exercise called `name`. Raises: NotFound; BadScenario when its files cannot be used."""
    if name.replace("_", "-") not in names():
        known = ", ".join(names())
        raise NotFound(
            f"there is no such exercise: {name!r}.",
            field="exercise",
            cure=f"Choose one of: {known}.",
        )
    return load_folder(SCENARIOS / name.replace("-", "_"))


def load_folder(folder: Path) -> FieldStory:
    """The exercise in `folder`: parsed, typed, converted, cross-checked.

    Raises: BadScenario, naming file and entry.
    """
    tables = {name: _parse(folder, name) for name in FILES}
    head = dict(tables["story.toml"]["story"])
    hours, day = str(head.pop("utc_offset", "")), head.pop("day", None)
    if not re.fullmatch(r"[+-]\d\d:\d\d", hours):
        raise BadScenario(
            f"utc_offset is {hours!r}.", field="story.toml: story", cure="Write it like '-04:00'."
        )
    size = timedelta(hours=int(hours[1:3]), minutes=int(hours[4:6]))
    local = -size if hours[0] == "-" else size
    typed = {name: _typed(name, "", table, local, day) for name, table in tables.items()}
    story = _assemble(typed, {**_typed("story.toml", "", head, local, day)}, local)
    for where, what in problems(story):
        raise BadScenario(what, field=where, cure="Correct it there, or add what it names.")
    return story


def _parse(folder: Path, name: str) -> dict[str, Any]:
    try:
        table = tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadScenario(
            "the file is missing.", field=name, cure=f"It needs {', '.join(FILES)}."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadScenario(
            f"not readable as TOML: {error}.", field=name, cure="Correct it at that place."
        ) from error
    wanted = FILES[name]
    if wanted is not None and set(table) != set(wanted):
        raise BadScenario(
            f"holds {', '.join(table)}.", field=name, cure=f"It holds {', '.join(wanted)}."
        )
    return table


def duration(text: str) -> timedelta:
    """`40s`, `5m`, `2h30m` as a timedelta. Raises: ValueError."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text!r} is not a duration")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _typed(file: str, key: str, value: Any, offset: timedelta, day: date | None) -> Any:
    """`value` with local times made UTC and durations made timedeltas, all the way down."""
    if isinstance(value, dict):
        return {k: _typed(file, k, v, offset, day) for k, v in value.items()}
    if isinstance(value, list):
        return [_typed(file, key, v, offset, day) for v in value]
    if isinstance(value, time) and day is not None:
        value = datetime.combine(day, value)
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise BadScenario(
                f"{key} carries an offset.", field=file, cure="Write local time without one."
            )
        return value.replace(tzinfo=timezone(offset)).astimezone(UTC)
    if key in _DURATIONS and value != "":
        try:
            return duration(value)
        except (TypeError, ValueError):
            raise BadScenario(
                f"{key} = {value!r}.", field=file, cure="Write it like '40s', '5m' or '2h'."
            ) from None
    return value


def _assemble(
    typed: Mapping[str, Mapping[str, Any]], head: Mapping[str, Any], offset: timedelta
) -> FieldStory:
    main, cast = typed["story.toml"], typed["people.toml"]
    injects = _each("happenings.toml", "happenings", typed["happenings.toml"], Happening)
    return FieldStory(
        id=head["id"],
        title=head["title"],
        summary=head["summary"],
        zone=head["zone"],
        starts=head["starts"],
        ends=head["ends"],
        training_at=head["training_at"],
        local_offset=offset,
        operation=_convert("story.toml", "operation", main["operation"], FieldOperation),
        agencies=tuple(_each("people.toml", "agencies", cast, AgencySpec)),
        people=tuple(_each("people.toml", "people", cast, Player)),
        plan=_convert("plan.toml", "plan", typed["plan.toml"], FieldPlan),
        injects=tuple(sorted(injects, key=lambda i: i.at)),
        measures=tuple(_each("story.toml", "measures", main, FieldMeasure)),
    )


def _each(file: str, key: str, table: Mapping[str, Any], shape: Any) -> list[Any]:
    rows = table[key]
    if not isinstance(rows, list):
        raise BadScenario(f"{key} is not a list.", field=file, cure=f"Write [[{key}]] entries.")
    return [
        _convert(
            file, f"{key} {row.get('id', n) if isinstance(row, dict) else n}", _bare(row), shape
        )
        for n, row in enumerate(rows, 1)
    ]


def _bare(row: Any) -> Any:
    """Without the empty durations: "" = none."""
    return (
        {k: (None if k in _DURATIONS and v == "" else v) for k, v in row.items()}
        if isinstance(row, dict)
        else row
    )


def _convert(file: str, entry: str, row: object, shape: Any) -> Any:
    try:
        return msgspec.convert(row, shape)
    except msgspec.ValidationError as error:
        cure = "Correct that value, or take it out."
        raise BadScenario(f"{error}.", field=f"{file}: {entry}", cure=cure) from error


_ROW = re.compile(r"[BC]\d\d")


def problems(s: FieldStory) -> Iterator[tuple[str, str]]:
    """(where, what) of everything that does not hold together."""
    people, agencies = {p.id for p in s.people}, {a.id for a in s.agencies}
    posts, areas = {p.id for p in s.plan.posts}, {a.id for a in s.plan.areas}
    channels, zones = {c.id for c in s.plan.channels}, {z.id for z in s.plan.zones}
    listed = {"people": [p.id for p in s.people], "happenings": [i.id for i in s.injects]}
    listed |= {"measures": [m.id for m in s.measures], "posts": [p.id for p in s.plan.posts]}
    for where, ids in listed.items():
        for id, count in Counter(ids).items():
            if count > 1:
                yield f"{where} {id}", f"the id is used {count} times."
    names: list[tuple[str, str, set[str]]] = [("operation: lead", s.operation.lead, people)]
    names += [(f"people {p.id}: agency", p.agency, agencies) for p in s.people]
    names += [(f"agencies {a.id}: must_know", m, people) for a in s.agencies for m in a.must_know]
    names += [
        (f"posts {p.id}", x, g)
        for p in s.plan.posts
        for x, g in ((p.agency, agencies), (p.person, people))
    ]
    names += [
        ("seats", x, g) for e in s.plan.seats for x, g in ((e.room, posts), (e.person, people))
    ]
    names += [
        ("carries", x, g)
        for c in s.plan.carries
        for x, g in ((c.post, posts), (c.channel, channels))
    ]
    names += [("gateways", x, channels) for g in s.plan.gateways for x in (g.a, g.b)]
    for p in s.plan.positions:
        names += [("positions", p.accepting, agencies), ("positions", p.accepted_by, people)]
    names += [
        ("zones", x, g) for z in s.plan.zones for x, g in ((z.area, areas), (z.team, agencies))
    ]
    for i in s.injects:
        names.append((f"happenings {i.id}: actor", i.actor, people))
        names += [(f"happenings {i.id}: by_hand", h.to, people) for h in getattr(i, "by_hand", ())]
        names += [
            (f"happenings {i.id}: {f}", getattr(i, f, ""), g)
            for f, g in (("post", posts), ("zone", zones))
        ]
        if not s.starts <= i.at <= s.ends:
            yield f"happenings {i.id}", "happens outside the exercise."
        for row in i.rows:
            if not _ROW.fullmatch(row):
                yield f"happenings {i.id}", f"row {row!r} does not exist."
    for where, name, group in names:
        if name and name not in group:
            yield where, f"names {name!r}, which is not there."
    for m in s.measures:
        if sum(t is not None for t in (m.at_most, m.at_least, m.before)) != 1:
            yield f"measures {m.id}", "needs exactly one target."
        if any(id not in {i.id for i in s.injects} for id in m.subjects):
            yield f"measures {m.id}", "names a happening that is not there."
