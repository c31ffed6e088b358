"""Search over everything one may see."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
