"""The shop's customer records, in one small file; a real shop would have a database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

_ID_BYTES: Final = 18


class CustomerConsent(msgspec.Struct):
    """What a buyer's consent gave the shop. Signed calls name tokens, too: to spend, and to move real money."""

    authorization_id: str = msgspec.field(name="instrument_id")  # as files have it that are there already
    spending_token: str = ""
    money_token: str = ""


class Customer(msgspec.Struct):
    """One browser. `prepaid_order` and `tab_order` name the visit to the hosted pages that is, or was last, under way.

    `prepaid_asked` and `tab_asked`: the authorizations that were asked for with it, where they are known before.
    `songs` and `records`: what was bought, by the reference of the purchase. `funding`: the transaction that last
    filled the balance.
    """

    customer_id: str
    prepaid_order: str | None = None
    prepaid_asked: str | None = None
    prepaid: CustomerConsent | None = None
    songs: dict[str, int] = msgspec.field(default_factory=dict)
    tab_order: str | None = None
    tab_asked: str | None = None
    tab: CustomerConsent | None = None
    records: dict[str, int] = msgspec.field(default_factory=dict)
    funding: str | None = None


class Customers:
    """All customers, kept in a file that only its owner may read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        known = msgspec.json.decode(file.read_bytes(), type=list[Customer]) if file.exists() else []
        self._known = {customer.customer_id: customer for customer in known}

    def find(self, customer_id: str) -> Customer | None:
        """The customer with this id."""
        return self._known.get(customer_id)

    def new(self) -> Customer:
        """A new customer, saved only once there is something to save."""
        return Customer(secrets.token_urlsafe(_ID_BYTES))

    def save(self, customer: Customer) -> None:
        """Save a customer."""
        self._known[customer.customer_id] = customer
        draft = self._file.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(list(self._known.values())))
        draft.replace(self._file)
