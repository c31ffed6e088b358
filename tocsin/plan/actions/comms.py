"""What people do to comms. Only here are transactions opened."""
