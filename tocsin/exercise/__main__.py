"""One column of an exercise, in a process of its own: `python -m tocsin.exercise ORDERS` (see `ground`).

Writes one JSON object a line: {"at"} as time goes by, then {"values", "run"}, or {"refused", "field", "cure"}.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any


def main(orders: dict[str, Any]) -> None:
    """Play what is ordered in the database that the environment names, which is empty."""
    import django  # noqa: PLC0415 - settings come from the environment of this process

    from tocsin.kernel import settings  # noqa: PLC0415
    from tocsin.record import database  # noqa: PLC0415

    django.setup()
    database.migrate(database.owner_url(), settings.current().database_url)

    from tocsin.exercise import control, demo, results, scoring  # noqa: PLC0415
    from tocsin.exercise.runner import stage  # noqa: PLC0415
    from tocsin.exercise.scenario import load  # noqa: PLC0415
    from tocsin.kernel.ids import secret_code  # noqa: PLC0415
    from tocsin.record.checking import fsck, verify  # noqa: PLC0415
    from tocsin.record.sequencer import load_signer  # noqa: PLC0415

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
    seconds = round(time.monotonic() - started, 1)
    verified = verify(load_signer().verifier)
    database.configure(database.owner_url())  # rebuilding beside the tables is the owner's right
    unlike = fsck(database.owner_url())
    run = {
        "seconds": seconds,
        "password": password,
        "verified": verified.entries,
        "unlike": [str(difference) for difference in unlike],
        "entries": play.entries(),
        "chatter": play.world.chatter,
        "refused": [f"{line.who}: {line.what}" for line in play.world.log if line.refused],
    }
    _say({"values": found, "run": run})


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
