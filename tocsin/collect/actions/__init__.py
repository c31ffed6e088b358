"""What people do to sources, refused input and tips. The only place here that opens a transaction."""

from tocsin.collect.actions.sources import (
    add_source,
    change_source,
    note_health,
    pause_source,
    resume_source,
)

__all__ = ["add_source", "change_source", "note_health", "pause_source", "resume_source"]
