"""Products on paper: what a warning, a situation or a question says, structured for every renderer."""
