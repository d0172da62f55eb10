"""What the shop's pages need of whoever keeps its customers' money.

`json_checkout.py` has it from the service with the Python client, as a program of today; `fps_checkout.py` by signed
calls, as a program of 2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

from tallystick.demo.catalogue import Record, Song
from tallystick.demo.customers import Customer, CustomerConsent

CREDIT_MICROS: Final = 10_000_000
"""What Pay Now and a top-up put on the balance."""

MAX_CREDIT_MICROS: Final = 25_000_000
"""The funding limit that the buyer agrees to."""

TAB_MICROS: Final = 100_000_000
"""The most that may be owed at any one time."""

TAB_TOTAL_MICROS: Final = 1_000_000_000
"""The most that may go over a tab in its life."""

WITHOUT_AGREEING: Final = "You came back without agreeing. Nothing was charged."

Why = Literal["too little money", "more than the balance may hold", "else"]


class NotOursError(Exception):
    """An answer that is of another visit, or that the service did not sign; it must not be used."""


class RefusedError(Exception):
    """The service said no. The message is in its words; `why`: for what the shop says in its own."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why, self.message = why, message


class UnreachableError(Exception):
    """The service does not answer."""


@dataclass(frozen=True, slots=True)
class BalanceOrTab:
    """The amount of a balance or a tab, and the amount pending. Micro-units."""

    micros: int
    pending_micros: int


class Checkout(Protocol):
    """The shop's account with the service. Everything raises RefusedError, UnreachableError."""

    @property
    def shop_url(self) -> str:
        """Where the customers' browsers come back to."""

    @property
    def service_url(self) -> str:
        """Where they are sent."""

    async def prepaid_link(self, customer: Customer) -> str:
        """The link behind Pay Now; each visit has an order of its own."""

    async def tab_link(self, customer: Customer) -> str:
        """The link behind Authorize Now."""

    async def accept_prepaid(self, customer: Customer, query: str) -> str | None:
        """Look at what came of Pay Now and make the first funding; None, or why there is none.

        The same answer may come again (a reload): the funding's reference is the order's, so it is charged once. Raises
        NotOursError.
        """

    async def accept_tab(self, customer: Customer, query: str) -> str | None:
        """Look at what came of Authorize Now; None, or why there is no tab. Raises NotOursError."""

    async def add_credit(self, customer: Customer, reference: str) -> None:
        """Move real money once."""

    async def why_not_filled(self, customer: Customer) -> str | None:
        """Why the last filling of the balance failed; None: it did not."""

    async def sell_song(self, customer: Customer, song: Song, reference: str) -> None:
        """Take the price from the balance; no money moves outside."""

    async def sell_record(self, customer: Customer, record: Record, reference: str) -> None:
        """Put the price on the tab."""

    async def settle(self, customer: Customer, reference: str) -> None:
        """Collect all that is owed, once."""

    async def balance(self, prepaid: CustomerConsent) -> BalanceOrTab:
        """What is on a prepaid balance, and what is on its way there."""

    async def tab(self, tab: CustomerConsent) -> BalanceOrTab:
        """What is owed on a tab, and how much of that is being settled."""


def given(consent: CustomerConsent | None) -> CustomerConsent:
    """What the customer has agreed to. Raises RefusedError: nothing yet."""
    if consent is None:
        raise RefusedError("else", "Authorize the payment first.")
    return consent
