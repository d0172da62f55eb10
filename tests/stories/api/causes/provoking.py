"""Helpers to provoke refusals: shops with other settings, people in other states, payments to refer to."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import httpx
from tests.stories.api.good_requests import ShopSetup, recipient_token
from tests.support.books import Buyer
from tests.support.schemas import CHECKED
from tests.support.shop import Answer, Shop

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.domain.commands import Method
from tallystick.domain.standing import Demands
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.accounts import parties
from tallystick.store.keys import access_keys
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.web.api.query_api import QueryApi

Cause = Callable[[Shop], Awaitable[Answer]]
CAUSES: dict[str, Cause] = {}

CARD = Method.CC


def causes(code: str) -> Callable[[Cause], Cause]:
    def register(cause: Cause) -> Cause:
        assert CAUSES.setdefault(code, cause) is cause
        return cause

    return register


def in_process(
    shop: Shop,
    *,
    demands: Demands | None = None,
    rules: Rules | None = None,
    pool: Pool | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Shop:
    """The same shop at a service of its own on the same books, with other rules or a fault."""
    rules = rules or Rules(read_fee_schedules(None), simulate_faults=True, demands=demands or Demands())
    used = pool or shop.service.pool
    service = replace(
        shop.service,
        pool=used,
        committer=Committer(used, rules, shop.clock),
        clock=clock or shop.service.clock,
    )
    client = httpx.AsyncClient(transport=httpx.ASGITransport(QueryApi(service)), **CHECKED)
    return replace(shop, service=service, client=client, url="http://pay.example")


@asynccontextmanager
async def beside_a_rival(shop: Shop, locking: str, what: object) -> AsyncIterator[Shop]:
    """The same shop with a short lock timeout, while another session holds what the statement `locking` locks."""
    dsn = shop.service.settings.database_url
    assert dsn is not None
    async with (
        await open_pool(dsn, max_size=2, lock_timeout_ms=50) as impatient,
        shop.service.pool.acquire() as rival,
        rival.transaction(),
    ):
        await rival.execute(locking, what)
        yield in_process(shop, pool=impatient)


async def payer(shop: Shop, method: Method = Method.ABT, **more: object) -> Buyer:
    buyer = await shop.books.sender_token(method, **more)  # type: ignore[arg-type]
    await shop.books.deposit(buyer, "50.00")
    return buyer


async def paid(shop: Shop, value: str = "5.00", method: Method = Method.ABT) -> str:
    answer = await shop.pay(await payer(shop, method), value)
    return answer.value("TransactionId")


async def reserved(shop: Shop) -> str:
    return await ShopSetup(shop).reservation()


async def third_party(shop: Shop, **more: str) -> dict[str, str]:
    buyer = await payer(shop)
    return shop.pay_parameters(buyer, "5.00") | {"RecipientTokenId": await recipient_token(shop)} | more


async def standing(shop: Shop, party_id: int, column: str, value: object) -> None:
    await shop.service.pool.execute(f"UPDATE party SET {column} = $2 WHERE party_id = $1", party_id, value)  # noqa: S608


async def recipient_of(shop: Shop, token_id: str) -> int:
    return int(await shop.service.pool.fetchval("SELECT sender_party_id FROM token WHERE token_id = $1", token_id))


async def other_shop(shop: Shop) -> Shop:
    service = shop.service
    async with service.pool.acquire() as connection:
        email = f"{secrets.token_hex(8)}@shop.example"
        party = await parties.create_business(connection, email, "Other shop", shop.clock())
    key = await access_keys.create(service.pool, service.vault, party.party_id, "sandbox", shop.clock())
    assert key.book_id is not None
    return replace(shop, key=key, books=replace(shop.books, party_id=party.party_id, book_id=key.book_id))
