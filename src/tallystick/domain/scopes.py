"""What an access key may be used for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag, unique
from typing import Final


@unique
class KeyScope(IntFlag):
    """One thing that a key may do. The numbers are in the database: a new scope takes the next one, none is used again.

    `TOKENS`: make tokens on the seller's own account, and cancel any. `HOSTED_LINKS`: sign links and buttons that lead
    buyers to the hosted pages. `NOTIFICATIONS`: have messages checked that say they are from this service. `PAY_OUT`:
    let cash leave for the seller's bank. `WEBHOOKS`: say where events are delivered to, also when the key is gone.
    Keys from before these two were there do not have them.
    """

    READ = 1
    CHARGE = 2
    FUND = 4
    REFUND = 8
    SETTLE = 16
    WRITE_OFF = 32
    TOKENS = 64
    HOSTED_LINKS = 128
    NOTIFICATIONS = 256
    PAY_OUT = 512
    WEBHOOKS = 1024


MONEY: Final = (
    KeyScope.CHARGE
    | KeyScope.FUND
    | KeyScope.REFUND
    | KeyScope.SETTLE
    | KeyScope.WRITE_OFF
    | KeyScope.TOKENS
    | KeyScope.PAY_OUT
)
"""What moves money or debt, or takes away the tokens that it is moved by: what no developer among the staff may do."""

READ_ONLY: Final = KeyScope.READ | KeyScope.NOTIFICATIONS
CHARGES_ONLY: Final = READ_ONLY | KeyScope.CHARGE
EVERYTHING: Final = MONEY | READ_ONLY | KeyScope.HOSTED_LINKS | KeyScope.WEBHOOKS


def scope_name(scope: KeyScope) -> str:
    """``write_off``: how commands, answers and the audit log call a scope."""
    return (scope.name or "").lower()


def scope_names(scopes: int) -> list[str]:
    """The names of all scopes that are set, in the order of the table."""
    return [scope_name(scope) for scope in KeyScope if scope & scopes]


def scopes_of(names: Iterable[str]) -> KeyScope:
    """All scopes of these names, ``everything`` among them. Raises ValueError: there is no such one."""
    known = {scope_name(scope): scope for scope in KeyScope} | {"everything": EVERYTHING}
    found = KeyScope(0)
    for name in names:
        if name not in known:
            raise ValueError(f"there is no scope {name!r}, only {', '.join(known)}")
        found |= known[name]
    return found
