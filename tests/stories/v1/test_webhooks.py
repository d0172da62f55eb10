"""Webhook endpoints: events arrive signed, each object's in order, for as long as it takes; secrets, log and replay."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from tests.stories.conftest import OpenShop
from tests.stories.v1.conftest import Program, as_object, as_problem, program_of

from tallystick.domain.commands import Method
from tallystick.domain.scopes import EVERYTHING, KeyScope
from tallystick.notify import webhook_content
from tallystick.notify.webhooks import DISABLED_AFTER, LIFETIME, WebhookSender, next_try
from tallystick.services.events import endpoints
from tallystick.services.events.numbering import number_waiting
from tallystick.store.events import deliveries
from tallystick_client.webhooks import Webhook as OurWebhook


@dataclass
class Receiver(httpx.AsyncBaseTransport):
    """A seller's server at a host of its own, and nobody anywhere else. `answer`: the status, or what raises."""

    host: str = field(default_factory=lambda: f"{secrets.token_hex(6)}.example")
    answer: Callable[[dict[str, Any]], int] = lambda _: 204
    got: list[httpx.Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://{self.host}/events"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.host != self.host:
            return httpx.Response(204, stream=httpx.ByteStream(b""))  # what others have left behind in this database
        self.got.append(request)
        return httpx.Response(self.answer(json.loads(request.content)), stream=httpx.ByteStream(b"seen"))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.got]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@dataclass
class Story:
    """A program with an endpoint at its receiver, and a worker that delivers."""

    program: Program
    receiver: Receiver
    endpoint: dict[str, Any]

    def sender(self, clock: Callable[[], datetime] | None = None) -> WebhookSender:
        service = self.program.shop.service
        return WebhookSender(
            service.pool, service.vault, service.settings, clock or service.clock, transport=self.receiver
        )

    async def deliver(self, sender: WebhookSender | None = None) -> None:
        """All that has happened, until nothing is due."""
        await number_waiting(self.program.shop.service)
        worker = sender or self.sender()
        while await worker.dispatch():
            await worker.idle()

    async def log(self, **query: str) -> list[dict[str, Any]]:
        page = await self.program.get(f"/v1/webhook_endpoints/{self.endpoint['id']}/deliveries", **query)
        data: list[dict[str, Any]] = page["data"]
        return data

    async def send(self, method: str, verb: str = "", **body: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        more: dict[str, Any] = {"json": body} if method != "DELETE" else {}
        answer = await self.program.send(method, f"/v1/webhook_endpoints/{self.endpoint['id']}{verb}", **more)
        assert answer.status_code == 200, answer.text
        return as_object(answer)


async def begin(program: Program, types: list[str] | None = None, receiver: Receiver | None = None) -> Story:
    receiver = receiver or Receiver()
    body: dict[str, Any] = {"url": receiver.url} | ({"types": types} if types else {})
    return Story(program, receiver, await program.post("/v1/webhook_endpoints", body))


async def top_up(program: Program, amount: str = "10.00") -> str:
    """By card: pending, then as the rail answers; the id of its balance."""
    buyer = await program.shop.books.prepaid_buyer("25.00", Method.CC)
    await program.post("/v1/top_ups", {"authorization": buyer.instrument, "amount": amount})
    for _ in range(2):  # not the worker's whole step, which would deliver as well
        program.shop.clock.forward(seconds=2)
        await program.shop.worker.ask_rails()
    return buyer.instrument


async def test_events_arrive_signed_in_their_order_with_what_the_list_says(program: Program) -> None:
    story = await begin(program)
    await top_up(program)
    await story.deliver()

    assert set(story.receiver.types) == {"authorization.activated", "top_up.pending", "top_up.succeeded"}
    assert story.receiver.types.index("top_up.pending") < story.receiver.types.index("top_up.succeeded")
    listed = {event["id"]: event for event in (await program.get("/v1/events"))["data"]}
    assert {event["id"]: event for event in story.receiver.events} == listed
    for request in story.receiver.got:
        assert request.headers["content-type"] == "application/json"
        assert request.headers["webhook-id"] == json.loads(request.content)["id"]
    assert {row["status"] for row in await story.log()} == {"delivered"}
    found = await program.get(f"/v1/webhook_endpoints/{story.endpoint['id']}")
    assert found["last_delivered_at"] is not None
    assert found["secret"] is None
    assert await endpoints.any_delivered(program.shop.service, program.shop.key.party_id, "sandbox")


async def test_standard_libraries_verify_what_is_sent_and_refuse_what_was_changed(program: Program) -> None:
    story = await begin(program, ["authorization.activated"])
    await program.shop.books.prepaid_buyer("25.00")
    await story.deliver()
    (request,) = story.receiver.got
    body, headers = request.content, dict(request.headers)
    moment = int(headers["webhook-timestamp"])
    theirs = Webhook(story.endpoint["secret"])
    signature = theirs.sign(headers["webhook-id"], program.shop.clock(), body.decode())
    assert moment == int(program.shop.clock().timestamp())
    assert signature == headers["webhook-signature"]
    ours = OurWebhook(story.endpoint["secret"], clock=lambda: moment + 5)
    assert ours.verify(body, headers).type == "authorization.activated"
    fresh = {**headers, **webhook_content.signed_headers("evt_1_1", datetime.now().astimezone(), body, [b"x" * 32])}
    with pytest.raises(WebhookVerificationError):
        theirs.verify(body, fresh)
    assert Webhook(webhook_content.secret_text(b"x" * 32)).verify(body, fresh)["type"] == "authorization.activated"


async def test_an_endpoint_gets_the_types_that_it_is_for_and_charges_only_where_it_names_them(program: Program) -> None:
    story = await begin(program)
    of_charges = await program.post(
        "/v1/webhook_endpoints", {"url": f"{story.receiver.url}/charges", "types": ["charge.succeeded"]}
    )

    def charges() -> list[str]:
        return [
            json.loads(one.content)["data"]["id"] for one in story.receiver.got if one.url.path.endswith("/charges")
        ]

    buyer = await program.shop.books.funded_buyer("20.00")
    charge = await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "1.00"})
    await story.deliver()
    assert charges() == [charge["id"]]
    assert story.receiver.types.count("charge.succeeded") == 1
    path = f"/v1/webhook_endpoints/{of_charges['id']}"
    changed = as_object(await program.send("PATCH", path, json={"types": ["refund.succeeded"]}))
    assert (changed["types"], changed["url"]) == (["refund.succeeded"], of_charges["url"])
    await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "1.00"})
    await story.deliver()
    assert charges() == [charge["id"]]
    named = (await program.get("/v1/events", type="charge.succeeded"))["data"]
    assert len(named) == 1  # nobody names them any more: they are no events again


async def test_a_failure_is_tried_again_and_keeps_back_what_comes_later_of_the_same_object(program: Program) -> None:
    story = await begin(program, ["top_up.pending", "top_up.succeeded", "authorization.activated"])
    story.receiver.answer = lambda event: 503 if event["type"] == "top_up.pending" else 204
    await top_up(program)
    await story.deliver()
    assert sorted(story.receiver.types) == ["authorization.activated", "top_up.pending"]
    (row,) = await story.log(status="waiting", limit="1")
    assert (row["type"], row["attempts"]) == ("top_up.succeeded", 0)
    rows = {row["type"]: row for row in await story.log(status="waiting")}
    assert rows["top_up.pending"]["http_status"] == 503
    assert rows["top_up.pending"]["problem"] == "the receiver answered 503"

    story.receiver.answer = lambda _: 204
    clock = program.shop.clock
    later = clock() + timedelta(minutes=2)
    await story.deliver(story.sender(lambda: later))
    assert story.receiver.types[-2:] == ["top_up.pending", "top_up.succeeded"]
    ids = [event["id"] for event in story.receiver.events if event["type"] == "top_up.pending"]
    assert len(ids) == 2
    assert len(set(ids)) == 1  # the same event, so that a receiver can tell
    bodies = {request.content for request in story.receiver.got if b"top_up.pending" in request.content}
    assert len(bodies) == 1


def test_tries_end_after_three_days() -> None:
    begun = datetime.fromisoformat("2026-12-01T12:00:00+00:00")
    now, tries = begun, 1
    while (again := next_try(tries, begun, now)) is not None:
        assert now < again <= begun + LIFETIME
        now, tries = again, tries + 1
    assert now == begun + LIFETIME
    assert tries > 12


async def test_what_was_given_up_is_replayed(program: Program) -> None:
    story = await begin(program, ["authorization.activated"])
    story.receiver.answer = lambda _: 500
    await program.shop.books.prepaid_buyer("25.00")
    await story.deliver()
    late = program.shop.clock() + LIFETIME + timedelta(hours=1)
    await story.deliver(story.sender(lambda: late))
    (row,) = await story.log()
    assert (row["status"], row["next_try_at"]) == ("failed", None)
    story.receiver.answer = lambda _: 204
    assert (await story.send("POST", "/replay"))["events"] == 1
    await story.deliver()
    (row,) = await story.log()
    assert row["status"] == "delivered"
    assert (await story.send("POST", "/replay"))["events"] == 0
    assert (await story.send("POST", "/replay", event=row["event"]))["events"] == 1
    await story.deliver()
    assert len({request.content for request in story.receiver.got}) == 1


async def test_a_new_endpoint_is_given_what_happened_before_it_was_there(program: Program) -> None:
    await program.shop.books.prepaid_buyer("25.00")
    await number_waiting(program.shop.service)
    await program.shop.books.prepaid_buyer("25.00")
    await number_waiting(program.shop.service)
    story = await begin(program)
    await story.deliver()
    assert story.receiver.got == []
    assert (await story.send("POST", "/replay", after="1"))["events"] == 1
    await story.deliver()
    assert [event["sequence"] for event in story.receiver.events] == [2]


async def test_an_endpoint_at_which_nothing_arrives_for_days_is_disabled_and_its_seller_told(program: Program) -> None:
    shop = program.shop
    story = await begin(program, ["authorization.activated", "charge.succeeded"])
    story.receiver.answer = lambda _: 500
    begun = shop.clock()
    for day in range(DISABLED_AFTER.days + 1):
        await shop.books.prepaid_buyer("25.00")
        await story.deliver(story.sender(partial(_same, begun + timedelta(days=day, minutes=1))))
    found = await program.get(f"/v1/webhook_endpoints/{story.endpoint['id']}")
    assert (found["enabled"], found["disabled_because"]) == (False, "failures")
    assert {row["status"] for row in await story.log()} == {"failed"}
    seller = await shop.service.pool.fetchval("SELECT email FROM party WHERE party_id = $1", shop.key.party_id)
    letters = await shop.service.pool.fetchval("SELECT count(*) FROM mail WHERE recipient = $1", seller)
    assert letters == 1
    chosen = await shop.service.pool.fetchval("SELECT charge_events FROM book WHERE book_id = $1", shop.books.book_id)
    assert chosen is False
    sent = len(story.receiver.got)
    await shop.books.prepaid_buyer("25.00")
    await story.deliver()
    assert len(story.receiver.got) == sent
    problem = as_problem(await program.send("POST", f"/v1/webhook_endpoints/{story.endpoint['id']}/replay", json={}))
    assert problem["code"] == "webhook_endpoint_disabled"
    story.receiver.answer = lambda _: 204
    assert (await story.send("PATCH", enabled=True))["enabled"]
    assert (await story.send("POST", "/replay"))["events"] == DISABLED_AFTER.days + 2
    await story.deliver()
    assert {row["status"] for row in await story.log()} == {"delivered"}


async def test_two_secrets_sign_while_one_follows_the_other(program: Program) -> None:
    story = await begin(program, ["authorization.activated"])
    new = await story.send("POST", "/rotate", overlap_hours=2)
    assert new["previous_secret_until"] is not None
    await program.shop.books.prepaid_buyer("25.00")
    await story.deliver()
    (request,) = story.receiver.got
    now = float(request.headers["webhook-timestamp"])
    for secret in (story.endpoint["secret"], new["secret"]):
        assert OurWebhook(secret, clock=lambda: now).verify(request.content, request.headers).sequence == 1
    await program.shop.books.prepaid_buyer("25.00")
    later = program.shop.clock() + timedelta(hours=3)
    await story.deliver(story.sender(lambda: later))
    request = story.receiver.got[-1]
    expected = webhook_content.signed_headers(
        request.headers["webhook-id"], later, request.content, [_bytes_of(new["secret"])]
    )
    assert request.headers["webhook-signature"] == expected["webhook-signature"]


def _same(moment: datetime) -> datetime:
    return moment


def _bytes_of(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


async def test_rivals_send_each_event_once_and_a_worker_that_dies_loses_none(program: Program) -> None:
    story = await begin(program, ["authorization.activated"])
    for _ in range(6):
        await program.shop.books.prepaid_buyer("25.00")
    await number_waiting(program.shop.service)
    await asyncio.gather(*(story.deliver(story.sender()) for _ in range(3)))
    assert sorted(event["sequence"] for event in story.receiver.events) == [1, 2, 3, 4, 5, 6]

    await program.shop.books.prepaid_buyer("25.00")
    await number_waiting(program.shop.service)
    service, book_id = program.shop.service, program.shop.books.book_id
    (due,) = await deliveries.due(service.pool, book_id, service.clock(), [], 5)
    dying = story.sender()
    assert await deliveries.claim(service.pool, due, service.clock() + dying.lease) is not None  # and no more is heard
    await story.deliver()
    assert len(story.receiver.got) == 6
    later = program.shop.clock() + 2 * dying.lease
    await story.deliver(story.sender(lambda: later))
    assert story.receiver.events[-1]["sequence"] == 7


async def test_one_request_makes_one_endpoint(program: Program) -> None:
    body = {"url": f"https://{secrets.token_hex(6)}.example/events"}
    first = await program.post("/v1/webhook_endpoints", body, "the same")
    again = await program.send("POST", "/v1/webhook_endpoints", key="the same", json=body)
    assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
    assert as_object(again) == first
    other = {"url": f"https://{secrets.token_hex(6)}.example/events"}
    problem = as_problem(await program.send("POST", "/v1/webhook_endpoints", key="the same", json=other))
    assert problem["code"] == "idempotency_conflict"
    assert len((await program.get("/v1/webhook_endpoints"))["data"]) == 1


async def test_an_endpoint_is_removed_with_all_that_is_known_of_it(program: Program) -> None:
    story = await begin(program)
    await program.shop.books.prepaid_buyer("25.00")
    await number_waiting(program.shop.service)
    await story.send("DELETE")
    await story.deliver()
    assert story.receiver.got == []
    answer = await program.send("GET", f"/v1/webhook_endpoints/{story.endpoint['id']}")
    assert as_problem(answer)["code"] == "webhook_endpoint_not_found"
    left = await program.shop.service.pool.fetchval(
        "SELECT count(*) FROM webhook_delivery WHERE endpoint_id = $1", story.endpoint["id"]
    )
    assert left == 0


async def test_nobody_reaches_the_endpoint_of_another_seller(program: Program, open_shop: OpenShop) -> None:
    story = await begin(program)
    other = await program_of(await open_shop())
    path = f"/v1/webhook_endpoints/{story.endpoint['id']}"
    for asked in ("GET", "PATCH", "DELETE", "POST /rotate", "POST /test", "POST /replay", "GET /deliveries"):
        method, _, verb = asked.partition(" ")
        more: dict[str, Any] = {"json": {}} if method in {"POST", "PATCH"} else {}
        assert as_problem(await other.send(method, path + verb, **more))["code"] == "webhook_endpoint_not_found"
    assert (await other.get("/v1/webhook_endpoints"))["data"] == []


async def test_a_key_needs_the_scope_to_say_where_events_go(program: Program) -> None:
    reader = await program_of(program.shop, scopes=(EVERYTHING & ~KeyScope.WEBHOOKS).value)
    body = {"url": "https://shop.example/events"}
    problem = as_problem(await reader.send("POST", "/v1/webhook_endpoints", key="k", json=body))
    assert (problem["status"], problem["code"]) == (403, "key_not_for_this")
    assert (await reader.get("/v1/webhook_endpoints"))["data"] == []


async def test_addresses_inside_are_refused_and_never_sent_to(program: Program) -> None:
    for url in ("https://user@shop.example/", "ftp://shop.example/"):
        answer = await program.send("POST", "/v1/webhook_endpoints", key="k", json={"url": url})
        assert as_problem(answer)["code"] in {"address_not_usable", "invalid_request"}
    inside = await program.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/events"})
    shop = program.shop
    await shop.books.prepaid_buyer("25.00")
    await number_waiting(shop.service)
    strict = replace(shop.service.settings, allow_private_notification_targets=False)
    sender = WebhookSender(shop.service.pool, shop.service.vault, strict, shop.clock)
    await sender.dispatch()
    await sender.idle()
    await sender.close()
    (row,) = (await program.get(f"/v1/webhook_endpoints/{inside['id']}/deliveries"))["data"]
    assert row["status"] == "waiting"
    assert "public internet" in row["problem"]


async def test_a_test_is_no_event(program: Program) -> None:
    story = await begin(program)
    told = await story.send("POST", "/test")
    assert (told["arrived"], told["http_status"]) == (False, None)  # nobody is at that host
    assert told["problem"]
    assert (await program.get("/v1/events"))["data"] == []
