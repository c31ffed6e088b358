"""NATS JetStream: messages numbered by the stream, read by partition, so that any number of processes share one stream.

The cursor is the stream's own number of the last message taken; it is kept with the records, so the server needs to
remember
nothing about us and no acknowledgement can be lost: a session asks for what comes after it. Messages that the server
has
thrown away before we read them are a gap with a count. Who publishes puts each message on `<subject>.<partition>`;
NATS does
that by a subject mapping with `partition(n, …)`. Within a partition order is kept; partitions do not wait for each
other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from msgspec import Struct

from tocsin.collect.sources.batch import Broken, Cursor
from tocsin.collect.sources.mapping import Mapping, Shaper
from tocsin.collect.sources.rows import json_row, row_decoder
from tocsin.collect.sources.streams import PART, PAUSE_S, Gap, Part
from tocsin.collect.terms import FailReason, Item, Permanence, Refused

_DEFAULT = Mapping(fields={"key": "id", "text": "text"}, optional=("key",))
_SEQUENCE = "seq"
_AT_ONCE = 250  # messages asked for at a time


class NatsSource(Struct, frozen=True, forbid_unknown_fields=True):
    """A stream on a server (`nats://` or `tls://`). With `partitions` above 1 the messages lie on `<subject>.0` … ;
    `mapping` = how their JSON maps. `password_env` names the variable with the token."""

    url: str
    stream: str
    subject: str
    partitions: int = 1
    mapping: Mapping = _DEFAULT
    password_env: str = ""
    timeout_seconds: float = 10.0


class NatsStream:
    """One partition of a stream, read by one connection."""

    def __init__(self, source: NatsSource, partition: int = 0, *, token: str = "") -> None:
        self._source = source
        self._token = token
        one = source.partitions == 1
        self._subject = source.subject if one else f"{source.subject}.{partition}"
        self._shaper = Shaper(source.mapping)
        self._decoder = row_decoder(self._shaper)

    def parts(self, cursor: Cursor) -> Iterator[Part]:
        """See `Stream.parts`."""
        last = int(cursor.get(_SEQUENCE, "0"))
        loop = asyncio.new_event_loop()
        client: Any = None
        try:
            client, pull, gap = loop.run_until_complete(self._open(last))
            if gap is not None:
                yield Part([], dict(cursor), [gap])
            seen = 0
            while True:
                messages = loop.run_until_complete(self._fetch(client, pull))
                for (
                    message
                ) in messages:  # a lost delivery would be a hole in the consumer's own numbers
                    seen += 1
                    if message.metadata.sequence.consumer != seen:
                        raise _lost("A message was lost on the way; asking for it again.")
                part, last = self._part(messages, last)
                yield part
        except (OSError, TimeoutError) as error:
            raise _lost(f"The server cannot be reached: {error!s:.200}") from error
        except Exception as error:
            if isinstance(error, Broken) or not type(error).__module__.startswith("nats"):
                raise
            raise _lost(f"The server said: {error!s:.200}") from error
        finally:
            if client is not None:
                loop.run_until_complete(_close(client))
            loop.close()

    async def _open(self, last: int) -> tuple[Any, Any, Gap | None]:
        import nats  # noqa: PLC0415 - only who streams pays for it
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy  # noqa: PLC0415

        async def quiet(_: Exception) -> None:
            """What breaks is raised where it is read."""

        client = await nats.connect(
            self._source.url,
            connect_timeout=int(self._source.timeout_seconds),
            allow_reconnect=False,
            token=self._token or None,
            error_cb=quiet,
        )
        js = client.jetstream(timeout=self._source.timeout_seconds)
        state = (await js.stream_info(self._source.stream)).state
        if state.last_seq < last:
            await _close(client)
            raise Broken(
                FailReason.PROTOCOL,
                Permanence.PERMANENT,
                f"The stream ends at {state.last_seq}, but {last} was taken: it was emptied and begun anew.",
                cure="Make a new source for it.",
            )
        start = last + 1
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=start,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=60.0,
            mem_storage=True,
        )
        pull = await js.pull_subscribe(self._subject, stream=self._source.stream, config=config)
        missed = state.first_seq - start
        gap = None
        if missed > 0 and last:
            gap = Gap(f"The stream no longer held up to {missed:,} messages.", missed=missed)
        return client, pull, gap

    async def _fetch(self, client: Any, pull: Any) -> list[Any]:
        """What is there, at most a part; waits no longer than the pause."""
        found: list[Any] = []
        while len(found) < PART:
            try:
                batch = await pull.fetch(_AT_ONCE, timeout=PAUSE_S if not found else 0.05)
            except TimeoutError:
                break
            found += batch
            if len(batch) < _AT_ONCE:
                break
        if not found and not client.is_connected:
            raise _lost("The server ended the connection.")
        return found

    def _part(self, messages: list[Any], last: int) -> tuple[Part, int]:
        records: list[Item | Refused] = []
        again = 0
        for message in messages:
            sequence = message.metadata.sequence.stream
            if sequence <= last:
                again += 1
                continue
            last = sequence
            records.append(
                json_row(message.data, f"message {sequence}", self._decoder, self._shaper)
            )
        return Part(records, {_SEQUENCE: str(last)}, again=again), last


async def _close(client: Any) -> None:
    """Let go of the server, whatever state the connection is in."""
    with suppress(Exception):  # it is gone either way
        await asyncio.wait_for(client.close(), 2)


def _lost(said: str) -> Broken:
    return Broken(FailReason.UNREACHABLE, Permanence.TEMPORARY, said)
