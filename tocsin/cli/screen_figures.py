"""What `tocsin screen evaluate` measures and shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console

from tocsin.kernel.errors import Invalid
from tocsin.screen import evaluation, rules
from tocsin.screen.building import data as labelled
from tocsin.screen.cascade import Cascade
from tocsin.screen.evaluation import Figures
from tocsin.screen.reach import reach

_AT_ONCE = 500
_RARE = 0.02


def scored(cascade: Cascade, texts: list[str], per_second: float) -> np.ndarray[Any, Any]:
    """Scores 0..1000, as `--scores` gives them when so many texts a second must get through."""
    deep = reach(per_second, 2)
    out = [
        cascade.read(texts[at : at + _AT_ONCE], deep).chances
        for at in range(0, len(texts), _AT_ONCE)
    ]
    return 1000 * np.concatenate(out).astype(float) if out else np.zeros(0)


def evaluated(
    cascade: Cascade, data: Path, wanted: str, value: str, per_second: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Figures of each set in `data`. Raises: Invalid when there is nothing to measure."""
    if data.is_dir():
        yield from held_out(cascade, data, per_second)
        return
    if not data.is_file():
        raise Invalid(f"there is no {data}", field="data", cure="Check the path.")
    yes = {part.strip().lower() for part in value.split(",")}
    rows = [row for row in labelled.rows(data) if wanted in row]
    if not rows:
        raise Invalid(
            f"no line of {data.name} has a field {wanted!r}",
            field="--wanted",
            cure="Name the field that holds the label.",
        )
    truth = [str(row[wanted]).lower() in yes for row in rows]
    scores = scored(cascade, [labelled.plain(row["text"]) for row in rows], per_second)
    yield data.name, _told(evaluation.figures(list(scores), truth, rules.FLAGGED_FROM))


def held_out(
    cascade: Cascade, folder: Path, per_second: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Figures of the texts of each corpus that no stage and no blend has learned from."""
    sets: dict[str, list[labelled.Example]] = {}
    for example in labelled.examples(folder):
        if example.held_out and not labelled.lent(example):
            corpus = "attacks (TREC-IS)" if example.head == labelled.INCIDENT else example.corpus
            sets.setdefault(corpus, []).append(example)
    found = {
        name: scored(cascade, [e.text for e in group], per_second) for name, group in sets.items()
    }
    for name, group in sets.items():
        truth = np.array([e.wanted for e in group])
        told = _told(evaluation.figures(list(found[name]), list(truth), rules.FLAGGED_FROM))
        if name == "telegram":
            told["average_precision_at_2_per_cent"] = evaluation.at_prevalence(
                found[name], truth, _RARE
            )
            if "school" in found:
                told["idioms_per_1000_at_70_per_cent"] = 1000 * float(
                    (found["school"] >= np.quantile(found[name][truth], 0.3)).mean()
                )
        yield name, told


def _told(found: Figures) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(found)
    told.pop("curve")
    told["plot"] = evaluation.plot(found) if found.wanted else ""
    return told


def shown(name: str, told: dict[str, Any], *, as_json: bool) -> None:
    """Print the figures of one set."""
    if as_json:
        told = {"set": name, **{k: v for k, v in told.items() if k != "plot"}}
        print(msgspec.json.encode(told).decode())  # noqa: T201 - for other programs
        return
    console = Console()
    console.print(f"[bold]{name}[/]: {told['texts']:,} texts, {told['wanted']:,} wanted")
    console.print(f"  PR-AUC {told['average_precision']:.3f}", highlight=False)
    for top, share in told["recall"].items():
        console.print(f"  recall in the top {top} %: {share:.3f}", highlight=False)
    console.print(
        f"  at the line ({rules.FLAGGED_FROM}): {told['found']:.1%} found, "
        f"{told['false_alarms']:.1f} false alarms per 1,000; "
        f"calibration error {told['calibration_error']:.3f}",
        highlight=False,
    )
    if "average_precision_at_2_per_cent" in told:
        console.print(
            f"  with 2 % wanted: PR-AUC {told['average_precision_at_2_per_cent']:.3f}",
            highlight=False,
        )
    if "idioms_per_1000_at_70_per_cent" in told:
        console.print(
            f"  idioms flagged where 70 % of these are found: "
            f"{told['idioms_per_1000_at_70_per_cent']:.1f} per 1,000",
            highlight=False,
        )
    console.print(told["plot"], highlight=False, markup=False)
