"""Oversight: who knew what when, the world as it stood, redacted releases, findings and their clocks."""
