"""The tags that every page is written with: see docs/look.md."""
