"""Run one worker pass in a process of its own, with a rail that never answers: the test kills the process there.

Arguments: database URL, `before` or `after` (did the rail take the money?), the moment to run at.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.support.fake_rail import FakeRail
from tests.support.master_key import VAULT

from tallystick.db.database import open_pool
from tallystick.processors.rail import RailAnswer, RailOrder
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.settings import Settings
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.worker import Worker


@dataclass(frozen=True)
class SilentRail(FakeRail):
    rail: SimulatedRail
    takes_money: bool

    async def perform(self, order: RailOrder) -> RailAnswer:
        if self.takes_money:
            await self.rail.perform(order)
        print("at the rail", flush=True)  # noqa: T201 - the parent waits for it
        await asyncio.sleep(3600)
        raise AssertionError("the parent should have killed this process")


async def main(database_url: str, when: str, moment: str) -> None:
    now = datetime.fromisoformat(moment)
    async with await open_pool(database_url, max_size=4) as pool:
        committer = Committer(pool, Rules(read_fee_schedules(None), simulate_faults=False), lambda: now)
        service = Service(Settings(), pool, committer, VAULT, lambda: now)
        rail = SimulatedRail(pool, lambda: now, timedelta(0), faults=False)
        await Worker(service, Rails((SilentRail(rail, takes_money=when == "after"),))).step()


asyncio.run(main(*sys.argv[1:]))
