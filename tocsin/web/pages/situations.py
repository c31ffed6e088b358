"""Situations, dissent and requests for information."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
