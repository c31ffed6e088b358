"""One column of an exercise, in a process of its own: `python -m tocsin.exercise ORDERS` (see `ground`).

Writes one JSON object a line: {"at"} as time goes by, then {"values", "run"}, or {"refused", "field", "cure"}.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tocsin.kernel import clock

if TYPE_CHECKING:
    from tocsin.exercise.live.play import FieldPlay


def main(orders: dict[str, Any]) -> None:
    """Play what is ordered in the database that the environment names, which is empty."""
    import django  # noqa: PLC0415 - settings come from the environment of this process

    from tocsin.kernel import settings  # noqa: PLC0415
    from tocsin.record import database  # noqa: PLC0415

    django.setup()
    database.migrate(database.owner_url(), settings.current().database_url)

    from tocsin.exercise.live import loading  # noqa: PLC0415

    if orders["scenario"].replace("_", "-") in loading.names():
        _field(orders)
    else:
        _posts(orders)


def _field(orders: dict[str, Any]) -> None:
    """An exercise in the field: one column of it."""
    from tocsin.exercise import results  # noqa: PLC0415
    from tocsin.exercise.live import loading, play, score, training  # noqa: PLC0415
    from tocsin.kernel.ids import secret_code  # noqa: PLC0415

    story = loading.load(orders["scenario"])
    started = time.monotonic()
    train = orders.get("train")
    password = secret_code(3) if orders["keep"] or train else ""
    accounts = training.accounts(story, password) if password else None
    played = training.seats(story, train["as"]) if train else ()
    with play.stage(story, pushes=orders["column"] == "with", accounts=accounts) as run:
        if train:
            run.run(story.training_at, _at)
            marks = _train(run, train, played, password)
        else:
            run.run(story.ends, _at)
            marks = []
        found = results.packed(score.values(run.stage))
    if orders["keep"]:
        training.set_clock(story.id, story.ends, 1)
    _end(
        found,
        {
            "seconds": round(time.monotonic() - started, 1),
            "password": password,
            "entries": run.entries(),
            "chatter": 0,
            "marks": marks,
            "refused": [f"{line.who}: {line.what}" for line in run.stage.log if line.refused],
        },
    )


def _train(
    run: FieldPlay, train: dict[str, Any], played: tuple[str, ...], password: str
) -> list[dict[str, Any]]:
    """Let the team take its seats, and go on at its pace until the end, or until somebody stops it."""
    from dataclasses import asdict  # noqa: PLC0415

    from tocsin.exercise.live import training  # noqa: PLC0415

    run.stage.played = frozenset(played)
    with training.running(run, train["pace"]):
        since = clock.now()
        _say(
            {"ready": {"password": password, "as": list(played), "operation": run.stage.operation}}
        )
        with contextlib.suppress(KeyboardInterrupt):
            training.live(run, run.stage.story.ends, progress=_at)
        return [asdict(m) for m in training.marks(run, since)]


def _posts(orders: dict[str, Any]) -> None:
    """An exercise of posts and drafts: one column of it."""
    from tocsin.exercise import control, demo, results, scoring  # noqa: PLC0415
    from tocsin.exercise.runner import stage  # noqa: PLC0415
    from tocsin.exercise.scenario import load  # noqa: PLC0415
    from tocsin.kernel.ids import secret_code  # noqa: PLC0415

    scenario = load(orders["scenario"])
    column = {c.name: c for c in (control.WITH, control.CONTROL)}[orders["column"]]
    started = time.monotonic()
    password = secret_code(3) if orders["keep"] else ""
    seats = {a.person: (a.username, password) for a in demo.ACCOUNTS} if password else None
    with stage(
        scenario, column, count=orders["count"], seed=orders["seed"], accounts=seats
    ) as play:
        play.run(scenario.ends, _at)
        found = results.packed(scoring.values(play.world))
    if orders["keep"]:
        demo.set_clock(scenario, scenario.ends)
    _end(
        found,
        {
            "seconds": round(time.monotonic() - started, 1),
            "password": password,
            "entries": play.entries(),
            "chatter": play.world.chatter,
            "refused": [f"{line.who}: {line.what}" for line in play.world.log if line.refused],
        },
    )


def _end(found: dict[str, Any], run: dict[str, Any]) -> None:
    """Prove the record of the run, and say what came of it."""
    from tocsin.record import database  # noqa: PLC0415
    from tocsin.record.checking import fsck, verify  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

    verified = verify(load_signer().verifier)
    database.configure(database.owner_url())  # rebuilding beside the tables is the owner's right
    unlike = fsck(database.owner_url())
    proof = {"verified": verified.entries, "unlike": [str(difference) for difference in unlike]}
    _say({"values": found, "run": run | proof})


def _at(moment: datetime) -> None:
    from tocsin.record.terms import stamp  # noqa: PLC0415

    _say({"at": stamp(moment)})


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    from tocsin.kernel.errors import Invalid

    try:
        main(json.loads(sys.argv[1]))
    except Invalid as error:
        if "--debug" in sys.argv:
            raise
        _say({"refused": error.message, "field": error.field, "cure": error.cure})
        raise SystemExit(2) from error
