"""Sellers' bank accounts: given by owners, sealed at rest, and used a day later at the earliest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.domain.banking.bank_accounts import BankAccount, parse_account, parse_holder, parse_iban, parse_routing
from tallystick.domain.environments import SANDBOX
from tallystick.services.form_errors import FormError
from tallystick.services.identity import mail
from tallystick.services.identity.email_templates import Letter
from tallystick.services.operations import audit
from tallystick.services.seller.staff import Permission, StaffRole, may, people_of
from tallystick.store.payouts import destinations
from tallystick.store.payouts.destinations import PayoutDestination

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext

__all__ = ["COOLING", "PayoutDestination", "current", "give", "read_account"]

COOLING: Final = timedelta(hours=24)
"""How long nothing is paid to a bank account that was just given: whoever has a stolen session gains nothing at once,
and all owners have had a letter by then. Not in the sandbox, where no real money moves."""


def read_account(typed: Mapping[str, str]) -> BankAccount:
    """A bank account as it was typed: `holder` with `iban`, or with `routing` and `account`. Raises FormError."""
    problems: dict[str, str] = {}

    def read(name: str) -> str:
        parser = {"holder": parse_holder, "iban": parse_iban, "routing": parse_routing, "account": parse_account}[name]
        try:
            return parser(typed.get(name, ""))
        except ValueError as error:
            problems[name] = f"{str(error)[:1].upper()}{str(error)[1:]}."
            return ""

    holder = read("holder")
    if typed.get("iban", "").strip() or not typed.get("routing", "").strip():
        found = BankAccount(holder, iban=read("iban"))
    else:
        found = BankAccount(holder, routing=read("routing"), account=read("account"))
    if problems:
        raise FormError(problems)
    return found


async def current(books: BookContext) -> PayoutDestination | None:
    """Where payouts go; None: no bank account was given."""
    return await destinations.current(books.service.pool, books.seller_id, books.environment)


async def give(books: BookContext, account: BankAccount) -> None:
    """Let payouts go to this account from now on, after COOLING. Every owner gets a letter."""
    service, now = books.service, books.service.clock()
    usable_at = now if books.environment == SANDBOX else now + COOLING
    async with service.pool.acquire() as connection, connection.transaction():
        await destinations.give(
            connection,
            service.vault,
            books.seller_id,
            books.environment,
            account,
            made_by=books.actor.party_id,
            now=now,
            usable_at=usable_at,
        )
        await audit.record(
            connection,
            books.actor,
            "payout.account",
            account.hint,
            business_id=books.seller_id,
            environment=books.environment,
            at=now,
        )
    for someone in await people_of(service, books.seller_id):
        if may(StaffRole(someone.role), Permission.MANAGE):
            await mail.post(service, someone.person_email, _letter(books, someone.business_name, account.hint))


def _letter(books: BookContext, business: str, hint: str) -> Letter:
    where = mail.address_of(books.service, f"/console/{books.seller_id}/{books.environment}/payouts")
    when = "from now on" if books.environment == SANDBOX else f"in {COOLING.total_seconds() / 3600:.0f} hours"
    return Letter(
        f"Payouts of {business} go to another bank account",
        f"The bank account of {business} was changed to {hint} ({books.environment}). Payouts go there {when}.\n\n"
        f"If nobody of you did that, give the right one again at once, and change your passwords:\n{where}\n",
    )
