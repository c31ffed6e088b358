"""What is red in a plan: the registry, and what this stage says of itself."""

from __future__ import annotations

from tocsin.plan.reds.registry import Red, of, source

__all__ = ["Red", "of", "source"]
