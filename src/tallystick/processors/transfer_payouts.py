"""Payouts by a payment provider that is a rail as well: by transfers from what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.processors.payout_rail import PayoutAnswer, PayoutInstruction, TransferRail
from tallystick.processors.rails import RailMissingError

if TYPE_CHECKING:
    from tallystick.processors.rails import Rails


def transfer_rail(rails: Rails, environment: str, name: str) -> TransferRail:
    """The provider of an environment. Raises RailMissingError: it is not on, or makes no transfers."""
    rail = rails.find(environment, name)
    if not isinstance(rail, TransferRail):
        raise RailMissingError(f"the rail {name} makes no transfers")
    return rail


@dataclass(frozen=True, slots=True)
class TransferPayouts:
    """The payout rail over a provider: the account of `name` in the operator's book is that of its charges, too."""

    rails: Rails
    name: str

    async def send(self, instruction: PayoutInstruction) -> PayoutAnswer:
        """Make the transfer. Raises RailMissingError, and whatever the provider raises."""
        return await transfer_rail(self.rails, instruction.environment, self.name).transfer(instruction)
