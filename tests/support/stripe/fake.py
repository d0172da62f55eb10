"""A fake Stripe for tests: localstripe in a process of its own, the proxy before it, and a buyer at its Checkout."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from aiohttp import ClientConnectionError, ClientSession, web
from tests.support.stripe.faults import Faults
from tests.support.stripe.forms import Json, nested
from tests.support.stripe.hooks import Hooks
from tests.support.stripe.proxy import StripeProxy

VISA = "4242424242424242"
DECLINED = "4000000000000341"
"""It can be saved, and is declined when it is charged."""
CONFIRMED = "4000002760003184"
"""To be confirmed at each charge."""
REFUSED = "4000000000000002"
"""It cannot be saved."""

_LAUNCH = Path(__file__).with_name("launch.py")


def utc_now() -> datetime:
    """The clock of Stripe, unless a test has one of its own."""
    return datetime.now(UTC)


def _listening() -> socket.socket:
    """A socket on a port that nobody else can get meanwhile."""
    return socket.create_server(("127.0.0.1", 0))


def _url_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def localstripe() -> AsyncIterator[str]:
    """The address of a fresh localstripe, which ends with this."""
    with _listening() as listening:
        number, url = listening.fileno(), _url_of(listening)
        process = await asyncio.create_subprocess_exec(sys.executable, str(_LAUNCH), str(number), pass_fds=[number])
    try:
        await _until_it_answers(url, process)
        yield url
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _until_it_answers(url: str, process: asyncio.subprocess.Process) -> None:
    async with ClientSession() as session:
        for _ in range(1_200):
            if process.returncode is not None:
                raise RuntimeError(f"localstripe ended with {process.returncode}")
            try:
                async with session.get(f"{url}/js.stripe.com/v3/"):
                    return
            except ClientConnectionError:
                await asyncio.sleep(0.05)
    raise TimeoutError(url)


@dataclass
class FakeStripe:
    """`proxy` stands where api.stripe.com is in real life."""

    proxy: StripeProxy
    hooks: Hooks

    async def send_events(self, target: str, secret: str) -> None:
        """Let the fake send its events, and some of them arrive."""
        self.hooks.target = target
        registered = {"url": f"{self.url}/_hooks", "secret": secret}
        answer = await self.proxy.upstream_call("POST", "/_config/webhooks/tests", registered)
        assert answer.status == 200, answer

    @property
    def url(self) -> str:
        """The API base."""
        return self.proxy.url

    async def saved_card(self, number: str = VISA, decline_code: str = "generic_decline") -> str:
        """A card that a buyer has saved: the rail's token, a customer with a payment method.

        `decline_code`: why, where it is one that is declined.
        """
        customer = (await self.proxy.upstream_call("POST", "/v1/customers", {})).body["id"]
        method = await self._method(number, customer)
        self.proxy.decline_codes[method] = decline_code
        return f"{customer}/{method}"

    def leave(self, session_id: str) -> None:
        """Leave Checkout without a card; a day later its session is over, which the fake does at once."""
        self.proxy.checkout.sessions[session_id]["status"] = "expired"

    async def fill_in(self, session_id: str, number: str) -> str | None:
        """Type a card at Checkout; where the buyer is sent. None: the card cannot be saved."""
        session = self.proxy.checkout.sessions[session_id]
        try:
            method = await self._method(number, session["customer"])
        except ValueError:
            return None
        made = await self.proxy.upstream_call("POST", "/v1/setup_intents", {"customer": session["customer"]})
        shown = {"status": "succeeded", "payment_method": await self.proxy.object("payment_method", method)}
        session |= {"status": "complete", "setup_intent": self.proxy.shapes.shown(made.body) | shown}
        return str(session["success_url"])

    async def _method(self, number: str, customer: str) -> str:
        """Raises ValueError: the card cannot be saved."""
        card = {"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123"}
        made = await self.proxy.upstream_call("POST", "/v1/payment_methods", {"type": "card", "card": card})
        identity = str(made.body["id"])
        joined = {"customer": customer}
        attached = await self.proxy.upstream_call("POST", f"/v1/payment_methods/{identity}/attach", joined)
        if attached.status != 200:
            raise ValueError(number)
        return identity

    async def by_hand(self, token: str, cents: int) -> str:
        """A charge that somebody makes in Stripe's dashboard; its intent."""
        customer, _, method = token.partition("/")
        body = f"amount={cents}&currency=usd&customer={customer}&payment_method={method}&confirm=true"
        return str((await self.proxy.in_the_dashboard("/v1/payment_intents", body)).body["id"])

    async def refund_by_hand(self, intent: str, cents: int) -> str:
        """A refund that somebody makes in Stripe's dashboard."""
        body = f"payment_intent={intent}&amount={cents}"
        return str((await self.proxy.in_the_dashboard("/v1/refunds", body)).body["id"])

    async def held(self) -> list[Json]:
        """Every intent as Stripe has it, whoever made it."""
        return [await self.proxy.object("payment_intent", intent, ["latest_charge"]) for intent in self.proxy.intents]


@asynccontextmanager
async def fake_stripe(
    clock: Callable[[], datetime] = utc_now, faults: Faults | None = None
) -> AsyncIterator[FakeStripe]:
    """A fake Stripe of one's own, without keys, customers or charges at first."""
    async with localstripe() as upstream, ClientSession() as session:
        faults = faults or Faults()
        fake = FakeStripe(StripeProxy(upstream, session, clock, faults), Hooks(session, Faults(faults.seed)))
        app = web.Application()
        app.router.add_route("*", "/pay/{session}", partial(_checkout, fake))
        app.router.add_get("/favicon.ico", _no_icon)  # browsers ask for it, and tests look at what they complain of
        app.router.add_post("/_hooks", fake.hooks.handle)
        app.router.add_route("*", "/{path:.*}", fake.proxy.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        listening = _listening()
        await web.SockSite(runner, listening).start()
        fake.proxy.url = _url_of(listening)
        try:
            yield fake
        finally:
            await fake.hooks.close()
            await runner.cleanup()


async def _checkout(fake: FakeStripe, request: web.Request) -> web.StreamResponse:
    """The page in the place of Stripe's: the form, and then back to the service."""
    session_id = request.match_info["session"]
    problem = ""
    if request.method == "POST":
        number = str(nested(await request.text()).get("number", "")).replace(" ", "")
        if (back := await fake.fill_in(session_id, number)) is not None:
            raise web.HTTPSeeOther(back)
        problem = "Your card was declined."
    return web.Response(text=fake.proxy.checkout.page(session_id, problem), content_type="text/html")


async def _no_icon(_: web.Request) -> web.StreamResponse:
    return web.Response(status=204)
