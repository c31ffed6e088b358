"""One module a page family: its views and its addresses."""
