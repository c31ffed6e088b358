"""What a warning shows beside its words: places to scale, what happened when, the part below its tearline."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

from tocsin.formats.papers import markup
from tocsin.warn.document import Document
from tocsin.warn.papers import bulletin
from tocsin.web.pages.warning_times import zone

register = template.Library()


@register.simple_tag
def beside(document: Document) -> SafeString:
    """`{% beside document %}`: sketch and timeline as the printed paper has them; '' where none is."""
    return mark_safe(markup.blocks(bulletin.beside(document, zone())))  # noqa: S308 - all text in it is escaped


@register.simple_tag
def tearline(document: Document) -> SafeString:
    """`{% tearline document %}`: the part below the tearline; '' where none is."""
    tear = bulletin.tearline(document)
    return mark_safe(markup.tear_off(tear) if tear else "")  # noqa: S308 - all text in it is escaped
