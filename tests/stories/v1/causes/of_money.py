"""Problems of what moves money."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
from tests.stories.api.causes.provoking import standing
from tests.stories.v1.causes.good_requests import Cause, Good, asked_for
from tests.stories.v1.conftest import Program

from tallystick.db.database import open_pool
from tallystick.domain.commands import Method, TokenType
from tallystick.domain.ids import IdKind
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.web.v1.app import JsonApi


async def barred_buyer(good: Good) -> httpx.Response:
    await standing(good.program.shop, good.buyer.party_id, "status", "suspended")
    return await good.send()


async def barred_seller(good: Good) -> httpx.Response:
    await standing(good.program.shop, good.program.shop.key.party_id, "status", "suspended")
    return await good.send()


@asynccontextmanager
async def beside_a_rival(good: Good) -> AsyncIterator[Program]:
    """The program at an impatient service, while another session holds the buyer's balance or tab."""
    shop = good.program.shop
    dsn = shop.service.settings.database_url
    assert dsn is not None
    async with (
        await open_pool(dsn, max_size=4, lock_timeout_ms=50) as impatient,
        shop.service.pool.acquire() as rival,
        rival.transaction(),
    ):
        if good.endpoint.name == "payouts.create":
            cash = "SELECT FROM account WHERE book_id = $1 AND kind = 'cash' FOR UPDATE"
            await rival.execute(cash, shop.books.book_id)
        else:
            await rival.execute("SELECT FROM account WHERE subject = $1 FOR UPDATE", good.buyer.instrument)
        rules = Rules(read_fee_schedules(None), simulate_faults=True)
        service = replace(shop.service, pool=impatient, committer=Committer(impatient, rules, shop.clock))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(JsonApi(service)))
        yield replace(good.program, shop=replace(shop, client=client, url="http://pay.example"))
        await service.committer.close()


async def at_the_same_time(good: Good) -> httpx.Response:
    async with beside_a_rival(good) as program:
        return await good.send(program)


async def without_bank_account(good: Good) -> httpx.Response:
    await good.program.shop.service.pool.execute(
        "UPDATE payout_destination SET replaced_at = now() WHERE business_id = $1", good.program.shop.key.party_id
    )
    return await good.send()


async def again_with_another_amount(good: Good) -> httpx.Response:
    for amount in ("1.00", "1.50"):
        body = {**(good.body or {}), "amount": amount}
        answer = await good.program.send("POST", good.path, key="the same", json=body)
    return answer


async def pending(good: Good) -> httpx.Response:
    """With an authorization that nobody has agreed to."""
    if good.endpoint.name == "reservations.create":
        return await good.send(authorization=good.program.shop.books.token(IdKind.SENDER))
    kind = "postpaid" if good.endpoint.name in {"settlements.create", "write_offs.create"} else "prepaid"
    return await good.send(authorization=(await asked_for(good.program, kind))["id"])


async def of_another_kind(good: Good) -> httpx.Response:
    books = good.program.shop.books
    other = await (books.postpaid_buyer() if good.endpoint.name == "top_ups.create" else books.prepaid_buyer())
    return await good.send(authorization=other.instrument)


async def cancelled(good: Good) -> httpx.Response:
    for token_id in {good.buyer.spending, good.buyer.money}:
        await good.program.shop.done("CancelToken", {"TokenId": token_id})
    return await good.send()


async def expired(good: Good) -> httpx.Response:
    shop = good.program.shop
    buyer = await shop.books.prepaid_buyer(expires_at=shop.clock() + timedelta(days=30))
    await shop.books.deposit(buyer, "2.00")
    await good.program.send("POST", "/v1/sandbox/clock", json={"by": "2 Months"})
    return await good.send(authorization=buyer.instrument)


async def used_up(good: Good) -> httpx.Response:
    token = await good.program.shop.books.sender_token(token_type=TokenType.SINGLE_USE)
    await good.program.shop.books.deposit(token, "5.00")
    await good.send(authorization=token.spending)
    return await good.send(authorization=token.spending)


async def above_the_total(good: Good) -> httpx.Response:
    tab = await good.program.shop.books.postpaid_buyer("100.00", total="15.00")
    return await good.send(authorization=tab.instrument, amount="16.00")


async def refund_of(good: Good, transaction_id: str) -> httpx.Response:
    if good.endpoint.subject:
        return await replace(good, path=good.endpoint.path.replace("{id}", transaction_id)).send()
    return await good.send(transaction=transaction_id)


async def refund_of_nothing(good: Good) -> httpx.Response:
    return await refund_of(good, good.program.shop.books.request().transaction_id)


async def refund_of_card(good: Good, amount: str) -> httpx.Response:
    if good.endpoint.name == "top_ups.refund":
        return await refund_of_top_up_by_card(good, amount)
    token = await good.program.shop.books.sender_token(Method.CC)
    paid = await good.program.post("/v1/charges", {"authorization": token.spending, "amount": amount})
    if amount == "2.71":  # simulated: it is declined
        await good.program.shop.rail_answers()
    return await refund_of(good, paid["id"])


async def refund_of_top_up_by_card(good: Good, amount: str) -> httpx.Response:
    buyer = await good.program.shop.books.prepaid_buyer(method=Method.CC)
    filled = await good.program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": amount})
    if amount == "2.71":  # simulated: it is declined
        await good.program.shop.rail_answers()
    return await refund_of(good, filled["id"])


async def refund_of_what_it_is_not_for(good: Good) -> httpx.Response:
    if good.endpoint.name == "top_ups.refund":
        paid = await good.program.post("/v1/charges", {"authorization": good.buyer.instrument, "amount": "1.00"})
        return await refund_of(good, paid["id"])
    paid = await good.program.post("/v1/top_ups", {"authorization": good.buyer.instrument, "amount": "1.00"})
    return await refund_of(good, paid["id"])


def with_amount(amounts: Mapping[str, str], usual: str) -> Cause:
    return lambda good: good.send(amount=amounts.get(good.endpoint.name, usual))


OF_MONEY: dict[str, Cause] = {
    "account_barred": barred_seller,
    "account_not_reachable": with_amount({}, "1.61"),
    "amount_out_of_range": with_amount({}, "0.001"),
    "authorization_expired": expired,
    "authorization_limit_exceeded": above_the_total,
    "authorization_not_active": cancelled,
    "authorization_not_for_this": of_another_kind,
    "authorization_not_found": pending,
    "authorization_used_up": used_up,
    "balance_limit_exceeded": with_amount({}, "26.00"),
    "buyer_barred": barred_buyer,
    "concurrent_modification": at_the_same_time,
    "idempotency_conflict": again_with_another_amount,
    "insufficient_balance": with_amount(
        {"top_ups.create": "3.00", "settlements.create": "4.00", "payouts.create": "9999999.00"}, "11.00"
    ),
    "more_than_left_to_refund": with_amount({}, "9.00"),
    "more_than_owed": with_amount({}, "6.00"),
    "not_found": lambda good: replace(good, path=good.endpoint.path.replace("{id}", "a.b")).send(),
    "not_refundable": refund_of_what_it_is_not_for,
    "payout_not_ready": without_bank_account,
    "transaction_failed": lambda good: refund_of_card(good, "2.71"),
    "transaction_not_complete": lambda good: refund_of_card(good, "2.00"),
    "transaction_not_found": refund_of_nothing,
}
