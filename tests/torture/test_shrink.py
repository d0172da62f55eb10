"""Stories become short, and stay stories that fail."""

from __future__ import annotations

from collections.abc import Sequence

from tests.torture.perfect import play
from tests.torture.test_model import lose_update

from tallystick.torture.model.history import Shape, write
from tallystick.torture.model.operations import Round
from tallystick.torture.model.shrink import minimal, shrink


async def test_what_is_left_is_needed_altogether() -> None:
    async def fails(pieces: Sequence[int]) -> bool:
        return {3, 17, 18} <= set(pieces)

    assert await minimal(range(40), fails) == [3, 17, 18]


async def test_one_piece_may_be_enough_and_nothing_is_gained_where_all_is_needed() -> None:
    async def needs_one(pieces: Sequence[int]) -> bool:
        return 5 in pieces

    async def needs_all(pieces: Sequence[int]) -> bool:
        return len(pieces) == 4

    assert await minimal(range(30), needs_one) == [5]
    assert list(await minimal(range(4), needs_all)) == [0, 1, 2, 3]


async def test_a_lost_update_becomes_a_story_of_a_few_requests() -> None:
    seed = next(f"short/{number}" for number in range(50) if not play(f"short/{number}", lose_update))
    rounds = write(seed, Shape())[1]

    async def fails(tried: Sequence[Round]) -> bool:
        return not play(seed, lose_update, rounds=tuple(tried))

    short = await shrink(rounds, fails)

    assert await fails(short)
    requests = [operation for requests in short for operation in requests]
    assert len(requests) <= 6 < sum(map(len, rounds))
