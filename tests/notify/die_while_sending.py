"""Run one worker pass in a process of its own; the receiver does not answer, and the test kills the process.

Arguments: database URL, the moment to run at.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from tests.support.master_key import VAULT

from tallystick.db.database import open_pool
from tallystick.processors.rails import Rails
from tallystick.services.context import Service
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.settings import Settings
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.worker import Worker


async def main(database_url: str, moment: str) -> None:
    now = datetime.fromisoformat(moment)
    settings = Settings(
        public_url="https://pay.example", allow_private_notification_targets=True, notification_timeout_ms=60_000
    )
    async with await open_pool(database_url, max_size=4) as pool:
        committer = Committer(pool, Rules(read_fee_schedules(None), simulate_faults=False), lambda: now)
        service = Service(settings, pool, committer, VAULT, lambda: now)
        await Worker(service, Rails()).step()


asyncio.run(main(*sys.argv[1:]))
