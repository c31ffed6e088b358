"""The tables of a plan."""

from __future__ import annotations

from tocsin.plan.models.brief import Brief
from tocsin.plan.models.comms import Carry, Channel, Gateway, RadioCheck
from tocsin.plan.models.ground import (
    Approval,
    Area,
    Basis,
    Coverage,
    Going,
    Picture,
    Position,
    Zone,
)
from tocsin.plan.models.staffing import Assignment, Post, Seat

__all__ = [
    "Approval",
    "Area",
    "Assignment",
    "Basis",
    "Brief",
    "Carry",
    "Channel",
    "Coverage",
    "Gateway",
    "Going",
    "Picture",
    "Position",
    "Post",
    "RadioCheck",
    "Seat",
    "Zone",
]
