"""Verifying a bank account by two small deposits, whose amounts only its owner can see.

The simulated rail makes no deposits: the pages tell the amounts in test mode. A bank account is asked for this only
where settings want verified accounts (`require_verified_accounts`).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import Method
from tallystick.domain.money import MICROS_PER_MINOR_UNIT, display_amount, parse_amount
from tallystick.services.form_errors import FormError
from tallystick.services.identity import attempts
from tallystick.services.identity.attempts import Limit
from tallystick.store.accounts import payment_methods
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.accounts.payment_methods import PaymentMethod

GUESSES: Final = Limit("amounts of small deposits", 5, timedelta(days=1))
"""For one bank account: there are some thousands of pairs."""

_MAX_CENTS: Final = 98
_FIELDS: Final = ("first", "second")


def wanted(service: Service, method: PaymentMethod) -> bool:
    """Whether this bank account cannot be charged before it is verified."""
    bank = method.method is Method.ACH and not method.removed and not method.verified
    return bank and service.settings.require_verified_accounts


def deposits(service: Service, method: PaymentMethod) -> tuple[str, str]:
    """The two amounts, from 0.01 to 0.98: the same ones whenever they are asked for."""
    secret = service.vault.digest(method.rail_token, "small deposits")
    first, second = (int.from_bytes(part, "big") % _MAX_CENTS + 1 for part in (secret[:8], secret[8:16]))
    return display_amount(first * MICROS_PER_MINOR_UNIT), display_amount(second * MICROS_PER_MINOR_UNIT)


async def confirm(service: Service, method: PaymentMethod, typed: Mapping[str, str]) -> None:
    """Verify the bank account, and its owner, with the amounts that were typed, in either order. Raises FormError."""
    given = [_amount(typed.get(name, "")) for name in _FIELDS]
    problems = {
        name: _("Type the amount as it is on your bank statement, such as 0.42.")
        for name, amount in zip(_FIELDS, given, strict=True)
        if amount is None
    }
    if problems:
        raise FormError(problems)
    if not await attempts.allowed(service, GUESSES, str(method.payment_method_id)):
        raise FormError({"first": _("That was tried too often. Try again tomorrow.")})
    right = " ".join(sorted(deposits(service, method)))
    if not hmac.compare_digest(" ".join(sorted(str(amount) for amount in given)), right):
        raise FormError({"first": _("These are not the amounts of the two deposits.")})
    async with service.pool.acquire() as connection:
        await payment_methods.verify(connection, method, service.clock())


def _amount(text: str) -> str | None:
    try:
        return display_amount(parse_amount(text.strip().replace(",", ".")))
    except ValueError:
        return None
