"""The checks of the lint, one a concern; each says what is wrong and the cure. Pure; words only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from tocsin.record.terms import Tlp
from tocsin.screen.masking import masked
from tocsin.screen.terms import MaskKind
from tocsin.warn import estimates
from tocsin.warn.findings import Finding, Level, OpenWork, Sheet, texts
from tocsin.warn.terms import Judgment

Check = Callable[[Sheet, datetime], Iterator[Finding]]
CHECKS: list[Check] = []


def _check(check: Check) -> Check:
    CHECKS.append(check)
    return check


def _stop(code: str, where: str, words: str, cure: str) -> Finding:
    return Finding(Level.STOP, code, where, words, cure)


def _advise(code: str, where: str, words: str, cure: str) -> Finding:
    return Finding(Level.ADVICE, code, where, words, cure)


@_check
def _whole(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    content, product = sheet.content, sheet.product
    if not content.title.strip():
        yield _stop(
            "no_title",
            "title",
            "The title is missing.",
            "Say in one line what threatens what, and when.",
        )
    if not content.summary.strip():
        yield _stop(
            "no_summary",
            "summary",
            "The summary is missing.",
            "Say the main point in two sentences.",
        )
    if product.needs_judgments and not content.judgments:
        yield _stop(
            "no_judgment",
            "judgments",
            "It judges nothing.",
            "Add at least one judgment with its source.",
        )
    if sheet.edition > 1 and not content.changed.strip():
        yield _stop(
            "no_change",
            "changed",
            "It does not say what changed.",
            "Say what is new in this edition.",
        )
    if product.needs_operation and not sheet.operation:
        yield _stop(
            "no_operation",
            "operation",
            "It is about no operation.",
            "Choose the event it is about.",
        )
    if product.asks_for_action and not any(a.strip() for a in content.actions):
        yield _advise(
            "no_action",
            "actions",
            "It asks nobody to do anything.",
            "Say what the reader should do.",
        )
    if content.judgments and not product.raw and not content.would_change.strip():
        yield _advise(
            "no_would_change",
            "would_change",
            "It does not say what would change these judgments.",
            "Name what, if seen, would make you think otherwise.",
        )
    words = sum(len(text.split()) for _, text in texts(content))
    if words > product.max_words:
        yield _advise(
            "too_long",
            "summary",
            f"It has {words} words; {product.short} reads best with at most {product.max_words}.",
            "Cut what the reader does not need in order to act.",
        )


@_check
def _sources(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    for i, judgment in enumerate(sheet.content.judgments):
        where = f"judgments.{i}"
        name = f"Judgment {i + 1}"
        if not judgment.text.strip():
            yield _stop(
                "empty_judgment",
                f"{where}.text",
                f"{name} is empty.",
                "Write it, or remove the row.",
            )
        known = [c for c in judgment.cites if c in sheet.cites]
        for cite in judgment.cites:
            if cite not in sheet.cites:
                yield _stop(
                    "unknown_source",
                    f"{where}.cites",
                    f"{name} cites {cite}, which is not there.",
                    "Remove it.",
                )
        if not known:
            yield _stop(
                "uncited", f"{where}.cites", f"{name} cites no source.", "Tick what it rests on."
            )
    for number, cite in enumerate(sheet.cites, 1):
        if cite not in sheet.outdated:
            continue
        yield _advise(
            "outdated_source",
            "judgments",
            f"Source {number} has changed since it was cited, or no longer holds.",
            "Open it, then save the draft to cite it as it stands now.",
        )
    if sheet.dissents and not sheet.content.dissent.strip():
        yield _advise(
            "dissent_not_noted",
            "dissent",
            "Somebody disagrees on record with what this rests on, and the draft does not say so.",
            "Say in one sentence who sees it otherwise, and why.",
        )


@_check
def _estimation(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    rows: dict[int, str] = {}
    for i, judgment in enumerate(sheet.content.judgments):
        yield from _one_judgment(sheet, i, judgment)
        if judgment.likelihood in estimates.ROW_OF:
            rows.setdefault(estimates.ROW_OF[judgment.likelihood], judgment.likelihood)
    if len(rows) > 1:
        yield _stop(
            "rows_mixed",
            "judgments",
            f"It mixes two rows of likelihood words: “{rows[0]}” and “{rows[1]}”.",
            "Keep to one row of the scale in one document.",
        )
    for where, text in texts(sheet.content):
        for sentence in estimates.sentences(text):
            likely, sure = estimates.likelihoods(sentence), estimates.confidences(sentence)
            if likely and sure:
                yield _stop(
                    "likelihood_and_confidence",
                    where,
                    f"One sentence says how likely (“{likely[0]}”) and how sure (“{sure[0]}”).",
                    "Make it two sentences: how likely it is; then how sure you are, and why.",
                )
        judging = where in ("title", "summary") or where.endswith(".text")
        if judging and (off := estimates.off_scale(text)):
            yield _advise(
                "off_scale",
                where,
                f"“{off[0]}” can mean almost anything to the reader.",
                "Where you estimate, use a term of the scale.",
            )


def _one_judgment(sheet: Sheet, i: int, judgment: Judgment) -> Iterator[Finding]:
    where, name = f"judgments.{i}", f"Judgment {i + 1}"
    term = judgment.likelihood
    if term and term not in estimates.ROW_OF:
        yield _stop(
            "unknown_likelihood",
            f"{where}.likelihood",
            f"{name}: “{term}” is no term of the scale.",
            "Choose a term from the list.",
        )
    if judgment.confidence and judgment.confidence not in estimates.LEVELS:
        yield _stop(
            "unknown_confidence",
            f"{where}.confidence",
            f"{name}: “{judgment.confidence}” is no level of confidence.",
            "Choose low, moderate or high.",
        )
    if judgment.confidence and not judgment.basis.strip():
        yield _stop(
            "no_basis",
            f"{where}.basis",
            f"{name} says {judgment.confidence} confidence, and not why.",
            "Say what the confidence rests on.",
        )
    if sheet.product.raw and (term or judgment.confidence):
        yield _stop(
            "judged_raw",
            f"{where}.likelihood",
            f"{name} judges, but this kind of report is unevaluated.",
            "Take likelihood and confidence out, or choose a judged kind.",
        )
    if not sheet.product.raw and not term:
        yield _advise(
            "no_likelihood",
            f"{where}.likelihood",
            f"{name} does not say how likely.",
            "Choose a term.",
        )
    if term and not judgment.confidence:
        yield _advise(
            "no_confidence",
            f"{where}.confidence",
            f"{name} does not say how sure.",
            "Choose a level.",
        )
    said = set(estimates.likelihoods(judgment.text))
    if (
        term in estimates.STEP_OF
        and said
        and estimates.STEP_OF[term] not in {estimates.STEP_OF[word] for word in said}
    ):
        yield _advise(
            "two_likelihoods",
            f"{where}.likelihood",
            f"{name} says “{sorted(said)[0]}” in its text and “{term}” beside it.",
            "Say one of them.",
        )


_STOPPING = frozenset(
    {
        MaskKind.HANDLE,
        MaskKind.EMAIL,
        MaskKind.PHONE,
        MaskKind.NUMBER,
        MaskKind.PLATE,
        MaskKind.ADDRESS,
    }
)


@_check
def _identities(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    """Names and links are found by shape only, so they are advice; the rest is unmistakable."""
    for where, text in texts(sheet.content):
        for mask in masked(text).masks:
            found = text[mask.original_start : mask.original_end]
            make = _stop if mask.kind in _STOPPING else _advise
            kind = {"name": "person's name", "number": "identity number"}.get(
                mask.kind.value, mask.kind.value
            )
            yield make(
                f"unmasked_{mask.kind.name.lower()}",
                where,
                f"“{found}” looks like a {kind}."
                if kind[0] not in "aeiou"
                else f"“{found}” looks like an {kind}.",
                f"Write ⟦{mask.kind.value}⟧ instead; who needs it can ask for it.",
            )


_WIDTH = [Tlp.RED, Tlp.AMBER_STRICT, Tlp.AMBER, Tlp.GREEN, Tlp.CLEAR]


@_check
def _marking(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    if sheet.label not in list(Tlp):
        words = (
            f"“{sheet.label}” is no TLP marking." if sheet.label else "The TLP marking is missing."
        )
        yield _stop("no_tlp", "label", words, "Choose how far it may travel.")
        return
    width = _WIDTH.index(Tlp(sheet.label))
    for number, cited in enumerate(sheet.cites.values(), 1):
        if cited.tlp in list(Tlp) and _WIDTH.index(Tlp(cited.tlp)) < width:
            yield _stop(
                "tlp_wider_than_source",
                "label",
                f"TLP:{sheet.label} lets it travel farther than source {number}, which is TLP:{cited.tlp}.",
                f"Mark it TLP:{cited.tlp}, or take that source out.",
            )


@_check
def _tearline(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    """What is torn off must be worth reading alone, and be marked to travel farther than the rest."""
    below = sheet.content.below
    if not (below.label or below.title or below.text):
        return
    for name, text in (("title", below.title), ("text", below.text)):
        if not text.strip():
            yield _stop(
                "tearline_unfinished",
                f"below_{name}",
                f"What stands below the tearline has no {name}.",
                "Write it, or leave the tearline out: it is read without the rest.",
            )
    if below.label not in list(Tlp):
        yield _stop(
            "tearline_no_tlp",
            "below_label",
            "What stands below the tearline carries no TLP.",
            "Choose how far it may travel.",
        )
    elif sheet.label in list(Tlp) and _WIDTH.index(Tlp(below.label)) <= _WIDTH.index(
        Tlp(sheet.label)
    ):
        yield _stop(
            "tearline_not_wider",
            "below_label",
            f"Below the tearline stands TLP:{below.label}, which travels no farther than TLP:{sheet.label} above.",
            "Mark it lower, or leave the tearline out.",
        )
    if below.text.strip() and below.text.strip() == sheet.content.summary.strip():
        yield _stop(
            "tearline_not_rewritten",
            "below_text",
            "Below the tearline stands the summary, word for word.",
            "Write what may be known of it by those who may not read the rest.",
        )


@_check
def _times(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    product, at = sheet.product, sheet.expires_at
    if at is None:
        if product.needs_expiry:
            yield _stop(
                "no_expiry",
                "expires_at",
                f"{product.name}: it must say until when it holds.",
                "Give an expiry.",
            )
        return
    if at <= now:
        yield _stop(
            "expired",
            "expires_at",
            "It would expire before it is released.",
            "Give a later expiry.",
        )
    elif product.max_life and at - now > product.max_life:
        hours = int(product.max_life.total_seconds() // 3600)
        limit = f"{hours // 24} days" if hours > 48 else f"{hours} hours"
        yield _stop(
            "expiry_too_late",
            "expires_at",
            f"{product.name}: at most {limit} in force.",
            "Give an earlier expiry.",
        )
    if sheet.event_start and now < sheet.event_start and at < sheet.event_start:
        yield _advise(
            "expires_before_event",
            "expires_at",
            "It expires before the event starts.",
            "Give an expiry after the event, or plan an update.",
        )


@_check
def _recipients(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    if not sheet.distribution:
        yield _stop(
            "no_distribution",
            "distribution",
            "It goes to nobody.",
            "Add at least one role at an agency.",
        )
    for seat in sheet.must_know:
        if seat not in sheet.distribution:
            yield _stop(
                "must_know_missing",
                "distribution",
                f"The {seat.role.replace('_', ' ')} of {seat.agency} must know of everything about this "
                "operation, and is not on the list.",
                "Add them.",
            )


@_check
def _null(sheet: Sheet, now: datetime) -> Iterator[Finding]:
    """A null report is not an all-clear (incidents A, 6 January 10:43)."""
    work = sheet.open_work
    if not sheet.product.null or work == OpenWork():
        return
    named = [
        (work.reports, "flagged report waits", "flagged reports wait"),
        (work.situations, "situation is open", "situations are open"),
        (
            work.warnings,
            "warning is in force or being decided",
            "warnings are in force or being decided",
        ),
    ]
    listed = ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in named if n)
    yield _stop(
        "not_an_all_clear",
        "type",
        f"It says that no threat is known, but for this operation {listed}.",
        "Answer those first, or write what they say instead.",
    )
