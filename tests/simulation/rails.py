"""Money and messages outside our walls: a rail that keeps its own records, and a seller who is notified."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
from tests.simulation.connections import Network, ProcessKilledError
from tests.support.fake_rail import FakeRail

from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.processors.rail import RailAnswer, RailOrder, StillPending


@dataclass(frozen=True, slots=True)
class Order:
    """What the rail has carried out, once, under a key."""

    operation: RailOperation
    amount_micros: int
    answer: Paid | Declined


@dataclass(slots=True)
class Bank:
    """The rail's own records, which no fault of ours touches. `doubled`: a key that came with another amount."""

    dice: random.Random
    declines: float = 0.2
    orders: dict[str, Order] = field(default_factory=dict)
    asked: int = 0
    doubled: list[str] = field(default_factory=list)

    def carry_out(self, order: RailOrder) -> Order:
        known = self.orders.get(order.idempotency_key)
        if known is None:
            declined = self.dice.random() < self.declines and order.operation is not RailOperation.VOID
            answer = Declined("TransactionDenied", "The payment was declined.") if declined else Paid()
            known = self.orders[order.idempotency_key] = Order(order.operation, order.amount_micros, answer)
        if known.amount_micros != order.amount_micros:
            self.doubled.append(order.idempotency_key)
        return known


@dataclass(slots=True)
class ModelRail(FakeRail):
    """The rail as one process reaches it: slowly, and not every answer arrives. `trouble`: how likely one does not."""

    bank: Bank
    network: Network
    trouble: float = 0.0

    async def perform(self, order: RailOrder) -> RailAnswer:
        dice, bank = self.bank.dice, self.bank
        bank.asked += 1
        await self._travel()
        if dice.random() < self.trouble:
            raise ConnectionError("the rail cannot be reached")
        done = bank.carry_out(order)
        await self._travel()
        if dice.random() < self.trouble:
            raise TimeoutError
        if dice.random() < self.trouble:
            return StillPending(timedelta(seconds=1))
        return done.answer

    async def _travel(self) -> None:
        slow = self.bank.dice.random() < self.trouble / 4
        await asyncio.sleep(70.0 if slow else self.bank.dice.random() * 0.05)
        if self.network.dead:
            raise ProcessKilledError


@dataclass(frozen=True, slots=True)
class Received:
    """A notification that reached its seller."""

    event_id: str
    subject: str
    status: str


@dataclass(slots=True)
class Receiver:
    """The seller's own server; `received` in the order in which it all came."""

    dice: random.Random
    received: list[Received] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        event_id = parse_qs(urlsplit(fields["certificateUrl"]).query)["requestId"][0]
        subject = fields.get("transactionId") or fields["tokenId"]
        self.received.append(Received(event_id, subject, fields.get("transactionStatus", "")))


class Post(httpx.AsyncBaseTransport):
    """The way from one process to the receiver. `trouble` as with ModelRail."""

    def __init__(self, receiver: Receiver, network: Network, trouble: float) -> None:
        self.receiver, self.network, self.trouble = receiver, network, trouble

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        dice = self.receiver.dice
        await self._travel()
        if dice.random() < self.trouble:
            raise httpx.ConnectError("connection refused")
        self.receiver.take(request.content)
        await self._travel()
        if dice.random() < self.trouble:
            raise httpx.ReadError("connection reset")
        return httpx.Response(500 if dice.random() < self.trouble else 200, stream=httpx.ByteStream(b""))

    async def _travel(self) -> None:
        await asyncio.sleep(self.receiver.dice.random() * 0.05)
        if self.network.dead:
            raise ProcessKilledError
