"""Every problem that the document tells of an endpoint is provoked there; what is not is told here, with the reason."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.stories.api.causes.provoking import standing
from tests.stories.v1.conftest import Program, as_object, as_problem, program_of
from tests.support.books import Buyer

from tallystick.db.database import open_pool
from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.domain.commands import Method, TokenType
from tallystick.domain.ids import IdKind
from tallystick.domain.scopes import EVERYTHING
from tallystick.services.events import endpoints
from tallystick.services.events.numbering import number_book
from tallystick.services.identity import account_opening
from tallystick.services.operations.audit import Actor
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.services.seller.faults import MAX_WAITING
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.store.payouts import destinations
from tallystick.web.v1.app import JsonApi
from tallystick.web.v1.documents.openapi import documented_codes
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.table import ENDPOINTS

AN_ID = "0" * 35
_ANY_KIND = IdKind.PREPAID_INSTRUMENT


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


def with_clock(program: Program, clock: Callable[[], datetime]) -> Program:
    """The same program at a service of its own, whose clock is this one."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(JsonApi(replace(program.shop.service, clock=clock))))
    return replace(program, shop=replace(program.shop, client=client, url="http://pay.example"))


def failing(error: Exception) -> Cause:
    def broken() -> datetime:
        raise error

    return lambda good: good.send(with_clock(good.program, broken))


async def closed(good: Good) -> httpx.Response:
    await standing(good.program.shop, good.program.shop.key.party_id, "status", "closed")
    return await good.send()


async def too_often(good: Good) -> httpx.Response:
    hurried = await program_of(good.program.shop, calls_per_second=1)
    answers = await asyncio.gather(*(good.send(hurried) for _ in range(30)))
    return next(answer for answer in answers if answer.status_code == 429)


async def without_scope(good: Good) -> httpx.Response:
    scopes = (EVERYTHING & ~good.endpoint.scopes).value
    return await good.send(await program_of(good.program.shop, scopes=scopes))


async def with_query(good: Good, query: str) -> httpx.Response:
    return await replace(good, path=f"{good.path}?{query}").send()


async def with_header(good: Good, name: str, value: str) -> httpx.Response:
    return await good.send(replace(good.program, headers={name: value}))


async def raw(good: Good, content: bytes, kind: str) -> httpx.Response:
    headers = {"content-type": kind}
    return await good.program.send(good.endpoint.method, good.path, key="k", content=content, headers=headers)


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


async def authorized_again(good: Good) -> httpx.Response:
    if good.endpoint.name == "webhook_endpoints.create":
        for url in ("https://shop.example/one", "https://shop.example/other"):
            answer = await good.program.send("POST", good.path, key="the same", json={"url": url})
        return answer
    body = {"kind": "prepaid", "limit": "25.00", "return_url": "https://shop.example/"}
    for limit in ("25.00", "26.00"):
        answer = await good.program.send("POST", good.path, key="the same", json={**body, "limit": limit})
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


async def unknown_transaction(good: Good) -> httpx.Response:
    return await replace(
        good, path=good.endpoint.path.replace("{id}", good.program.shop.books.request().transaction_id)
    ).send()


async def unknown_authorization(good: Good) -> httpx.Response:
    if not good.endpoint.subject:
        return await good.send(authorization=good.program.shop.books.token(_ANY_KIND))
    path = good.endpoint.path.replace("{id}", good.program.shop.books.token(_ANY_KIND))
    return await replace(good, path=path).send()


def with_amount(amounts: Mapping[str, str], usual: str) -> Cause:
    return lambda good: good.send(amount=amounts.get(good.endpoint.name, usual))


async def forgotten_events(good: Good) -> httpx.Response:
    service, book_id = good.program.shop.service, good.program.shop.books.book_id
    await number_book(service, book_id)
    await service.pool.execute("DELETE FROM event WHERE book_id = $1", book_id)
    return await with_query(good, "after=0")


async def with_webhook_endpoint(good: Good) -> Good:
    """About an endpoint that is there."""
    made = await good.program.post("/v1/webhook_endpoints", {"url": "https://shop.example/events"})
    return replace(good, path=good.endpoint.path.replace("{id}", made["id"]))


async def with_unusable_address(good: Good) -> httpx.Response:
    found = await with_webhook_endpoint(good)
    key = good.program.shop.reference() if good.endpoint.takes_key else None
    body = {"url": "https://shop.example/../events"}
    return await good.program.send(good.endpoint.method, found.path, key=key, json=body)


async def without_the_event(good: Good) -> httpx.Response:
    if good.endpoint.name == "events.get":
        return await replace(good, path="/v1/events/evt_1_1").send()
    found = await with_webhook_endpoint(good)
    return await good.program.send("POST", found.path, json={"event": "evt_1_1"})


async def one_more_webhook_endpoint(good: Good) -> httpx.Response:
    for _ in range(endpoints.MAX_ENDPOINTS):
        await with_webhook_endpoint(good)
    return await good.send()


async def disabled_webhook_endpoint(good: Good) -> httpx.Response:
    found = await with_webhook_endpoint(good)
    await good.program.send("PATCH", found.path.removesuffix("/replay"), json={"enabled": False})
    return await good.program.send("POST", found.path, json={})


ANYWHERE: dict[str, Cause] = {
    "account_closed": closed,
    "internal_error": failing(RuntimeError("the clock fell off the wall")),
    "invalid_request": lambda good: with_query(good, "x=1&x=2"),
    "key_missing": lambda good: with_header(good, "authorization", "Basic x"),
    "key_not_for_this": without_scope,
    "service_unavailable": failing(OSError("nobody is there")),
    "too_many_requests": too_often,
    "unknown_field": lambda good: with_query(good, "x=1"),
    "unknown_key": lambda good: with_header(good, "authorization", "Bearer tsk_test_x"),
    "unknown_version": lambda good: with_header(good, "tallystick-version", "1999-12-31"),
    "body_too_large": lambda good: raw(good, b" " * (good.endpoint.most_bytes + 1), "application/json"),
    "unsupported_media_type": lambda good: raw(good, b"{}", "text/plain"),
    "missing_field": lambda good: raw(good, b"{}", "application/json"),
    "idempotency_key_required": lambda good: good.program.send("POST", good.path, json=_examples(good.endpoint)),
}

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


async def agreed_by_another(good: Good) -> httpx.Response:
    assert (await good.send()).status_code == 200
    return await good.send(buyer=f"{secrets.token_hex(8)}@example.org")


async def buyer_with_a_password(good: Good) -> httpx.Response:
    email = f"{secrets.token_hex(8)}@example.org"
    await account_opening.open_personal(
        good.program.shop.service, Actor.command("test"), "Ada", email, "correct horse battery"
    )
    return await good.send(buyer=email)


async def one_more_fault(good: Good) -> httpx.Response:
    for _ in range(MAX_WAITING):
        assert (await good.send()).status_code == 201
    return await good.send()


async def fault_of(good: Good, outcome: str) -> str:
    """A fault, and what is asked of the rail next."""
    body = {"operation": "charge", "outcome": outcome}
    return str(as_object(await good.program.send("POST", "/v1/sandbox/faults", json=body))["id"])


async def fault_that_waits(good: Good) -> httpx.Response:
    return await replace(good, path=good.endpoint.path.replace("{id}", await fault_of(good, "hold"))).send()


async def fault_that_was_met(good: Good) -> httpx.Response:
    fault_id = await fault_of(good, "denied")
    buyer = await good.program.shop.books.prepaid_buyer(method=Method.CC)
    await good.program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": "1.00"})
    await good.program.shop.rail_answers()
    return await replace(good, path=good.endpoint.path.replace("{id}", fault_id)).send()


async def ended_otherwise(good: Good) -> httpx.Response:
    """What is to be captured was let go, and the other way round."""
    way, other = ("/capture", "/release") if good.path.endswith("/capture") else ("/release", "/capture")
    assert (await good.program.send("POST", good.path.replace(way, other), json={})).status_code == 200
    await good.program.shop.rail_answers()
    return await good.send()


OTHERS: dict[str, Cause] = {
    "more_than_reserved": lambda good: good.send(amount="1.01"),
    "transaction_not_in_this_state": ended_otherwise,
    "agreed_by_another": agreed_by_another,
    "authorization_not_found": unknown_authorization,
    "buyer_cannot_agree": buyer_with_a_password,
    "fault_met_already": fault_that_was_met,
    "fault_not_holding": fault_that_waits,
    "too_many_faults": one_more_fault,
    "address_not_usable": with_unusable_address,
    "event_not_found": without_the_event,
    "too_many_webhook_endpoints": one_more_webhook_endpoint,
    "webhook_endpoint_disabled": disabled_webhook_endpoint,
    "webhook_endpoint_not_found": lambda good: good.send(),
    "events_forgotten": forgotten_events,
    "clock_too_far_ahead": lambda good: good.program.send("POST", good.path, json={"by": "9999 Years"}),
    "idempotency_conflict": authorized_again,
    "not_found": lambda good: replace(good, path=good.endpoint.path.replace("{id}", "a.b")).send(),
    "transaction_not_found": unknown_transaction,
}

BY_THE_SAME_RULES = frozenset(
    {
        "account_limit_exceeded",
        "account_not_verified",
        "authorization_does_not_allow_this",
        "buyer_is_recipient",
        "buyer_not_verified",
        "payment_method_invalid",
        "payment_method_missing",
        "payment_method_not_active",
        "recipient_not_verified",
        "recipient_takes_no_cards",
        "transaction_denied",
    }
)
"""What only the rules of the books can say: tests/stories/api/causes provoke these through the same use cases."""

ELSEWHERE: dict[tuple[str, str], str] = {
    ("authorizations.cancel", "authorization_not_active"): "what is cancelled already is answered, not refused",
    ("authorizations.cancel", "concurrent_modification"): "as for charges",
    ("sandbox.authorize", "not_found"): "needs a key of a live environment",
    ("sandbox.faults", "not_found"): "needs a key of a live environment",
    ("sandbox.order_fault", "not_found"): "needs a key of a live environment",
    ("sandbox.clock", "not_found"): "needs a key of a live environment",
    ("sandbox.forward_clock", "not_found"): "needs a key of a live environment",
    ("sandbox.forward_clock", "clock_moved"): "needs two that move it at the same moment",
    ("charges.create", "authorization_not_for_this"): "what has no instrument is a matter of the rules: see causes",
    ("charges.refund", "insufficient_balance"): "a seller without cash who gives back real money: see causes",
    ("top_ups.refund", "insufficient_balance"): "a seller without cash who gives back real money: see causes",
    ("refunds.create", "insufficient_balance"): "a seller without cash who gives back real money: see causes",
    **{
        ("reservations.create", code): "the rules are those of charges with a token: see causes"
        for code in (
            "account_not_reachable",
            "authorization_expired",
            "authorization_limit_exceeded",
            "authorization_used_up",
            "concurrent_modification",
            "insufficient_balance",
            "payment_method_not_card",
        )
    },
    **{
        (f"reservations.{verb}", code): "the rules are those of Settle and Cancel: see causes"
        for verb, codes in (
            (
                "capture",
                (
                    "account_barred",
                    "amount_out_of_range",
                    "insufficient_balance",
                    "transaction_failed",
                    "transaction_not_complete",
                ),
            ),
            ("release", ()),
        )
        for code in ("concurrent_modification", *codes)
    },
    ("settlements.create", "authorization_expired"): "debts are settled after the end, too",
}
"""Which problems of an endpoint are not provoked here, and why."""


def _examples(endpoint: Endpoint) -> dict[str, Any]:
    return {one.name: one.example for one in endpoint.inputs}


def causes_of(endpoint: Endpoint) -> dict[str, Cause]:
    """A cause for each documented problem of an endpoint that has one here."""
    own = OF_MONEY if endpoint.moves_money else OTHERS
    known = own | ANYWHERE
    left = {code for name, code in ELSEWHERE if name == endpoint.name} | BY_THE_SAME_RULES
    return {code: known[code] for code in documented_codes(endpoint) if code not in left}


def test_every_documented_problem_has_a_cause_or_a_reason() -> None:
    for endpoint in ENDPOINTS:
        causes_of(endpoint)  # KeyError: a code that has neither
    documented = {(endpoint.name, code) for endpoint in ENDPOINTS for code in documented_codes(endpoint)}
    assert ELSEWHERE.keys() <= documented


PAIRS = [(endpoint, code) for endpoint in ENDPOINTS for code in causes_of(endpoint)]


@pytest.mark.parametrize(("endpoint", "code"), PAIRS, ids=[f"{endpoint.name}-{code}" for endpoint, code in PAIRS])
async def test_a_documented_problem_can_be_provoked(program: Program, endpoint: Endpoint, code: str) -> None:
    answer = await causes_of(endpoint)[code](await good(program, endpoint))
    assert as_problem(answer)["code"] == code, answer.text
