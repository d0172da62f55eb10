"""Make a story short: leave out what the failure does not need. Delta debugging, by Zeller and Hildebrandt (2002)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from tallystick.torture.model.operations import Round

Piece = TypeVar("Piece")


async def shrink(rounds: Sequence[Round], fails: Callable[[Sequence[Round]], Awaitable[bool]]) -> Sequence[Round]:
    """The shortest failing story that can be reached: first without whole rounds, then without single requests.

    `fails` plays a story and tells whether it still fails; it may say no to put an end to it.
    """

    async def fails_flat(requests: Sequence[tuple[int, int]]) -> bool:
        return await fails(_grouped(rounds, requests))

    kept = await minimal(rounds, fails)
    rounds = kept
    flat = [(number, place) for number, requests in enumerate(rounds) for place in range(len(requests))]
    return _grouped(rounds, await minimal(flat, fails_flat))


def _grouped(rounds: Sequence[Round], chosen: Sequence[tuple[int, int]]) -> list[Round]:
    found: dict[int, list[int]] = {}
    for number, place in chosen:
        found.setdefault(number, []).append(place)
    return [tuple(rounds[number][place] for place in places) for number, places in sorted(found.items())]


async def minimal(pieces: Sequence[Piece], fails: Callable[[Sequence[Piece]], Awaitable[bool]]) -> Sequence[Piece]:
    """A part of `pieces` that still fails, and does so no longer without any one of its pieces."""
    parts = 2
    while len(pieces) > 1:
        size = -(-len(pieces) // parts)
        for start in range(0, len(pieces), size):
            rest = [*pieces[:start], *pieces[start + size :]]
            if rest and await fails(rest):
                pieces, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(len(pieces), parts * 2)
    return pieces
