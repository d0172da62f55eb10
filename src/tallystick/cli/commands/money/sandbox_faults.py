"""`tallystick sandbox fault …`: what the simulated rail does with the next charge, hold or refund of a sandbox."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.commands.sandbox import app as sandbox_app
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
    tell_table,
)
from tallystick.cli.options import Account
from tallystick.domain.environments import SANDBOX
from tallystick.domain.ids import BookId, PartyId
from tallystick.domain.rails.commands import RailOperation
from tallystick.services.context import Service
from tallystick.services.seller import faults
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.faults import OrderedFault, TooManyFaultsError

app = typer.Typer(no_args_is_help=True, help="Faults on order: the next charge, hold or refund fails, or waits.")
sandbox_app.add_typer(app, name="fault")

LISTED: Final = 100


class Meets(StrEnum):
    """What an ordered fault waits for."""

    charge = "charge"
    hold = "hold"
    refund = "refund"


class Happens(StrEnum):
    """What happens to it."""

    TemporaryDecline = "TemporaryDecline"
    TransactionDenied = "TransactionDenied"
    pending = "pending"


class Ends(StrEnum):
    """How what was held goes on."""

    success = "success"
    TemporaryDecline = "TemporaryDecline"
    TransactionDenied = "TransactionDenied"


_OPERATIONS: Final = {
    Meets.charge: RailOperation.CHARGE,
    Meets.hold: RailOperation.AUTHORIZE,
    Meets.refund: RailOperation.REFUND,
}
_MEETS: Final = {operation: meets for meets, operation in _OPERATIONS.items()}

FaultId = Annotated[str, typer.Argument(metavar="FAULT", help="Its id; see: tallystick sandbox fault list")]


@app.command()
def order(
    account: Account,
    meets: Annotated[Meets, typer.Option(help="What the fault waits for.")],
    outcome: Annotated[
        Happens, typer.Option(help="How that fails; pending: it stays unanswered until it is released.")
    ],
    json: Json = False,
) -> None:
    """Order a fault: the next charge, hold or refund of the sandbox meets it, once."""

    async def ordered() -> str:
        async with service_of_process() as service:
            seller_id, book_id = await _sandbox(service, account)
            decline = None if outcome is Happens.pending else outcome.value
            try:
                return await faults.place(service, actor_of_process(), seller_id, book_id, _OPERATIONS[meets], decline)
            except TooManyFaultsError:
                raise ProblemError(f"{faults.MAX_WAITING} faults wait already; remove one first") from None

    fault_id = run(ordered())
    if json:
        tell_json({"fault": fault_id})
    else:
        tell(f"Fault {fault_id} waits for the next {meets.value}.")


@app.command("list")
def list_(account: Account, json: Json = False) -> None:
    """List faults: those that wait, those that hold something, then the latest others."""

    async def listed() -> list[OrderedFault]:
        async with service_of_process() as service:
            _, book_id = await _sandbox(service, account)
            return await faults.of_book(service, book_id, LISTED)

    entries = [_as_json(one) for one in run(listed())]
    if json:
        tell_json(entries)
        return
    tell_table(
        [{name: str(value or "") for name, value in entry.items() if name != "ordered_at"} for entry in entries],
        "No fault was ever ordered here.",
    )


@app.command()
def remove(account: Account, fault: FaultId, json: Json = False) -> None:
    """Take a fault back that nothing has met yet."""

    async def removed() -> bool:
        async with service_of_process() as service:
            seller_id, book_id = await _sandbox(service, account)
            await _known(service, book_id, fault)
            return await faults.take_back(service, actor_of_process(), seller_id, book_id, fault)

    if not run(removed()):
        complain(f"{fault} was met already, and stays met")
        raise typer.Exit(NO)
    if json:
        tell_json({"removed": fault})
    else:
        tell(f"Fault {fault} is taken back.")


@app.command()
def release(
    account: Account,
    fault: FaultId,
    outcome: Annotated[Ends, typer.Option(help="How what it holds goes on.")] = Ends.success,
    json: Json = False,
) -> None:
    """Let go what a fault holds pending: it succeeds, or fails."""

    async def released() -> bool:
        async with service_of_process() as service:
            seller_id, book_id = await _sandbox(service, account)
            await _known(service, book_id, fault)
            decline = None if outcome is Ends.success else outcome.value
            return await faults.release(service, actor_of_process(), seller_id, book_id, fault, decline)

    if not run(released()):
        complain(f"{fault} holds nothing: nothing has met it yet, it declines, or it was released already")
        raise typer.Exit(NO)
    if json:
        tell_json({"released": fault})
    else:
        tell("It was let go: the rail answers within a few seconds.")


async def _sandbox(service: Service, account: str) -> tuple[PartyId, BookId]:
    """A seller and the book where the faults of its sandbox are kept. Raises ProblemError."""
    party = await find_seller(service, account)
    book_id = await first_book_of(service, party.party_id, SANDBOX)
    if book_id is None:
        raise ProblemError(f"{party.email} has no sandbox")
    return party.party_id, book_id


async def _known(service: Service, book_id: BookId, fault_id: str) -> None:
    if not await faults.exists(service, book_id, fault_id):
        raise ProblemError(f"there is no fault {fault_id!r} here; see: tallystick sandbox fault list")


def _as_json(fault: OrderedFault) -> dict[str, object]:
    return {
        "fault": fault.fault_id,
        "meets": _MEETS[fault.operation].value,
        "outcome": Happens.pending.value if fault.holds else fault.decline,
        "state": "waits" if fault.key is None else "holds" if fault.holding else "met",
        "transaction_id": fault.transaction_id,
        "ordered_at": fault.ordered_at,
    }
