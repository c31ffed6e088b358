"""The first five minutes: what Tocsin is, who is who in the exercise, what to try as each."""

from __future__ import annotations

from pathlib import Path

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET

from tocsin.kernel import settings
from tocsin.people.terms import Role
from tocsin.web import site_clock

FILE = "demo.json"


class Seat(msgspec.Struct, frozen=True):
    """An account of the exercise and what to try with it."""

    username: str
    name: str = ""
    role: str = ""
    agency: str = ""
    try_: str = msgspec.field(default="", name="try")

    @property
    def title(self) -> str:
        """The role in words; as it stands where the file says it in words already."""
        return Role(self.role).title if self.role in set(Role) else self.role


class Demo(msgspec.Struct, frozen=True):
    """What the exercise's loader leaves for this page, in `demo.json` of the data directory."""

    password: str = ""
    exercise: str = ""
    accounts: list[Seat] = []


def demo(data_dir: Path) -> Demo | None:
    """The exercise's accounts; None where none was loaded or its file cannot be read."""
    try:
        return msgspec.json.decode((data_dir / FILE).read_bytes(), type=Demo)
    except (OSError, msgspec.DecodeError):
        return None


@require_GET
def welcome(request: HttpRequest) -> HttpResponse:
    """Open to everybody while the site runs an exercise; else to those signed in, without accounts."""
    running = bool(site_clock.exercise())
    if not running and not request.user.is_authenticated:
        return redirect("account_login")
    found = demo(settings.current().data_dir) if running else None
    return render(request, "welcome/page.html", {"demo": found})


urlpatterns = [path("welcome", welcome, name="welcome")]
