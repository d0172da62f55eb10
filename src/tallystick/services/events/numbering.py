"""Give what has happened its number: a pass of the worker, soon after. docs/decisions/180 tells why it is one.

Objects are read without a lock; what is taken out of the queue, numbered and handed to endpoints is one commit, under
the lock of the seller's last number. So whoever dies leaves either all of a batch waiting or all of it numbered.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tallystick.domain.ids import MalformedIdError, token_kind_and_book
from tallystick.domain.messages.events import AUTHORIZATION_EXPIRED, BALANCE_LOW, EXPIRED, KEY_REVOKED
from tallystick.services.events import authorizations
from tallystick.services.events.objects import STATUSES, dispute_object, key_object, transaction_object
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import access_keys
from tallystick.services.seller.manual_operations import BookContext
from tallystick.store.events import deliveries, endpoints, events
from tallystick.store.events.events import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tallystick.db.connections import Connection
    from tallystick.domain.ids import BookId
    from tallystick.services.context import Service
    from tallystick.store.events.events import EventHome, EventTransaction, QueuedEvent

AT_ONCE: Final = 500
_BATCHES_OF_A_PASS: Final = 20
_UNFINISHED: Final = frozenset({"Pending", "Reserved"})
_DISPUTE: Final = "dispute."


async def number_waiting(service: Service) -> int:
    """Number what waits, a batch of each seller's book in turn; how many. The next pass goes on where there is more."""
    done = 0
    for _ in range(_BATCHES_OF_A_PASS):
        book_id: BookId | None = None
        before = done
        while (book_id := await events.next_queue(service.pool, -1 if book_id is None else book_id)) is not None:
            done += await number_book(service, book_id)
        if done == before:
            break
    return done


async def number_book(service: Service, book_id: BookId) -> int:
    """Number a batch of a book; how many. 0 also while another process is at it.

    Raises WrongClockError: a delivery would begin when a clock that is ahead says, days too late.
    """
    home = await events.home_of(service.pool, book_id)
    if home is None:
        return 0
    waiting = await events.queue(service.pool, book_id, AT_ONCE)
    if not waiting:
        return 0
    now = service.trusted_now()
    objects = await _objects(service, home, book_id, waiting, now)
    await events.open_head(service.pool, home.home_id)
    async with service.pool.acquire() as connection, connection.transaction():
        last = await events.lock_head(connection, home.home_id)
        if last is None:
            return 0
        taken = await events.take(connection, book_id, waiting)
        told = [event for event in waiting if event.key in taken]
        numbered = _numbered(home, last, told, objects)
        if numbered:
            await events.number(connection, numbered, now)
            await _hand_out(connection, home, numbered, [event.number for event in told], now)
    return len(numbered)


async def _hand_out(
    connection: Connection, home: EventHome, numbered: list[StoredEvent], places: list[int], now: datetime
) -> None:
    """Have events delivered to the endpoints that are for them. `places`: each one's among those of its subject."""
    for endpoint in await endpoints.list_(connection, home.seller_id, home.environment):
        if not endpoint.enabled:
            continue
        wanted = [
            (event.sequence, event.subject_id)
            for event, place in zip(numbered, places, strict=True)
            if endpoint.is_for(event.type, place)
        ]
        if wanted:
            await deliveries.add(connection, home.home_id, endpoint.endpoint_id, wanted, now)


def _numbered(
    home: EventHome, last: int, taken: list[QueuedEvent], objects: dict[tuple[str, str], str]
) -> list[StoredEvent]:
    return [
        StoredEvent(home.home_id, sequence, event.type, event.subject_id, event.occurred_at, objects[event.key])
        for sequence, event in enumerate(taken, start=last + 1)
    ]


async def _objects(
    service: Service, home: EventHome, book_id: BookId, waiting: list[QueuedEvent], now: datetime
) -> dict[tuple[str, str], str]:
    """What each event holds, as JSON text, by its key."""
    parts = tuple(sorted({*home.parts, book_id}))
    books = BookContext(service, Actor(None), home.seller_id, home.environment, parts, now + home.clock_offset)
    by_kind = _by_kind(waiting)
    moved = await events.transactions(service.pool, book_id, _ids(by_kind.transactions))
    agreed = await _authorizations(books, _ids(by_kind.authorizations))
    contents = [
        *((event, _transaction(home, moved.get(event.subject_id), event)) for event in by_kind.transactions),
        *((event, agreed.get(event.subject_id)) for event in by_kind.authorizations),
        *[(event, await _dispute(books, event)) for event in by_kind.disputes],
        *[(event, await _key(service, home, event, now)) for event in by_kind.keys],
    ]
    return {event.key: msgspec.json.encode(content or _gone(event)).decode() for event, content in contents}


class _ByKind(NamedTuple):
    """Events by the kind of object that they are about."""

    transactions: list[QueuedEvent]
    authorizations: list[QueuedEvent]
    disputes: list[QueuedEvent]
    keys: list[QueuedEvent]


def _by_kind(waiting: Iterable[QueuedEvent]) -> _ByKind:
    kinds = _ByKind([], [], [], [])
    for event in waiting:
        if event.type.startswith(_DISPUTE):
            kinds.disputes.append(event)
        elif event.status is not None:
            kinds.transactions.append(event)
        elif event.type == KEY_REVOKED:
            kinds.keys.append(event)
        else:
            kinds.authorizations.append(event)
    return kinds


def _ids(of: Iterable[QueuedEvent]) -> list[str]:
    return [event.subject_id for event in of]


def _transaction(home: EventHome, known: EventTransaction | None, event: QueuedEvent) -> dict[str, Any] | None:
    if known is None:
        return None
    content = transaction_object(home.environment, known, known.sender_token_id)
    _as_it_was(content, event)
    return content


def _as_it_was(content: dict[str, Any], event: QueuedEvent) -> None:
    """A transaction may have gone on before its event got a number."""
    content["status"], content["status_code"] = STATUSES[event.status or ""], event.status_code
    if event.status in _UNFINISHED:
        content["completed_at"] = None


async def _dispute(books: BookContext, event: QueuedEvent) -> dict[str, Any] | None:
    from tallystick.services.disputes import cases  # noqa: PLC0415 - few have any

    found = await cases.find(books, event.subject_id)
    return None if found is None else dispute_object(books.environment, found, own=found.book_id in books.parts)


async def _key(service: Service, home: EventHome, event: QueuedEvent, now: datetime) -> dict[str, Any] | None:
    for use in await access_keys.with_uses(service, home.seller_id, home.environment):
        if use.key.access_key_id == event.subject_id:
            return key_object(use, now)
    return None


async def _authorizations(books: BookContext, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Those that there are, by their ids; read together: a seller may have made a hundred thousand at once."""
    wanted = []
    for one in dict.fromkeys(ids):
        with suppress(MalformedIdError):
            token_kind_and_book(one)
            wanted.append(one)
    return await authorizations.describe_all(books, wanted)


def _gone(event: QueuedEvent) -> dict[str, Any]:
    """What is left of an object that nobody has any more: its kind and its name."""
    kind = "authorization" if event.type == BALANCE_LOW else event.type.partition(".")[0]
    return {"object": kind, "id": event.subject_id}


async def expire_authorizations(service: Service) -> int:
    """Have the end of authorizations told that has come since the last pass; how many. Raises WrongClockError."""
    now, told = service.trusted_now(), 0
    for book_id, offset, since in await events.sellers(service.pool):
        book_now = now + offset
        for subject_id, is_token in await events.expired(service.pool, book_id, book_now, since, AT_ONCE):
            async with service.pool.acquire() as connection, connection.transaction():
                if await events.mark_told(connection, book_id, subject_id, now, is_token=is_token):
                    happened = (subject_id, "expired", EXPIRED, AUTHORIZATION_EXPIRED)
                    await events.enqueue(connection, book_id, [happened], book_now, now)
                    told += 1
    return told
