"""What sellers owe for disputes, because their cash did not cover it: taken from what comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.rails.commands import CollectDue
from tallystick.store.queries import disputes

if TYPE_CHECKING:
    from tallystick.services.context import Service

MAX_AT_ONCE: Final = 200


async def collect_dues(service: Service) -> int:
    """Take from sellers' cash what they still owe for disputes; of how many something was taken."""
    collected = 0
    for book_id, dispute_id, original_id in await disputes.with_dues(service.pool, MAX_AT_ONCE):
        before = await disputes.find(service.pool, book_id, dispute_id)
        await service.committer.perform(book_id, CollectDue(dispute_id, original_id))
        after = await disputes.find(service.pool, book_id, dispute_id)
        collected += before is not None and after is not None and before.due_micros != after.due_micros
    return collected
