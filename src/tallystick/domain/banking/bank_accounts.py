"""Where payouts go: bank accounts as people write them, or a seller's own account at a payment provider.

An IBAN (ISO 13616), or a routing and an account number of the United States.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_ROUTING: Final = re.compile(r"[0-9]{9}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{4,17}", re.ASCII)
_WEIGHTS: Final = (3, 7, 1) * 3
_MAX_HOLDER: Final = 70  # of a credit transfer: ISO 20022, Max70Text


class BankAccount(Struct, frozen=True):
    """Where a payout goes: an `iban`, or `routing` and `account` numbers of the United States, or `connected`.

    `connected`: the seller's account at a payment provider, which knows the seller's bank.
    """

    holder: str
    iban: str | None = None
    routing: str | None = None
    account: str | None = None
    connected: str | None = None

    @property
    def hint(self) -> str:
        """By what people know it, without telling it: country or kind, and the last four."""
        if self.connected is not None:
            return f"Stripe …{self.connected[-4:]}"
        if self.iban is not None:
            return f"{self.iban[:2]} …{self.iban[-4:]}"
        return f"US …{(self.account or '')[-4:]}"


def parse_holder(text: str) -> str:
    """The name of the account's holder. Raises ValueError."""
    name = " ".join(text.split())
    if not name or len(name) > _MAX_HOLDER or not name.isprintable():
        raise ValueError(f"the holder's name needs 1 to {_MAX_HOLDER} characters, all of which can be seen")
    return name


def parse_iban(text: str) -> str:
    """An IBAN without its blanks. Raises ValueError: wrong characters, or wrong check digits (ISO 7064, MOD 97-10)."""
    iban = "".join(text.split()).upper()
    if _IBAN.fullmatch(iban) is None:
        raise ValueError("an IBAN begins with two letters and two digits and has 15 to 34 characters")
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    if int(digits) % 97 != 1:
        raise ValueError("the check digits of this IBAN are wrong: look for a mistyped character")
    return iban


def parse_routing(text: str) -> str:
    """A routing number of the United States. Raises ValueError: not nine digits, or the last does not check."""
    routing = "".join(text.split())
    if _ROUTING.fullmatch(routing) is None:
        raise ValueError("a routing number has nine digits")
    if sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, routing, strict=True)) % 10:
        raise ValueError("the last digit of this routing number does not fit the others")
    return routing


def parse_account(text: str) -> str:
    """An account number of the United States. Raises ValueError."""
    account = "".join(text.split())
    if _ACCOUNT.fullmatch(account) is None:
        raise ValueError("an account number has 4 to 17 digits")
    return account
