"""One compiled engine for all screening tests: compiling the catalogue is their only slow step."""

from __future__ import annotations

import pytest

from tocsin.screen.engine import Engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.load()
