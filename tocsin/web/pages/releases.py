"""Redacted releases: choose, mark, have a second person approve, download what passed the gate."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.kernel.errors import Conflict, NotFound, TocsinError
from tocsin.oversee import actions, disclosing
from tocsin.oversee.models import Release
from tocsin.oversee.redaction.paper import Item, Withheld
from tocsin.oversee.rules import merged
from tocsin.oversee.terms import EXEMPTIONS, ReleaseState
from tocsin.people.rules import permit
from tocsin.people.store import names
from tocsin.people.terms import Actor, Permission
from tocsin.record.store import content
from tocsin.web.middleware import actor
from tocsin.web.numbers import number

SHOWN = 50


@login_required
@require_GET
def releases(request: HttpRequest) -> HttpResponse:
    """The releases of one's agency."""
    a = actor(request)
    permit(a, Permission.DISCLOSE)
    rows = list(disclosing.releases(a)[:SHOWN])
    titles = disclosing.titles(rows)
    known = names({r.begun_by for r in rows})
    lines = [
        (r, titles[r.id], known.get(r.begun_by, r.begun_by), ReleaseState(r.state).words)
        for r in rows
    ]
    return render(request, "releases/list.html", {"lines": lines})


@login_required
@require_http_methods(["GET", "POST"])
def release_new(request: HttpRequest) -> HttpResponse:
    """Begin a release: a title, the request it answers, the subjects."""
    a = actor(request)
    permit(a, Permission.DISCLOSE)
    typed = {k: request.POST.get(k, "") for k in ("title", "reference", "subjects")}
    typed["subjects"] = typed["subjects"] or request.GET.get("subject", "")
    error = None
    if request.method == "POST":
        try:
            made = actions.begin_release(
                a,
                title=typed["title"],
                reference=typed["reference"],
                subjects=typed["subjects"].split(),
            )
            return redirect("release", release=made)
        except TocsinError as e:
            error = e
    context = {"typed": typed, "error": error}
    return render(request, "releases/new.html", context, status=error.status if error else 200)


@login_required
@require_GET
def release(request: HttpRequest, release: str) -> HttpResponse:
    """One release: its texts with what is withheld, the log, and what this person may do."""
    return _release(request, release)


def _release(
    request: HttpRequest, release_id: str, error: TocsinError | None = None
) -> HttpResponse:
    a = actor(request)
    permit(a, Permission.DISCLOSE)
    row = disclosing.release(a, release_id)
    words = disclosing.titles([row])[row.id]
    purged, items = "", []
    try:
        items = disclosing.items(row)
    except Conflict as e:
        purged = str(e)
    marks = disclosing.marks(row)
    people = names({row.begun_by, row.proposed_by, row.approved_by, *row.writers} - {""})
    state = ReleaseState(row.state)
    context = {
        "row": row,
        "words": words,
        "state": state.words,
        "items": _shown(items, [w for _, w in marks]),
        "marks": _listed(items, marks),
        "purged": purged,
        "exemptions": list(EXEMPTIONS.values()),
        "people": people,
        "writers": [people.get(p, p) for p in row.writers],
        "by": {k: people.get(getattr(row, k), "") for k in ("begun_by", "proposed_by", "approved_by")},
        "reason": content(row.reason).get("text", "") if row.reason else "",
        "draft": state is ReleaseState.DRAFT and not purged,
        "may_approve": state is ReleaseState.PROPOSED and a.person not in row.writers,
        "wrote_it": state is ReleaseState.PROPOSED and a.person in row.writers,
        "approved": state is ReleaseState.APPROVED,
        "open": state in (ReleaseState.DRAFT, ReleaseState.PROPOSED),
        "error": error,
        "typed": {k: request.POST.get(k, "") for k in ("words", "exemption", "statute", "harm", "reason")},
    }  # fmt: skip
    return render(request, "releases/page.html", context, status=error.status if error else 200)


def _shown(items: list[Item], spans: list[Withheld]) -> list[dict[str, Any]]:
    """Each text as runs (words, grounds): the preparer still reads what is withheld, marked."""
    out = []
    for i, item in enumerate(items):
        texts = []
        for f, text in enumerate(item.texts):
            runs, at = [], 0
            mine = [(s.start, s.end, s.exemption) for s in spans if (s.item, s.field) == (i, f)]
            for start, end, grounds in merged(mine):
                runs += [(text.text[at:start], ""), (text.text[start:end], " ".join(grounds))]
                at = end
            runs.append((text.text[at:], ""))
            texts.append({"label": text.label, "runs": runs, "place": f"{i}.{f}"})
        out.append({"number": item.number, "kind": item.kind, "texts": texts})
    return out


def _listed(items: list[Item], marks: list[tuple[Any, Withheld]]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for mark, w in marks:
        words = items[w.item].texts[w.field].text[w.start : w.end] if items else ""
        key = (" ".join(words.split()).casefold(), w.exemption, w.statute, w.harm)
        group = groups.setdefault(
            key, {"words": " ".join(words.split()), "w": w, "ids": [], "where": set()}
        )
        group["ids"].append(mark.id)
        group["where"].add(w.item + 1)
    return [{**g, "where": ", ".join(str(n) for n in sorted(g["where"]))} for g in groups.values()]


@login_required
@require_POST
def act(request: HttpRequest, release: str) -> HttpResponse:
    """One act on a release; what was typed is kept where it is refused."""
    a, post = actor(request), request.POST
    permit(a, Permission.DISCLOSE)
    try:
        messages.success(request, _do(a, release, number(post.get("version")) or 0, post))
    except NotFound:
        raise
    except TocsinError as e:
        return _release(request, release, e)
    return redirect("release", release=release)


def _do(a: Actor, release: str, version: int, post: Any) -> str:
    what = post.get("do", "")
    if what == "withhold":
        item, _, field = post.get("only", "").partition(".")
        only = (int(item), int(field)) if item.isdigit() and field.isdigit() else None
        n = actions.withhold(
            a, release=release, version=version, words=post.get("words", ""), exemption=post.get("exemption", ""),
            statute=post.get("statute", ""), harm=post.get("harm", ""), only=only,
        )  # fmt: skip
        return f"Withheld in {n} place{'s' if n > 1 else ''}."
    if what == "show":
        actions.show_again(a, release=release, version=version, marks=post.getlist("mark"))
        return "Shown again."
    if what == "propose":
        actions.propose_release(a, release=release, version=version)
        return "It passed the gate. A second person is asked to read it."
    if what == "approve":
        digest = actions.approve_release(a, release=release, version=version)
        return f"Approved. The PDF's hash is on the record: {digest[:16]}…"
    if what == "return":
        actions.return_release(a, release=release, version=version, reason=post.get("reason", ""))
        return "Sent back."
    if what == "withdraw":
        actions.withdraw_release(a, release=release, version=version, reason=post.get("reason", ""))
        return "Withdrawn."
    raise NotFound("there is no such act")


@login_required
@require_GET
def download(request: HttpRequest, release: str, form: str) -> HttpResponse:
    """The approved document, as it was approved."""
    a = actor(request)
    permit(a, Permission.DISCLOSE)
    row: Release = disclosing.release(a, release)
    kept = content(row.document) if row.document else {}
    if form not in ("pdf", "html") or not kept:
        raise NotFound("there is no approved document")
    if form == "pdf":
        body, kind = b64decode(kept["pdf"]), "application/pdf"
    else:
        body, kind = kept["html"].encode(), "text/html; charset=utf-8"
    response = HttpResponse(body, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{row.id}.{form}"'
    return response


urlpatterns = [
    path("releases", releases, name="releases"),
    path("releases/new", release_new, name="release-new"),
    path("releases/<str:release>", release, name="release"),
    path("releases/<str:release>/act", act, name="release-act"),
    path("releases/<str:release>/<str:form>", download, name="release-download"),
]
