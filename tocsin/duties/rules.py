"""When a duty is due, when its rungs fire, decided purely."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime, timedelta
from typing import Any

from tocsin.duties.terms import Due, Ladder, Step
from tocsin.kernel.errors import BadSettings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TELL = re.compile(r"(owner|must_know|(role|lead):[a-z_]+|do:[a-z_]+)")


def due(ladder: Ladder, opened: datetime, event_start: datetime | None) -> Due:
    """The deadline: min(opened + limit, event start − lead), never less than the floor from opening
    while the event is still ahead, because a deadline nobody can meet teaches people to ignore clocks.
    """
    by_limit = opened + ladder.limit
    if event_start is None or event_start <= opened:
        return Due(by_limit, "the time limit for this kind of duty")
    by_event = event_start - ladder.lead
    if by_limit <= by_event:
        return Due(by_limit, "the time limit for this kind of duty")
    floor = opened + ladder.floor
    if by_event >= floor:
        return Due(by_event, "the event is near: due before it, with lead time")
    return Due(
        min(floor, by_limit), "the event is very near: due at once, with the least time to act"
    )


def fire_times(ladder: Ladder, opened: datetime, due_at: datetime) -> list[datetime]:
    """When each step of the ladder fires, in order; a step never fires before the one above it."""
    times: list[datetime] = []
    for step in ladder.steps:
        if step.base == "opened":
            at = opened + step.offset
        elif step.base == "due":
            at = due_at + step.offset
        else:
            at = opened + (due_at - opened) * step.percent // 100
        times.append(max(at, times[-1]) if times else at)
    return times


def parse_policy(text: str, source: str = "policy") -> dict[str, Ladder]:
    """Ladders by name from policy TOML. Raises: BadSettings naming ladder, key and cure."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise BadSettings(str(e), field=source, cure="Mend the TOML.") from e
    version = raw.get("version")
    if not isinstance(version, str):
        raise BadSettings("has no version", field=source, cure='Add version = "2026-01-31".')
    if unknown := set(raw) - {"version", "ladder", "assess"}:
        raise BadSettings("unknown key", field=f"{source}: {sorted(unknown)[0]}", cure="Remove it.")
    return {
        name: _ladder(name, version, spec, source) for name, spec in raw.get("ladder", {}).items()
    }


def duration(text: Any, field: str) -> timedelta:
    """`"90s"`, `"15m"`, `"4h"`, `"2d"` as a timedelta. Raises: BadSettings naming `field`."""
    match = re.fullmatch(r"(\d+)([smhd])", str(text))
    if not match:
        raise BadSettings(
            f"{text!r} is no duration", field=field, cure='Write "15m", "4h" or "2d".'
        )
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _ladder(name: str, version: str, spec: dict[str, Any], source: str) -> Ladder:
    where = f"{source}: ladder.{name}"
    allowed = {"limit", "lead", "floor", "repeat", "step", "why"}
    if unknown := set(spec) - allowed:
        raise BadSettings("unknown key", field=f"{where}.{sorted(unknown)[0]}", cure="Remove it.")
    if not spec.get("step"):
        raise BadSettings("has no steps", field=where, cure="Add at least one [[ladder.…step]].")
    return Ladder(
        name=name,
        version=version,
        limit=duration(spec.get("limit"), f"{where}.limit"),
        lead=duration(spec.get("lead", "0s"), f"{where}.lead"),
        floor=duration(spec.get("floor", "5m"), f"{where}.floor"),
        repeat=duration(spec["repeat"], f"{where}.repeat") if "repeat" in spec else None,
        steps=tuple(_step(s, f"{where}.step[{i}]") for i, s in enumerate(spec["step"])),
    )


def _step(spec: dict[str, Any], where: str) -> Step:
    tell, at = str(spec.get("tell", "")), str(spec.get("at", ""))
    if unknown := set(spec) - {"tell", "at"}:
        raise BadSettings("unknown key", field=f"{where}.{sorted(unknown)[0]}", cure="Remove it.")
    if not _TELL.fullmatch(tell):
        raise BadSettings(
            f"{tell!r} tells nobody",
            field=f"{where}.tell",
            cure="Use owner, role:…, lead:…, must_know or do:….",
        )
    if at == "opened":
        return Step(tell, "opened")
    if match := re.fullmatch(r"(\d{1,3})%", at):
        return Step(tell, "share", percent=int(match[1]))
    if match := re.fullmatch(r"(opened|due)([+-])(\w+)", at):
        offset = duration(match[3], f"{where}.at")
        return Step(tell, match[1], offset if match[2] == "+" else -offset)
    if at == "due":
        return Step(tell, "due")
    raise BadSettings(
        f"{at!r} is no time",
        field=f"{where}.at",
        cure='Use "opened", "50%", "due", "due+30m" or "opened+10m".',
    )
