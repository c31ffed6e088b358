"""How matches become a score, and a score a priority. Pure whole-number arithmetic, so that anyone
can redo it by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tocsin.screen.terms import Priority

FLAGGED_FROM = 300  # below this nobody is asked to look
_SCALE = ((850, Priority.FLASH), (700, Priority.IMMEDIATE), (500, Priority.PRIORITY))


def priority_of(score: int) -> Priority | None:
    """The priority of a score in 0..1000; None when it is too low to flag."""
    for least, priority in _SCALE:
        if score >= least:
            return priority
    return Priority.ROUTINE if score >= FLAGGED_FROM else None


def combined(weights: Iterable[int]) -> int:
    """One score from one weight (0..1000) per category: each adds its share of what is still
    missing to 1000.

    So a strong sign counts nearly in full, several weak ones of different kinds add up, and
    nothing passes 1000. Two signs of the same kind are one sign: callers pass the strongest
    weight of each category.
    """
    score = 0
    for weight in sorted(weights, reverse=True):
        score += (1000 - score) * weight // 1000
    return score


def scored(strongest: Mapping[str, int], lowered: Mapping[str, int]) -> int:
    """The score of a text.

    `strongest`: category → the strongest weight that matched in it. `lowered`: category →
    thousandths that context (a joke, a game, the news) leaves of it; a category not named keeps
    all of its weight.
    """
    return combined(
        weight * lowered.get(category, 1000) // 1000 for category, weight in strongest.items()
    )
