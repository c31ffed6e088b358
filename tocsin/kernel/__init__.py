"""Ids, the clock, errors and settings. Standard library only: everything else stands on this."""
