"""A person's own means of payment, as they see and change them: those for real money, and those of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import Method
from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.services.buyer import authorizations, bank_check
from tallystick.services.consent import wallet
from tallystick.services.rails import setups
from tallystick.store.accounts import payment_methods
from tallystick.store.accounts.payment_methods import PaymentMethod
from tallystick.store.queries import account_balances

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.context import Service

__all__ = ["MethodList", "PaymentMethod", "add", "balance_of", "find", "find_present", "list_all", "remove", "users_of"]

_MAX_NUMBER: Final = 2**63 - 1
"""The largest number of a payment method that the database could have."""


@dataclass(frozen=True, slots=True)
class MethodList:
    """Everything there is to pay with. `live`: with real money; `methods`: in the sandbox. The newest first.

    `balance_micros`: on the sandbox's account balance. `unverified`: by their numbers. `addable`: the kinds that can be
    added for real money.
    """

    balance_micros: int
    methods: Sequence[PaymentMethod]
    live: Sequence[PaymentMethod]
    unverified: Sequence[int]
    addable: Sequence[Method]

    @property
    def real_money(self) -> bool:
        """Whether there is anything for real money, or could be."""
        return bool(self.live or self.addable)


async def list_all(service: Service, party_id: PartyId) -> MethodList:
    """The account balance, and the cards and bank accounts that are on the account, newest first."""
    methods = await payment_methods.of_party(service.pool, party_id, SANDBOX)
    live = await payment_methods.of_party(service.pool, party_id, LIVE)
    return MethodList(
        await balance_of(service, party_id),
        methods,
        live,
        unverified=[one.payment_method_id for one in (*live, *methods) if bank_check.wanted(service, one)],
        addable=[method for method in (Method.CC, Method.ACH) if setups.available(service, LIVE, method)],
    )


async def balance_of(service: Service, party_id: PartyId) -> int:
    """What is on the account balance, in micro-units."""
    return await account_balances.of_person(service.pool, SANDBOX, party_id)


async def find(service: Service, party_id: PartyId, number: int) -> PaymentMethod | None:
    """A card or bank account of this person, also one that they removed; None where it is none of theirs."""
    found = await payment_methods.find(service.pool, number) if number <= _MAX_NUMBER else None
    return found if found is not None and found.party_id == party_id else None


async def find_present(service: Service, party_id: PartyId, number: int) -> PaymentMethod | None:
    """The same, unless it was removed."""
    found = await find(service, party_id, number)
    return None if found is None or found.removed else found


async def users_of(service: Service, method: PaymentMethod) -> list[AuthorizationState]:
    """The authorizations that it pays for, those that money could still move under."""
    states = await authorizations.paid_from(service, method.party_id, method.payment_method_id)
    return [state for state in states if state.cancellable or state.balance_micros]


async def add(service: Service, party_id: PartyId, method: Method, typed: Mapping[str, str]) -> PaymentMethod:
    """Keep a card or a bank account from the fields of its form; a form that comes again adds nothing.

    Raises FormError.
    """
    return await wallet.add(service, party_id, SANDBOX, method, typed, once=True)


async def remove(service: Service, method: PaymentMethod) -> None:
    """Take it out of the account: it is charged no more. Nothing happens when it is gone."""
    await payment_methods.remove(service.pool, method.party_id, method.payment_method_id, service.clock())
