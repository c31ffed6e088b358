"""The vocabulary of a plan: ground, staffing, communications."""

from __future__ import annotations

from tocsin.plan.terms.comms import *  # noqa: F403
from tocsin.plan.terms.ground import *  # noqa: F403
from tocsin.plan.terms.staffing import *  # noqa: F403
