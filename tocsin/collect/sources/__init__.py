"""Connectors: one small module per way in. Each turns what a source offers into items."""
