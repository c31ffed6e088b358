"""One structure of a printed product, three renderings: PDF, HTML, plain text. Pure; nothing is read here."""
