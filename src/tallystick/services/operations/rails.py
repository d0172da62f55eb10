"""Rails: what they were asked and have not answered, and having them asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.ids import TransactionId, book_of_transaction
from tallystick.services.operations import audit
from tallystick.store.queries import stuck_work
from tallystick.store.queries.stuck_work import RailCase
from tallystick.store.rails import rail_events
from tallystick.store.rails.rail_events import RailEvent

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = ["RailCase", "RailEvent", "ask_again", "cases", "troubled_events"]


async def cases(
    service: Service, maximum: int, *, unknown: bool = False, after: TransactionId | None = None
) -> list[RailCase]:
    """Requests in the order of their transactions, the oldest first. `unknown`: only those that failed once."""
    return await stuck_work.rail_cases(service.pool, maximum, unknown=unknown, after=after)


async def troubled_events(service: Service, maximum: int) -> list[RailEvent]:
    """Events that could not be followed up yet, or that a person has to see to, the latest first."""
    return await rail_events.troubled(service.pool, maximum)


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
