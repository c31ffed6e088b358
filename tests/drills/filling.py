"""A process of its own that writes until the disk is full, or goes on after it (see test_disk_full).

Prints one line: how many writes were acknowledged, and with what error the next one was refused ('' = none was).
"""

# ruff: noqa: E402, T201 - Django must be set up first; it speaks to the test by what it prints
from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.kernel.django_settings")

import django

django.setup()

from django.db import DatabaseError, connections

from tocsin.people.terms import SYSTEM
from tocsin.record import checking, database
from tocsin.record.actions import writing
from tocsin.record.sequencer import load_signer

database.ensure()
acknowledged, refused = int(sys.argv[1]), ""
upto = int(sys.argv[2])
while acknowledged < upto and not refused:
    try:
        with writing(SYSTEM) as w:
            kept = w.keep("rpt_1", {"text": os.urandom(50_000).hex()})
            data = {"vault": kept["vault"], "reason": kept, "number": acknowledged}
            w.append("vault.unmasked", "rpt_1", data, marking=None)
        acknowledged += 1
    except DatabaseError as e:
        refused = str(e).replace("\n", " ")
        connections.close_all()
if not refused:
    checking.place_pending()
    found = checking.verify(load_signer().verifier)
    assert (found.entries, checking.verify_vault()) == (acknowledged, acknowledged), found
    assert checking.fsck(database.owner_url()) == []
print(acknowledged, refused)
