"""What is kept of a report that is stored: the verdict, what is shown, and sealed what came in."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from tocsin.collect.models import Report, Source
from tocsin.collect.pseudonyms import pseudonym
from tocsin.collect.terms import Item
from tocsin.kernel.ids import new_id
from tocsin.record.actions import Writing
from tocsin.record.terms import Marking, stamp
from tocsin.screen import normalise
from tocsin.screen.taken import Seen, sound
from tocsin.screen.terms import Verdict

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_MASKED = re.compile(r"⟦[^⟧]*⟧")


def fresh_report(w: Writing, row: Source, seen: Seen, verdict: Verdict, marking: Marking) -> Report:
    """A report that is about to be stored, as `apply` will have it."""
    return Report(
        id=new_id("rpt", w.at),
        source=row.id,
        kind=row.kind,
        identity=seen.identity,
        content_hash=seen.digest,
        agency=marking.agency,
        tlp=marking.tlp,
        operation=marking.operation,
        score=verdict.score,
        precedence=verdict.priority.value,
        categories=list(verdict.categories),
        state="OPEN",
    )


def told(w: Writing, row: Source, report: Report, seen: Seen, verdict: Verdict) -> dict[str, Any]:
    """What the entry of a new report says, but its group and until when it is kept."""
    item = seen.item
    return {
        "source": row.id,
        "kind": row.kind,
        "identity": seen.identity,
        "hash": seen.digest,
        **kept(w, report.id, item, verdict),
        "author": pseudonym("author", row.id, item.author) if item.author else "",
        "thread": pseudonym("thread", row.id, item.thread) if item.thread else "",
        "lang": _language(item.lang) or verdict.lang,
        "posted_at": stamp(item.at) if item.at else None,
        "reliability": row.reliability,
        "authority": row.authority,
        "purpose": row.purpose,
    }


def kept(w: Writing, report: str, item: Item, verdict: Verdict) -> dict[str, Any]:
    """The verdict, and the vault ids of what is shown and of what came in."""
    words = _unmasked(verdict)
    shown: dict[str, Any] = {"text": verdict.masked.text, "why": _why(verdict, words)}
    if words:
        shown["words"] = words
    if site := _site(item.url):
        shown["site"] = site
    original = {
        "text": item.text,
        "title": item.title,
        "url": item.url,
        "author": item.author,
        "thread": item.thread,
        "key": item.key,
    }
    kept: dict[str, Any] = {name: sound(value) for name, value in original.items() if value}
    if item.extra:
        kept["extra"] = {sound(k): sound(v) for k, v in item.extra.items()}
    return {
        "content": w.keep(report, shown),
        "original": w.keep(report, kept, sealed=True),
        "score": verdict.score,
        "precedence": verdict.priority.value,
        "indicators": list(verdict.indicators),
        "categories": list(verdict.categories),
        "lowered_by": list(verdict.lowered_by),
        "spans": [[s.start, s.end, s.indicator, s.category] for s in verdict.masked.spans],
        "catalogue": verdict.catalogue,
        "model_version": verdict.models,
        "chance": verdict.chance,
        "stage": verdict.stage.value,
        "sample": verdict.sample,
    }


def _unmasked(verdict: Verdict) -> list[str]:
    """The words that weighed most, but none that is masked in the text: part of a name would tell the name."""
    there = set(normalise.plain(_MASKED.sub(" ", verdict.masked.text)).text.split())
    return [word for word in verdict.words if word in there]


def _why(verdict: Verdict, words: list[str]) -> list[str]:
    """The reasons, with only such words in them."""
    told = f"; most by the words {', '.join(verdict.words)}"
    safe = f"; most by the words {', '.join(words)}" if words else ""
    return [why.replace(told, safe) if verdict.words else why for why in verdict.why]


def _language(told: str) -> str:
    """The primary language tag, or '': what a source writes there is not trusted to be one."""
    tag = told.replace("_", "-").split("-")[0].lower()
    return tag if _LANGUAGE.fullmatch(tag) else ""


def _site(url: str) -> str:
    """The host of an address: it tells what kind of place it is, and no account."""
    try:
        return (urlsplit(url.strip()).hostname or "")[:253] if url else ""
    except ValueError:
        return ""
