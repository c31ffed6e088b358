"""Scenarios replayed against the real system on a virtual clock, and what they must show."""
