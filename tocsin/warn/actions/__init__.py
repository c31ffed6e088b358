"""What people do with warnings: write, review, release, end, and rest plans on them.

Only here are transactions opened. Every act on a warning names the `version` the actor looked at, and
raises Conflict when somebody changed it since.
"""

from __future__ import annotations

from tocsin.warn.actions.copying import Taken, take_copy
from tocsin.warn.actions.correcting import copies_corrected, correct_copies
from tocsin.warn.actions.drafting import abandon, draft, hand_over, revise, submit, update
from tocsin.warn.actions.ending import cancel, expire_due, lift_holds
from tocsin.warn.actions.house import (
    Previewed,
    preview_template,
    propose_template,
    remove_seal,
    retire_template,
    set_seal,
    use_template,
)
from tocsin.warn.actions.plans import cite, drop_citation, recite
from tocsin.warn.actions.reviewing import (
    confirm,
    hold,
    lift_hold,
    refuse,
    release,
    release_now,
    return_,
)

__all__ = [
    "Previewed",
    "Taken",
    "abandon",
    "cancel",
    "cite",
    "confirm",
    "copies_corrected",
    "correct_copies",
    "draft",
    "drop_citation",
    "expire_due",
    "hand_over",
    "hold",
    "lift_hold",
    "lift_holds",
    "preview_template",
    "propose_template",
    "recite",
    "refuse",
    "release",
    "release_now",
    "remove_seal",
    "retire_template",
    "return_",
    "revise",
    "set_seal",
    "submit",
    "take_copy",
    "update",
    "use_template",
]
