"""Who has it, who has not; the acknowledgement link."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
