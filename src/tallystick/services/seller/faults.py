"""Faults on order in a sandbox: place one, take it back, let go what it holds. Each change is in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.environments import SANDBOX
from tallystick.services.operations import audit
from tallystick.store.rails import ordered_faults
from tallystick.store.rails.ordered_faults import DECLINES, MAX_WAITING, OPERATIONS, OrderedFault, TooManyFaultsError

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.domain.rails.commands import RailOperation
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "DECLINES",
    "MAX_WAITING",
    "OPERATIONS",
    "OrderedFault",
    "TooManyFaultsError",
    "exists",
    "find",
    "of_book",
    "place",
    "release",
    "take_back",
]


async def place(
    service: Service, actor: Actor, seller_id: PartyId, book_id: BookId, operation: RailOperation, decline: str | None
) -> str:
    """Let the next order of a kind fail with a status code, or with None stay unanswered; the fault's id.

    Raises TooManyFaultsError.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        fault_id = await ordered_faults.place(connection, book_id, operation, decline, now)
        await audit.record(
            connection,
            actor,
            "fault.order",
            operation.value,
            business_id=seller_id,
            environment=SANDBOX,
            details={"outcome": "hold" if decline is None else decline},
            at=now,
        )
    return fault_id


async def take_back(service: Service, actor: Actor, seller_id: PartyId, book_id: BookId, fault_id: str) -> bool:
    """Forget a fault that has met no order yet; False, and nothing is written down, when it has, or there is none."""
    async with service.pool.acquire() as connection, connection.transaction():
        if not await ordered_faults.take_back(connection, book_id, fault_id):
            return False
        await audit.record(
            connection,
            actor,
            "fault.remove",
            fault_id,
            business_id=seller_id,
            environment=SANDBOX,
            at=service.clock(),
        )
    return True


async def release(
    service: Service, actor: Actor, seller_id: PartyId, book_id: BookId, fault_id: str, decline: str | None
) -> bool:
    """Let an order go that was left unanswered: it is declined, or with None goes well.

    False, and nothing is written down: nothing was held.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await ordered_faults.release(connection, book_id, fault_id, decline, now):
            return False
        await audit.record(
            connection,
            actor,
            "fault.release",
            fault_id,
            business_id=seller_id,
            environment=SANDBOX,
            details={"outcome": "pay" if decline is None else decline},
            at=now,
        )
    return True


async def exists(service: Service, book_id: BookId, fault_id: str) -> bool:
    """Whether a book has this fault, whatever became of it."""
    return await ordered_faults.exists(service.pool, book_id, fault_id)


async def find(service: Service, book_id: BookId, fault_id: str) -> OrderedFault | None:
    """One of a book's, whatever became of it."""
    return await ordered_faults.find(service.pool, book_id, fault_id)


async def of_book(service: Service, book_id: BookId, maximum: int) -> list[OrderedFault]:
    """Those that wait for an order, those that hold one, then the latest others."""
    return await ordered_faults.of_book(service.pool, book_id, maximum)
