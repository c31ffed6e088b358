"""What people and workers do to a plan. Only here are transactions opened."""

from __future__ import annotations

from tocsin.plan.actions.areas import change_area, place_area, place_features, remove_area
from tocsin.plan.actions.begun import begin_plan
from tocsin.plan.actions.brief import write_brief
from tocsin.plan.actions.going import approve, decide, withdraw
from tocsin.plan.actions.moving import move_operation
from tocsin.plan.actions.pictures import place_picture, remove_picture
from tocsin.plan.actions.positions import (
    accept_position,
    change_position,
    check_in_position,
    decline_position,
    list_position,
    remove_position,
)
from tocsin.plan.actions.sweeps import (
    add_zone,
    assign_zone,
    begin_sweep,
    breach,
    cut_zones,
    end_sweep,
    give_up_zone,
    lapse_due,
    remove_zone,
)

__all__ = [
    "accept_position",
    "add_zone",
    "approve",
    "assign_zone",
    "begin_plan",
    "begin_sweep",
    "breach",
    "change_area",
    "change_position",
    "check_in_position",
    "cut_zones",
    "decide",
    "decline_position",
    "end_sweep",
    "give_up_zone",
    "lapse_due",
    "list_position",
    "move_operation",
    "place_area",
    "place_features",
    "place_picture",
    "remove_area",
    "remove_picture",
    "remove_position",
    "remove_zone",
    "withdraw",
    "write_brief",
]
