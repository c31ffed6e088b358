"""What is red in comms."""
