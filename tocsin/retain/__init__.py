"""How long what is kept, who had it, who asked that it stay, and how it is forgotten."""
