"""The running program, a seller with a key, and tokens of every kind for clients that nobody here wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.stories.operations.program import running
from tests.support.books import Buyer, new_seller
from tests.support.clock import TestClock

from tallystick.domain.commands import AmountRule, LimitTerms, Method, TokenTerms, TokenType
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.periods import Period
from tallystick.services.context import Service
from tallystick.settings import from_environment
from tallystick.store.accounts import parties
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.ledger.verify import verify
from tallystick.wiring import open_service


@dataclass(frozen=True)
class Market:
    """A seller's view of the running program: its address, a key, and tokens by what they can be used for.

    `tokens`: `card` pays many times, `monthly` 5.00 once a month, `recipient` lets the seller receive for another one;
    `prepaid` and `postpaid` are an instrument with its two tokens each, `spending` and `money`.
    """

    url: str
    key_id: str
    secret: str
    tokens: Mapping[str, str | dict[str, str]]


async def make_seller(service: Service) -> tuple[AccessKey, dict[str, str | dict[str, str]]]:
    """A seller's key, and what buyers and another seller agreed to: put into the books directly."""
    clock = TestClock(service.clock())
    _, key, books = await new_seller(service, clock, "shop@sellers.example", "Shop")
    async with service.pool.acquire() as connection:
        band = await parties.create_business(connection, "band@sellers.example", "Band", clock())
    other = replace(books, party_id=band.party_id)
    monthly = LimitTerms(LimitKind.COUNT, 1, Period(1, "Month"))
    price = TokenTerms(AmountRule.EXACT, parse_amount("5.00"))
    subscriber = await books.sender_token(Method.CC, TokenType.RECURRING, price, (monthly,))
    fees = TokenTerms(max_fixed_fee_micros=parse_amount("1.00"), max_variable_fee_ppm=100_000)
    return key, {
        "card": (await books.sender_token(Method.CC)).spending,
        "monthly": subscriber.spending,
        "recipient": await books.recipient_token(other, fees),
        "prepaid": parts(await books.prepaid_buyer(method=Method.CC)),
        "postpaid": parts(await books.postpaid_buyer(method=Method.ACH)),
    }


def parts(buyer: Buyer) -> dict[str, str]:
    return {"instrument": buyer.instrument, "spending": buyer.spending, "money": buyer.money}


@pytest.fixture
async def market(make_database: MakeDatabase, tmp_path: Path) -> AsyncIterator[Market]:
    """Open for one test; at its end the books must balance."""
    port = free_port()
    settings = {
        "TALLYSTICK_DATABASE_URL": await make_database(),
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
        "TALLYSTICK_PORT": str(port),
        "TALLYSTICK_RAIL_DELAY_MS": "200",
    }
    async with open_service(from_environment(settings)) as service:
        key, tokens = await make_seller(service)
        async with running("serve", settings=settings, until="worker"):
            yield Market(f"http://127.0.0.1:{port}", key.access_key_id, key.secret, tokens)
        assert (await verify(service.pool)).problems == []
