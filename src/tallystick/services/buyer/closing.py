"""Closing one's account: what prevents it, what it would end, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.services.buyer import authorizations, redemption
from tallystick.services.identity import first_proof
from tallystick.store.accounts import personal_data, staff
from tallystick.store.queries import account_balances

if TYPE_CHECKING:
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party


class ClosingBlockedError(Exception):
    """Something has to be settled before the account can be closed."""


@dataclass(frozen=True, slots=True)
class LeftBalance:
    """A prepaid balance with money in it, and how much of it the buyer can have paid back before, in micro-units."""

    state: AuthorizationState
    redeemable_micros: int


@dataclass(frozen=True, slots=True)
class ClosingPreview:
    """What closing an account comes to. Amounts are micro-units.

    `debts` and what is `under_way` prevent it, for neither could be settled afterwards; so do sellers whose only owner
    this is (`only_owner_of`), for nobody could decide for them. Lost are: what is `left` in prepaid balances, unless it
    is paid back before, and the `account_balance` of test money and of real money (`live_account_balance`). `ending`:
    authorizations that end, those included.
    """

    debts: Sequence[AuthorizationState]
    under_way: Sequence[AuthorizationState]
    only_owner_of: Sequence[str]
    left: Sequence[LeftBalance]
    ending: Sequence[AuthorizationState]
    account_balance: int
    live_account_balance: int

    @property
    def possible(self) -> bool:
        """Whether nothing prevents it."""
        return not (self.debts or self.under_way or self.only_owner_of)


async def preview(service: Service, party: Party) -> ClosingPreview:
    """What closing the account would come to now."""
    states = await authorizations.of_person(service, party.party_id)
    return ClosingPreview(
        debts=[state for state in states if state.tab and state.balance_micros],
        under_way=[state for state in states if state.authorization.pending_micros and not state.receives],
        only_owner_of=await staff.only_owner_of(service.pool, party.party_id),
        left=[await _left(service, state) for state in states if state.prepaid and state.balance_micros],
        ending=[state for state in states if state.cancellable],
        account_balance=await account_balances.of_person(service.pool, SANDBOX, party.party_id),
        live_account_balance=await account_balances.of_person(service.pool, LIVE, party.party_id),
    )


async def _left(service: Service, state: AuthorizationState) -> LeftBalance:
    if not state.redeemable:
        return LeftBalance(state, 0)
    return LeftBalance(state, (await redemption.offer(service, state)).possible_micros)


async def close(service: Service, party: Party) -> None:
    """Cancel all that was authorized, of which sellers are told, then erase what need not be kept. For good.

    The tokens end first, so that nothing can be added while the rest is done; doing it again goes on where it stopped.
    Raises ClosingBlockedError; Refused: what the books refuse otherwise.
    """
    if not (await preview(service, party)).possible:
        raise ClosingBlockedError
    living = await personal_data.living_tokens(service.pool, party.party_id)
    await first_proof.cancel_all(service, party.party_id, living)
    if not (await preview(service, party)).possible:
        raise ClosingBlockedError
    async with service.pool.acquire() as connection:
        await personal_data.erase(connection, party.party_id, service.clock())
