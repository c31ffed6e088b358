"""Refitting the models on decisions, and putting refitted models to use by a named person's word."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.db import transaction

from tocsin.collect import terms
from tocsin.collect.models import Models as Row
from tocsin.kernel import settings
from tocsin.kernel.errors import Conflict, Invalid, NotFound
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.record.actions import writing
from tocsin.screen import learning, promoted
from tocsin.screen.learning import SHIPPED, Comparison, Decided, Forgotten, Standing
from tocsin.screen.models import CARD, Models

_REASON = 10  # characters


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of a refit: the version, the folder it lies in, and how it compares."""

    version: str
    folder: Path
    found: Comparison
    standing: Standing


def learn(decided: Sequence[Decided], forgotten: Sequence[Forgotten] = ()) -> Learned:
    """Refit the models in force on the earlier decisions, compare on the later ones, and keep the result beside them
    as a candidate, with its card. That it was done, and the figures, are on the record.

    Raises: TooFew; BadModels; Conflict when nothing changed.
    """
    from tocsin.screen.memory import engine  # noqa: PLC0415 - the compiled engine
    from tocsin.screen.refitting import read, refit  # noqa: PLC0415 - needs scipy

    earlier, later = learning.divided(decided)
    cascade = engine()
    of, home = cascade.models, promoted.home(settings.current().data_dir)
    fresh = home / ".fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    said = read(cascade.engine, of, [d.text for d in earlier])
    made = refit(of, said, np.array([d.wanted for d in earlier], bool), forgotten, fresh)
    judged = read(cascade.engine, of, [d.text for d in later])
    before = judged.chances(of.blend)
    judged.stages[0] = made.fast.look(judged.folded)[0]
    found = learning.compared(before, judged.chances(made.blend), later)
    span = (f"{earlier[0].at:%Y-%m-%d}", f"{later[-1].at:%Y-%m-%d}")
    text = learning.card(made.version, of.version, len(earlier), found, span)
    (fresh / CARD).write_text(text, "utf-8")
    folder = home / made.version
    if folder.is_dir():
        shutil.rmtree(fresh)
    else:
        fresh.rename(folder)
    result = Learned(made.version, folder, found, learning.standing(found))
    _note(result, of.version, len(decided))
    return result


def _note(made: Learned, against: str, decisions: int) -> None:
    if Row.objects.filter(id=made.version).exists():
        return  # the same decisions give the same models
    data = {
        "against": against,
        "decisions": decisions,
        "figures": learning.figures(made.found),
        "standing": made.standing.value,
        "better": made.standing is Standing.BETTER,
    }
    with writing(SYSTEM) as w:
        w.append(terms.MODELS_LEARNED, made.version, data, marking=None)


def promote(actor: Actor, *, version: str, reason: str) -> None:
    """Put refitted models to use, by a named person, for a reason on the record; `SHIPPED` goes back to those that
    ship.

    The worker screens with them from its next batch on. Raises: Forbidden; Invalid without a reason; NotFound;
    Conflict when they were not found better than those in use, or are not what was compared.
    """
    permit(actor, Permission.STEER)
    reason = " ".join(reason.split())
    if len(reason) < _REASON:
        raise Invalid("say why", field="reason", cure="A sentence is enough.")
    data_dir = settings.current().data_dir
    in_force = Models.load(promoted.folder(data_dir)).version
    with writing(actor) as w:
        learned = version != SHIPPED
        if learned:
            _check(version, in_force, promoted.home(data_dir) / version)
        elif promoted.folder(data_dir) is None:
            raise Conflict("they are in use already", field="version")
        data = {
            "version": version,
            "learned": learned,
            "against": in_force,
            "reason": w.keep(version, {"text": reason}),
        }
        w.append(terms.MODELS_PROMOTED, version, data, marking=None)
        transaction.on_commit(lambda: promoted.use(data_dir, version if learned else ""))


def _check(version: str, in_force: str, folder: Path) -> None:
    row = Row.objects.select_for_update().filter(id=version).first()
    if row is None or not folder.is_dir():
        raise NotFound(
            f"there are no models {version}",
            field="version",
            cure="Learn them first: tocsin screen learn.",
        )
    learning.check_promotion(
        version,
        against=row.against,
        in_force=in_force,
        better=row.better,
        was_used=row.promoted_at is not None,
    )
    if Models.load(folder).version != version:
        raise Conflict("the files are not what was compared", field="version", cure="Learn again.")


__all__ = ["Learned", "learn", "promote"]
