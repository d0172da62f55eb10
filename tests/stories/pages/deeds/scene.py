"""Somebody at a page with a form: what every deed of the tables begins with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx
from tests.stories.pages.business import prepaid_customer
from tests.stories.pages.people import console, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.services.events.numbering import number_waiting
from tallystick.store.accounts.parties import Party
from tallystick.store.records import outbox

HERE: Final = "http://127.0.0.1:9/ipn"
"""A notification address that nothing is ever sent to: it is not on the public internet."""


@dataclass
class Scene:
    """Somebody who owns a seller's console and runs the service too, on a browser. `person`: who does the deed."""

    world: World
    seller: Seller
    person: Party
    browser: Browser

    async def look(self, *parts: str, **query: str) -> httpx.Response:
        """A page of the seller's console."""
        return await self.browser.get(console(self.seller, *parts) + (f"?{urlencode(query)}" if query else ""))

    async def send(self, page: httpx.Response, ending: str, **typed: str) -> httpx.Response:
        """Fill in a form of a page and send it."""
        done = await self.browser.submit(page, ending, **typed)
        assert done.status_code == 200, (str(done.url), done.status_code, Page(done).text)
        return done

    async def on(self, place: str, ending: str, **typed: str) -> httpx.Response:
        """The same on a page of the console; `place`: the end of its address."""
        return await self.send(await self.look(*place.split("/")), ending, **typed)

    async def address(self) -> None:
        """Somewhere to notify the seller."""
        async with self.world.pool.acquire() as connection:
            await outbox.set_address(connection, self.seller.book_id, HERE, self.world.clock())

    async def given_up(self) -> str:
        """A dead letter: an event whose deliveries failed for a day."""
        await self.address()
        payment = await (await prepaid_customer(self.world, self.seller)).pay("1")
        await self.world.pool.execute("UPDATE outbox SET state = 'dead', due_at = NULL WHERE subject_id = $1", payment)
        return f"{payment}-1"

    async def given_up_delivery(self, endpoint_id: str) -> None:
        """An event of the seller's, the first one, that did not arrive at an endpoint for three days."""
        await prepaid_customer(self.world, self.seller)
        await number_waiting(self.world.service)
        await self.world.pool.execute(
            "INSERT INTO webhook_delivery (book_id, endpoint_id, sequence, subject_id, state, announced_at, due_at,"
            " attempts, last_error) SELECT book_id, $2, sequence, subject_id, 'dead', $3, $3, 12, 'no answer in time'"
            " FROM event WHERE book_id = $1 AND sequence = 1"
            " ON CONFLICT (book_id, endpoint_id, sequence) DO UPDATE SET state = excluded.state,"
            " attempts = excluded.attempts, last_error = excluded.last_error",
            self.seller.book_id,
            endpoint_id,
            self.world.clock(),
        )

    async def sign_in(self, someone: Party) -> None:
        """Let somebody else go on with the same browser."""
        self.browser.http.cookies.clear()
        self.browser.http.cookies = (await signed_in(self.world, someone)).http.cookies


Deed = Callable[[Scene], Awaitable[object]]
