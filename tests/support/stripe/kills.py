"""Charges at a fake Stripe while its answers are lost and the service's processes die; and what came of them.

The processes are those that an operator runs, `serve` and `worker`, over real HTTP on both sides. Sellers' programs ask
again under the same reference until they have an answer, as the documentation tells them to.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT
from tests.support.stripe.events import WEBHOOK_SECRET
from tests.support.stripe.fake import CONFIRMED, DECLINED, VISA, FakeStripe
from tests.support.stripe.forms import Json

from tallystick.client.fps import Client, ServiceError, amount
from tallystick.db.connections import Pool
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import MICROS_PER_MINOR_UNIT, MICROS_PER_UNIT
from tallystick.services.context import Service
from tallystick.services.operations import rails
from tallystick.services.operations.audit import Actor
from tallystick.settings import Settings
from tallystick.torture.faces.face import UNDECIDED, UNREADABLE
from tallystick.torture.model.operations import TokenSlot
from tallystick.torture.model.state import Terms
from tallystick.torture.processes import Program, free_port, until_it_serves
from tallystick.torture.stage import Stage, TortureBuyer
from tallystick.wiring import open_service

CALLERS = 8
_CARDS = (VISA,) * 8 + (DECLINED, CONFIRMED)
_LARGE = 9_000 * MICROS_PER_UNIT
_PAUSE_SECONDS = 0.1
_LOOK_SECONDS = 1.0
"""Between two looks at a transaction that somebody waits for."""

OPEN = UNDECIDED | {UNREADABLE}
"""Answers that leave open what has happened: the same is asked again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`charges` orders in all, about a tenth of them holds; after each `kill_every` answers a process is killed."""

    seed: int
    charges: int
    share: float = 0.3
    kill_every: int = 40
    patience_seconds: int = 300


@dataclass
class Kills:
    """One run."""

    plan: Plan
    fake: FakeStripe
    service: Service
    serve: Program
    worker: Program
    port: int
    answers: int = 0
    _random: Random = field(init=False)
    _dying: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._random = Random(self.plan.seed)  # noqa: S311 - repeatable

    async def play(self) -> None:
        """All charges, with the faults and the deaths; until no order is open any more."""
        stage = Stage(self.service)
        seller = await stage.seller(1)
        terms = Terms(MICROS_PER_UNIT, _LARGE, _LARGE, _LARGE, funding_by_card=True, settlement_by_card=True)
        buyers = [await self._with_card(await stage.buyer(seller, terms), card) for card in _CARDS * 2]
        self.fake.proxy.faults.share = self.plan.share
        await until_it_serves(self.serve, self.port)
        await self.fake.send_events(f"http://127.0.0.1:{self.port}/rails/stripe/events", WEBHOOK_SECRET)
        await self.worker.start()
        orders = iter(range(self.plan.charges))
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            client = Client(f"http://127.0.0.1:{self.port}", seller.credentials, http)
            async with asyncio.TaskGroup() as group:
                for _ in range(CALLERS):
                    group.create_task(self._caller(client, buyers, orders, group))
        await self._until_all_ended()

    async def _with_card(self, buyer: TortureBuyer, card: str) -> TortureBuyer:
        """Let the buyer's card be one at Stripe."""
        token = await self.fake.saved_card(card)
        await self.service.pool.execute(
            "UPDATE payment_method SET rail = 'stripe', rail_token = $2 WHERE payment_method_id ="
            " (SELECT payment_method_id FROM token WHERE token_id = $1)",
            buyer.tokens[TokenSlot.CARD],
            token,
        )
        return buyer

    async def _caller(
        self, client: Client, buyers: list[TortureBuyer], orders: Iterator[int], group: asyncio.TaskGroup
    ) -> None:
        """One program of the seller's: an order after the other. What follows on one waits for it beside them."""
        for number in orders:
            buyer, micros = buyers[number * 7 % len(buyers)], self._amount()
            match number % 10:  # so that holds and refunds meet cards that pay
                case 0:
                    held = await self._ask(client, "Reserve", _payment(buyer, micros))
                    group.create_task(self._after_hold(client, held, micros))
                case 1 | 2:
                    await self._ask(client, "FundPrepaid", _funding(buyer, micros))
                case 3:
                    paid = await self._ask(client, "Pay", _payment(buyer, micros))
                    group.create_task(self._after_payment(client, paid, micros))
                case _:
                    await self._ask(client, "Pay", _payment(buyer, micros))

    def _amount(self, most_micros: int = 90 * MICROS_PER_UNIT) -> int:
        """Whole cents, from a dollar on."""
        return self._random.randint(100, most_micros // MICROS_PER_MINOR_UNIT) * MICROS_PER_MINOR_UNIT

    async def _after_hold(self, client: Client, held: str, micros: int) -> None:
        if await self._ended(client, held, while_it_is="Pending") != "Reserved":
            return
        if self._random.random() < 0.5:
            part = self._amount(micros)
            await self._ask(client, "Settle", {"ReserveTransactionId": held, **amount("TransactionAmount", part)})
        else:
            await self._ask(client, "Cancel", {"TransactionId": held})

    async def _after_payment(self, client: Client, paid: str, micros: int) -> None:
        if await self._ended(client, paid, while_it_is="Pending") != "Success":
            return
        part = self._amount(micros)
        back = {"TransactionId": paid, "CallerReference": secrets.token_hex(12), **amount("RefundAmount", part)}
        await self._ask(client, "Refund", back)

    async def _ended(self, client: Client, transaction_id: str, while_it_is: str) -> str:
        """The status of a transaction that is no longer in the one it began with."""
        status = while_it_is
        while status == while_it_is:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                found = await client.call("GetTransactionStatus", {"TransactionId": transaction_id})
                status = found.text("TransactionStatus")
            except (httpx.HTTPError, ServiceError):
                continue
        return status

    async def _ask(self, client: Client, action: str, parameters: Mapping[str, str]) -> str:
        """One request, the same again until there is an answer to it; the transaction."""
        while True:
            try:
                answer = await client.call(action, parameters)
            except httpx.HTTPError:
                await asyncio.sleep(_PAUSE_SECONDS)
            except ServiceError as error:
                if action in {"Settle", "Cancel"} and error.code not in OPEN:
                    return parameters.get("ReserveTransactionId", parameters.get("TransactionId", ""))
                if error.code not in OPEN:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                await self._answered()
                return answer.text("TransactionId")

    async def _answered(self) -> None:
        """Count an answer; a process dies after so many of them, in turns, and is started again."""
        self.answers += 1
        deaths, rest = divmod(self.answers, self.plan.kill_every)
        if rest:
            return
        async with self._dying:
            if deaths % 2:
                await self.worker.kill()
                await self.worker.start()
            else:
                await self.serve.kill()
                await until_it_serves(self.serve, self.port)

    async def _until_all_ended(self) -> None:
        """Wait for the last answers; an operator has what waits asked for again, which is harmless at any time."""
        operator = Actor(None, "tests")
        async with asyncio.timeout(self.plan.patience_seconds):
            while open_ones := await self.service.pool.fetch("SELECT transaction_id FROM rail_request"):
                for row in open_ones:
                    await rails.ask_again(self.service, operator, TransactionId(row["transaction_id"]))
                await asyncio.sleep(1)


def _payment(buyer: TortureBuyer, micros: int) -> dict[str, str]:
    return {
        "SenderTokenId": buyer.tokens[TokenSlot.CARD],
        "CallerReference": secrets.token_hex(12),
        **amount("TransactionAmount", micros),
    }


def _funding(buyer: TortureBuyer, micros: int) -> dict[str, str]:
    return {
        "SenderTokenId": buyer.tokens[TokenSlot.FUNDING],
        "PrepaidInstrumentId": buyer.prepaid,
        "CallerReference": secrets.token_hex(12),
        **amount("FundingAmount", micros),
    }


@asynccontextmanager
async def kills(plan: Plan, fake: FakeStripe, database_url: str, directory: Path) -> AsyncIterator[Kills]:
    """A run that can be played: the processes end with this."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = {
        "TALLYSTICK_DATA_DIRECTORY": str(directory),
        "TALLYSTICK_DATABASE_URL": database_url,
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        "TALLYSTICK_PORT": str(port),
        "TALLYSTICK_PUBLIC_URL": url,
        "TALLYSTICK_SANDBOX_CARD_RAIL": "stripe",
        "TALLYSTICK_SANDBOX_FAULTS": "false",
        "TALLYSTICK_STRIPE_SECRET_KEY": "sk_test_of_the_tests",
        "TALLYSTICK_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "TALLYSTICK_STRIPE_API_BASE": fake.url,
        "TALLYSTICK_WORKER_INTERVAL_MS": "50",
    }
    serve = Program("serve", ["serve", "--no-worker"], given, directory / "serve.log")
    worker = Program("worker", ["worker"], given, directory / "worker.log")
    settings = Settings(
        data_directory=directory, database_url=database_url, master_key=MASTER_KEY, port=port, public_url=url
    )
    async with open_service(settings) as service:
        try:
            yield Kills(plan, fake, service, serve, worker, port)
        finally:
            fake.proxy.faults.share = 0.0
            fake.hooks.target = None
            await serve.kill()
            await worker.kill()


@dataclass(frozen=True, slots=True)
class Compared:
    """What Stripe holds beside what the books say, in micro-units. `differences`: all that is not the same, by name."""

    orders: int
    taken: int
    given_back: int
    differences: list[str]


async def compare(fake: FakeStripe, pool: Pool) -> Compared:
    """Hold every transaction of real money against what Stripe has of it, one by one."""
    by_transaction: dict[str, list[Json]] = {}
    for intent in await fake.held():
        by_transaction.setdefault(str(intent["metadata"].get("tallystick_transaction")), []).append(intent)
    for refund in fake.proxy.refunds:
        shown = await fake.proxy.object("refund", refund)
        by_transaction.setdefault(str(shown["metadata"].get("tallystick_transaction")), []).append(shown)
    rows = await pool.fetch(
        "SELECT transaction_id, operation, status, amount_micros FROM transaction"
        " WHERE payment_method = 'CC' AND operation <> 'Deposit' ORDER BY transaction_id"
    )
    in_the_books = {str(row["transaction_id"]) for row in rows}
    differences = [f"{transaction} is only at Stripe" for transaction in by_transaction.keys() - in_the_books]
    taken = given_back = 0
    for row in rows:
        found = by_transaction.get(row["transaction_id"], [])
        moved = sum(_moved(one) for one in found) * MICROS_PER_MINOR_UNIT
        expected = row["amount_micros"] if row["status"] == "Success" else 0
        expected *= -1 if row["operation"] == "Refund" else 1
        if len(found) > 1 or moved != expected:
            there = ", ".join(f"{one['id']} {one['status']} {one['amount']}" for one in found)
            differences.append(f"{dict(row)}: Stripe has {there or 'nothing'}")
        taken, given_back = taken + max(moved, 0), given_back - min(moved, 0)
    return Compared(len(rows), taken, given_back, differences)


def _moved(one: Json) -> int:
    """What one object has moved at Stripe, in cents."""
    if one["object"] == "refund":
        return -int(one["amount"]) if one["status"] == "succeeded" else 0
    return int(one["amount_received"]) if one["status"] == "succeeded" else 0
