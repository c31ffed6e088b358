"""Triage: one report at a time."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
