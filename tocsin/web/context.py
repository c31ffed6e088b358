"""What every page's frame needs: who you are, where you can go, what you owe."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from tocsin.kernel import clock
from tocsin.web.middleware import actor


def shell(request: HttpRequest) -> dict[str, Any]:
    """Template context for `base.html`."""
    if not hasattr(request, "user"):
        return {}
    return {"actor": actor(request), "now": clock.now()}
