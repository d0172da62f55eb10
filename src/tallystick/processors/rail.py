"""What a rail is to us: money outside our walls, reached by slow calls that may be lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from tallystick.domain.commands import Declined, Paid


@dataclass(frozen=True, slots=True)
class StillPending:
    """The rail does not know yet; ask again after a while."""

    ask_again_after: timedelta


RailAnswer = Paid | Declined | StillPending


class Rail(Protocol):
    """One way to move real money. Every call may be repeated with the same key and is carried out once.

    A call may raise anything: the result is then unknown, the transaction stays pending, and the rail is asked again.
    """

    @property
    def name(self) -> str:
        """Short name; the operator's book has an account for it."""
        ...

    async def charge(self, idempotency_key: str, amount_micros: int, rail_token: str) -> RailAnswer:
        """Take `amount_micros` (whole minor units) from what `rail_token` stands for, or say what came of it before."""
        ...
