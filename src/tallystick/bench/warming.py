"""What happens before anything is measured: all that will be charged is charged once, and the worker comes to rest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from tallystick.bench.cases import JSON, PAY, PLAIN, WARM_UP, WARM_UPS_BESIDE
from tallystick.bench.load.slices import Slice
from tallystick.bench.target.sellers import Progress
from tallystick.bench.target.service import Target
from tallystick.bench.target.sizes import events_waiting
from tallystick.db.connections import Database
from tallystick.store.ledger.running.proof import MARGIN, last_proof

WARMING_CLIENTS: Final = 64
CALM_SECONDS: Final = 600
_LOOK_SECONDS: Final = 1


async def warm_up(target: Target, server: str = PLAIN, *, in_json: bool = False) -> Sequence[Slice]:
    """Charge what a server's cases charge once, so that it is known there: only a first charge is read for.

    `in_json`: what is charged in JSON, once more, in JSON. Raises LoadError.
    """
    if server == PLAIN:
        charged = target.charged_by(WARM_UP)
        slices = [await target.every(WARM_UP, WARMING_CLIENTS, sum(len(one.tokens) for one in charged))]
        if in_json:
            slices.append(await target.every(JSON, WARMING_CLIENTS, len(target.sellers[0].balances)))
        return slices
    case = replace(PAY, name=f"{WARM_UP.name} of {server}", server=server)
    count = WARM_UPS_BESIDE[server] * len(target.sellers[0].balances)
    return [await target.every(case, WARMING_CLIENTS, count)]


async def until_calm(database: Database, progress: Progress, seconds: float = CALM_SECONDS) -> list[str]:
    """Wait until the worker has told of all that was made; so long at most, which is a warning then."""
    there = left = await events_waiting(database)
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while left and loop.time() < until:
        progress("numbering events", there - left, there)
        await asyncio.sleep(_LOOK_SECONDS)
        left = await events_waiting(database)
    progress("numbering events", there, there)
    return [f"{left:,} events waited for the worker as measuring began: it took part of the time"] if left else []


async def until_proven(
    database: Database, since: datetime, progress: Progress, seconds: float = CALM_SECONDS
) -> list[str]:
    """Wait until the running proof has looked at all that was there at `since`; so long at most, as above.

    Of millions of payments that nobody made, but which were filled in, a proof takes minutes. What is younger than its
    margin it may leave to the next run.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    progress("proving what was filled in", 0, 1)
    while (proof := await last_proof(database)) is None or proof.proven_at - MARGIN < since:
        if loop.time() >= until:
            return ["the running proof was not done as measuring began: it took part of the time"]
        await asyncio.sleep(_LOOK_SECONDS)
    progress("proving what was filled in", 1, 1)
    return []
