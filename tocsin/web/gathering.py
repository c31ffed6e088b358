"""Many small requests as few large ones: what comes within a moment is done together, one batch after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")


class Gathering(Generic[Given, Found]):
    """`do` takes many and answers each, in their order. `wait_s` = how long the first waits for others; what comes
    while a batch is being done waits for the next. Raises, from `take`: whatever `do` raised for the batch."""

    def __init__(
        self,
        do: Callable[[list[Given]], Awaitable[Sequence[Found]]],
        *,
        wait_s: float = 0.0,
        most: int = 1000,
    ) -> None:
        self._do, self._wait_s, self._most = do, wait_s, most
        self._waiting: list[tuple[Given, asyncio.Future[Found]]] = []
        self._task: asyncio.Task[None] | None = None

    async def take(self, given: Given) -> Found:
        """Have this done together with whatever else waits; returns its own answer."""
        done: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._wait_s)
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            found: Sequence[Any]
            try:
                found = await self._do([given for given, _ in batch])
            except Exception as e:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                for _, done in batch:
                    if not done.done():
                        done.set_exception(e)
                continue
            for (_, done), answer in zip(batch, found, strict=True):
                if not done.done():
                    done.set_result(answer)
