"""The one way in: what a source said becomes flagged reports on the record, counts, or refused input.

Nothing of an item that was not flagged is stored: not its text, not its address, not a hash of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from tocsin.collect import rules, terms
from tocsin.collect.models import Source
from tocsin.collect.pseudonyms import pseudonym
from tocsin.collect.rules import named_operation
from tocsin.collect.store import charter as charter_of
from tocsin.collect.terms import Item, Refused, Ruling
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Conflict, Forbidden
from tocsin.people.rules import permit_on
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.screen import budget, store
from tocsin.screen.actions.storing import Storing
from tocsin.screen.choosing import Choice, choose
from tocsin.screen.masking import masked
from tocsin.screen.memory import engine
from tocsin.screen.reach import for_batch
from tocsin.screen.taken import Chunk, Seen, Taken, reading
from tocsin.screen.terms import Priority, Verdict

AT_ONCE = 1000
"""Items a transaction: enough to spread the cost of a commit, few enough to hold locks briefly."""

Records = Iterable[Item | Refused]
Watch = Callable[[Item, Verdict | None], None]
Saving = Callable[[Writing, Taken], None]


def take_in(
    source: Source | str,
    items: Records,
    *,
    actor: Actor = SYSTEM,
    forced: bool = False,
    watch: Watch | None = None,
    saving: Saving | None = None,
) -> Taken:
    """Take in what a source said; returns what became of it. Any number of items, a thousand a transaction.

    1. Each item is held against the source's charter. Outside its limits: counted, not kept. Where our own papers
       are not in order (authority lapsed, purpose not covered): refused, kept sealed until somebody decides.
    2. The rest is screened. Not flagged: counted. Flagged: masked, stored, and a duty to assess opens; near-copies
       of a report that still waits for its decision join that report instead.
    3. A post that is stored already is a new version where its text changed, else counted as seen again.

    `forced` = everything is for a person's eye, whatever its score (tips). `watch` is told of each item screened.
    `saving` runs in each transaction (a connector's cursor). Order is kept; it may run again after a crash: what is
    stored already is not stored twice.
    Raises: Forbidden; NotFound; Conflict when the source is paused.
    """
    row = store.source(source) if isinstance(source, str) else source
    permit_collect(actor, row)
    if row.state == terms.SourceState.PAUSED:
        raise Conflict("the source is paused", field="source", cure="Resume it first.")
    total = Taken()
    records = iter(items)
    while chunk := list(islice(records, AT_ONCE)):
        total.add(take_chunk(row, chunk, actor=actor, forced=forced, watch=watch, saving=saving))
    return total


def permit_collect(actor: Actor, row: Source) -> None:
    """Only its own agency brings anything in by a source, whoever else may see it. Raises: Forbidden."""
    permit_on(actor, Permission.COLLECT, marking_of(row))
    if actor.agency != row.agency and not actor.system:
        raise Forbidden("only its own agency collects from a source")


def take_chunk(
    row: Source,
    records: Sequence[Item | Refused],
    *,
    actor: Actor = SYSTEM,
    forced: bool = False,
    watch: Watch | None = None,
    saving: Saving | None = None,
) -> Taken:
    """One transaction's worth of `take_in`; the caller has the right to it."""
    chunk = _read(row, records, forced=forced)
    if watch:
        for seen in chunk.seen:
            watch(seen.item, seen.verdict)
    with writing(actor) as w:
        store.lock_agency(row.agency)
        taken = Storing(w, row, chunk.taken).store(chunk)
        if saving:
            saving(w, taken)
    return taken


def _read(row: Source, records: Sequence[Item | Refused], *, forced: bool) -> Chunk:
    """Purpose check and screening, outside any transaction."""
    now, charter = clock.now(), charter_of(row)
    taken = Taken(read=len(records))
    items: list[Item] = []
    refused: list[Refused] = []
    barred: list[tuple[Item, Ruling]] = []
    for record in records:
        if isinstance(record, Refused):
            refused.append(record)
            continue
        ruling = rules.within_purpose(
            record, charter, purpose=row.purpose, operation=row.operation, now=now
        )
        if ruling.allowed:
            items.append(record)
        elif ruling.reason in rules.SCOPE_REASONS:
            taken.outside += 1
            taken.reasons[ruling.reason.value] += 1
        else:
            barred.append((record, ruling))
    texts = [reading(item) for item in items]
    identities = [pseudonym("identity", row.id, rules.identity(item)) for item in items]
    seen = []
    for at, chosen in enumerate(_chosen(row, texts, identities, forced=forced)):
        digest = pseudonym("content", row.id, rules.content_hash(items[at]))
        verdict = chosen.verdict or (_plain(texts[at]) if forced else None)
        seen.append(Seen(items[at], verdict, identities[at], digest, chosen.counted, chosen.line))
    taken.screened = len(items)
    return Chunk(seen, refused, barred, taken)


def _chosen(
    row: Source, texts: Sequence[str], identities: Sequence[str], *, forced: bool
) -> list[Choice]:
    """Each text held against the line of its operation. What is for a person's eye anyway is never a sample."""
    cascade = engine()
    words = {} if row.operation else store.operations_by_words(row.agency, clock.now())
    lines = {} if forced else store.lines(row.agency)
    key = settings.secret(settings.current(), "secret_key") if lines else ""
    return choose(
        cascade,
        texts,
        cascade.read(texts, for_batch(len(texts))),
        lines,
        lambda at: row.operation or (named_operation(texts[at], words) if words else ""),
        lambda at, share: budget.drawn(key, identities[at], share),
    )


def _plain(text: str) -> Verdict:
    """What a person is to see although nothing in it stood out."""
    return Verdict(0, Priority.ROUTINE, (), (), (), (), (), masked(text, ()), engine().version)
