"""Another card for everything that was paid from an expired, lost or removed one, in one step. Bank accounts, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import PartyId
from tallystick.services.buyer import payment_methods as own_methods
from tallystick.services.consent import wallet
from tallystick.services.form_errors import FormError
from tallystick.services.rails import setups
from tallystick.store.accounts import payment_methods
from tallystick.store.accounts.payment_methods import PaymentMethod
from tallystick.store.ledger.create_book import SIMULATED_RAIL
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.context import Service

NEW: Final = "new"
"""The choice of a card or bank account that is not on the account yet."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """What can be replaced, what it pays for, and by what of the same kind on the same rail it can be replaced."""

    old: PaymentMethod
    users: Sequence[AuthorizationState]
    others: Sequence[PaymentMethod]
    typed: bool
    """Whether the number of a new one is typed into a form of ours; else it is set up at the rail."""

    @property
    def done(self) -> bool:
        """Whether it is gone, and nothing names it any more."""
        return self.old.removed and not self.users


async def find(service: Service, party_id: PartyId, number: int) -> Replacement | None:
    """A card or bank account of this person; None where there is none or it is somebody else's."""
    old = await own_methods.find(service, party_id, number)
    if old is None:
        return None
    users = await own_methods.users_of(service, old)
    today = service.clock().date()
    mine = await payment_methods.of_party(service.pool, party_id, old.environment)
    others = [
        one
        for one in mine
        if (one.method, one.rail) == (old.method, old.rail)
        and one.payment_method_id != old.payment_method_id
        and one.usable(today)
    ]
    typed = old.rail == SIMULATED_RAIL and setups.is_typed(service, old.environment, old.method)
    return Replacement(old, users, others, typed)


def goes_to_rail(replacement: Replacement, typed: Mapping[str, str]) -> bool:
    """Whether a new one is wanted that is set up at the rail."""
    return not replacement.typed and typed.get("by", "" if replacement.others else NEW) == NEW


async def replace(service: Service, replacement: Replacement, typed: Mapping[str, str]) -> PaymentMethod:
    """Replace it by one of the others, or by a new one of the form's fields; which it was. Raises FormError."""
    old = replacement.old
    chosen = typed.get("by", "" if replacement.others else NEW)
    new = next((one for one in replacement.others if str(one.payment_method_id) == chosen), None)
    if new is None:
        if chosen != NEW:
            raise FormError({"by": _("Choose what to pay from.")})
        new = await wallet.add(service, old.party_id, old.environment, old.method, typed)
    async with service.pool.acquire() as connection:
        await payment_methods.replace(connection, old, new, service.clock())
    return new
