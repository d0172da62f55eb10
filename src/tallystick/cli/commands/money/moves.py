"""`tallystick pay`, `fund`, `refund`, `settle`: money moved by hand in a sandbox."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Final

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.console import (
    NO,
    Json,
    ProblemError,
    actor_of_process,
    complain,
    run,
    service_of_process,
    tell,
    tell_json,
)
from tallystick.cli.options import Account
from tallystick.domain.commands import RefundPolicy
from tallystick.domain.money import display_amount, format_amount, parse_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refused
from tallystick.services.reports.instruments import InstrumentRecord
from tallystick.services.reports.transactions import TransactionRecord
from tallystick.services.sandbox import money
from tallystick.services.sandbox.money import MoneyWish, NotInSandboxError
from tallystick.services.seller.manual_operations import BookContext

Balance = Annotated[str, typer.Argument(metavar="BALANCE", help="The id of the prepaid balance.")]
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="How much in USD, such as 0.05.")]
OptionalAmount = Annotated[str | None, typer.Option(help="How much, such as 2.50; all of it without.")]
Reference = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="The CallerReference: given again, nothing is moved twice. Made up without it.",
    ),
]
Description = Annotated[str | None, typer.Option(metavar="TEXT", help="What the buyer reads.")]
Wait = Annotated[
    int,
    typer.Option(
        metavar="SECONDS", min=0, max=600, help="How long to wait for a payment network, which a worker has to ask."
    ),
]

USUAL_WAIT: Final = 15
_LOOK_SECONDS: Final = 0.2

Move = Callable[[BookContext, MoneyWish], Awaitable[Accepted]]


@dataclass(frozen=True, slots=True)
class _Moved:
    """What a move has come to, and the balance or tab as it is then."""

    transaction: TransactionRecord
    held: InstrumentRecord | None


def pay(
    account: Account,
    authorization: Annotated[
        str, typer.Argument(metavar="AUTHORIZATION", help="The id of the prepaid balance, the tab or the token.")
    ],
    amount: Amount,
    reference: Reference = None,
    description: Description = None,
    wait: Wait = USUAL_WAIT,
    json: Json = False,
) -> None:
    """Charge a buyer in the sandbox, as a seller's program does with Pay.

    Exit status 1, with the API's code, when the charge is refused or fails.
    """
    _do(money.pay, account, _wish(authorization, amount, reference, description), wait, json=json)


def fund(
    account: Account,
    balance: Balance,
    amount: Amount,
    reference: Reference = None,
    description: Description = None,
    wait: Wait = USUAL_WAIT,
    json: Json = False,
) -> None:
    """Bring money onto a prepaid balance of the sandbox, as a seller's program does with FundPrepaid.

    Exit status 1, with the API's code, when it is refused or fails.
    """
    _do(money.fund, account, _wish(balance, amount, reference, description), wait, json=json)


def settle(
    account: Account,
    tab: Annotated[str, typer.Argument(metavar="TAB", help="The id of the tab.")],
    amount: OptionalAmount = None,
    reference: Reference = None,
    description: Description = None,
    wait: Wait = USUAL_WAIT,
    json: Json = False,
) -> None:
    """Bring in what is owed on a tab of the sandbox, as a seller's program does with SettleDebt.

    Exit status 1, with the API's code, when it is refused or fails.
    """
    _do(money.settle, account, _wish(tab, amount, reference, description), wait, json=json)


def refund(
    account: Account,
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION", help="The id of the payment.")],
    amount: OptionalAmount = None,
    reference: Reference = None,
    wait: Wait = USUAL_WAIT,
    json: Json = False,
) -> None:
    """Give back a payment of the sandbox, as a seller's program does with Refund.

    What was not spent of a balance goes back with `balance refund`. Exit status 1, with the API's code, when it is
    refused or fails.
    """

    def give_back(books: BookContext, wish: MoneyWish) -> Awaitable[Accepted]:
        return money.refund(books, wish, RefundPolicy.MASTER_ONLY)

    _do(give_back, account, _wish(transaction, amount, reference, None), wait, json=json)


def amount_of(text: str) -> int:
    """An amount as it was typed, in micro-units. Raises ProblemError."""
    try:
        return parse_amount(text)
    except ValueError:
        raise ProblemError(f"not an amount: {text!r}; write one such as 2.50") from None


def in_words(held: InstrumentRecord) -> str:
    """What a balance or a tab has come to."""
    on_its_way = f", {display_amount(held.pending_micros)} more is on its way" if held.pending_micros else ""
    if held.kind == "prepaid":
        return f"{display_amount(held.balance_micros)} left on the balance{on_its_way}"
    being_settled = f", {display_amount(held.pending_micros)} of it is being settled" if held.pending_micros else ""
    return f"{display_amount(held.balance_micros)} owed on the tab{being_settled}"


def _wish(named: str, amount: str | None, reference: str | None, description: str | None) -> MoneyWish:
    micros = None if amount is None else amount_of(amount)
    return MoneyWish(named, micros, reference or f"cli-{secrets.token_hex(10)}", description)


def _do(move: Move, account: str, wish: MoneyWish, wait: int, *, json: bool) -> None:
    moved = run(_moved(move, account, wish, wait))
    found, held = moved.transaction, moved.held
    if json:
        tell_json(
            {
                "transaction_id": found.transaction_id,
                "status": found.status,
                "status_code": found.status_code,
                "amount": format_amount(found.amount_micros),
                "reference": found.caller_reference,
                "balance": None if held is None else format_amount(held.balance_micros),
            }
        )
    else:
        tell(f"{found.operation} of {display_amount(found.amount_micros)}: {_came_to(found)}")
        tell(f"transaction {found.transaction_id}, reference {found.caller_reference}")
        if held is not None:
            tell(in_words(held))
    if found.status in {TransactionStatus.FAILURE.value, TransactionStatus.CANCELLED.value}:
        raise typer.Exit(NO)


def _came_to(found: TransactionRecord) -> str:
    if found.status == TransactionStatus.PENDING.value:
        return "Pending, until a worker (tallystick serve has one) has asked the payment network"
    if found.status == TransactionStatus.SUCCESS.value:
        return found.status
    return f"{found.status}, {found.status_code}"


async def _moved(move: Move, account: str, wish: MoneyWish, wait: int) -> _Moved:
    async with service_of_process() as service:
        seller = await find_seller(service, account)
        try:
            books = await money.sandbox_with(service, actor_of_process(), seller.party_id, wish.named)
            wish.check()
            accepted = await move(books, wish)
        except NotInSandboxError as error:
            raise ProblemError(str(error)) from None
        except Refused as refused:
            complain(f"{refused.refusal.name}: {refused.message}")
            raise typer.Exit(NO) from None
        found = await money.status(books, accepted.transaction_id)
        until = monotonic() + wait
        while found.status == TransactionStatus.PENDING.value and monotonic() < until:
            await asyncio.sleep(_LOOK_SECONDS)
            found = await money.status(books, accepted.transaction_id)
        held = None if found.instrument_id is None else await money.holding(books, found.instrument_id)
        return _Moved(found, held)
