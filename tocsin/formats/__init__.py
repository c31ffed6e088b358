"""Pure codecs: what Tocsin's values look like in other people's systems and on paper."""
