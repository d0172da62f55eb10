"""docs/event-examples.md: an event of each type as the service made it, with names and moments that stay the same.

TALLYSTICK_WRITE_EXAMPLES=1 .venv/bin/pytest tests/stories/v1/test_event_examples.py writes the page.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from jsonschema_rs import Draft202012Validator
from tests.stories.v1.causes.good_requests import bank_account
from tests.stories.v1.conftest import DOCUMENT, Program, program_of
from tests.stories.v1.test_sandbox import address, agree
from tests.support.paths import ROOT

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import ALPHABET, TransactionId
from tallystick.domain.messages.events import TYPES
from tallystick.processors.simulated_payouts import SimulatedPayoutRail
from tallystick.services.disputes import sandbox
from tallystick.services.events import low_balances
from tallystick.services.events.numbering import number_waiting
from tallystick.services.operations.audit import Actor
from tallystick.services.payouts import desk
from tallystick.services.payouts.sending import send_payouts
from tallystick.services.rails import refunds
from tallystick.services.seller import access_keys
from tallystick.services.seller.manual_operations import context_with_book

PAGE: Final = ROOT / "docs" / "event-examples.md"
HEAD: Final = """\
# Examples of events

One of each type, as a sandbox made it: what `GET /v1/events/{id}` answers, and what a [webhook](webhooks.md) delivers.
When each happens is [here](events.md); the members of `data` are in the [reference](json-reference.md).
"""
WRITE: Final = "TALLYSTICK_WRITE_EXAMPLES"
BACK: Final = "https://shop.example/back"
DECLINED, REFUNDS_FAIL, REFUNDS_COME_BACK = "4000000000009979", "4000000000005126", "4000000000003055"
"""Numbers of docs/sandbox.md."""

A_ROOM: Final[dict[str, Any]] = {
    "kind": "payment",
    "use": "single",
    "amount": "5.00",
    "for_reservation": True,
    "description": "A room",
}
ACTOR: Final = Actor.command("examples")


@dataclass
class Seller:
    """Lets each type happen. What it names is named after what it is, so that examples can be told apart."""

    program: Program
    count: int = 0

    async def done(self) -> None:
        """What has happened gets its numbers, before anything else does; and time passes."""
        await number_waiting(self.program.shop.service)
        self.program.shop.clock.forward(seconds=1)

    async def post(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        made = await self.program.post(path, body, key)
        await self.done()
        return made

    async def rail(self, seconds: int = 2) -> None:
        """The rail is asked, and answers."""
        for _ in range(2):
            await self.program.shop.worker.ask_rails()
            self.program.shop.clock.forward(seconds=seconds)
            await self.done()

    async def agreed(self, key: str, number: str = "4242424242424242", **terms: Any) -> str:  # noqa: ANN401 - JSON
        """An authorization to which somebody has agreed who pays with this number."""
        asked = await self.program.post("/v1/authorizations", {**terms, "return_url": BACK}, key)
        await agree(self.program, asked, method="card", number=number)
        await self.done()
        return str(asked["id"])

    async def balance(self, key: str, number: str = "4242424242424242", **terms: Any) -> str:  # noqa: ANN401 - JSON
        return await self.agreed(key, number, kind="prepaid", limit="25.00", description="API credits", **terms)

    async def tab(self, key: str, number: str = "4242424242424242") -> str:
        terms = {"kind": "postpaid", "limit": "100.00", "total_limit": "1000.00", "description": "Pay as you go"}
        return await self.agreed(key, number, **terms)

    async def payments(self, key: str, number: str = "4242424242424242") -> str:
        terms = {"kind": "payment", "use": "multiple", "total_limit": "1000.00", "description": "Orders"}
        return await self.agreed(key, number, **terms)

    async def cancelled(self, path: str, authorization: str, key: str) -> None:
        """A payment that its seller cancels before the rail is asked."""
        made = await self.post(path, {"authorization": authorization, "amount": "5.00"}, key)
        await self.program.shop.done("Cancel", {"TransactionId": made["id"], "Description": "ordered twice"})
        await self.done()

    async def reserved(self, key: str) -> str:
        authorization = await self.agreed(f"{key}-card", **A_ROOM)
        held = await self.post("/v1/reservations", {"authorization": authorization, "amount": "5.00"}, key)
        await self.rail()
        return str(held["id"])

    async def whole(self) -> None:
        """All types."""
        for part in (self.balances, self.tabs, self.charges, self.refunds, self.reservations, self.disputes):
            await part()
        await self.payouts()
        await self.ends()

    async def balances(self) -> None:
        balance = await self.balance("credits-7")
        await self.post("/v1/top_ups", {"authorization": balance, "amount": "10.00"}, "top-up-7")
        await self.rail()
        await self.cancelled("/v1/top_ups", balance, "top-up-8")
        await self.low(balance)
        poor = await self.balance("credits-8", DECLINED)
        await self.post("/v1/top_ups", {"authorization": poor, "amount": "10.00"}, "top-up-9")
        await self.rail()
        await self.program.send("POST", f"/v1/authorizations/{balance}/cancel", json={})
        await self.done()

    async def low(self, balance: str) -> None:
        shop = self.program.shop
        books = await context_with_book(shop.service, ACTOR, shop.key.party_id, shop.books.book_id)
        assert books is not None
        await low_balances.set_amount(books, 5_000_000)
        await low_balances.tell_low_balances(shop.service)
        await self.post("/v1/charges", {"authorization": balance, "amount": "6.00"}, "credits-7-spent")
        await low_balances.tell_low_balances(shop.service)
        await self.done()
        await low_balances.set_amount(books, None)

    async def tabs(self) -> None:
        for number, key in (("4242424242424242", "tab-3"), (DECLINED, "tab-4")):
            tab = await self.tab(key, number)
            await self.post("/v1/charges", {"authorization": tab, "amount": "30.00"}, f"{key}-usage")
            await self.post("/v1/settlements", {"authorization": tab, "amount": "20.00"}, f"{key}-march")
            await self.rail()
        await self.cancelled("/v1/settlements", tab, "tab-4-april")
        await self.post(
            "/v1/write_offs", {"authorization": tab, "amount": "4.00", "note": "goodwill"}, "tab-4-forgiven"
        )

    async def charges(self) -> None:
        orders = await self.payments("orders-5")
        charge = {"authorization": orders, "amount": "12.00", "description": "Two prints"}
        await self.post("/v1/charges", charge, "order-51")
        await self.rail()
        await self.cancelled("/v1/charges", orders, "order-52")
        await self.post(
            "/v1/charges", charge | {"authorization": await self.payments("orders-6", DECLINED)}, "order-61"
        )
        await self.rail()

    async def refunds(self) -> None:
        shop = self.program.shop
        for number, name in ((REFUNDS_FAIL, "orders-7"), (REFUNDS_COME_BACK, "orders-8")):
            authorization = await self.payments(name, number)
            charge = {"authorization": authorization, "amount": "12.00"}
            made = await self.post("/v1/charges", charge, f"{name}-1")
            await self.rail()
            body = {"transaction": made["id"], "amount": "4.00", "note": "arrived broken"}
            back = await self.post("/v1/refunds", body, f"{name}-1-back")
            await self.rail()
        shop.clock.forward(seconds=90)
        rail = shop.worker.rails.find("sandbox", "simulated")
        await refunds.follow(shop.service, rail, TransactionId(back["id"]), shop.clock())  # as its statement is read
        await self.done()

    async def reservations(self) -> None:
        captured = await self.reserved("room-1")
        await self.program.send("POST", f"/v1/reservations/{captured}/capture", json={"amount": "4.00"})
        await self.rail()
        released = await self.reserved("room-2")
        await self.program.send("POST", f"/v1/reservations/{released}/release", json={"note": "sold out"})
        await self.done()
        declined = await self.agreed("room-3-card", DECLINED, **A_ROOM)
        await self.post("/v1/reservations", {"authorization": declined, "amount": "5.00"}, "room-3")
        await self.rail()

    async def disputes(self) -> None:
        service = self.program.shop.service
        orders = await self.payments("orders-9")
        for name, end in (("order-91", DisputeStatus.WON), ("order-92", DisputeStatus.LOST)):
            charge = await self.post("/v1/charges", {"authorization": orders, "amount": "40.00"}, name)
            await self.rail()
            for status in (DisputeStatus.OPENED, end):
                await sandbox.move(service, ACTOR, TransactionId(charge["id"]), status)
                await self.done()

    async def payouts(self) -> None:
        shop = self.program.shop
        rail = SimulatedPayoutRail(shop.service.pool, shop.clock, faults=True)
        await bank_account(self.program)
        sent = await self.post("/v1/payouts", {"amount": "10.00", "note": "March"}, "payout-march")
        await send_payouts(shop.service, {rail.name: rail})
        await self.done()
        await self.post("/v1/payouts", {"amount": "10.70"}, "payout-april")  # by the amount: the account is closed
        await send_payouts(shop.service, {rail.name: rail})
        await self.done()
        found = await desk.find(shop.service, sent["id"])
        assert found is not None
        await desk.mark_returned(shop.service, ACTOR, found, "The account is closed")
        await self.done()

    async def ends(self) -> None:
        shop = self.program.shop
        ends = (shop.clock() + timedelta(days=1)).isoformat()
        await self.balance("credits-9", expires_at=ends)
        other = await program_of(shop, name="Nightly report")
        await access_keys.revoke(shop.service, Actor(None), shop.key.party_id, other.shop.key.access_key_id)
        await self.done()
        await self.program.send("POST", "/v1/sandbox/clock", json={"by": "2 Days"})
        shop.clock.forward(seconds=61)
        await shop.worker.number_events()


@dataclass
class Stable:
    """Puts the same name and the same moment in the place of each, in the order in which they are met."""

    begun: datetime
    names: dict[str, str] = field(default_factory=dict)

    BEGIN = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
    MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
    ID = re.compile(rf"[A-Z][{ALPHABET}]{{63}}|[{ALPHABET}]{{35}}|AK[0-9A-Z]{{18}}|evt_[0-9a-f]+(?=_)")

    def all_of(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        match value:
            case dict():
                return {name: self.all_of(one) for name, one in value.items()}
            case list():
                return [self.all_of(one) for one in value]
            case str() if self.MOMENT.fullmatch(value):
                moved = self.BEGIN + (datetime.fromisoformat(value) - self.begun)
                return moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            case str():
                return self.ID.sub(lambda found: self._name(found[0]), value)
            case _:
                return value

    def _name(self, found: str) -> str:
        return self.names.setdefault(found, _made_up(found, len(self.names)))


def _made_up(found: str, number: int) -> str:
    """A name of the same kind and length; not what it is made of, which has the book and the time in it."""
    if found.startswith("evt_"):
        return "evt_2c1f0a5e"
    kept = 2 if found.startswith("AK") else 1
    digits = sha256(str(number).encode()).digest() + sha256(b"%d" % -number).digest()
    return (found[:kept] + "".join(ALPHABET[digit % 32] for digit in digits))[: len(found)]


def page(events: Iterable[dict[str, Any]], begun: datetime) -> str:
    """The page, with the first event of each type."""
    stable, found = Stable(begun), dict[str, dict[str, Any]]()
    for event in events:
        told = stable.all_of(event)
        found.setdefault(told["type"], told)
    parts = [
        f"\n## {name}\n\n```json\n{json.dumps(found[name], indent=2, ensure_ascii=False)}\n```\n" for name in TYPES
    ]
    return HEAD + "".join(parts)


async def read(program: Program) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        events = (await program.get("/v1/events", after=str(after), limit="100"))["data"]
        if not events:
            return found
        found += events
        after = events[-1]["sequence"]


async def test_every_type_of_event_has_an_example_that_the_service_made(program: Program) -> None:
    shop = program.shop
    endpoint = {"url": f"https://{address().partition('@')[0]}.example/", "types": ["charge.succeeded"]}
    await program.post("/v1/webhook_endpoints", endpoint)
    shop.clock.forward(microseconds=1_000_000 - shop.clock().microsecond)  # an authorization ends at a whole second
    begun = shop.clock()
    await Seller(program).whole()

    events = await read(program)

    assert {event["type"] for event in events} == set(TYPES)
    for event in events:
        as_documented(event)
    made = page(events, begun)
    if os.environ.get(WRITE):
        PAGE.write_text(made, "utf-8")
    assert PAGE.read_text("utf-8") == made, f"{WRITE}=1 and this test write it"


def as_documented(event: dict[str, Any]) -> None:
    """The object is one that the document tells of; what came back is told by the lists of transactions alone."""
    name = event["data"]["object"].title().replace("_", "")
    known = name if name in DOCUMENT["components"]["schemas"] else "Transaction"
    schema = {"$ref": f"#/components/schemas/{known}", "components": DOCUMENT["components"]}
    Draft202012Validator(schema, validate_formats=True).validate(event["data"])
