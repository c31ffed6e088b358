"""The append-only record: entries, vault, tree, checkpoints. State changes only through it."""
