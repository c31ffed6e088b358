"""The front page: what is owed."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
