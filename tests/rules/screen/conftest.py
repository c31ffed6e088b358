"""One compiled engine for all screening tests: compiling the catalogue is their only slow step."""

from __future__ import annotations

import pytest

from tocsin.screen.cascade import Cascade
from tocsin.screen.engine import Engine
from tocsin.screen.models import Models


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.load()


@pytest.fixture(scope="session")
def cascade(engine: Engine) -> Cascade:
    """With the models that ship."""
    return Cascade(engine, Models.load())
