"""The clock: who owes what, by when, and who is next. Everything owed is a duty."""
