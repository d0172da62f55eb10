"""`tallystick balance …`: what there is in a sandbox, and what was not spent of prepaid balances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.commands.money.moves import amount_of, in_words
from tallystick.cli.console import (
    Json,
    ProblemError,
    actor_of_process,
    run,
    service_of_process,
    tell,
    tell_json,
    tell_table,
)
from tallystick.cli.options import Account
from tallystick.domain.decide.outgoing.redemption import ALWAYS, NEVER, Redemption
from tallystick.domain.environments import ENVIRONMENTS
from tallystick.domain.ids import InstrumentId, MalformedIdError, book_named_in
from tallystick.domain.money import display_amount, format_amount, parse_amount
from tallystick.domain.refusals import Refused
from tallystick.services.consent import redemption_terms
from tallystick.services.reports import instruments
from tallystick.services.reports.instruments import InstrumentRecord
from tallystick.services.sandbox import money
from tallystick.services.sandbox.money import NotInSandboxError, SandboxHoldings
from tallystick.services.seller import balance_refunds
from tallystick.services.seller.balance_refunds import BalanceRefundPreview, BalanceRefundWish
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.manual_operations import context_with_book, new_reference

app = typer.Typer(
    no_args_is_help=True,
    invoke_without_command=True,
    help="Show the cash, balances and tabs of a sandbox; give back what was not spent.",
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was or would be given back, and the refunds that were made."""

    preview: BalanceRefundPreview
    made: list[str]


@app.callback()
def show(
    context: typer.Context,
    account: Annotated[str | None, typer.Option(metavar="EMAIL_OR_ID", help="The business account.")] = None,
    of: Annotated[str | None, typer.Option(metavar="ID", help="This balance or tab alone.")] = None,
    json: Json = False,
) -> None:
    """Show the cash, balances and tabs of a sandbox; give back what was not spent."""
    if context.invoked_subcommand is not None:
        return
    if account is None:
        raise ProblemError("name the business account with --account")
    held = run(_holdings(account, of))
    if json:
        tell_json(
            {
                "cash": format_amount(held.cash.balance_micros),
                "balances": [_as_json(one) for one in held.instruments],
                "complete": held.complete,
            }
        )
        return
    tell(f"{display_amount(held.cash.balance_micros)} cash")
    tell_table([_row(one) for one in held.instruments], "no balances or tabs; a buyer agrees to one first")
    if not held.complete:
        tell(f"the latest {len(held.instruments)}; each by itself with --of")


def _row(held: InstrumentRecord) -> dict[str, str]:
    return {
        "id": held.instrument_id,
        "buyer": held.buyer_email,
        "kind": "prepaid" if held.kind == "prepaid" else "tab",
        "stands at": in_words(held),
        "at most": display_amount(held.limit_micros),
    }


def _as_json(held: InstrumentRecord) -> dict[str, object]:
    return {
        "instrument": held.instrument_id,
        "buyer": held.buyer_email,
        "kind": "prepaid" if held.kind == "prepaid" else "postpaid",
        "balance": format_amount(held.balance_micros),
        "pending": format_amount(held.pending_micros),
        "limit": format_amount(held.limit_micros),
        "expires_at": held.expires_at,
        "cancelled_at": held.cancelled_at,
    }


async def _holdings(account: str, of: str | None) -> SandboxHoldings:
    async with service_of_process() as service:
        seller = await find_seller(service, account)
        actor = actor_of_process()
        try:
            if of is None:
                return await money.holdings(await money.sandbox_of(service, actor, seller.party_id))
            books = await money.sandbox_with(service, actor, seller.party_id, of)
            whole = await money.holdings(books)
            return SandboxHoldings(whole.cash, [await money.holding(books, of)], complete=True)
        except NotInSandboxError as error:
            raise ProblemError(f"{seller.email}: {error}") from None


@app.command()
def refund(
    account: Account,
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help="The id of the prepaid balance.")],
    amount: Annotated[str | None, typer.Option(help="How much, such as 2.50; all that can go back without it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and change nothing.")] = False,
    json: Json = False,
) -> None:
    """Give back what was not spent, to the cards and account balances that it came from, the newest funding first."""
    wish = BalanceRefundWish(InstrumentId(instrument), None if amount is None else amount_of(amount))
    answer = run(_refund(account, wish, dry_run=dry_run))
    if json:
        tell_json(
            {
                "amount": format_amount(answer.preview.amount_micros),
                "left": format_amount(answer.preview.left_micros),
                "refunds": answer.made,
            }
        )
        return
    verb = "would go back" if dry_run else "goes back"
    for part in answer.preview.parts:
        to = "to the card, once the payment network has agreed" if part.pending else "to the account balance"
        tell(f"{display_amount(part.amount_micros)} of {part.funding_id} {verb} {to}")
    tell(f"{display_amount(answer.preview.left_micros)} {'would be' if dry_run else 'is'} left on the balance.")


@app.command()
def redemption(
    account: Account,
    choice: Annotated[
        str | None,
        typer.Argument(
            metavar="[never|always|AMOUNT]", help="AMOUNT: balances of at most so much, such as 10.00. None: say it."
        ),
    ] = None,
    environment: Annotated[str, typer.Option(help="sandbox or live.")] = "sandbox",
    json: Json = False,
) -> None:
    """Say which balances buyers may have paid back without asking the seller, or choose it."""
    if environment not in ENVIRONMENTS:
        raise ProblemError(f"not an environment: {environment!r}; write sandbox or live")
    chosen = run(_redemption(account, environment, None if choice is None else _redemption_of(choice)))
    if json:
        up_to = None if chosen.up_to_micros is None else format_amount(chosen.up_to_micros)
        tell_json({"environment": environment, "redemption": _name_of(chosen), "up_to": up_to})
        return
    tell(f"Buyers may have balances paid back: {redemption_terms.in_words(chosen)}.")


def _redemption_of(choice: str) -> Redemption:
    if choice in {"never", "always"}:
        return NEVER if choice == "never" else ALWAYS
    try:
        up_to = parse_amount(choice)
    except ValueError:
        up_to = 0
    if not up_to:
        raise ProblemError(f"not a choice: {choice!r}; write never, always, or an amount such as 10.00")
    return Redemption(up_to)


def _name_of(chosen: Redemption) -> str:
    if chosen.up_to_micros is None:
        return "always"
    return "up_to" if chosen.up_to_micros else "never"


async def _redemption(account: str, environment: str, wanted: Redemption | None) -> Redemption:
    async with service_of_process() as service:
        seller = await find_seller(service, account)
        book_id = await first_book_of(service, seller.party_id, environment)
        books = None
        if book_id is not None:
            books = await context_with_book(service, actor_of_process(), seller.party_id, book_id)
        if books is None:
            raise ProblemError(f"{seller.email} has no {environment} book")
        if wanted is not None:
            await redemption_terms.choose(books, wanted)
        return await redemption_terms.chosen(books)


async def _refund(account: str, wish: BalanceRefundWish, *, dry_run: bool) -> _Answer:
    async with service_of_process() as service:
        seller = await find_seller(service, account)
        try:
            book_id = book_named_in(wish.instrument_id)
        except MalformedIdError:
            raise ProblemError(f"{wish.instrument_id} is no id of a balance") from None
        books = await context_with_book(service, actor_of_process(), seller.party_id, book_id)
        held = None if books is None else await instruments.instrument(books, wish.instrument_id)
        if books is None or held is None or held.kind != "prepaid":
            raise ProblemError(f"{seller.email} has no such balance")
        try:
            preview = await balance_refunds.preview(books, held, wish)
            fixed = replace(wish, amount_micros=preview.amount_micros)  # as it is told, whatever comes in meanwhile
            made = [] if dry_run else await balance_refunds.refund(books, held, fixed, new_reference())
        except Refused as refused:
            raise ProblemError(refused.message) from None
        return _Answer(preview, [str(one) for one in made])
