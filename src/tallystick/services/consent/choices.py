"""What a buyer chose in a visit so far, and the form in which the visit's row keeps it.

A visit lives for hours, so rows that an earlier release wrote are read by this one, and the other way round while one
replaces the other: the names in `encode_choices` are kept. A confirmation also compares them, see `digest_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.domain.commands import Method
from tallystick.services.consent.address import WIRE_NAMES, DeliveryAddress, read_address, wire_address

BALANCE: Final = "balance"
"""The key of the account balance, which is no payment method with a number of its own."""

_ADDRESS: Final = "address:"


@dataclass(frozen=True, slots=True)
class ChosenMethod:
    """The means of payment: the account balance, or a stored card or bank account with its number."""

    method: Method
    payment_method_id: int | None = None

    @property
    def key(self) -> str:
        """Its name in forms."""
        return BALANCE if self.payment_method_id is None else str(self.payment_method_id)


@dataclass(frozen=True, slots=True)
class BuyerChoices:
    """What one buyer chose; None: not yet."""

    method: ChosenMethod | None = None
    address: DeliveryAddress | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was chosen yet."""
        return self.method is None and self.address is None


NOTHING_CHOSEN: Final = BuyerChoices()


def encode_choices(choices: BuyerChoices) -> dict[str, str]:
    """The choices as a visit's row keeps them."""
    stored: dict[str, str] = {}
    if choices.method is not None:
        stored |= {"key": choices.method.key, "method": choices.method.method.value}
    if choices.address is not None:
        stored |= {f"{_ADDRESS}{name}": value for name, value in wire_address(choices.address).items()}
    return stored


def decode_choices(stored: Mapping[str, str]) -> BuyerChoices:
    """The choices in a visit's row. Raises ValueError: no row of ours."""
    method = None
    if "key" in stored:
        key = stored["key"]
        method = ChosenMethod(Method(stored["method"]), None if key == BALANCE else int(key))
    parts = {name: stored[f"{_ADDRESS}{name}"] for name in WIRE_NAMES if f"{_ADDRESS}{name}" in stored}
    return BuyerChoices(method, read_address(parts) if parts else None)
