"""A seller who is notified of each payment, for as long as that is measured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tallystick.bench.target.sellers import BenchmarkSeller
from tallystick.domain.ids import transaction_ids_from
from tallystick.services.context import Service
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import notification_settings
from tallystick.store.keys.access_keys import SANDBOX


@dataclass(slots=True)
class Notified:
    """What a seller was told. `delivered`: how many notifications had arrived when it ended."""

    delivered: int = 0


@asynccontextmanager
async def notified(service: Service, seller: BenchmarkSeller, url: str) -> AsyncIterator[Notified]:
    """While this is open the seller hears of each payment at `url`, also of those that the answer tells of.

    What could not be sent until the end is not sent any more, so that it takes no time of what is measured next.
    """
    told, since = Notified(), transaction_ids_from(int(service.clock().timestamp() * 1000))
    actor, party_id = Actor.command("bench"), seller.key.party_id
    await notification_settings.save(service, actor, party_id, SANDBOX, url=url, immediate=True)
    try:
        yield told
    finally:
        await notification_settings.save(service, actor, party_id, SANDBOX, url=None, immediate=False)
    told.delivered = await service.pool.fetchval(
        "SELECT count(*) FROM outbox WHERE book_id = $1 AND subject_id >= $2 AND delivered_at IS NOT NULL",
        seller.book_id,
        since,
    )
