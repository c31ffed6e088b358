"""The vocabulary of staffing: posts, who stands at them and when, and the seats in the one room."""

from __future__ import annotations

from enum import StrEnum

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
