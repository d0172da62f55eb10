"""The shop's dealings with the service, by its Python client: authorize once, top up, charge many times, settle."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qs

from tallystick.demo.catalogue import SONG_PRICE_MICROS, Record, Song
from tallystick.demo.checkout import (
    CREDIT_MICROS,
    MAX_CREDIT_MICROS,
    TAB_MICROS,
    TAB_TOTAL_MICROS,
    WITHOUT_AGREEING,
    BalanceOrTab,
    NotOursError,
    RefusedError,
    UnreachableError,
    given,
)
from tallystick.demo.customers import Customer, CustomerConsent
from tallystick_client import AsyncTallystick, ProblemError, TallystickError
from tallystick_client.objects import Authorization
from tallystick_client.problems import BalanceLimitExceededError, InsufficientBalanceError

MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class JsonCheckout:
    """The shop's account with the service. What browsers bring back is believed in nothing: the service is asked."""

    ts: AsyncTallystick
    service_url: str
    shop_url: str

    async def prepaid_link(self, customer: Customer) -> str:
        """The link behind Pay Now; each visit has an order of its own."""
        customer.prepaid_order = order = secrets.token_hex(8)
        with _in_words():
            asked = await self.ts.authorizations.create(
                kind="prepaid",
                limit=_amount(MAX_CREDIT_MICROS),
                description="Credits for songs at <b>0.05</b> each",
                payment_methods=["card", "bank_account", "account_balance"],
                return_url=f"{self.shop_url}/paid?order={order}",
                idempotency_key=f"songs-{order}",
            )
        customer.prepaid_asked = asked.id
        return asked.url or self.shop_url

    async def tab_link(self, customer: Customer) -> str:
        """The link behind Authorize Now."""
        customer.tab_order = order = secrets.token_hex(8)
        with _in_words():
            asked = await self.ts.authorizations.create(
                kind="postpaid",
                limit=_amount(TAB_MICROS),
                total_limit=_amount(TAB_TOTAL_MICROS),
                description="Records now, paid together later",
                payment_methods=["card", "bank_account", "account_balance"],
                return_url=f"{self.shop_url}/tab/opened?order={order}",
                idempotency_key=f"tab-{order}",
            )
        customer.tab_asked = asked.id
        return asked.url or self.shop_url

    async def accept_prepaid(self, customer: Customer, query: str) -> str | None:
        """See Checkout.accept_prepaid."""
        agreed = await self._agreed(customer.prepaid_asked, customer.prepaid_order, query)
        if agreed is None:
            return WITHOUT_AGREEING
        customer.prepaid = CustomerConsent(agreed.id)
        await self.add_credit(customer, f"first-{customer.prepaid_order}")
        return None

    async def accept_tab(self, customer: Customer, query: str) -> str | None:
        """See Checkout.accept_tab."""
        agreed = await self._agreed(customer.tab_asked, customer.tab_order, query)
        if agreed is None:
            return WITHOUT_AGREEING
        customer.tab = CustomerConsent(agreed.id)
        return None

    async def _agreed(self, asked_id: str | None, order: str | None, query: str) -> Authorization | None:
        """What the customer has agreed to by now; None: nothing."""
        if asked_id is None or order is None or parse_qs(query).get("order") != [order]:
            raise NotOursError("This answer belongs to another visit.")
        with _in_words():
            found = await self.ts.authorizations.get(asked_id)
        return found if found.status == "active" else None

    async def add_credit(self, customer: Customer, reference: str) -> None:
        """Move real money once."""
        with _in_words():
            top_up = await self.ts.top_ups.create(
                authorization=given(customer.prepaid).authorization_id,
                amount=_amount(CREDIT_MICROS),
                description="Credit for songs",
                idempotency_key=reference,
            )
        customer.funding = top_up.id

    async def why_not_filled(self, customer: Customer) -> str | None:
        """Why the last filling of the balance failed; None: it did not."""
        if customer.funding is None:
            return None
        with _in_words():
            top_up = await self.ts.top_ups.get(customer.funding)
        return "Your payment was declined." if top_up.status == "failed" else None

    async def sell_song(self, customer: Customer, song: Song, reference: str) -> None:
        """Take the price from the balance; no money moves outside."""
        await self._charge(given(customer.prepaid), reference, SONG_PRICE_MICROS, song.title)
        customer.songs[reference] = song.number

    async def sell_record(self, customer: Customer, record: Record, reference: str) -> None:
        """Put the price on the tab."""
        await self._charge(given(customer.tab), reference, record.price_micros, record.title)
        customer.records[reference] = record.number

    async def _charge(self, consent: CustomerConsent, reference: str, price_micros: int, what: str) -> None:
        with _in_words():
            await self.ts.charges.create(
                authorization=consent.authorization_id,
                amount=_amount(price_micros),
                description=what,
                note=what,
                idempotency_key=reference,
            )

    async def settle(self, customer: Customer, reference: str) -> None:
        """Collect all that is owed, once."""
        tab = given(customer.tab)
        standing = await self.tab(tab)
        with _in_words():
            await self.ts.settlements.create(
                authorization=tab.authorization_id,
                amount=_amount(standing.micros - standing.pending_micros),
                description="Records, paid together",
                idempotency_key=reference,
            )

    async def balance(self, prepaid: CustomerConsent) -> BalanceOrTab:
        """What is on a prepaid balance, and what is on its way there."""
        with _in_words():
            found = await self.ts.authorizations.get(prepaid.authorization_id)
        return BalanceOrTab(_micros(found.balance), _micros(found.pending))

    async def tab(self, tab: CustomerConsent) -> BalanceOrTab:
        """What is owed on a tab, and how much of that is being settled."""
        with _in_words():
            found = await self.ts.authorizations.get(tab.authorization_id)
        return BalanceOrTab(_micros(found.owed), _micros(found.pending))


@contextmanager
def _in_words() -> Iterator[None]:
    """Problems as the shop's pages know them."""
    try:
        yield
    except InsufficientBalanceError as problem:
        raise RefusedError("too little money", problem.detail) from None
    except BalanceLimitExceededError as problem:
        raise RefusedError("more than the balance may hold", problem.detail) from None
    except ProblemError as problem:
        raise RefusedError("else", problem.detail) from None
    except TallystickError as error:
        raise UnreachableError(str(error)) from None


def _amount(micros: int) -> Decimal:
    return Decimal(micros) / MICROS


def _micros(amount: Decimal | None) -> int:
    return 0 if amount is None else int(amount * MICROS)
