"""What scripted people do when the system tells them something: they have it, say so, decide, answer.

They learn of things only by what is on the record: told by the app, by another way, or by a duty's notice. A person
whom somebody of the team plays does none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from tocsin.duties.models import Duty
from tocsin.duties.terms import DUTY_FIRED
from tocsin.exercise.live.setting import Handed, Stage
from tocsin.exercise.live.terms import Player
from tocsin.exercise.world import Line
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden
from tocsin.operate import actions as operate
from tocsin.operate import store
from tocsin.operate.models import Absence, Hold, Question, Receipt, Sighting
from tocsin.operate.terms import (
    QUESTION_ASKED,
    SIGHTING_RECEIPTS,
    SIGHTING_REPORTED,
    SIGHTING_RETRIED,
    SIGHTING_UPDATED,
    Said,
)
from tocsin.record.terms import Entry

SEEN = (
    SIGHTING_RECEIPTS,
    SIGHTING_REPORTED,
    SIGHTING_UPDATED,
    SIGHTING_RETRIED,
    QUESTION_ASKED,
    DUTY_FIRED,
)
Later = Callable[[datetime, Callable[[], object]], None]


class Folk:
    """The scripted people of one run. `later` = let something happen at a moment."""

    def __init__(self, stage: Stage, later: Later) -> None:
        self._stage = stage
        self._later = later
        self._told: set[tuple[str, str, int]] = set()
        self._called: set[tuple[str, str]] = set()
        self._asked: set[tuple[str, str]] = set()
        self._decided: dict[str, int] = {}

    def hear(self, e: Entry) -> None:
        """Something new is on the record: plan what people will do about it."""
        if e.kind == SIGHTING_REPORTED:
            self._tell(e.subject, 1, [p for _, p, _ in e.data["told"]])
        elif e.kind == SIGHTING_UPDATED:
            people = [p for _, p, _ in e.data["told"]]
            if e.data["raised"]:
                people += Receipt.objects.filter(sighting=e.subject).values_list(
                    "person", flat=True
                )
            self._tell(e.subject, e.data["version"], people)
        elif e.kind == SIGHTING_RETRIED:
            self._retried(e)
        elif e.kind == SIGHTING_RECEIPTS:
            self._took(e)
        elif e.kind == QUESTION_ASKED:
            for person in e.data["asked"]:
                self._question(e.subject, person)
        elif e.kind == DUTY_FIRED:
            self._duty(e)

    def _scripted(self, person: str) -> Player | None:
        player = self._stage.player(person)
        return None if player is None or player.id in self._stage.played else player

    def _tell(self, sighting: str, version: int, people: list[str]) -> None:
        for person in dict.fromkeys(people):
            player = self._scripted(person)
            if player is None or player.phone is None or (person, sighting, version) in self._told:
                continue
            self._told.add((person, sighting, version))
            at = clock.now() + player.phone
            self._later(at, partial(self._delivered, player, sighting))
            if player.acknowledges is not None:
                self._later(
                    at + player.acknowledges, partial(self._acknowledged, player, sighting, "app")
                )

    def _retried(self, e: Entry) -> None:
        for _, person, via, tries, _ in e.data["tried"]:
            player = self._scripted(person)
            if tries == 1:
                version = Sighting.objects.get(id=e.subject).version
                self._tell(e.subject, version, [person])
            elif (
                player
                and player.answers_call is not None
                and (person, e.subject) not in self._called
            ):
                self._called.add((person, e.subject))
                at = clock.now() + player.answers_call
                self._later(at, partial(self._acknowledged, player, e.subject, via))

    def _delivered(self, player: Player, sighting: str) -> None:
        person = self._stage.people[player.id]
        operate.record_receipts([operate.Said(person, sighting, Said.DELIVERED.value)])
        self._hold(player, sighting)

    def _acknowledged(self, player: Player, sighting: str, via: str) -> None:
        self._called.discard((self._stage.people[player.id], sighting))
        self._hold(player, sighting)
        operate.acknowledge(self._stage.actor(player.id), sighting=sighting, via=via)

    def _hold(self, player: Player, sighting: str) -> None:
        """What the person now has in hand: what the system hands out of it at this moment."""
        found = store.snapshot("sighting", sighting)
        of = next((name for name, id in self._stage.sightings.items() if id == sighting), "")
        if found:
            keeps = tuple(found["aggravators"])
            self._stage.handed.append(Handed("", of, player.id, clock.now(), keeps, found["what"]))

    def _took(self, e: Entry) -> None:
        """A person of the team has it: on their own screen, which shows what the system hands out."""
        for person in dict.fromkeys(row[1] for row in e.data["said"]):
            player = self._stage.player(person)
            if player is not None and player.id in self._stage.played:
                self._hold(player, e.subject)

    def _question(self, question: str, person: str) -> None:
        player = self._scripted(person)
        if player and player.whose and (person, question) not in self._asked:
            self._asked.add((person, question))
            self._later(clock.now() + player.whose_in, partial(self._answer, player, question))

    def _answer(self, player: Player, question: str) -> None:
        if Question.objects.get(id=question).state != "ANSWERED":
            self._try(player, operate.answer_question, question=question, whose=player.whose)

    def _duty(self, e: Entry) -> None:
        for person in e.data["told"]:
            player = self._scripted(person)
            if player is None or (person, e.data["id"]) in self._asked:
                continue
            duty = Duty.objects.get(id=e.data["id"])
            if duty.kind == "decide_hold" and player.decides:
                self._asked.add((person, duty.id))
                self._later(
                    clock.now() + player.decides_in, partial(self._decide, player, duty.subject)
                )
            elif duty.kind == "cover_absence" and player.covers:
                self._asked.add((person, duty.id))
                self._later(
                    clock.now() + player.covers_in, partial(self._cover, player, duty.subject)
                )

    def _decide(self, player: Player, hold: str) -> None:
        if Hold.objects.get(id=hold).state == "DECIDED":
            return
        count = self._decided[player.id] = self._decided.get(player.id, 0) + 1
        decision, why = player.decides[min(count, len(player.decides)) - 1]
        self._try(player, operate.decide_hold, hold=hold, decision=decision, reason=why)

    def _cover(self, player: Player, absence: str) -> None:
        if Absence.objects.get(id=absence).state == "OPEN":
            self._try(player, operate.cover_absence, absence=absence, measure=player.covers)

    def _try(self, player: Player, do: Callable[..., object], **what: str) -> None:
        """Two may answer the same thing in the same second: the second is told that it is done."""
        try:
            do(self._stage.actor(player.id), **what)
        except (Conflict, Forbidden) as error:
            self._stage.log.append(Line(clock.now(), player.role, error.message, refused=True))


__all__ = ["SEEN", "Folk"]
