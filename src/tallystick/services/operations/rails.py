"""Rails: what they were asked and have not answered, and having them asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.ids import TransactionId, book_of_transaction
from tallystick.services.operations import audit
from tallystick.store.queries import stuck_work
from tallystick.store.queries.stuck_work import RailCase

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = ["RailCase", "ask_again", "cases"]


async def cases(
    service: Service, maximum: int, *, unknown: bool = False, after: TransactionId | None = None
) -> list[RailCase]:
    """Requests in the order of their transactions, the oldest first. `unknown`: only those that failed once."""
    return await stuck_work.rail_cases(service.pool, maximum, unknown=unknown, after=after)


async def ask_again(service: Service, actor: Actor, transaction_id: TransactionId) -> bool:
    """Let the rail be asked now instead of later; harmless, since it knows the request by its key.

    False, and nothing is written down, when nothing waits any more. Raises MalformedIdError.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await stuck_work.ask_again(connection, book_of_transaction(transaction_id), transaction_id, now):
            return False
        await audit.record(connection, actor, "rail.ask_again", transaction_id, at=now)
    return True
