"""While it runs: every sighting with everyone who must know, every question answered, nobody's post empty."""
