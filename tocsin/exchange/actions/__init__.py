"""What people, their systems and the worker do in exchange. Only here are transactions opened.

Worker's step, safe to run in any number of workers: `publish_due`. `receiving` is imported by who needs it: it reads
XML, which most processes never do.
"""

from __future__ import annotations

from tocsin.exchange.actions.collections import add_inbox
from tocsin.exchange.actions.posting import post, remove
from tocsin.exchange.actions.publishing import fetched, publish_due
from tocsin.exchange.actions.relaying import relay

__all__ = [
    "add_inbox",
    "fetched",
    "post",
    "publish_due",
    "relay",
    "remove",
]
