"""Near-copies across processes: the sketches in memory, brought up to date from what others stored.

The grouper holds sketches, never texts. The database says how large a group is and which report leads it; the
memory only says which group a text belongs to, and losing it costs a new group at worst.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock

from tocsin.collect.pseudonyms import pseudonym
from tocsin.record.terms import Marking
from tocsin.screen import store
from tocsin.screen.duplicates import Grouper

REMEMBERED = 20_000  # groups, about 3 kB each
WINDOW = timedelta(days=14)


class Groups:
    """Assigns flagged texts to groups; one a process, for any number of threads."""

    def __init__(self) -> None:
        self._grouper = Grouper(capacity=REMEMBERED)
        self._upto: dict[str, datetime] = {}
        self._lock = Lock()

    def assign(
        self, markings: list[Marking], texts: list[str], agency: str, now: datetime
    ) -> list[str]:
        """The group of each masked text, under its marking. The caller holds the agency's intake lock.

        1. Learn the groups of the agency that other processes opened since the last time.
        2. Assign each text, which becomes a member.
        """
        with self._lock:
            since = self._upto.get(agency, now - WINDOW)
            for text in store.group_seeds(agency, since, REMEMBERED):
                self._grouper.assign(text)
            self._upto[agency] = now
            return [
                "grp_"
                + pseudonym("group", m.agency, m.tlp, m.operation, self._grouper.assign(text).id)[
                    :20
                ]
                for m, text in zip(markings, texts, strict=True)
            ]
