"""Search over all that an actor may see: PostgreSQL full text over the vault's words, sealed content never.

Each kind is read through `visible_to`, so a list here and the thing's own page always agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from tocsin.assess.models import Dissent, Rfi, Situation
from tocsin.collect.models import Report, TipQuestion
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.record.models import Vault
from tocsin.warn.models import Warning
from tocsin.warn.terms import UNDECIDED
from tocsin.warn.terms import State as WarningState
from tocsin.web.subjects import subject_url

EACH = 10
"""Hits of one kind where all kinds are asked for."""
PAGE = 50
FEW = 2_000
"""Up to this many matches are looked up by their ids; more, and the newest rows are walked until a page is full."""
_OPEN, _CLOSE = "\x02", "\x03"
_SNIPPETS = """
SELECT id, coalesce(body->>'title', ''),
       ts_headline('english', coalesce(body->>'text', body->>'title', ''), websearch_to_tsquery('english', %s), %s)
FROM record_vault WHERE id = ANY(%s) AND NOT sealed
"""
_HEADLINE = f'StartSel={_OPEN}, StopSel={_CLOSE}, MaxFragments=2, MaxWords=28, MinWords=12, FragmentDelimiter=" … "'


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as somebody typed it; empty means no limit."""

    words: str = ""
    kind: str = ""
    operation: str = ""
    since: datetime | None = None
    until: datetime | None = None
    precedence: str = ""
    state: str = ""

    @property
    def anything(self) -> bool:
        return any(
            (self.words, self.operation, self.since, self.until, self.precedence, self.state)
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: where it is, its title, and the words around what was found as (text, marked)."""

    kind: str
    id: str
    url: str
    title: str
    parts: list[tuple[str, bool]]
    cursor: str
    at: datetime
    state: str
    tlp: str
    operation: str
    precedence: str = ""


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found of one kind, newest first; `more` = there are others."""

    kind: str
    label: str
    hits: list[Hit] = field(default_factory=list)
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind is searched: its rows, the columns that hold vault ids (first = what it is shown by)."""

    label: str
    prefix: str  # of the ids that its content is kept under
    rows: Callable[[Actor], QuerySet[Any]]
    content: tuple[str, ...]
    at: str
    open: Q
    subject: str = "id"
    by_id: bool = False  # newest first by id, which sorts by time and needs no sort of 100,000 rows
    precedence: bool = False
    mark: str = "tlp"


def _visible(model: Any) -> Callable[[Actor], QuerySet[Any]]:
    return lambda actor: visible_to(actor, model.objects.all())


def _tip_questions(actor: Actor) -> QuerySet[Any]:
    mine = visible_to(actor, Report.objects.filter(kind="tip")).values("id")
    return TipQuestion.objects.filter(report__in=mine).exclude(asked_at=None)


KINDS: Mapping[str, _Kind] = {
    "warnings": _Kind(
        "Warnings", "wrn", _visible(Warning), ("content",), "changed_at",
        Q(state__in=[s.value for s in UNDECIDED | {WarningState.RELEASED}]), precedence=True, mark="label",
    ),
    "situations": _Kind("Situations", "sit", _visible(Situation), ("title",), "changed_at", Q(state="OPEN")),
    "reports": _Kind(
        "Reports", "rpt", _visible(Report), ("content",), "received_at", Q(state="OPEN"), precedence=True, by_id=True
    ),
    "rfis": _Kind("Requests for information", "rfi", _visible(Rfi), ("content", "answer"), "asked_at", Q(state="OPEN")),
    "dissents": _Kind("Concerns", "dis", _visible(Dissent), ("content", "answer"), "filed_at", Q(state="OPEN")),
    "tips": _Kind(
        "Questions about tips", "rpt", _tip_questions, ("question", "answer"), "asked_at",
        Q(answered_at=None), subject="report",
    ),
}  # fmt: skip


def search(actor: Actor, asked: Asked, before: str = "") -> list[Hits]:
    """What the actor may see that matches, by kind, newest first: `EACH` of every kind, or a page of one.

    `before` (the `cursor` of the last hit) goes on where a page of one kind ended.
    """
    if not asked.anything:
        return []
    found = []
    wanted = [asked.kind] if asked.kind in KINDS else list(KINDS)
    limit = PAGE if asked.kind in KINDS else EACH
    few = _few(asked.words) if asked.words else None
    if few is not None and not few:
        return []
    for key in wanted:
        theirs = None if few is None else few.get(KINDS[key].prefix, {})
        if theirs is not None and not theirs:
            continue
        rows = _matching(actor, KINDS[key], asked, theirs)
        if rows is None:
            continue
        if before:
            rows = _older(rows, KINDS[key], before)
        some = list(rows[: limit + 1])
        if some:
            hits = list(_hits(key, some[:limit], asked.words))
            found.append(Hits(key, KINDS[key].label, hits, len(some) > limit))
    return found


def _few(words: str) -> dict[str, dict[str, str]] | None:
    """What matches, where it is little: prefix of the subject -> vault id -> subject; None where it is much.

    One look into the index for all kinds. Whose they are is decided after, by `visible_to`.
    """
    query = SearchQuery(words, config="english", search_type="websearch")
    matches = Vault.objects.filter(sealed=False, words=query).values_list("id", "subject")
    found: dict[str, dict[str, str]] = {}
    pairs = list(matches[: FEW + 1])
    for vault, subject in pairs:
        found.setdefault(subject.partition("_")[0], {})[vault] = subject
    return found if len(pairs) <= FEW else None


def _older(rows: QuerySet[Any], kind: _Kind, before: str) -> QuerySet[Any]:
    if kind.by_id:
        return rows.filter(pk__lt=before)
    try:
        at = datetime.fromisoformat(before.replace(" ", "+"))
    except ValueError:
        return rows
    return rows.filter(**{f"{kind.at}__lt": at}) if at.tzinfo else rows


def _matching(
    actor: Actor, kind: _Kind, asked: Asked, few: Mapping[str, str] | None
) -> QuerySet[Any] | None:
    """The rows of one kind; None where a filter does not apply to the kind."""
    marked = hasattr(kind.rows(actor).model, "operation")
    if (asked.precedence and not kind.precedence) or (asked.operation and not marked):
        return None
    rows = kind.rows(actor).order_by(*(["-pk"] if kind.by_id else [f"-{kind.at}", "-pk"]))
    if few is not None:
        rows = rows.filter(reduce(or_, [Q(**{f"{c}__in": list(few)}) for c in kind.content]))
        if kind.by_id:
            rows = rows.filter(pk__in=set(few.values()))  # so that it is looked up, not walked
    elif asked.words:
        query = SearchQuery(asked.words, config="english", search_type="websearch")
        matches = [
            Exists(Vault.objects.filter(id=OuterRef(c), sealed=False, words=query))
            for c in kind.content
        ]
        rows = rows.filter(reduce(or_, matches))
    if asked.operation:
        rows = rows.filter(operation=asked.operation)
    if asked.precedence:
        rows = rows.filter(precedence=asked.precedence)
    if asked.since:
        rows = rows.filter(**{f"{kind.at}__gte": asked.since})
    if asked.until:
        rows = rows.filter(**{f"{kind.at}__lt": asked.until})
    if asked.state in {"open", "closed"}:
        rows = rows.filter(kind.open if asked.state == "open" else ~kind.open)
    return rows


def _hits(key: str, rows: list[Any], words: str) -> Iterator[Hit]:
    kind = KINDS[key]
    kept = _snippets([getattr(r, c) for r in rows for c in kind.content], words)
    for row in rows:
        texts = [kept[v] for c in kind.content if (v := getattr(row, c)) in kept]
        title = next((t for t, _ in texts if t), "")
        parts = next((p for _, p in texts if any(m for _, m in p)), texts[0][1] if texts else [])
        subject = getattr(row, kind.subject)
        yield Hit(
            kind=key,
            id=subject,
            url=subject_url(subject),
            title=title,
            parts=parts,
            cursor=row.pk if kind.by_id else getattr(row, kind.at).isoformat(),
            at=getattr(row, kind.at),
            state=str(getattr(row, "state", "")).replace("_", " "),
            tlp=getattr(row, kind.mark, "") or getattr(row, "tlp", ""),
            operation=getattr(row, "operation", ""),
            precedence=getattr(row, "precedence", ""),
        )


def _snippets(vaults: list[str], words: str) -> dict[str, tuple[str, list[tuple[str, bool]]]]:
    """Vault id -> (title, the text around what was found in parts)."""
    wanted = [v for v in vaults if v]
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SNIPPETS, [words, _HEADLINE, wanted])
        return {vault: (title, cut(text)) for vault, title, text in cursor.fetchall()}


def cut(text: str) -> list[tuple[str, bool]]:
    """A headline as parts, each marked or not. Marks that the text itself smuggled in are harmless: they only pair."""
    found: list[tuple[str, bool]] = []
    for piece in text.split(_OPEN):
        marked, closed, rest = piece.partition(_CLOSE)
        found += [(marked, True), (rest, False)] if closed else [(piece, False)]
    return [(t, m) for t, m in found if t]
