"""A person takes a warning away as a file for another system. A system that follows the feed or a collection gets
the next message there by itself; a file is corrected by nobody but who took it, so it counts as a copy."""

from __future__ import annotations

from tocsin.exchange import exports
from tocsin.exchange.exports import Exported
from tocsin.exchange.terms import Format
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.warn import store
from tocsin.warn.actions.copying import note_export


def take_export(actor: Actor, *, warning: str, format: Format, cancelled: bool = False) -> Exported:
    """A released warning as a file, noted as a copy. Raises: NotFound; Conflict where it was not released."""
    permit(actor, Permission.READ_CONTENT)
    made = exports.export(actor, warning=warning, format=format, cancelled=cancelled)
    note_export(actor, store.warning(actor, warning), form=format.value, data=made.body)
    return made
