"""`python -m tocsin.worker`: the loops in a process of their own (`tocsin worker` runs this)."""

from __future__ import annotations

import argparse
import os
import signal
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.kernel.django_settings")


def main() -> int:
    """Run the loops that were asked for until told to stop. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="tocsin worker", description="The loops that keep the clock."
    )
    parser.add_argument(
        "--only", action="append", default=[], help="run only this loop; may be given again"
    )
    parser.add_argument("--without", action="append", default=[], help="run all but this loop")
    chosen = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    import django  # noqa: PLC0415 - settings first

    django.setup()
    from tocsin.record import database, store  # noqa: PLC0415
    from tocsin.worker.loops import Runner, all_loops  # noqa: PLC0415

    database.ensure()
    store.install_clock()
    loops = {loop.name: loop for loop in all_loops()}
    for name in [*chosen.only, *chosen.without]:
        if name not in loops:
            parser.error(f"there is no loop {name!r}; choose of: {', '.join(loops)}")
    wanted = [n for n in loops if (not chosen.only or n in chosen.only) and n not in chosen.without]
    runner = Runner([loops[n] for n in wanted])
    runner.start()
    stop.wait()
    runner.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
