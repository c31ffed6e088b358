"""Where a process of the tests keeps its files. A plugin (`-p`), since Django reads its settings before any conftest.

Each process of a run has a folder of its own: keys and learned models are not shared.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ["TOCSIN_DATA_DIR"] = str(
    Path(
        os.environ.get("TOCSIN_DATA_DIR") or Path(__file__).parents[1] / ".tocsin" / "test",
        os.environ.get("PYTEST_XDIST_WORKER", ""),
    )
)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two test processes on two cores
os.environ.setdefault("TOCSIN_BASE_URL", "http://127.0.0.1:8000")
