"""All about a person as one JSON file: who they are, what they agreed to, and everything that came of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.domain.money import USD, format_amount
from tallystick.services.buyer import history
from tallystick.services.buyer.history import EntryKind, HistoryEntry
from tallystick.store.accounts import personal_data
from tallystick.store.queries import authorizations

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.process.downloads import Download
    from tallystick.store.accounts.parties import Party
    from tallystick.store.queries.authorizations import Authorization

_CHUNK: Final = 16 * 1024


def file_name(service: Service) -> str:
    """What the file is called."""
    return f"tallystick-data-{service.clock():%Y-%m-%d}.json"


def export(service: Service, party: Party, kind_in_words: Callable[[EntryKind], str]) -> AsyncIterator[bytes]:
    """The file in pieces, however much there is. Amounts are text with six decimals; moments are UTC.

    `kind_in_words` says what an entry of a history is, in the reader's language. Raises TooManyDownloadsError.
    """
    download = service.downloads.begin(party.party_id)
    return download.send(_gathered(_as_json(service, party, kind_in_words), download))


async def _gathered(items: AsyncIterator[bytes], download: Download) -> AsyncGenerator[bytes, None]:
    """The same bytes in larger pieces: each costs a turn, and a message to the client."""
    waiting: list[bytes] = []
    size = 0
    async for item in items:
        waiting.append(item)
        size += len(item)
        if size > _CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
        await download.row_written()
    yield b"".join(waiting)


async def _as_json(service: Service, party: Party, kind_in_words: Callable[[EntryKind], str]) -> AsyncIterator[bytes]:
    yield b"{" + _field("made_at", service.clock()) + b",\n"
    async with service.pool.acquire() as connection, connection.transaction(readonly=True):
        for section in personal_data.SECTIONS:
            yield b'"%s": [' % section.encode()
            async for piece in _separated(personal_data.tell(connection, party.party_id, section)):
                yield piece
            yield b"],\n"
    yield b'"authorizations": ['
    for number, authorization in enumerate(await authorizations.authorizations_of(service.pool, party.party_id, None)):
        head = msgspec.json.encode(_authorization(authorization))
        yield (b",\n" if number else b"\n") + head.removesuffix(b"}") + b', "history": ['
        async for piece in _separated(_history(service, authorization, kind_in_words)):
            yield piece
        yield b"]}"
    yield b"]\n}\n"


async def _separated(items: AsyncIterator[str]) -> AsyncIterator[bytes]:
    before = "\n"
    async for item in items:
        yield (before + item).encode()
        before = ",\n"


async def _history(
    service: Service, authorization: Authorization, kind_in_words: Callable[[EntryKind], str]
) -> AsyncIterator[str]:
    async for entry in history.entries(service, authorization):
        kind = kind_in_words(history.kind_of(entry, authorization))
        yield msgspec.json.encode(_entry(entry, kind)).decode()


def _field(name: str, value: object) -> bytes:
    return msgspec.json.encode(name) + b": " + msgspec.json.encode(value)


def _authorization(authorization: Authorization) -> dict[str, Any]:
    source = authorization.source
    holdings = authorization.holdings
    return {
        "id": authorization.authorization_id,
        "seller": authorization.seller_name,
        "environment": authorization.environment,
        "currency": USD,
        "purpose": authorization.purpose,
        "given_at": authorization.created_at,
        "valid_from": authorization.valid_from,
        "expires_at": authorization.expires_at,
        "cancelled_at": authorization.cancelled_at,
        "reason": authorization.payment_reason,
        "instruction": authorization.instruction,
        "paid_from": None if source is None else source.method,
        "payment_method_id": None if source is None else source.payment_method_id,
        "spent": format_amount(authorization.spent_micros),
        "pending": format_amount(authorization.pending_micros),
        "balance": None if holdings is None else format_amount(holdings.balance_micros),
        "limit": None if holdings is None else format_amount(holdings.limit_micros),
    }


def _entry(entry: HistoryEntry, kind: str) -> dict[str, Any]:
    return {
        "transaction_id": entry.transaction_id,
        "at": entry.at,
        "kind": kind,
        "status": entry.status,
        "description": entry.description,
        "amount": format_amount(entry.amount_micros),
        "change": format_amount(entry.change_micros),
        "balance_after": format_amount(entry.running_micros),
    }
