"""How far a new seller has come: what stands between an empty sandbox and a program that charges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tallystick.services.events import endpoints
from tallystick.services.reports import instruments, transactions
from tallystick.services.reports.instruments import InstrumentQuery
from tallystick.services.seller import access_keys, notifications

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Each is true for good once it has been done, as long as the books know of it.

    `key`: an access key of this environment was made. `agreed`: a buyer has agreed to something. `charged`: a charge
    has succeeded. `told`: a program was told of something, and said that it had heard.
    """

    key: bool
    agreed: bool
    charged: bool
    told: bool

    @property
    def done(self) -> int:
        """How many of them."""
        return self.key + self.agreed + self.charged + self.told

    @property
    def all_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.key and self.agreed and self.charged and self.told


async def find(books: BookContext) -> FirstSteps:
    """How far a seller has come in one environment."""
    service = books.service
    charges = replace(transactions.all_of(books), operation="Pay", status="Success")
    wanted = InstrumentQuery(books.parts, books.now)
    heard = await endpoints.any_delivered(service, books.seller_id, books.environment)
    heard = heard or bool(await notifications.log(service, books.parts, 1, state=notifications.DELIVERED))
    return FirstSteps(
        key=bool(await access_keys.list_(service, books.seller_id, books.environment)),
        agreed=bool((await instruments.tokens(books, wanted, 1)).found),
        charged=bool((await transactions.list_(books, charges, 1)).lines),
        told=heard,
    )
