"""Situations, thresholds, decisions, second reading, dissent and requests for information."""
