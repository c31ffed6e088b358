"""The vocabulary of staffing: posts, who stands at them and when, and the seats in the one room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.plan.geometry import Point

POST_PLACED = "plan.post_placed"
POST_CHANGED = "plan.post_changed"
ASSIGNED = "plan.assigned"
ASSIGNMENT_ENDED = "plan.assignment_ended"
POST_CHECKED_IN = "plan.post_checked_in"
POST_VACATED = "plan.post_vacated"
SEAT_TAKEN = "plan.seat_taken"
SEAT_LEFT = "plan.seat_left"

EQUIPMENT_CAP = 20
"""Pieces of equipment a post lists."""
POSTS_CAP = 5000
"""Posts of one plan."""


class PostKind(StrEnum):
    """What a post is. From the room the operation is commanded, and there is one; the detail leader's post always
    hears what endangers the protected person."""

    POST = "POST"
    ROOM = "ROOM"
    DETAIL = "DETAIL"

    @property
    def words(self) -> str:
        return _POSTS[self]


_POSTS = {
    PostKind.POST: "post",
    PostKind.ROOM: "security room (command post)",
    PostKind.DETAIL: "detail leader's post",
}


@dataclass(frozen=True, slots=True)
class PostDraft:
    """A post as somebody would have it. `from_at`, `until_at` None = the hours of the operation."""

    label: str
    agency: str
    kind: str = PostKind.POST.value
    at: Point | None = None
    floor: str = ""
    from_at: datetime | None = None
    until_at: datetime | None = None
    equipment: tuple[str, ...] = ()
    qualification: str = ""
    role_title: str = ""
