"""Entries of the audit log and agreements to be chained, in a database of the test's own."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tallystick.db.connections import Pool
from tallystick.domain.ids import BookId, PartyId
from tallystick.store.accounts import parties
from tallystick.store.chains.check import Anchors, ChainReport, check
from tallystick.store.chains.links import chain_some
from tallystick.store.records import audit, evidence
from tallystick.store.records.evidence import Evidence

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOOK = BookId(77)


@dataclass
class Log:
    """A seller and a buyer, what was done for the one and agreed to by the other. Time passes by minutes."""

    pool: Pool
    seller: PartyId
    buyer: PartyId
    buyer_email: str
    now: datetime = field(default=NOON)

    @property
    def chain(self) -> str:
        return f"seller-{self.seller}"

    async def enter(self, count: int = 1, *, of_operator: bool = False, subject: str = "AK1") -> None:
        for _ in range(count):
            self.now += timedelta(minutes=1)
            await audit.add(
                self.pool,
                actor_id=self.buyer,
                business_id=None if of_operator else self.seller,
                environment=None,
                action="key.create",
                subject=subject,
                details={"reason": "Straße „7“ \u007f", "before": 2, "rate": 0.1},
                at=self.now,
            )

    async def agree(self, count: int = 1, *, book_id: BookId = BOOK, address: Sequence[str] = ()) -> list[str]:
        names = []
        for _ in range(count):
            self.now += timedelta(minutes=1)
            names.append(secrets.token_hex(8))
            wording: dict[str, Any] = {"seller": "Music Shop", "promises": ["Up to 25.00 USD"], "address": [*address]}
            agreed = Evidence(
                book_id=book_id,
                authorization_id=names[-1],
                party_id=self.buyer,
                visit_id="visit",
                wording=wording,
                digest=b"\x01" * 32,
                agreed_at=self.now,
                book_time=self.now,
                proved_at=self.now,
                proved_by="password",
                client_digest=b"\x02" * 32,
                user_agent="A Browser/1.0",
            )
            await evidence.keep(self.pool, [agreed])
        return names

    async def chained(self) -> int:
        """Passes until nothing is left."""
        done = 0
        while step := await chain_some(self.pool, self.now, 3):
            done += step
        return done

    async def problems(self, anchors: Anchors | None = None) -> list[str]:
        return (await check(self.pool, anchors)).problems

    async def report(self) -> ChainReport:
        return await check(self.pool)

    async def tamper(self, statement: str, *values: object) -> None:
        """By somebody who owns the tables, and so may switch the trigger off."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
            changed = await connection.execute(statement, *values)
            assert not changed.endswith(" 0"), changed
            await connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")


async def new_log(pool: Pool) -> Log:
    async with pool.acquire() as connection:
        seller = await parties.create_business(connection, "shop@music.example", "Music Shop", NOON)
        buyer = await parties.create_personal(connection, "ann@people.example", "Ann", "no hash", NOON)
    return Log(pool, seller.party_id, buyer.party_id, buyer.email)
