"""A rail that is asked for nothing: what tests' own rails have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

from tallystick.processors.rail import (
    DisputeFound,
    PaymentMethodFound,
    RailAnswer,
    RailHint,
    RailMovement,
    RailOrder,
    SetupRequest,
    SetupResult,
    SetupStarted,
    Unknown,
)


class FakeRail:
    """Takes the simulated rail's place. Whatever a test does not expect of it fails."""

    name = "simulated"
    environments = frozenset({"sandbox"})
    remembers_keys_for = timedelta(hours=24)

    async def perform(self, order: RailOrder) -> RailAnswer:
        raise AssertionError(order)

    async def look_again(
        self, reference: str | None, idempotency_key: str, asked_first: datetime
    ) -> RailAnswer | Unknown:
        raise AssertionError((reference, idempotency_key, asked_first))

    async def begin_setup(self, request: SetupRequest) -> SetupStarted:
        raise AssertionError(request)

    async def finish_setup(self, reference: str) -> SetupResult:
        raise AssertionError(reference)

    async def find_method(self, rail_token: str) -> PaymentMethodFound | None:
        raise AssertionError(rail_token)

    async def find_dispute(self, reference: str) -> DisputeFound | None:
        raise AssertionError(reference)

    def read_event(self, headers: Mapping[str, str], body: bytes) -> RailHint:
        raise AssertionError((headers, body))

    async def list_movements(self, since: datetime, until: datetime) -> AsyncIterator[RailMovement]:
        found: tuple[RailMovement, ...] = ()
        for movement in found:
            yield movement
        raise AssertionError((since, until))
