"""Reading comms."""
