"""Screening: decides which texts deserve a person's eye, how soon, and says why.

    engine = Engine.load()                   # compiles the catalogue: once, about 3 s of CPU
    verdicts = engine.screen(["text", ...])  # one Verdict or None (not flagged) each, in order
    group = Grouper().assign(verdict.masked.text)

`tocsin.screen.terms` has the values, `tocsin.screen.filter.run` the JSON-lines filter.
"""
