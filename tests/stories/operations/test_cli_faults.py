"""Faults on order by command: placed, listed, taken back, and let go."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conftest import MakeDatabase
from tests.stories.operations.program import Command, Ended
from tests.support.books import new_seller
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT

from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import RailOperation
from tallystick.settings import Settings
from tallystick.store.rails import ordered_faults
from tallystick.wiring import open_service


async def test_a_fault_is_ordered_met_and_released(
    make_migrated: MakeDatabase, tmp_path: Path, command: Command
) -> None:
    url, clock = await make_migrated(), TestClock(datetime.now(UTC))
    environment = {
        "TALLYSTICK_DATABASE_URL": url,
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
    }
    settings = Settings(data_directory=tmp_path, database_url=url, public_url="", master_key=MASTER_KEY)

    async def fault(*words: str) -> Ended:
        named = ("--account", "shop@music.example", "--json")
        return await command("sandbox", "fault", *words, *named, settings=environment)

    async def told(*words: str) -> Any:  # noqa: ANN401 - JSON
        ended = await fault(*words)
        assert ended.status == 0, ended.complaint
        return json.loads(ended.out)

    async with open_service(settings, clock) as service:
        _, key, books = await new_seller(service, clock, "shop@music.example")
        buyer = await books.funded_buyer("1.00")
        payment = await books.pay(buyer, "0.10")
        assert isinstance(payment, Accepted)
        assert key.book_id is not None

        held = (await told("order", "--meets", "charge", "--outcome", "pending"))["fault"]
        declined = (await told("order", "--meets", "hold", "--outcome", "TransactionDenied"))["fault"]
        by_id = {one["fault"]: one for one in await told("list")}
        assert {one["state"] for one in by_id.values()} == {"waits"}
        assert (by_id[held]["meets"], by_id[held]["outcome"]) == ("charge", "pending")
        assert (by_id[declined]["meets"], by_id[declined]["outcome"]) == ("hold", "TransactionDenied")

        nothing_held = await fault("release", held)
        assert (nothing_held.status, "holds nothing" in nothing_held.complaint) == (1, True)
        assert await told("remove", declined) == {"removed": declined}
        gone = await fault("remove", declined)
        assert (gone.status, "there is no fault" in gone.complaint) == (2, True)

        order = f"{payment.transaction_id}.charge"
        met = await ordered_faults.met_by(service.pool, order, RailOperation.CHARGE, clock())
        assert met is not None
        assert met.fault_id == held
        (listed,) = await told("list")
        assert (listed["state"], listed["transaction_id"]) == ("holds", payment.transaction_id)
        too_late = await fault("remove", held)
        assert (too_late.status, "stays met" in too_late.complaint) == (1, True)
        assert await told("release", held, "--outcome", "TemporaryDecline") == {"released": held}
        released = await ordered_faults.met_by(service.pool, order, RailOperation.CHARGE, clock())
        assert released is not None
        assert (released.holding, released.decline) == (False, "TemporaryDecline")
