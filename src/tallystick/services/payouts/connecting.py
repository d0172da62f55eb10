"""Sellers' own accounts at the payment provider, to which payouts go by transfers: opening one, and being back.

The provider asks sellers for what it needs on pages of its own. Whether transfers go to an account, it says when it is
asked; that somebody comes back proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.processors.payout_rail import TRANSFER
from tallystick.processors.rails import RailMissingError
from tallystick.processors.transfer_payouts import transfer_rail
from tallystick.services.identity import mail
from tallystick.services.payouts import bank_accounts
from tallystick.services.payouts.payouts import rail_of
from tallystick.store.payouts import onboardings

if TYPE_CHECKING:
    from tallystick.processors.payout_rail import TransferRail
    from tallystick.services.seller.manual_operations import BookContext

__all__ = ["ConnectionStanding", "ProviderSilentError", "begin", "come_back", "is_way"]


class ProviderSilentError(RuntimeError):
    """The provider could not be asked; the message tells why."""


@dataclass(frozen=True, slots=True)
class ConnectionStanding:
    """How far a seller's account is. `wanted`: what the provider still needs; its own words."""

    is_ready: bool
    wanted: tuple[str, ...] = ()


def is_way(books: BookContext) -> bool:
    """Whether payouts of these books go by transfers."""
    return rail_of(books.service.settings, books.environment) == TRANSFER


async def begin(books: BookContext) -> str:
    """The address of the provider's page where the seller goes on, with a new account or the one that was begun.

    Raises ProviderSilentError.
    """
    service, seller_id, environment = books.service, books.seller_id, books.environment
    known = await onboardings.find(service.pool, seller_id, environment)
    here = mail.address_of(service, f"/console/{seller_id}/{environment}/payouts")
    try:
        started = await _rail(books).begin_connecting(
            f"connect-{seller_id}-{environment}",
            None if known is None else known.account_id,
            f"{here}/account",
            f"{here}/connected",
        )
    except Exception as error:
        raise ProviderSilentError(f"{type(error).__name__}: {error}") from error
    await onboardings.begin(service.pool, seller_id, environment, started.account_id, service.clock())
    return started.url


async def come_back(books: BookContext) -> ConnectionStanding | None:
    """Ask the provider; where it says that transfers go to the account, payouts go there from now on, after COOLING.

    None: the seller has begun nothing. Raises ProviderSilentError.
    """
    service, seller_id, environment = books.service, books.seller_id, books.environment
    known = await onboardings.find(service.pool, seller_id, environment)
    if known is None:
        return None
    try:
        found = await _rail(books).find_connected(known.account_id)
    except Exception as error:
        raise ProviderSilentError(f"{type(error).__name__}: {error}") from error
    if found.may_receive and await _is_another(books, known.account_id):
        await bank_accounts.give(books, BankAccount(holder="", connected=known.account_id))
    if found.may_receive:
        async with service.pool.acquire() as connection:
            await onboardings.finish(connection, seller_id, environment, service.clock())
    return ConnectionStanding(found.may_receive, found.wanted)


async def _is_another(books: BookContext, account_id: str) -> bool:
    current = await bank_accounts.current(books)
    return current is None or current.open(books.service.vault).connected != account_id


def _rail(books: BookContext) -> TransferRail:
    """Raises RailMissingError."""
    if not is_way(books):
        raise RailMissingError("payouts do not go by transfers here")
    return transfer_rail(books.service.rails, books.environment, TRANSFER)
