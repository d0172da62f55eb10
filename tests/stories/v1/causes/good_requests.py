"""A request for each endpoint that would be done, and what has to be there for it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from tests.stories.v1.conftest import Program
from tests.support.books import Buyer

from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.domain.commands import Method
from tallystick.store.payouts import destinations
from tallystick.web.v1.endpoint import Endpoint

AN_ID = "0" * 35


@dataclass
class Good:
    """A request that would be done: its path and body, and the buyer that it is about."""

    program: Program
    endpoint: Endpoint
    path: str
    body: dict[str, Any] | None
    buyer: Buyer

    async def send(self, program: Program | None = None, **changes: str) -> httpx.Response:
        """The request, with other values or by another program."""
        needs_key = self.endpoint.moves_money or self.endpoint.takes_key
        key = self.program.shop.reference() if needs_key else None
        body = {**self.body, **changes} if self.body is not None else None
        more = {} if body is None else {"json": body}
        return await (program or self.program).send(self.endpoint.method, self.path, key=key, **more)


async def good(program: Program, endpoint: Endpoint) -> Good:
    """Everything is there that the endpoint needs: a balance with 10 on it, a tab with 5 owed, 2 to pay with."""
    books = program.shop.books
    body: dict[str, Any] | None = None
    path = endpoint.path
    if endpoint.name in {"settlements.create", "write_offs.create"}:
        buyer = await books.postpaid_buyer("100.00")
        await books.pay(buyer, "5.00")
    else:
        buyer = await books.funded_buyer("10.00", limit="25.00")
    await books.deposit(buyer, "2.00")
    if endpoint.takes_key or endpoint.name in {"sandbox.forward_clock", "sandbox.order_fault"}:
        body = {one.name: one.example if one.many else str(one.example) for one in endpoint.inputs if one.shown}
    if endpoint.name == "sandbox.authorize":
        body = {"authorization": (await asked_for(program))["id"], "buyer": f"{secrets.token_hex(8)}@example.org"}
    if endpoint.moves_money:
        body = {"authorization": buyer.instrument, "amount": "1.00"}
    if endpoint.name == "charges.batch":
        body = {"charges": [{"idempotency_key": "a", "authorization": buyer.instrument, "amount": "1.00"}]}
    if endpoint.answer == "Reservation" and endpoint.method == "POST":
        buyer = await books.sender_token(Method.CC)
        body = {"authorization": buyer.spending, "amount": "1.00"}
        if endpoint.subject:
            path = path.replace("{id}", await held(program, body))
            body = {}
    if endpoint.name == "payouts.create":
        await bank_account(program)
        body = {"amount": "1.00"}
    if endpoint.answer == "Refund" and endpoint.moves_money:
        of_top_up = endpoint.name == "top_ups.refund"
        original = ("/v1/top_ups", "2.00") if of_top_up else ("/v1/charges", "4.00")
        charge = await program.post(original[0], {"authorization": buyer.instrument, "amount": original[1]})
        body = {"amount": "1.00"} | ({} if endpoint.subject else {"transaction": charge["id"]})
        path = path.replace("{id}", charge["id"])
    return Good(program, endpoint, path.replace("{id}", AN_ID), body, buyer)


async def held(program: Program, body: dict[str, Any]) -> str:
    """What was reserved, and the rail has said yes to."""
    reservation = await program.post("/v1/reservations", body)
    await program.shop.rail_answers()
    return str(reservation["id"])


async def asked_for(program: Program, kind: str = "prepaid") -> dict[str, Any]:
    """An authorization that nobody has agreed to yet."""
    terms = {"kind": kind, "limit": "25.00", "return_url": "https://shop.example/"}
    return await program.post("/v1/authorizations", terms | ({"total_limit": "50.00"} if kind == "postpaid" else {}))


async def played(program: Program, authorization_id: str, email: str | None = None) -> str:
    """Agree to it as a buyer who is played; the address."""
    buyer = email or f"{secrets.token_hex(8)}@example.org"
    body = {"authorization": authorization_id, "buyer": buyer}
    assert (await program.send("POST", "/v1/sandbox/authorize", json=body)).status_code == 200
    return buyer


async def bank_account(program: Program) -> None:
    """Where the seller's cash goes."""
    shop, now = program.shop, program.shop.clock()
    async with shop.service.pool.acquire() as connection, connection.transaction():
        await destinations.give(
            connection,
            shop.service.vault,
            shop.key.party_id,
            "sandbox",
            BankAccount("Music Shop", iban="DE89370400440532013000"),
            made_by=None,
            now=now,
            usable_at=now,
        )


Cause = Callable[[Good], Awaitable[httpx.Response]]
"""Sends a request so that it ends in a problem."""
