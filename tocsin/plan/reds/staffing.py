"""What is red in staffing."""
