"""Pages of docs/ that are made from the code. `python -m tests.docs.generate` writes them; a test compares."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path

import django

from tocsin.kernel.settings import Settings
from tocsin.record import applying
from tocsin.web import told

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.kernel.django_settings")

DOCS = Path(__file__).parents[2] / "docs"
_MADE = "<!-- Made by `python -m tests.docs.generate`; do not edit. -->"


def settings_page() -> str:
    """docs/settings.md."""
    plain = Settings()
    lines = [
        "# Settings",
        "",
        _MADE,
        "",
        "Each can be given as `TOCSIN_NAME`, as `TOCSIN_NAME_FILE` (a file that holds the value, for secrets), or as",
        "`name` in `tocsin.toml` (or the file that `TOCSIN_CONFIG` names); the environment wins. An unknown name is",
        "refused. `tocsin check --settings` shows those in force.",
        "",
        "| Environment | Where not given | What it does |",
        "|---|---|---|",
    ]
    for f in fields(Settings):
        value = getattr(plain, f.name)
        shown = ",".join(value) if isinstance(value, tuple) else str("" if value is None else value)
        secret = " Secret." if f.metadata.get("secret") else ""
        lines.append(
            f"| `TOCSIN_{f.name.upper()}` | {f'`{shown}`' if shown else 'empty'} | {f.metadata['doc']}{secret} |"
        )
    lines += [
        "",
        "| Only in the environment | |",
        "|---|---|",
        "| `TOCSIN_CONFIG` | The settings file. |",
        "| `TOCSIN_PASSPHRASE_FILE` | A file that holds the passphrase of backups; asked for where not given. |",
    ]
    return "\n".join(lines) + "\n"


def entries_page() -> str:
    """docs/entries.md."""
    django.setup()  # every stage registers its kinds
    lines = [
        "# Kinds of entry",
        "",
        _MADE,
        "",
        "State changes only by these. An entry says who, when it happened, when it was recorded, about what; its data",
        "holds ids, enumerations, whole numbers and times. Words, names and addresses lie in the vault, and the entry",
        "holds a salted commitment to them. In the last column `…` stands for what the entry holds.",
        "",
        "| Kind | Stage | On the screen |",
        "|---|---|---|",
    ]
    for kind in applying.kinds():
        stage = applying._handlers[kind].__module__.split(".")[1]
        words = re.sub(r"\{\w+\}", "…", told._WORDS.get(kind, ""))
        lines.append(f"| `{kind}` | {stage} | {words} |")
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "entries.md": entries_page}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())


if __name__ == "__main__":
    main()
