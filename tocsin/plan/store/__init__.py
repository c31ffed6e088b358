"""Reading a plan. `operation` is an operation's id throughout; the actor defaults to the system."""

from __future__ import annotations

from tocsin.plan.store.brief import brief
from tocsin.plan.store.comms import (
    carries,
    channels,
    checks,
    gateways,
    proofs,
)
from tocsin.plan.store.ground import (
    approvals,
    areas,
    basis,
    blocks,
    changed_at,
    closed,
    coverage,
    going,
    held,
    pictures,
    points,
    positions,
    reds,
    sights,
    unlisted,
    zones,
)
from tocsin.plan.store.staffing import (
    agencies,
    assignments,
    manning,
    posts,
    qualified,
    rooms,
    seats,
    standing,
)

__all__ = [
    "agencies",
    "approvals",
    "areas",
    "assignments",
    "basis",
    "blocks",
    "brief",
    "carries",
    "changed_at",
    "channels",
    "checks",
    "closed",
    "coverage",
    "gateways",
    "going",
    "held",
    "manning",
    "pictures",
    "points",
    "positions",
    "posts",
    "proofs",
    "qualified",
    "reds",
    "rooms",
    "seats",
    "sights",
    "standing",
    "unlisted",
    "zones",
]
