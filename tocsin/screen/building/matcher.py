"""Compiling the matcher that ships, after any change of the catalogue:

python -m tocsin.screen.building.matcher
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import hyperscan

from tocsin.screen import compiled
from tocsin.screen.engine import Engine


def ship(into: Path | None = None) -> Path:
    """Compile the bundled catalogue and put the matcher into a folder, that of the weights by default."""
    folder = into or Path(str(resources.files("tocsin.screen").joinpath("weights")))
    prefilter = Engine.load().prefilter
    file = folder / compiled.SHIPPED
    file.write_bytes(compiled.packed(prefilter.about, hyperscan.dumpb(prefilter.database)))
    return file


if __name__ == "__main__":
    ship()
