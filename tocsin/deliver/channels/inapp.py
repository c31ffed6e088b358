"""The page here: a signed-in person sees what waits for them. Delivered as soon as their page shows it."""

from __future__ import annotations

from tocsin.deliver import rules
from tocsin.deliver.channels import push
from tocsin.deliver.channels.job import Job, PermanentFailure
from tocsin.deliver.terms import Reason, State
from tocsin.kernel.settings import Settings
from tocsin.people.models import Account
from tocsin.people.store import actor
from tocsin.people.visibility import visible_to
from tocsin.warn.models import Warning


class InApp:
    """Checks what it claims: the account is active and may see the warning. Knocks on their browsers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, job: Job) -> State:
        """Raises: PermanentFailure when there is no such account, or it may not see this warning."""
        person = Account.objects.filter(person=job.person, is_active=True).first()
        if person is None:
            raise PermanentFailure(Reason.NO_ACCOUNT)
        rows = visible_to(actor(job.person), Warning.objects.filter(id=job.letter.warning))
        if job.letter.data["occasion"] != "test" and not rows.exists():
            raise PermanentFailure(Reason.NOT_SEEN)
        d = job.letter.data
        line = rules.short_line(
            d["tlp"], d["precedence"], d["agency"], "", cancelled=d["occasion"] == "cancel"
        )
        push.knock(self._settings, job.person, line, "/partner", job.letter.warning)
        return State.DELIVERED

    def close(self) -> None:
        """Nothing is held open."""
