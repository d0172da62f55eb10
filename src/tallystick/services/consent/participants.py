"""Who takes part in what a buyer agrees to: by name, and those whose tokens it is about."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.store.queries.tokens import TokenRecord

__all__ = ["Names", "TokenRecord"]


@dataclass(frozen=True, slots=True)
class Names:
    """The seller whose program asks, and those who are paid in its stead: `recipients`, none where it is the seller."""

    seller: str
    recipients: tuple[str, ...] = ()
