"""Reading how an agency's papers look."""

from __future__ import annotations

from base64 import b64decode

from django.db.models import QuerySet

from tocsin.record import store as record
from tocsin.warn.models import Seal, Template
from tocsin.warn.papers.looks import House
from tocsin.warn.terms import TemplateState


def of(agency: str, product: str) -> House:
    """The seal of an agency, and its layout for a product: its own for that product, else its own for all."""
    used = Template.objects.filter(agency=agency, state=TemplateState.IN_USE.value)
    row = used.filter(product__in=(product, "")).order_by("-product").first()
    return House(seal_of(agency), source(row) if row else "")


def seal_of(agency: str) -> bytes:
    """The PNG of an agency's seal; empty where it has none."""
    row = Seal.objects.filter(agency=agency).exclude(content="").first()
    return b64decode(record.content(row.content).get("image", "")) if row else b""


def templates(agency: str) -> QuerySet[Template]:
    """The layouts of an agency, the newest change first."""
    return Template.objects.filter(agency=agency).order_by("-changed_at", "-id")


def source(row: Template) -> str:
    """The typst source of a layout; '' where it was forgotten (then ours is used)."""
    return str(record.content(row.content).get("text", ""))
