"""Problems of what moves none."""

from __future__ import annotations

import secrets
from dataclasses import replace

import httpx
from tests.stories.v1.causes.anywhere import with_query
from tests.stories.v1.causes.good_requests import Cause, Good
from tests.stories.v1.conftest import as_object

from tallystick.domain.commands import Method
from tallystick.domain.ids import IdKind
from tallystick.services.events import endpoints
from tallystick.services.events.numbering import number_book
from tallystick.services.identity import account_opening
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.faults import MAX_WAITING


async def authorized_again(good: Good) -> httpx.Response:
    if good.endpoint.name == "webhook_endpoints.create":
        for url in ("https://shop.example/one", "https://shop.example/other"):
            answer = await good.program.send("POST", good.path, key="the same", json={"url": url})
        return answer
    body = {"kind": "prepaid", "limit": "25.00", "return_url": "https://shop.example/"}
    for limit in ("25.00", "26.00"):
        answer = await good.program.send("POST", good.path, key="the same", json={**body, "limit": limit})
    return answer


async def unknown_transaction(good: Good) -> httpx.Response:
    return await replace(
        good, path=good.endpoint.path.replace("{id}", good.program.shop.books.request().transaction_id)
    ).send()


async def unknown_authorization(good: Good) -> httpx.Response:
    if not good.endpoint.subject:
        return await good.send(authorization=good.program.shop.books.token(IdKind.PREPAID_INSTRUMENT))
    path = good.endpoint.path.replace("{id}", good.program.shop.books.token(IdKind.PREPAID_INSTRUMENT))
    return await replace(good, path=path).send()


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
    "key_not_found": lambda good: good.send(),
    "statement_not_found": lambda good: good.send(),
    "webhook_endpoint_not_found": lambda good: good.send(),
    "events_forgotten": forgotten_events,
    "clock_too_far_ahead": lambda good: good.program.send("POST", good.path, json={"by": "9999 Years"}),
    "idempotency_conflict": authorized_again,
    "not_found": lambda good: replace(good, path=good.endpoint.path.replace("{id}", "a.b")).send(),
    "transaction_not_found": unknown_transaction,
}
