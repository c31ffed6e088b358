"""Collect: sources, their connectors, and what each source may be used for."""
