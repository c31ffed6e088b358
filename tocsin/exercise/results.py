"""The scored table: what each measure asks, and what it came to in each column. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from tocsin.exercise.terms import Scripted, Target
from tocsin.record.terms import stamp, unstamp


class Played(Protocol):
    """What the score needs to know of an exercise, whichever way it is played."""

    @property
    def measures(self) -> Sequence[Target]: ...
    @property
    def injects(self) -> Sequence[object]: ...
    @property
    def local_offset(self) -> timedelta: ...


@dataclass(frozen=True, slots=True)
class Value:
    """What one measure came to. A time is aware UTC; a share is in percent."""

    value: datetime | int | float | None
    note: str = ""


def met(measure: Target, found: Value) -> bool:
    """Whether the target was met; what never happened meets no target."""
    at = found.value
    if at is None:
        return False
    if isinstance(at, datetime):
        return measure.before is not None and at < measure.before
    if measure.at_most is not None:
        return at <= measure.at_most
    return measure.at_least is not None and at >= measure.at_least


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the score. `certainty` = how well the history it is held against is known."""

    measure: Target
    with_tocsin: Value
    control: Value
    certainty: tuple[str, ...]

    @property
    def met(self) -> bool:
        return met(self.measure, self.with_tocsin)

    @property
    def met_in_control(self) -> bool:
        return met(self.measure, self.control)


def results(
    scenario: Played, with_tocsin: Mapping[str, Value], control: Mapping[str, Value]
) -> list[Result]:
    """Both columns side by side, in the scenario's order."""
    return [
        Result(m, with_tocsin[m.id], control[m.id], certainty(scenario, m))
        for m in scenario.measures
    ]


def certainty(scenario: Played, measure: Target) -> tuple[str, ...]:
    """How well what a measure rests on is known: of its subjects, else of the rows it answers."""
    about = [i for i in scenario.injects if isinstance(i, Scripted) and i.id in measure.subjects]
    if not about:
        rows = set(measure.rows)
        about = [i for i in scenario.injects if isinstance(i, Scripted) and rows & set(i.rows)]
    found = dict.fromkeys(i.certainty.value for i in about)
    return tuple(found)


def packed(found: Mapping[str, Value]) -> dict[str, Any]:
    """Values as JSON carries them."""
    return {
        id: {"value": _plain(v.value), "time": isinstance(v.value, datetime), "note": v.note}
        for id, v in found.items()
    }


def unpacked(found: Mapping[str, Any]) -> dict[str, Value]:
    """The values that `packed` packed."""
    return {
        id: Value(unstamp(v["value"]) if v["time"] else v["value"], v["note"])
        for id, v in found.items()
    }


def as_json(result: Result) -> dict[str, Any]:
    """One object a measure: question, unit, target, both values, and what history says."""
    m = result.measure
    return {
        "id": m.id,
        "kind": m.kind.value,
        "question": m.question,
        "unit": m.unit,
        "better": m.better.value,
        "target": target(m),
        "with": _plain(result.with_tocsin.value),
        "with_note": result.with_tocsin.note,
        "met": result.met,
        "without": _plain(result.control.value),
        "without_note": result.control.note,
        "met_without": result.met_in_control,
        "historical": m.historical,
        "certainty": list(result.certainty),
        "rows": list(m.rows),
        "modes": list(m.modes),
    }


def target(measure: Target) -> dict[str, Any]:
    """The one target of a measure, by its name."""
    if measure.before is not None:
        return {"before": stamp(measure.before)}
    if measure.at_most is not None:
        return {"at_most": measure.at_most}
    return {"at_least": measure.at_least}


def shown(scenario: Played, measure: Target, value: object) -> str:
    """A value as people read it: local time, or a number with its unit; "never" and "–" for none."""
    if value is None:
        return "never" if measure.unit == "time" else "–"
    if isinstance(value, datetime):
        return local(scenario, value)
    unit = "" if measure.unit == "time" else f" {measure.unit}"
    return f"{value:g}{unit}" if isinstance(value, int | float) else str(value)


def percent(part: int, whole: int) -> int:
    """A share in whole percent; 0 of nothing is 0."""
    return round(100 * part / whole) if whole else 0


def local(scenario: Played, at: datetime) -> str:
    """A time where the exercise plays, such as `5 Jan 20:40`; with its seconds where it has any."""
    there = at + scenario.local_offset
    return f"{there.day} {there:%b %H:%M:%S}" if there.second else f"{there.day} {there:%b %H:%M}"


def shown_target(scenario: Played, measure: Target) -> str:
    """The target as people read it."""
    if measure.before is not None:
        return f"before {shown(scenario, measure, measure.before)}"
    if measure.at_most is not None:
        return f"at most {shown(scenario, measure, measure.at_most)}"
    return f"at least {shown(scenario, measure, measure.at_least)}"


def _plain(value: datetime | int | float | None) -> str | int | float | None:
    return stamp(value) if isinstance(value, datetime) else value
