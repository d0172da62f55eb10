"""What one of a seller's staff asked for and another one has to approve; and above which amount a seller wants that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from tallystick.db.statements import load_statements
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("approvals.sql", __package__)

Decision = Literal["approved", "declined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One deed that was asked for, in micro-units. `content`: what is to be done, read by services/seller/approvals.py.

    `done_at`: it was approved and then carried out, or refused by the books. `result`: the refund's transaction or the
    run; where it was `refused`, in what words.
    """

    approval_id: str
    business_id: PartyId
    environment: str
    deed: str
    amount_micros: int
    content: Mapping[str, Any]
    asked_by: PartyId
    asker_name: str
    asker_email: str
    asked_at: datetime
    expires_at: datetime
    decision: Decision | None
    decided_by: PartyId | None
    decider_name: str | None
    decided_at: datetime | None
    done_at: datetime | None
    result: str | None
    refused: bool

    def waits(self, now: datetime) -> bool:
        """Whether somebody can still decide."""
        return self.decision is None and now < self.expires_at

    @property
    def open(self) -> bool:
        """Whether it was approved, and nobody knows yet that it was carried out."""
        return self.decision == "approved" and self.done_at is None


async def rule(database: Database, business_id: PartyId) -> int | None:
    """Above which amount, in micro-units, this seller wants a second person; None: never."""
    above = await database.fetchval(_SQL["rule"], business_id)
    return None if above is None else int(above)


async def set_rule(database: Database, business_id: PartyId, above_micros: int | None, now: datetime) -> None:
    """Want a second person above this amount; None: never."""
    if above_micros is None:
        await database.execute(_SQL["end_rule"], business_id)
    else:
        await database.execute(_SQL["set_rule"], business_id, above_micros, now)


async def ask(  # noqa: PLR0913 - a row
    database: Database,
    approval_id: str,
    business_id: PartyId,
    environment: str,
    *,
    deed: str,
    amount_micros: int,
    content: Mapping[str, Any],
    asked_by: PartyId,
    asked_at: datetime,
    expires_at: datetime,
) -> bool:
    """Write down what is asked for; False when something was before under this id."""
    asked = await database.fetchval(
        _SQL["ask"],
        approval_id,
        business_id,
        environment,
        deed,
        amount_micros,
        dict(content),
        asked_by,
        asked_at,
        expires_at,
    )
    return bool(asked)


async def find(database: Database, business_id: PartyId, environment: str, approval_id: str) -> Approval | None:
    """This seller's approval with this id; None where there is none."""
    row = await database.fetchrow(_SQL["find"], business_id, environment, approval_id)
    return None if row is None else Approval(**row)


async def latest(database: Database, business_id: PartyId, environment: str, maximum: int) -> list[Approval]:
    """This seller's, the newest first."""
    return [Approval(**row) for row in await database.fetch(_SQL["latest"], business_id, environment, maximum)]


async def count_waiting(database: Database, business_id: PartyId, environment: str, now: datetime) -> int:
    """How many of this seller's wait for somebody."""
    return int(await database.fetchval(_SQL["count_waiting"], business_id, environment, now))


async def decide(database: Database, approval_id: str, decision: Decision, by: PartyId, now: datetime) -> bool:
    """Approve or decline; False when it was decided, or is over, or when whoever asked would approve."""
    return bool(await database.fetchval(_SQL["decide"], approval_id, decision, by, now))


async def close(database: Database, approval_id: str, result: str, now: datetime, *, refused: bool = False) -> None:
    """Write down what came of it, once."""
    await database.execute(_SQL["close"], approval_id, now, result, refused)
