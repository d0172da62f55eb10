"""A method for each endpoint, to be awaited.

Made by `python -m tools.clients` from /v1/openapi.json: not changed by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tallystick_client import endpoints
from tallystick_client.amounts import Moment, Money, amount_text, moment_text
from tallystick_client.base import LONGEST_WAIT_SECONDS
from tallystick_client.core import AsyncCore
from tallystick_client.listing import AsyncListing
from tallystick_client.objects import (
    Account,
    Authorization,
    Batch,
    Charge,
    Clock,
    Dispute,
    Event,
    Fault,
    Key,
    Payout,
    Refund,
    Reservation,
    Settlement,
    Statement,
    StatementMonth,
    TopUp,
    Transaction,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookReplay,
    WebhookTest,
    WriteOff,
)
from tallystick_client.rows import ChargeRow, LimitRow


class AsyncChargesResource:
    """What there is at /v1/charges."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        authorization: str,
        amount: Money,
        currency: Literal["USD"] | None = None,
        description: str | None = None,
        note: str | None = None,
        notification_url: str | None = None,
        timeout_minutes: int | None = None,
        idempotency_key: str | None = None,
    ) -> Charge:
        """Charges a prepaid balance, a tab or, with a token, real money.

        Args:
            authorization: The authorization: a prepaid balance, a tab or a token.
            amount: How much: decimal text with at most six decimals.
            currency: Of the amount.
            description: What the buyer reads.
            note: A note for the seller alone.
            notification_url: Where the notification about this goes, instead of the address in the settings.
            timeout_minutes: How long it may wait until the payment network is asked; then it fails.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.CHARGES_CREATE,
            Charge,
            None,
            {
                "authorization": authorization,
                "amount": amount_text("amount", amount),
                "currency": currency,
                "description": description,
                "note": note,
                "notification_url": notification_url,
                "timeout_minutes": timeout_minutes,
            },
            idempotency_key,
        )

    def list(
        self,
        *,
        authorization: str | None = None,
        status: Literal["succeeded", "pending", "failed", "reserved", "cancelled"] | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        amount_min: Money | None = None,
        amount_max: Money | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        expand: Sequence[Literal["authorization"]] | None = None,
    ) -> AsyncListing[Charge]:
        """Every charge, the newest first, page by page.

        Args:
            authorization: Only those of this authorization.
            status: Only those that have come to this.
            created_after: Received at this moment or later.
            created_before: Received before this moment.
            amount_min: Of this amount or more.
            amount_max: Of this amount or less.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return self._core.many(
            endpoints.CHARGES_LIST,
            Charge,
            {
                "authorization": authorization,
                "status": status,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "amount_min": None if amount_min is None else amount_text("amount_min", amount_min),
                "amount_max": None if amount_max is None else amount_text("amount_max", amount_max),
                "limit": limit,
                "cursor": cursor,
                "expand": expand,
            },
        )

    async def get(self, charge_id: str, /, *, expand: Sequence[Literal["authorization"]] | None = None) -> Charge:
        """One charge.

        Args:
            charge_id: The id of the charge.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return await self._core.one(endpoints.CHARGES_GET, Charge, charge_id, {"expand": expand})

    async def wait(self, charge_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> Charge:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.CHARGES_GET, Charge, charge_id, seconds)

    async def batch(self, *, charges: Sequence[ChargeRow]) -> Batch:
        """Charges up to a thousand times in one request, each with a key of its own, each done or refused by itself.

        Args:
            charges: The charges. Each is done or refused by itself.
        """
        return await self._core.one(endpoints.CHARGES_BATCH, Batch, None, {"charges": list(charges)})

    async def refund(
        self,
        charge_id: str,
        /,
        *,
        amount: Money | None = None,
        currency: Literal["USD"] | None = None,
        note: str | None = None,
        notification_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Gives back all or part of a charge: to where it came from, or off the debt.

        Args:
            charge_id: The id of the charge.
            amount: How much; all that is left, if it is not given.
            currency: Of the amount.
            note: A note for the seller alone.
            notification_url: Where the notification about this goes, instead of the address in the settings.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.CHARGES_REFUND,
            Refund,
            charge_id,
            {
                "amount": None if amount is None else amount_text("amount", amount),
                "currency": currency,
                "note": note,
                "notification_url": notification_url,
            },
            idempotency_key,
        )


class AsyncReservationsResource:
    """What there is at /v1/reservations."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        authorization: str,
        amount: Money,
        currency: Literal["USD"] | None = None,
        description: str | None = None,
        note: str | None = None,
        notification_url: str | None = None,
        timeout_minutes: int | None = None,
        idempotency_key: str | None = None,
    ) -> Reservation:
        """Holds an amount on the card of an authorization of payments, to be captured or released.

        Args:
            authorization: The authorization: a prepaid balance, a tab or a token.
            amount: How much: decimal text with at most six decimals.
            currency: Of the amount.
            description: What the buyer reads.
            note: A note for the seller alone.
            notification_url: Where the notification about this goes, instead of the address in the settings.
            timeout_minutes: How long it may wait until the payment network is asked; then it fails.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.RESERVATIONS_CREATE,
            Reservation,
            None,
            {
                "authorization": authorization,
                "amount": amount_text("amount", amount),
                "currency": currency,
                "description": description,
                "note": note,
                "notification_url": notification_url,
                "timeout_minutes": timeout_minutes,
            },
            idempotency_key,
        )

    def list(
        self,
        *,
        authorization: str | None = None,
        status: Literal["succeeded", "pending", "failed", "reserved", "cancelled"] | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        amount_min: Money | None = None,
        amount_max: Money | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        expand: Sequence[Literal["authorization"]] | None = None,
    ) -> AsyncListing[Reservation]:
        """Every reservation, the newest first, page by page.

        Args:
            authorization: Only those of this authorization.
            status: Only those that have come to this.
            created_after: Received at this moment or later.
            created_before: Received before this moment.
            amount_min: Of this amount or more.
            amount_max: Of this amount or less.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return self._core.many(
            endpoints.RESERVATIONS_LIST,
            Reservation,
            {
                "authorization": authorization,
                "status": status,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "amount_min": None if amount_min is None else amount_text("amount_min", amount_min),
                "amount_max": None if amount_max is None else amount_text("amount_max", amount_max),
                "limit": limit,
                "cursor": cursor,
                "expand": expand,
            },
        )

    async def get(
        self, reservation_id: str, /, *, expand: Sequence[Literal["authorization"]] | None = None
    ) -> Reservation:
        """One reservation.

        Args:
            reservation_id: The id of the reservation.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return await self._core.one(endpoints.RESERVATIONS_GET, Reservation, reservation_id, {"expand": expand})

    async def wait(self, reservation_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> Reservation:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.RESERVATIONS_GET, Reservation, reservation_id, seconds)

    async def capture(
        self,
        reservation_id: str,
        /,
        *,
        amount: Money | None = None,
        currency: Literal["USD"] | None = None,
        notification_url: str | None = None,
    ) -> Reservation:
        """Takes what is held, or part of it; the rest is let go. It is done once: again is refused.

        Args:
            reservation_id: The id of the reservation.
            amount: How much to take; all that is held, if it is not given.
            currency: Of the amount.
            notification_url: Where the notification about this goes, instead of the address in the settings.
        """
        return await self._core.one(
            endpoints.RESERVATIONS_CAPTURE,
            Reservation,
            reservation_id,
            {
                "amount": None if amount is None else amount_text("amount", amount),
                "currency": currency,
                "notification_url": notification_url,
            },
        )

    async def release(
        self, reservation_id: str, /, *, note: str | None = None, notification_url: str | None = None
    ) -> Reservation:
        """Lets go what is held. Again: nothing changes.

        Args:
            reservation_id: The id of the reservation.
            note: Why, for the seller alone.
            notification_url: Where the notification about this goes, instead of the address in the settings.
        """
        return await self._core.one(
            endpoints.RESERVATIONS_RELEASE,
            Reservation,
            reservation_id,
            {"note": note, "notification_url": notification_url},
        )


class AsyncTopUpsResource:
    """What there is at /v1/top_ups."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        authorization: str,
        amount: Money,
        currency: Literal["USD"] | None = None,
        description: str | None = None,
        note: str | None = None,
        notification_url: str | None = None,
        timeout_minutes: int | None = None,
        idempotency_key: str | None = None,
    ) -> TopUp:
        """Brings real money onto a prepaid balance.

        Args:
            authorization: The authorization: a prepaid balance, a tab or a token.
            amount: How much: decimal text with at most six decimals.
            currency: Of the amount.
            description: What the buyer reads.
            note: A note for the seller alone.
            notification_url: Where the notification about this goes, instead of the address in the settings.
            timeout_minutes: How long it may wait until the payment network is asked; then it fails.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.TOP_UPS_CREATE,
            TopUp,
            None,
            {
                "authorization": authorization,
                "amount": amount_text("amount", amount),
                "currency": currency,
                "description": description,
                "note": note,
                "notification_url": notification_url,
                "timeout_minutes": timeout_minutes,
            },
            idempotency_key,
        )

    def list(
        self,
        *,
        authorization: str | None = None,
        status: Literal["succeeded", "pending", "failed", "reserved", "cancelled"] | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        amount_min: Money | None = None,
        amount_max: Money | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        expand: Sequence[Literal["authorization"]] | None = None,
    ) -> AsyncListing[TopUp]:
        """Every top-up, the newest first, page by page.

        Args:
            authorization: Only those of this authorization.
            status: Only those that have come to this.
            created_after: Received at this moment or later.
            created_before: Received before this moment.
            amount_min: Of this amount or more.
            amount_max: Of this amount or less.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return self._core.many(
            endpoints.TOP_UPS_LIST,
            TopUp,
            {
                "authorization": authorization,
                "status": status,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "amount_min": None if amount_min is None else amount_text("amount_min", amount_min),
                "amount_max": None if amount_max is None else amount_text("amount_max", amount_max),
                "limit": limit,
                "cursor": cursor,
                "expand": expand,
            },
        )

    async def refund(
        self,
        top_up_id: str,
        /,
        *,
        amount: Money | None = None,
        currency: Literal["USD"] | None = None,
        note: str | None = None,
        notification_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Gives back what was not spent of a top-up, to where it came from.

        Args:
            top_up_id: The id of the top-up.
            amount: How much; all that is left, if it is not given.
            currency: Of the amount.
            note: A note for the seller alone.
            notification_url: Where the notification about this goes, instead of the address in the settings.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.TOP_UPS_REFUND,
            Refund,
            top_up_id,
            {
                "amount": None if amount is None else amount_text("amount", amount),
                "currency": currency,
                "note": note,
                "notification_url": notification_url,
            },
            idempotency_key,
        )

    async def get(self, top_up_id: str, /, *, expand: Sequence[Literal["authorization"]] | None = None) -> TopUp:
        """One top-up.

        Args:
            top_up_id: The id of the top-up.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return await self._core.one(endpoints.TOP_UPS_GET, TopUp, top_up_id, {"expand": expand})

    async def wait(self, top_up_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> TopUp:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.TOP_UPS_GET, TopUp, top_up_id, seconds)


class AsyncSettlementsResource:
    """What there is at /v1/settlements."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        authorization: str,
        amount: Money,
        currency: Literal["USD"] | None = None,
        description: str | None = None,
        note: str | None = None,
        notification_url: str | None = None,
        timeout_minutes: int | None = None,
        idempotency_key: str | None = None,
    ) -> Settlement:
        """Brings in real money for what is owed on a tab.

        Args:
            authorization: The authorization: a prepaid balance, a tab or a token.
            amount: How much: decimal text with at most six decimals.
            currency: Of the amount.
            description: What the buyer reads.
            note: A note for the seller alone.
            notification_url: Where the notification about this goes, instead of the address in the settings.
            timeout_minutes: How long it may wait until the payment network is asked; then it fails.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.SETTLEMENTS_CREATE,
            Settlement,
            None,
            {
                "authorization": authorization,
                "amount": amount_text("amount", amount),
                "currency": currency,
                "description": description,
                "note": note,
                "notification_url": notification_url,
                "timeout_minutes": timeout_minutes,
            },
            idempotency_key,
        )

    def list(
        self,
        *,
        authorization: str | None = None,
        status: Literal["succeeded", "pending", "failed", "reserved", "cancelled"] | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        amount_min: Money | None = None,
        amount_max: Money | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        expand: Sequence[Literal["authorization"]] | None = None,
    ) -> AsyncListing[Settlement]:
        """Every settlement, the newest first, page by page.

        Args:
            authorization: Only those of this authorization.
            status: Only those that have come to this.
            created_after: Received at this moment or later.
            created_before: Received before this moment.
            amount_min: Of this amount or more.
            amount_max: Of this amount or less.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return self._core.many(
            endpoints.SETTLEMENTS_LIST,
            Settlement,
            {
                "authorization": authorization,
                "status": status,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "amount_min": None if amount_min is None else amount_text("amount_min", amount_min),
                "amount_max": None if amount_max is None else amount_text("amount_max", amount_max),
                "limit": limit,
                "cursor": cursor,
                "expand": expand,
            },
        )

    async def get(
        self, settlement_id: str, /, *, expand: Sequence[Literal["authorization"]] | None = None
    ) -> Settlement:
        """One settlement.

        Args:
            settlement_id: The id of the settlement.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return await self._core.one(endpoints.SETTLEMENTS_GET, Settlement, settlement_id, {"expand": expand})

    async def wait(self, settlement_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> Settlement:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.SETTLEMENTS_GET, Settlement, settlement_id, seconds)


class AsyncWriteOffsResource:
    """What there is at /v1/write_offs."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        authorization: str,
        amount: Money,
        currency: Literal["USD"] | None = None,
        note: str | None = None,
        idempotency_key: str | None = None,
    ) -> WriteOff:
        """Forgives part or all of what is owed on a tab. No money moves, and it cannot be undone.

        Args:
            authorization: The authorization: a prepaid balance, a tab or a token.
            amount: How much: decimal text with at most six decimals.
            currency: Of the amount.
            note: A note for the seller alone.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.WRITE_OFFS_CREATE,
            WriteOff,
            None,
            {
                "authorization": authorization,
                "amount": amount_text("amount", amount),
                "currency": currency,
                "note": note,
            },
            idempotency_key,
        )

    def list(
        self,
        *,
        authorization: str | None = None,
        status: Literal["succeeded", "pending", "failed", "reserved", "cancelled"] | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        amount_min: Money | None = None,
        amount_max: Money | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        expand: Sequence[Literal["authorization"]] | None = None,
    ) -> AsyncListing[WriteOff]:
        """Every write-off, the newest first, page by page.

        Args:
            authorization: Only those of this authorization.
            status: Only those that have come to this.
            created_after: Received at this moment or later.
            created_before: Received before this moment.
            amount_min: Of this amount or more.
            amount_max: Of this amount or less.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return self._core.many(
            endpoints.WRITE_OFFS_LIST,
            WriteOff,
            {
                "authorization": authorization,
                "status": status,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "amount_min": None if amount_min is None else amount_text("amount_min", amount_min),
                "amount_max": None if amount_max is None else amount_text("amount_max", amount_max),
                "limit": limit,
                "cursor": cursor,
                "expand": expand,
            },
        )

    async def get(self, write_off_id: str, /, *, expand: Sequence[Literal["authorization"]] | None = None) -> WriteOff:
        """One write-off.

        Args:
            write_off_id: The id of the write-off.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return await self._core.one(endpoints.WRITE_OFFS_GET, WriteOff, write_off_id, {"expand": expand})

    async def wait(self, write_off_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> WriteOff:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.WRITE_OFFS_GET, WriteOff, write_off_id, seconds)


class AsyncRefundsResource:
    """What there is at /v1/refunds."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        transaction: str,
        amount: Money | None = None,
        currency: Literal["USD"] | None = None,
        note: str | None = None,
        notification_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Gives back all or part of a transaction: to where it came from, or off the debt.

        Args:
            transaction: What to give back: a charge, or the capture of a reservation.
            amount: How much; all that is left, if it is not given.
            currency: Of the amount.
            note: A note for the seller alone.
            notification_url: Where the notification about this goes, instead of the address in the settings.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.REFUNDS_CREATE,
            Refund,
            None,
            {
                "transaction": transaction,
                "amount": None if amount is None else amount_text("amount", amount),
                "currency": currency,
                "note": note,
                "notification_url": notification_url,
            },
            idempotency_key,
        )

    def list(
        self,
        *,
        authorization: str | None = None,
        status: Literal["succeeded", "pending", "failed", "reserved", "cancelled"] | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        amount_min: Money | None = None,
        amount_max: Money | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        expand: Sequence[Literal["authorization", "refunded_transaction"]] | None = None,
    ) -> AsyncListing[Refund]:
        """Every refund, the newest first, page by page.

        Args:
            authorization: Only those of this authorization.
            status: Only those that have come to this.
            created_after: Received at this moment or later.
            created_before: Received before this moment.
            amount_min: Of this amount or more.
            amount_max: Of this amount or less.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return self._core.many(
            endpoints.REFUNDS_LIST,
            Refund,
            {
                "authorization": authorization,
                "status": status,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "amount_min": None if amount_min is None else amount_text("amount_min", amount_min),
                "amount_max": None if amount_max is None else amount_text("amount_max", amount_max),
                "limit": limit,
                "cursor": cursor,
                "expand": expand,
            },
        )

    async def get(
        self, refund_id: str, /, *, expand: Sequence[Literal["authorization", "refunded_transaction"]] | None = None
    ) -> Refund:
        """One refund.

        Args:
            refund_id: The id of the refund.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return await self._core.one(endpoints.REFUNDS_GET, Refund, refund_id, {"expand": expand})

    async def wait(self, refund_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> Refund:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.REFUNDS_GET, Refund, refund_id, seconds)


class AsyncPayoutsResource:
    """What there is at /v1/payouts."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        amount: Money | None = None,
        currency: Literal["USD"] | None = None,
        note: str | None = None,
        idempotency_key: str | None = None,
    ) -> Payout:
        """Lets cash leave for the seller's bank account: so much, or all that is held.

        Args:
            amount: How much, in whole cents; all that is held, if it is not given.
            currency: Of the amount.
            note: A note for the seller alone.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.PAYOUTS_CREATE,
            Payout,
            None,
            {"amount": None if amount is None else amount_text("amount", amount), "currency": currency, "note": note},
            idempotency_key,
        )

    def list(
        self,
        *,
        authorization: str | None = None,
        status: Literal["succeeded", "pending", "failed", "reserved", "cancelled"] | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        amount_min: Money | None = None,
        amount_max: Money | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncListing[Payout]:
        """Every payout, the newest first, page by page.

        Args:
            authorization: Only those of this authorization.
            status: Only those that have come to this.
            created_after: Received at this moment or later.
            created_before: Received before this moment.
            amount_min: Of this amount or more.
            amount_max: Of this amount or less.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
        """
        return self._core.many(
            endpoints.PAYOUTS_LIST,
            Payout,
            {
                "authorization": authorization,
                "status": status,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "amount_min": None if amount_min is None else amount_text("amount_min", amount_min),
                "amount_max": None if amount_max is None else amount_text("amount_max", amount_max),
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(self, payout_id: str, /) -> Payout:
        """One payout."""
        return await self._core.one(endpoints.PAYOUTS_GET, Payout, payout_id, {})

    async def wait(self, payout_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> Payout:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.PAYOUTS_GET, Payout, payout_id, seconds)


class AsyncDisputesResource:
    """What there is at /v1/disputes."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def get(self, dispute_id: str, /) -> Dispute:
        """One dispute."""
        return await self._core.one(endpoints.DISPUTES_GET, Dispute, dispute_id, {})

    def list(
        self,
        *,
        status: Literal["opened", "evidence_due", "won", "lost"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncListing[Dispute]:
        """Every dispute of a charge, the newest first, page by page.

        Args:
            status: Only those that have come to this.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
        """
        return self._core.many(endpoints.DISPUTES_LIST, Dispute, {"status": status, "limit": limit, "cursor": cursor})

    async def evidence(self, dispute_id: str, /) -> bytes:
        """What to answer the bank with: what was agreed to, from where, and each charge since, as a PDF."""
        return await self._core.one(endpoints.DISPUTES_EVIDENCE, bytes, dispute_id, {})


class AsyncTransactionsResource:
    """What there is at /v1/transactions."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def get(
        self,
        transaction_id: str,
        /,
        *,
        expand: Sequence[Literal["authorization", "refunded_transaction"]] | None = None,
    ) -> Transaction:
        """One transaction.

        Args:
            transaction_id: The id of the transaction.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return await self._core.one(endpoints.TRANSACTIONS_GET, Transaction, transaction_id, {"expand": expand})

    async def wait(self, transaction_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> Transaction:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.TRANSACTIONS_GET, Transaction, transaction_id, seconds)

    def list(
        self,
        *,
        type: Literal[
            "charge",
            "top_up",
            "settlement",
            "write_off",
            "refund",
            "reservation",
            "capture",
            "dispute",
            "refund_reversal",
            "payout",
            "payout_return",
        ]
        | None = None,
        authorization: str | None = None,
        status: Literal["succeeded", "pending", "failed", "reserved", "cancelled"] | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        amount_min: Money | None = None,
        amount_max: Money | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        expand: Sequence[Literal["authorization", "refunded_transaction"]] | None = None,
    ) -> AsyncListing[Transaction]:
        """Every transaction, the newest first, page by page.

        Args:
            type: Only these.
            authorization: Only those of this authorization.
            status: Only those that have come to this.
            created_after: Received at this moment or later.
            created_before: Received before this moment.
            amount_min: Of this amount or more.
            amount_max: Of this amount or less.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
            expand: What is shown whole in the place of its id, one level deep; what is not there stays an id.
        """
        return self._core.many(
            endpoints.TRANSACTIONS_LIST,
            Transaction,
            {
                "type": type,
                "authorization": authorization,
                "status": status,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "amount_min": None if amount_min is None else amount_text("amount_min", amount_min),
                "amount_max": None if amount_max is None else amount_text("amount_max", amount_max),
                "limit": limit,
                "cursor": cursor,
                "expand": expand,
            },
        )


class AsyncAuthorizationsResource:
    """What there is at /v1/authorizations."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        kind: Literal["prepaid", "postpaid", "payment"],
        return_url: str,
        use: Literal["single", "multiple", "recurring"] | None = None,
        limit: Money | None = None,
        total_limit: Money | None = None,
        limits: Sequence[LimitRow] | None = None,
        amount: Money | None = None,
        amount_rule: Literal["exact", "maximum", "minimum"] | None = None,
        period: str | None = None,
        for_reservation: bool | None = None,
        payment_methods: Sequence[Literal["card", "bank_account", "account_balance"]] | None = None,
        currency: Literal["USD"] | None = None,
        description: str | None = None,
        starts_at: Moment | None = None,
        expires_at: Moment | None = None,
        idempotency_key: str | None = None,
    ) -> Authorization:
        """Asks for a prepaid balance, a tab or payments: a buyer agrees to it at the `url` of the answer.

        Args:
            kind: A prepaid balance; a tab; or payments, each with real money at once.
            use: Of payments, which need it: one within three hours, several within limits, or one in each period.
            limit: Of a balance or tab, which needs it: the most that it can be, or that can be owed at any one
                time.
            total_limit: Of a tab or of several payments, which need it: the most that may be charged in all.
            limits: Of a tab or of several payments: how much, or how often, in a period.
            amount: What each payment comes to, in whole cents. Single and recurring payments need it.
            amount_rule: Of several payments: how `amount` binds each of them.
            period: Of recurring payments, which need it: how often there is one, such as `1 Month`.
            for_reservation: Of a single payment: it is reserved, by card, and captured later.
            payment_methods: How the buyer may pay. Without it: each way that there is.
            currency: Of the amount.
            description: What the buyer reads.
            return_url: Where the buyer's browser goes afterwards.
            starts_at: When it begins, at most a year ahead. Without it: at once.
            expires_at: When it ends. Without it: never; several payments after a year. A single one always ends
                after three hours.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.AUTHORIZATIONS_CREATE,
            Authorization,
            None,
            {
                "kind": kind,
                "use": use,
                "limit": None if limit is None else amount_text("limit", limit),
                "total_limit": None if total_limit is None else amount_text("total_limit", total_limit),
                "limits": limits,
                "amount": None if amount is None else amount_text("amount", amount),
                "amount_rule": amount_rule,
                "period": period,
                "for_reservation": for_reservation,
                "payment_methods": payment_methods,
                "currency": currency,
                "description": description,
                "return_url": return_url,
                "starts_at": None if starts_at is None else moment_text("starts_at", starts_at),
                "expires_at": None if expires_at is None else moment_text("expires_at", expires_at),
            },
            idempotency_key,
        )

    def list(
        self,
        *,
        kind: Literal["prepaid", "postpaid"] | None = None,
        status: Literal["not_yet_active", "active", "expired", "cancelled"] | None = None,
        buyer: str | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncListing[Authorization]:
        """Every balance and tab that a buyer has agreed to, the newest first, page by page.

        Args:
            kind: Only these.
            status: Only those that have come to this.
            buyer: Only those of the buyer with this e-mail address.
            created_after: Agreed to at this moment or later.
            created_before: Agreed to before this moment.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
        """
        return self._core.many(
            endpoints.AUTHORIZATIONS_LIST,
            Authorization,
            {
                "kind": kind,
                "status": status,
                "buyer": buyer,
                "created_after": None if created_after is None else moment_text("created_after", created_after),
                "created_before": None if created_before is None else moment_text("created_before", created_before),
                "limit": limit,
                "cursor": cursor,
            },
        )

    async def get(self, authorization_id: str, /) -> Authorization:
        """One authorization: its status, and what is left or owed."""
        return await self._core.one(endpoints.AUTHORIZATIONS_GET, Authorization, authorization_id, {})

    async def wait(self, authorization_id: str, /, *, seconds: float = LONGEST_WAIT_SECONDS) -> Authorization:
        """Ask until it is no longer pending.

        Raises StillPendingError: `seconds` have passed; TransactionFailedError; what asking raises.
        """
        return await self._core.wait(endpoints.AUTHORIZATIONS_GET, Authorization, authorization_id, seconds)

    async def cancel(self, authorization_id: str, /, *, notification_url: str | None = None) -> Authorization:
        """Ends charges and top-ups for good. What is owed on a tab can still be settled.

        Args:
            authorization_id: The id of the authorization.
            notification_url: Where the notification about this goes, instead of the address in the settings.
        """
        return await self._core.one(
            endpoints.AUTHORIZATIONS_CANCEL, Authorization, authorization_id, {"notification_url": notification_url}
        )


class AsyncStatementsResource:
    """What there is at /v1/statements."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def get(self, statement_id: str, /, *, expand: Sequence[Literal["lines"]] | None = None) -> Statement:
        """A month of a balance or a tab, as its buyer reads it: with what it began and ended, and what moved.

        Args:
            statement_id: The id of the statement.
            expand: `lines`: what moved, line by line.
        """
        return await self._core.one(endpoints.STATEMENTS_GET, Statement, statement_id, {"expand": expand})

    def list(
        self,
        *,
        authorization: str | None = None,
        month: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncListing[StatementMonth]:
        """The statements that there are, without their figures: the latest months first, page by page.

        Args:
            authorization: Only those of this authorization.
            month: Only those of this month, such as `2026-11`.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
        """
        return self._core.many(
            endpoints.STATEMENTS_LIST,
            StatementMonth,
            {"authorization": authorization, "month": month, "limit": limit, "cursor": cursor},
        )


class AsyncSandboxResource:
    """What there is at /v1/sandbox."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def clock(self) -> Clock:
        """What time it is in the sandbox."""
        return await self._core.one(endpoints.SANDBOX_CLOCK, Clock, None, {})

    async def forward_clock(self, by: str) -> Clock:
        """Moves the sandbox's clock forward. It never goes back.

        Args:
            by: How far: `1 Hour`, `3 Days`, `2 Weeks`, `6 Months`, `1 Year`.
        """
        return await self._core.one(endpoints.SANDBOX_FORWARD_CLOCK, Clock, None, {"by": by})

    async def authorize(
        self,
        authorization: str,
        *,
        buyer: str,
        method: Literal["card", "bank_account", "account_balance"] | None = None,
        number: str | None = None,
    ) -> Authorization:
        """Agrees to an authorization as a buyer who is played. Again by the same buyer: nothing changes.

        Args:
            authorization: What to agree to: its id.
            buyer: Who agrees: an e-mail address that is nobody's, at example.org, example.com, example.net or below
                .example, .test or .invalid. An account is opened where there is none.
            method: How they pay; added where there is none.
            number: A test number to add and pay with, such as one that declines.
        """
        return await self._core.one(
            endpoints.SANDBOX_AUTHORIZE,
            Authorization,
            None,
            {"authorization": authorization, "buyer": buyer, "method": method, "number": number},
        )

    def faults(self) -> AsyncListing[Fault]:
        """The faults on order: those that wait, those that hold something, then the latest others, at most 100."""
        return self._core.many(endpoints.SANDBOX_FAULTS, Fault, {})

    async def order_fault(
        self,
        *,
        operation: Literal["charge", "reservation", "refund"],
        outcome: Literal["temporary_decline", "denied", "hold"],
    ) -> Fault:
        """Orders a fault: the next charge, reservation or refund of the sandbox fails, or has no answer until released.

        Args:
            operation: What meets it, of what the payment network is asked for: a charge, top-up or settlement; a
                reservation; a refund.
            outcome: A decline; or no answer, until it is released.
        """
        return await self._core.one(
            endpoints.SANDBOX_ORDER_FAULT, Fault, None, {"operation": operation, "outcome": outcome}
        )

    async def release_fault(
        self, fault_id: str, /, *, outcome: Literal["pay", "temporary_decline", "denied"] | None = None
    ) -> Fault:
        """Lets go what a fault holds.

        Args:
            fault_id: The id of the fault.
            outcome: How it ends then.
        """
        return await self._core.one(endpoints.SANDBOX_RELEASE_FAULT, Fault, fault_id, {"outcome": outcome})

    async def take_back_fault(self, fault_id: str, /) -> Fault:
        """Takes a fault back that nothing has met yet."""
        return await self._core.one(endpoints.SANDBOX_TAKE_BACK_FAULT, Fault, fault_id, {})


class AsyncAccountResource:
    """What there is at /v1/account."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def get(self) -> Account:
        """What the service holds for the seller, what the seller owes in goods, what buyers owe the seller."""
        return await self._core.one(endpoints.ACCOUNT_GET, Account, None, {})


class AsyncEventsResource:
    """What there is at /v1/events."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def get(self, event_id: str, /) -> Event:
        """One event."""
        return await self._core.one(endpoints.EVENTS_GET, Event, event_id, {})

    def list(
        self,
        *,
        after: str | None = None,
        type: Literal[
            "authorization.activated",
            "authorization.cancelled",
            "authorization.expired",
            "balance.low",
            "charge.pending",
            "charge.succeeded",
            "charge.failed",
            "charge.cancelled",
            "top_up.pending",
            "top_up.succeeded",
            "top_up.failed",
            "top_up.cancelled",
            "settlement.pending",
            "settlement.succeeded",
            "settlement.failed",
            "settlement.cancelled",
            "write_off.succeeded",
            "refund.pending",
            "refund.succeeded",
            "refund.failed",
            "refund.reversed",
            "payout.pending",
            "payout.succeeded",
            "payout.failed",
            "payout.returned",
            "reservation.pending",
            "reservation.reserved",
            "reservation.captured",
            "reservation.failed",
            "reservation.released",
            "dispute.opened",
            "dispute.lost",
            "dispute.won",
            "key.revoked",
        ]
        | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncListing[Event]:
        """What has happened in the last 30 days, the oldest first, page by page.

        Args:
            after: Only events with higher numbers than this one.
            type: Only these.
            limit: How many a page has.
            cursor: `next_cursor` of the page before, instead of `after`.
        """
        return self._core.many(
            endpoints.EVENTS_LIST, Event, {"after": after, "type": type, "limit": limit, "cursor": cursor}
        )


class AsyncWebhookEndpointsResource:
    """What there is at /v1/webhook_endpoints."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def create(
        self,
        *,
        url: str,
        types: Sequence[
            Literal[
                "*",
                "authorization.activated",
                "authorization.cancelled",
                "authorization.expired",
                "balance.low",
                "charge.pending",
                "charge.succeeded",
                "charge.failed",
                "charge.cancelled",
                "top_up.pending",
                "top_up.succeeded",
                "top_up.failed",
                "top_up.cancelled",
                "settlement.pending",
                "settlement.succeeded",
                "settlement.failed",
                "settlement.cancelled",
                "write_off.succeeded",
                "refund.pending",
                "refund.succeeded",
                "refund.failed",
                "refund.reversed",
                "payout.pending",
                "payout.succeeded",
                "payout.failed",
                "payout.returned",
                "reservation.pending",
                "reservation.reserved",
                "reservation.captured",
                "reservation.failed",
                "reservation.released",
                "dispute.opened",
                "dispute.lost",
                "dispute.won",
                "key.revoked",
            ]
        ]
        | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> WebhookEndpoint:
        """Has events delivered to an address. The answer has the secret that signs them.

        Args:
            url: Where events are posted to.
            types: Which events; `*`, or nothing when it is made: every one but charges that are answered at once.
            description: A note.
            idempotency_key: your own name for this request, which is done once; else it gets a new one.
        """
        return await self._core.one(
            endpoints.WEBHOOK_ENDPOINTS_CREATE,
            WebhookEndpoint,
            None,
            {"url": url, "types": types, "description": description},
            idempotency_key,
        )

    def list(self) -> AsyncListing[WebhookEndpoint]:
        """Every address that events are delivered to, the newest first."""
        return self._core.many(endpoints.WEBHOOK_ENDPOINTS_LIST, WebhookEndpoint, {})

    async def get(self, webhook_endpoint_id: str, /) -> WebhookEndpoint:
        """One webhook endpoint."""
        return await self._core.one(endpoints.WEBHOOK_ENDPOINTS_GET, WebhookEndpoint, webhook_endpoint_id, {})

    async def change(
        self,
        webhook_endpoint_id: str,
        /,
        *,
        url: str | None = None,
        types: Sequence[
            Literal[
                "*",
                "authorization.activated",
                "authorization.cancelled",
                "authorization.expired",
                "balance.low",
                "charge.pending",
                "charge.succeeded",
                "charge.failed",
                "charge.cancelled",
                "top_up.pending",
                "top_up.succeeded",
                "top_up.failed",
                "top_up.cancelled",
                "settlement.pending",
                "settlement.succeeded",
                "settlement.failed",
                "settlement.cancelled",
                "write_off.succeeded",
                "refund.pending",
                "refund.succeeded",
                "refund.failed",
                "refund.reversed",
                "payout.pending",
                "payout.succeeded",
                "payout.failed",
                "payout.returned",
                "reservation.pending",
                "reservation.reserved",
                "reservation.captured",
                "reservation.failed",
                "reservation.released",
                "dispute.opened",
                "dispute.lost",
                "dispute.won",
                "key.revoked",
            ]
        ]
        | None = None,
        enabled: bool | None = None,
        description: str | None = None,
    ) -> WebhookEndpoint:
        """Another address, other events, enabled or not: what is not given stays.

        Args:
            webhook_endpoint_id: The id of the webhook endpoint.
            url: Where events are posted to from now on.
            types: Which events; `*`, or nothing when it is made: every one but charges that are answered at once.
            enabled: Whether events are delivered to it from now on.
            description: A note.
        """
        return await self._core.one(
            endpoints.WEBHOOK_ENDPOINTS_CHANGE,
            WebhookEndpoint,
            webhook_endpoint_id,
            {"url": url, "types": types, "enabled": enabled, "description": description},
        )

    async def remove(self, webhook_endpoint_id: str, /) -> WebhookEndpoint:
        """Forgets an endpoint with its secrets and its log."""
        return await self._core.one(endpoints.WEBHOOK_ENDPOINTS_REMOVE, WebhookEndpoint, webhook_endpoint_id, {})

    async def rotate(self, webhook_endpoint_id: str, /, *, overlap_hours: int | None = None) -> WebhookEndpoint:
        """Gives it another secret, which the answer has. The one before signs for a while, too.

        Args:
            webhook_endpoint_id: The id of the webhook endpoint.
            overlap_hours: How long the old secret signs, too.
        """
        return await self._core.one(
            endpoints.WEBHOOK_ENDPOINTS_ROTATE, WebhookEndpoint, webhook_endpoint_id, {"overlap_hours": overlap_hours}
        )

    async def test(self, webhook_endpoint_id: str, /) -> WebhookTest:
        """Sends something that is no event, signed like one, and tells what came of it."""
        return await self._core.one(endpoints.WEBHOOK_ENDPOINTS_TEST, WebhookTest, webhook_endpoint_id, {})

    def deliveries(
        self,
        webhook_endpoint_id: str,
        /,
        *,
        status: Literal["waiting", "delivered", "failed"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncListing[WebhookDelivery]:
        """What was or is to be delivered, the newest events first, page by page.

        Args:
            webhook_endpoint_id: The id of the webhook endpoint.
            status: Only those that have come to this.
            limit: How many a page has.
            cursor: `next_cursor` of the page before.
        """
        return self._core.many(
            endpoints.WEBHOOK_ENDPOINTS_DELIVERIES,
            WebhookDelivery,
            {"status": status, "limit": limit, "cursor": cursor},
            webhook_endpoint_id,
        )

    async def replay(
        self, webhook_endpoint_id: str, /, *, event: str | None = None, after: str | None = None
    ) -> WebhookReplay:
        """Delivers once more: one event or, without one, all that did not arrive.

        Args:
            webhook_endpoint_id: The id of the webhook endpoint.
            event: Only this one, also where it has arrived.
            after: Only events with higher numbers than this one.
        """
        return await self._core.one(
            endpoints.WEBHOOK_ENDPOINTS_REPLAY, WebhookReplay, webhook_endpoint_id, {"event": event, "after": after}
        )


class AsyncKeysResource:
    """What there is at /v1/keys."""

    def __init__(self, core: AsyncCore) -> None:
        self._core = core

    async def get(self, key_id: str, /) -> Key:
        """One key of this environment, without its secrets."""
        return await self._core.one(endpoints.KEYS_GET, Key, key_id, {})

    async def revoke(self, key_id: str, /) -> Key:
        """Ends the key with which it is asked, at once and for ever. Others are for people to end."""
        return await self._core.one(endpoints.KEYS_REVOKE, Key, key_id, {})

    def list(self) -> AsyncListing[Key]:
        """The keys of this environment, the newest first, without their secrets."""
        return self._core.many(endpoints.KEYS_LIST, Key, {})


class AsyncResources:
    """Every resource."""

    def __init__(self, core: AsyncCore) -> None:
        self.charges = AsyncChargesResource(core)
        self.reservations = AsyncReservationsResource(core)
        self.top_ups = AsyncTopUpsResource(core)
        self.settlements = AsyncSettlementsResource(core)
        self.write_offs = AsyncWriteOffsResource(core)
        self.refunds = AsyncRefundsResource(core)
        self.payouts = AsyncPayoutsResource(core)
        self.disputes = AsyncDisputesResource(core)
        self.transactions = AsyncTransactionsResource(core)
        self.authorizations = AsyncAuthorizationsResource(core)
        self.statements = AsyncStatementsResource(core)
        self.sandbox = AsyncSandboxResource(core)
        self.account = AsyncAccountResource(core)
        self.events = AsyncEventsResource(core)
        self.webhook_endpoints = AsyncWebhookEndpointsResource(core)
        self.keys = AsyncKeysResource(core)
