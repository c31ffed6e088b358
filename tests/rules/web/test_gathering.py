"""Many small requests as few large ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tocsin.web.gathering import Gathering


def test_what_comes_within_a_moment_is_done_together_and_each_gets_its_own_answer() -> None:
    batches: list[list[int]] = []

    async def do(given: list[int]) -> Sequence[int]:
        batches.append(given)
        await asyncio.sleep(0)
        return [n * 10 for n in given]

    async def all_of_it() -> list[int]:
        gathering: Gathering[int, int] = Gathering(do, most=3)
        return list(await asyncio.gather(*(gathering.take(n) for n in range(5))))

    assert asyncio.run(all_of_it()) == [0, 10, 20, 30, 40]
    assert batches == [[0, 1, 2], [3, 4]]


def test_a_batch_that_fails_says_so_to_each_and_the_next_goes_on() -> None:
    async def do(given: list[int]) -> Sequence[int]:
        if 1 in given:
            raise ValueError("no")
        return given

    async def all_of_it() -> list[int | BaseException]:
        gathering: Gathering[int, int] = Gathering(do, most=2)
        takes = (gathering.take(n) for n in (1, 2, 3))
        return list(await asyncio.gather(*takes, return_exceptions=True))

    first, second, third = asyncio.run(all_of_it())
    assert isinstance(first, ValueError)
    assert isinstance(second, ValueError)
    assert third == 3


def test_who_went_away_while_waiting_holds_up_nobody() -> None:
    async def do(given: list[int]) -> Sequence[int]:
        return given

    async def all_of_it() -> int:
        gathering: Gathering[int, int] = Gathering(do, wait_s=0.01)
        gone = asyncio.create_task(gathering.take(1))
        await asyncio.sleep(0)
        gone.cancel()
        found = await gathering.take(2)
        with pytest.raises(asyncio.CancelledError):
            await gone
        return found

    assert asyncio.run(all_of_it()) == 2
