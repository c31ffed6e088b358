"""The vocabulary of an operation while it runs."""

from __future__ import annotations

from tocsin.operate.terms.live import *  # noqa: F403
