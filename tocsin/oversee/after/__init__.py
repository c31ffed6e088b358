"""After an operation: what happened, how long each hop took, who never knew, what was red, what to mend.

All of it is read from the record; nobody writes it from memory. What is proposed a person files, or does not.
"""

from __future__ import annotations

from tocsin.oversee.after.facts import gather
from tocsin.oversee.after.paper import paper
from tocsin.oversee.after.proposing import Proposal, proposals
from tocsin.oversee.after.terms import After

__all__ = ["After", "Proposal", "gather", "paper", "proposals"]
