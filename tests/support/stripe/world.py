"""The service whose sandbox cards are set up at a fake Stripe, and what people and Stripe do with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server
from tests.stories.conftest import until_it_answers
from tests.stories.pages.world import Seller, World
from tests.support.balanced import all_balanced
from tests.support.clock import WorldClock
from tests.support.master_key import MASTER_KEY
from tests.support.stripe.events import WEBHOOK_SECRET, SentEvent, event
from tests.support.stripe.fake import VISA, FakeStripe, fake_stripe, utc_now
from tests.support.stripe.forms import Json

from tallystick.settings import Settings
from tallystick.torture.processes import free_port
from tallystick.wiring import asgi_app, make_worker, open_service
from tallystick.worker import Worker


@dataclass
class StripeWorld:
    """The pages as of today, since Stripe signs events by the clock of the machine."""

    world: World
    fake: FakeStripe
    worker: Worker
    http: httpx.AsyncClient
    sent: list[SentEvent] = field(default_factory=list)

    async def tell(self, kind: str, about: Json) -> SentEvent:
        """Stripe sends an event, once."""
        sent = event(kind, about)
        assert await self.deliver(sent) == 200
        return sent

    async def deliver(self, sent: SentEvent) -> int:
        """One delivery; the status of the answer."""
        url = f"{self.world.base_url}/rails/stripe/events"
        answer = await self.http.post(url, content=sent.body, headers=sent.headers)
        return answer.status_code

    async def work(self) -> None:
        """All that is due."""
        while await self.worker.ask_rails() + await self.worker.follow_up_events() + await self.worker.pay_out():
            pass

    async def buyer(self, seller: Seller, number: str = VISA) -> dict[str, str]:
        """Somebody who agrees to a prepaid balance, with a card that is given at Checkout; what the seller is told."""
        browser = self.world.browser()
        page = await browser.sign_up(await browser.get(seller.url(seller.prepaid())))
        checkout = (await browser.submit(page, "/set-up")).headers["location"]
        back = await self.http.post(checkout, data={"number": number}, follow_redirects=False)
        confirm = await browser.get(await self._on(back.headers["location"]))
        return await self.world.answer(await browser.submit(confirm, "/confirm"))

    async def _on(self, location: str) -> str:
        """Where the way back from Checkout leads on our site."""
        answer = await self.http.get(location, follow_redirects=False)
        return answer.headers["location"].removeprefix(self.world.base_url)

    async def status(self, seller: Seller, transaction_id: str) -> str:
        found = await seller.api.call("GetTransactionStatus", {"TransactionId": transaction_id})
        return found.text("TransactionStatus")

    async def intent_of(self, transaction_id: str) -> Json:
        """What Stripe has for a transaction: one intent."""
        held = await self.fake.held()
        (intent,) = [one for one in held if one["metadata"].get("tallystick_transaction") == transaction_id]
        return intent


@asynccontextmanager
async def stripe_world(
    database_url: str, directory: Path, payout_rail: str = "simulated"
) -> AsyncIterator[StripeWorld]:
    """A running service on a database of its own. When it is over, its books must balance."""
    port = free_port()
    async with fake_stripe() as fake, httpx.AsyncClient(trust_env=False, timeout=30) as http:
        settings = Settings(
            data_directory=directory,
            database_url=database_url,
            port=port,
            public_url=f"http://127.0.0.1:{port}",
            master_key=MASTER_KEY,
            sandbox_card_rail="stripe",
            sandbox_payout_rail=payout_rail,
            sandbox_faults=False,
            stripe_secret_key="sk_test_of_the_tests",
            stripe_webhook_secret=WEBHOOK_SECRET,
            stripe_api_base=fake.url,
        )
        clock = WorldClock(utc_now().astimezone(UTC))
        async with open_service(settings, clock, watch_clock=False) as service:
            server = Server(
                asgi_app(service), address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False
            )
            serving = asyncio.create_task(server.serve())
            await until_it_answers(settings.public_url, http)
            world = World(service, clock, settings.public_url)
            try:
                async with all_balanced(service.pool):
                    yield StripeWorld(world, fake, make_worker(service), http)
            finally:
                await world.close_clients()
                server.stop()  # type: ignore[no-untyped-call]
                await asyncio.wait_for(serving, 30)
