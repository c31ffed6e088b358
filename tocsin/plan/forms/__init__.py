"""The forms of the incident command system as views of the record: nothing is typed into them, nothing kept twice."""

from __future__ import annotations

from tocsin.plan.forms.desk import Desk, Live
from tocsin.plan.forms.paper import Block, Paper, pdf, xlsx
from tocsin.plan.forms.views import TITLES, make

__all__ = ["TITLES", "Block", "Desk", "Live", "Paper", "make", "pdf", "xlsx"]
