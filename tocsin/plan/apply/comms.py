"""What the entries of comms do to its tables."""
