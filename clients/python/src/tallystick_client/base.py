"""What all objects of the service have in common."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec
from msgspec.structs import force_setattr

from tallystick_client.amounts import trimmed

T = TypeVar("T")

PENDING = "pending"
FAILED = "failed"
LONGEST_WAIT_SECONDS = 120.0


class ApiObject(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An object as the service told it. It does not change: ask again for what it is now.

    Amounts are Decimals, moments have a time zone. Members that this version does not know are left out.
    """

    def __post_init__(self) -> None:
        """Amounts come with six decimals always."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                force_setattr(self, name, trimmed(value))

    @property
    def replayed(self) -> bool:
        """Whether the request was done before, under the same idempotency key: this is what it came to then."""
        return bool(self.__dict__.get("_replayed", False))

    def _came(self, *, replayed: bool) -> None:
        self.__dict__["_replayed"] = replayed


class Awaited(ApiObject, frozen=True, kw_only=True, dict=True):
    """What may be pending at first."""

    fails: ClassVar[bool] = True
    """Whether its status tells of success and failure."""

    def wait(self, *, seconds: float = LONGEST_WAIT_SECONDS) -> Self:
        """Ask until it is no longer pending; what it is then. Of an AsyncTallystick ask `wait` of the resource instead.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; and what asking raises.
        """
        ask: Callable[[Self, float], Self] | None = self.__dict__.get("_ask")
        if ask is None:
            raise RuntimeError(
                "only what a Tallystick answered with can wait; of an AsyncTallystick, await its wait(id)"
            )
        return ask(self, seconds)

    def _asks(self, ask: Callable[[Any, float], Any]) -> None:
        self.__dict__["_ask"] = ask


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list. `next_cursor`: where the next one begins; None: this is the last."""

    data: list[T]
    next_cursor: str | None = None
