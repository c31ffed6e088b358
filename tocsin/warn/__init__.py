"""Products: draft, review clock, release, update, cancel, expire."""
