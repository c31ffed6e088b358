"""The directory stays true: what nobody has proved for 90 days, what came back, what stays silent, is owed.

One duty for each agency that keeps lines, not one a line: somebody goes through the list. It ends when every
line of it was proved, by a press on a test, an answer to a warning, or a person's word.
"""

from __future__ import annotations

from tocsin.deliver import store
from tocsin.duties.actions import discharge_rows, open_duty
from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.people.terms import SYSTEM, Role
from tocsin.record.actions import writing
from tocsin.record.terms import Marking, Tlp

KIND = "check_directory"


def subject(agency: str) -> str:
    """What the duty of an agency is about."""
    return f"dir_{agency}"


def check_directory() -> int:
    """Owe, and end, the checking of lines; returns how many duties changed. A worker's step."""
    wanting = store.wanting(clock.now())
    owed = dict(Duty.objects.filter(kind=KIND, discharged_at=None).values_list("subject", "id"))
    fresh = {a: n for a, n in wanting.items() if subject(a) not in owed}
    done = set(owed) - {subject(a) for a in wanting}
    if not fresh and not done:
        return 0
    with writing(SYSTEM) as w:
        rows = Duty.objects.select_for_update().filter(
            kind=KIND, discharged_at=None, subject__in=done
        )
        changed = discharge_rows(w, rows.order_by("id"), "every line was proved or changed")
        for agency, count in sorted(fresh.items()):
            lines = "1 line" if count == 1 else f"{count} lines"
            open_duty(
                w,
                KIND,
                subject(agency),
                f"Check the directory: {lines} not proved to reach anybody",
                Marking(agency, Tlp.AMBER_STRICT.value),
                owner_agency=agency,
                owner_role=store.keeper_role(agency) or Role.RELEASE_AUTHORITY.value,
            )
            changed += 1
    return changed
