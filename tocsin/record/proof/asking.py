"""Asking the witnesses for their signature under each new checkpoint, and what stands of their answers.

Follows the newest checkpoint: may run anywhere, any number of times. A witness that is asked twice answers
twice, and its signature is kept once.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import httpx
from django.db import connection

from tocsin.kernel import clock, settings
from tocsin.kernel.errors import TocsinError
from tocsin.record.models import Checkpoint, Cosignature, WitnessState
from tocsin.record.note import Note, Signature, parse_signatures
from tocsin.record.proof.policy import BadPolicy, Policy, Witness, parse
from tocsin.record.proof.published import newest, prove_consistency

_THIN = """
DELETE FROM record_cosignature c WHERE kept_at < %s AND EXISTS (
    SELECT 1 FROM record_cosignature d WHERE d.name = c.name AND d.key_id = c.key_id AND d.size > c.size
    AND date_trunc('hour', d.kept_at) = date_trunc('hour', c.kept_at)
)
"""

log = logging.getLogger("tocsin.record")
TIMEOUT_S = 4.0
BACK_OFF = (timedelta(seconds=2), timedelta(seconds=5), timedelta(seconds=15), timedelta(minutes=1))
# Under load a checkpoint is signed every second; a cosignature is 3 KB.
ASK_EVERY = timedelta(seconds=4)
# A quiet record is vouched for anew: that nothing was taken back.
AGAIN_EVERY = timedelta(minutes=5)
MAX_ANSWER_BYTES = 64 * 1024


class Wrong(StrEnum):
    """What is the matter with a witness, or what it holds against us."""

    SILENT = "silent"
    BAD_ANSWER = "bad_answer"
    UNKNOWN_LOG = "unknown_log"
    UNTRUSTED_KEY = "untrusted_key"
    ROLLED_BACK = "rolled_back"
    FORKED = "forked"
    REWRITTEN = "rewritten"

    @property
    def accuses(self) -> bool:
        """Whether the witness says that this record is not the one it saw grow."""
        return self in (Wrong.ROLLED_BACK, Wrong.FORKED, Wrong.REWRITTEN)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: HTTP status (0 = nothing came), body, and why nothing came."""

    status: int
    body: bytes = b""
    why: str = ""

    @property
    def size(self) -> int | None:
        """The size a witness tells with 409."""
        text = self.body.decode("ascii", "replace").removesuffix("\n")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


@dataclass(slots=True)
class _Asked:
    """One witness (by its address) and how we stand with it, while it is being asked."""

    url: str
    keys: tuple[Witness, ...]
    state: WitnessState
    reply: Reply = Reply(0)

    @property
    def names(self) -> str:
        return ", ".join(dict.fromkeys(w.key.name for w in self.keys))


def ask_due() -> int:
    """Ask every witness that has not cosigned the newest checkpoint; returns how many did now.

    1. All are asked at once; none waits for a slow one.
    2. One that says it stands at another size is asked again from there.
    3. What each answered is checked by its key and kept, or said in words.
    """
    policy, last = current_policy(), newest()
    if policy is None or last is None:
        return 0
    due = _due(policy, last)
    if not due:
        return 0
    _ask(due, last)
    again = [a for a in due if _elsewhere(a, last)]
    if again:
        for asked in again:
            asked.state.size = asked.reply.size or 0
        _ask(again, last)
    return sum(_settle(asked, last) for asked in due)


def current_policy() -> Policy | None:
    """The policy of the settings, or None. Raises: BadPolicy."""
    path = settings.current().witness_policy
    if path is None:
        return None
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        raise BadPolicy(
            f"{path} cannot be read", field="witness_policy", cure="Check the path."
        ) from error


@lru_cache(maxsize=2)
def _read(path: Path, _: int) -> Policy:
    return parse(path.read_text())


def _due(policy: Policy, last: Checkpoint) -> list[_Asked]:
    by_url: dict[str, list[Witness]] = {}
    for witness in policy.witnesses:
        if witness.url:
            by_url.setdefault(witness.url.rstrip("/"), []).append(witness)
    states = WitnessState.objects.in_bulk(by_url)
    now, found = clock.now(), []
    for url, keys in by_url.items():
        state = states.get(url) or WitnessState(url=url)
        wait = BACK_OFF[min(state.failures, len(BACK_OFF)) - 1] if state.failures else ASK_EVERY
        # abs: a clock that was set back must not silence us.
        rested = state.tried_at is None or abs(now - state.tried_at) >= wait
        grown = state.size < last.size or bool(state.wrong)
        quiet = state.tried_at is None or abs(now - state.tried_at) >= AGAIN_EVERY
        if rested and (grown or quiet):
            found.append(_Asked(url, tuple(keys), state))
    return found


def _ask(due: list[_Asked], last: Checkpoint) -> None:
    bodies = [_request(min(asked.state.size, last.size), last) for asked in due]
    with ThreadPoolExecutor(len(due)) as pool, httpx.Client(timeout=TIMEOUT_S) as client:
        urls = [f"{asked.url}/add-checkpoint" for asked in due]
        replies = pool.map(lambda pair: _post(client, *pair), zip(urls, bodies, strict=True))
        for asked, reply in zip(due, replies, strict=True):
            asked.reply = reply


def _request(old: int, last: Checkpoint) -> bytes:
    proof = prove_consistency(old, last.size)
    lines = [f"old {old}", *(base64.b64encode(part).decode() for part in proof), "", last.note]
    return "\n".join(lines).encode()


def _post(client: httpx.Client, url: str, body: bytes) -> Reply:
    """Send and take the answer, whatever it is: nothing a witness does may stop the others."""
    try:
        answer = client.post(url, content=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Reply(0, why=f"{type(error).__name__}: {error}".rstrip(": "))
    if len(answer.content) > MAX_ANSWER_BYTES:
        return Reply(answer.status_code, why="its answer is far too long")
    return Reply(answer.status_code, answer.content)


def _elsewhere(asked: _Asked, last: Checkpoint) -> bool:
    size = asked.reply.size
    return (
        asked.reply.status == 409
        and size is not None
        and size <= last.size
        and size != asked.state.size
    )


def _settle(asked: _Asked, last: Checkpoint) -> bool:
    """Keep what a witness answered; whether it cosigned."""
    state, now = asked.state, clock.now()
    code, wrong = _judge(asked, last)
    kept = not code and _keep(asked, last, now)
    if not code and not kept:
        code = Wrong.BAD_ANSWER
        wrong = "its answer holds no signature by the key that the policy gives it"
    state.tried_at = now
    state.failures = state.failures + 1 if code else 0
    if code and wrong != state.wrong:
        log.error("witness %s: %s", asked.names, wrong)
    state.code, state.wrong = code or "", wrong
    if kept:
        if state.cosigned_at and state.cosigned_at.hour != now.hour:
            _thin(now)
        state.size, state.cosigned_at = last.size, now
    state.save()
    return kept


def _judge(asked: _Asked, last: Checkpoint) -> tuple[Wrong | None, str]:
    """What is wrong, by the answer: its code and words; (None, "") when it cosigned."""
    reply, size = asked.reply, f"{last.size:,}"
    match reply.status:
        case 200 if not reply.why:
            return None, ""
        case 0:
            return Wrong.SILENT, f"does not answer ({reply.why})"
        case 404:
            return Wrong.UNKNOWN_LOG, "does not watch this record: give it our record.vkey"
        case 403:
            return Wrong.UNTRUSTED_KEY, (
                "does not know the key this record is signed with: the key was changed, or never given to it"
            )
        case 422:
            return Wrong.REWRITTEN, (
                f"saw a record of {asked.state.size:,} entries that is not the beginning of this one: "
                "entries were changed, dropped or moved, and the record signed again"
            )
        case 409 if (theirs := reply.size) is not None:
            return _judge_conflict(theirs, last)
        case status:
            return Wrong.BAD_ANSWER, f"refused {size} entries with status {status}"


def _judge_conflict(theirs: int, last: Checkpoint) -> tuple[Wrong | None, str]:
    if theirs == last.size:
        return Wrong.FORKED, (
            f"saw another record of {theirs:,} entries, signed with our key: there are two records"
        )
    now = newest()
    if theirs > last.size and (now is None or theirs > now.size):
        return Wrong.ROLLED_BACK, (
            f"saw {theirs:,} entries, and this record has only {last.size:,}: "
            "an older copy was put in its place"
        )
    return Wrong.BAD_ANSWER, f"was asked at another moment too and stands at {theirs:,} entries"


def _keep(asked: _Asked, last: Checkpoint, now: datetime) -> bool:
    """Keep each signature by a key the policy knows; whether there was one."""
    text = Note.parse(last.note.encode()).text
    good = []
    for signature, at, witness in _signatures(asked, text):
        good.append(
            Cosignature(
                size=last.size,
                name=witness.name,
                key_id=signature.key_id.hex(),
                line=signature.line(),
                said_at=at,
                kept_at=now,
            )
        )
    Cosignature.objects.bulk_create(
        good,
        update_conflicts=True,
        unique_fields=["size", "name", "key_id"],
        update_fields=["line", "said_at", "kept_at"],
    )
    return bool(good)


def _thin(now: datetime) -> None:
    """Of each hour before this one, keep the last cosignature by each key: it vouches for those before it."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_THIN, [hour])


def _signatures(asked: _Asked, text: str) -> Iterable[tuple[Signature, datetime, Witness]]:
    by_id = {(w.key.name, w.key.key_id): w for w in asked.keys}
    try:
        lines = parse_signatures(asked.reply.body.decode())
    except (TocsinError, UnicodeDecodeError):
        return
    for signature in lines:
        witness = by_id.get((signature.name, signature.key_id))
        if witness is None:
            continue  # by a key that nobody here knows: the protocol says to pass over it
        try:
            at = witness.key.verify(text, signature)
        except TocsinError:
            continue
        if at is not None:
            yield signature, at, witness
