"""Reading one refused message of a partner's system again, after what stood against it was mended."""

from __future__ import annotations

from tocsin.collect.sources import cap, misp, taxii
from tocsin.collect.sources.partner import CapSource, PartnerSource, TaxiiSource
from tocsin.collect.terms import Item, Refused
from tocsin.formats import misp as codec
from tocsin.formats import stix
from tocsin.kernel.errors import Invalid


def reread(data: bytes, config: PartnerSource) -> Item | Refused:
    """The item of one message as it was kept, or why it is still refused. Never raises."""
    if isinstance(config, CapSource):
        found = list(cap.taken(data, "message", config))
        return found[0] if found else Refused("message", "status", "is a drill", "Dismiss it.")
    if isinstance(config, TaxiiSource):
        object_ = stix.one(data)
        if isinstance(object_, stix.Failed) or not object_.text:
            said = object_.message if isinstance(object_, stix.Failed) else "holds no words"
            return Refused("object", "object", said, "Dismiss it.")
        return taxii.item_of(object_, config.url)
    try:
        return misp.item_of(codec.read(data))
    except Invalid as error:
        return Refused("event", error.field, error.message, error.cure)
