"""Where the API's parts are mounted: `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from tocsin.api import intake, reading, sharing
from tocsin.api.site import api

api.add_router("", intake.router)
api.add_router("", reading.router)
api.add_router("", sharing.router)

urlpatterns = [path("", api.urls)]
