"""Which balances sellers pay back when their buyers ask for it, and the buyers who have asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.decide.outgoing.redemption import Redemption
from tallystick.domain.ids import BookId, InstrumentId, PartyId

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("redemptions.sql", __package__)


@dataclass(frozen=True, slots=True)
class RedemptionRequest:
    """A buyer who asked for what is left of a balance, in micro-units.

    `paid_micros`: what its refunds came to; None: it is not over yet. `refused`: why nothing was paid back.
    """

    book_id: BookId
    redemption_id: str
    instrument_id: InstrumentId
    asked_by: PartyId
    amount_micros: int
    asked_at: datetime
    ended_at: datetime | None = None
    paid_micros: int | None = None
    refused: str | None = None


async def policies(
    database: Database, sellers: Collection[tuple[PartyId, str]]
) -> dict[tuple[PartyId, str], Redemption]:
    """What sellers chose, by seller and environment; those who pay nothing back by themselves are not in it."""
    if not sellers:
        return {}
    ids, environments = zip(*sorted(set(sellers)), strict=True)
    rows = await database.fetch(_SQL["policies"], [*ids], [*environments])
    return {(PartyId(row["business_id"]), row["environment"]): Redemption(row["up_to_micros"]) for row in rows}


async def set_policy(
    database: Database, business_id: PartyId, environment: str, chosen: Redemption, now: datetime
) -> None:
    """Choose for all of a seller's balances, from now on."""
    if chosen.up_to_micros == 0:
        await database.execute(_SQL["end_policy"], business_id, environment)
    else:
        await database.execute(_SQL["set_policy"], business_id, environment, chosen.up_to_micros, now)


async def promised(database: Database, book_id: BookId, balances: Collection[str]) -> dict[str, Redemption]:
    """What the pages said on which these balances of a book were agreed to; nothing for those that did not say it."""
    rows = await database.fetch(_SQL["promised"], book_id, [*balances])
    return {row["authorization_id"]: Redemption(**row["redemption"]) for row in rows}


async def ask(database: Database, request: RedemptionRequest) -> bool:
    """Write down that a buyer asks; False: there is one with its id already."""
    return bool(
        await database.fetchval(
            _SQL["ask"],
            request.book_id,
            request.redemption_id,
            request.instrument_id,
            request.asked_by,
            request.amount_micros,
            request.asked_at,
        )
    )


async def find(database: Database, book_id: BookId, redemption_id: str) -> RedemptionRequest | None:
    """One of a book."""
    row = await database.fetchrow(_SQL["find"], book_id, redemption_id)
    return None if row is None else _request(row)


async def latest(database: Database, book_id: BookId, instrument_id: InstrumentId) -> RedemptionRequest | None:
    """The latest of a balance."""
    row = await database.fetchrow(_SQL["latest"], book_id, instrument_id)
    return None if row is None else _request(row)


async def open_(database: Database, before: datetime, maximum: int) -> list[RedemptionRequest]:
    """Those that were asked for before that and that no process carries out, the oldest first."""
    return [_request(row) for row in await database.fetch(_SQL["open"], before, maximum)]


async def claim(database: Database, request: RedemptionRequest, now: datetime, until: datetime) -> bool:
    """Carry it out alone until then; False: another one does, or it is over."""
    return bool(await database.fetchval(_SQL["claim"], request.book_id, request.redemption_id, now, until))


async def end(
    database: Database, request: RedemptionRequest, at: datetime, paid_micros: int, refused: str | None
) -> bool:
    """Write down what it came to; False: somebody has already."""
    return bool(await database.fetchval(_SQL["end"], request.book_id, request.redemption_id, at, paid_micros, refused))


def _request(row: asyncpg.Record) -> RedemptionRequest:
    return RedemptionRequest(**dict(row))
