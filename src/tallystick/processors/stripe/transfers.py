"""Payouts by Stripe Connect: transfers to accounts that sellers have at Stripe, and taking them back.

Source: https://docs.stripe.com/connect/separate-charges-and-transfers, https://docs.stripe.com/connect/
account-capabilities and https://docs.stripe.com/api/transfer_reversals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import stripe

from tallystick.domain.money import USD
from tallystick.processors.payout_rail import (
    ConnectedAccount,
    Connecting,
    NotSent,
    NotTakenBackError,
    PayoutAnswer,
    PayoutInstruction,
    Sent,
    SentLater,
)
from tallystick.processors.stripe.answers import IN_PROGRESS, StateError
from tallystick.processors.stripe.gateway import Gateway, in_progress, in_time, may_have_happened
from tallystick.processors.stripe.objects import KEY, minor_units, noted

_KEY_LIVES: Final = timedelta(hours=24)
"""Source: https://docs.stripe.com/api/idempotent_requests."""

_KEY_MARGIN: Final = timedelta(hours=1)
"""So long before a key is given up, it is used no more: by then, what was asked for last has arrived or never does."""

_NOT_SENT: Final = "PayoutNotSent"
_FORGOTTEN: Final = "Stripe has nothing of this payout a day after it was asked for."
_PARAMETERS: Final = frozenset({"destination", "amount", "currency"})
_CODES: Final = frozenset(
    {
        "account_invalid",
        "amount_too_large",
        "amount_too_small",
        "balance_insufficient",
        "insufficient_capabilities_for_transfer",
        "transfers_not_allowed",
    }
)
"""Refusals that say that nothing was sent. Anything else leaves open what has happened, or is for the operator."""

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class StripeTransfers:
    """Transfers from one account to those of sellers. `clock` tells how old a key is."""

    gateway: Gateway
    clock: Callable[[], datetime]

    async def send(self, instruction: PayoutInstruction) -> PayoutAnswer:
        """Make a transfer, once for the key.

        What was asked for before is looked for first. Raises StripeError, TimeoutError: it is not known what became of
        it; StateError.
        """
        if (known := await self._asked_before(instruction)) is not None:
            return known
        try:
            made = await self._make(instruction)
        except stripe.StripeError as error:
            if in_progress(error):
                return SentLater(IN_PROGRESS)
            if may_have_happened(error) and (found := await self._find(instruction)) is not None:
                return found
            if isinstance(error, stripe.InvalidRequestError) and (error.param in _PARAMETERS or error.code in _CODES):
                return NotSent(_NOT_SENT, f"Stripe did not take it: {error.code or error.param}.")
            raise
        return _sent(made, instruction)

    async def _asked_before(self, instruction: PayoutInstruction) -> PayoutAnswer | None:
        """What became of a transfer that was asked for, found by the group that is the key; None: it may be made.

        An hour before Stripe may forget the key, none is made any more. What is not there when it may have, was not
        sent.
        """
        if instruction.asked_first is None:
            return None
        found = await self._find(instruction)
        age = self.clock() - instruction.asked_first
        if found is not None or age < _KEY_LIVES - _KEY_MARGIN:
            return found
        return SentLater(_KEY_MARGIN) if age < _KEY_LIVES else NotSent(_NOT_SENT, _FORGOTTEN)

    async def take_back(self, reference: str, idempotency_key: str) -> None:
        """Reverse all of a transfer. Raises NotTakenBackError, StripeError, TimeoutError."""
        transfer = await in_time(self.gateway.api.transfers.retrieve_async(reference))
        if transfer.reversed:
            return
        if transfer.amount_reversed:
            raise NotTakenBackError(f"part of {reference} was taken back by hand: see to it at Stripe")
        try:
            await in_time(
                self.gateway.api.transfers.reversals.create_async(
                    reference, {"metadata": {KEY: idempotency_key}}, {"idempotency_key": idempotency_key}
                )
            )
        except stripe.InvalidRequestError as error:
            raise NotTakenBackError(f"Stripe does not take it back: {error.code or error.user_message}") from error

    async def begin(self, key: str, account_id: str | None, again_url: str, back_url: str) -> Connecting:
        """Make an account, once for the key, and a link to the page where its owner goes on."""
        if account_id is None:
            account = await in_time(
                self.gateway.api.accounts.create_async(
                    {
                        "controller": {
                            "fees": {"payer": "application"},
                            "losses": {"payments": "application"},
                            "stripe_dashboard": {"type": "express"},
                        },
                        "capabilities": {"transfers": {"requested": True}},
                        "metadata": {KEY: key},
                    },
                    {"idempotency_key": key},
                )
            )
            account_id = account.id
        link = await in_time(
            self.gateway.api.account_links.create_async(
                {
                    "account": account_id,
                    "type": "account_onboarding",
                    "refresh_url": again_url,
                    "return_url": back_url,
                }
            )
        )
        return Connecting(account_id, link.url)

    async def find(self, account_id: str) -> ConnectedAccount:
        """An account as it is now."""
        account = await in_time(self.gateway.api.accounts.retrieve_async(account_id))
        capabilities, requirements = account.capabilities, account.requirements
        active = capabilities is not None and getattr(capabilities, "transfers", None) == "active"
        wanted = () if requirements is None else tuple(requirements.currently_due or ())
        return ConnectedAccount(account.id, may_receive=active, wanted=wanted)

    async def _make(self, instruction: PayoutInstruction) -> stripe.Transfer:
        if (destination := instruction.account.connected) is None:
            raise LookupError("this payout goes to a bank account, not to one at Stripe")
        key = instruction.idempotency_key
        return await in_time(
            self.gateway.api.transfers.create_async(
                {
                    "amount": minor_units(instruction.amount_micros),
                    "currency": USD.lower(),
                    "destination": destination,
                    "transfer_group": key,
                    "metadata": {KEY: key},
                },
                {"idempotency_key": key},
            )
        )

    async def _find(self, instruction: PayoutInstruction) -> PayoutAnswer | None:
        key = instruction.idempotency_key
        page = await in_time(self.gateway.api.transfers.list_async({"transfer_group": key, "limit": _PAGE}))
        async for transfer in page.auto_paging_iter():
            if noted(transfer.metadata, KEY) == key:
                return _sent(transfer, instruction)
        return None


def _sent(transfer: stripe.Transfer, instruction: PayoutInstruction) -> Sent:
    if transfer.amount != minor_units(instruction.amount_micros):
        raise StateError(
            f"{transfer.id} is for {transfer.amount} cents, not for {instruction.amount_micros} micro-units"
        )
    return Sent(transfer.id)
