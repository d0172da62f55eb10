"""`tallystick rails …`: what rails were asked and have not answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

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
from tallystick.domain.money import display_amount, format_amount
from tallystick.domain.rails.commands import RailOperation
from tallystick.services.operations import rails
from tallystick.services.operations.rails import RailCase
from tallystick.services.rails import ended_orders
from tallystick.services.rails.ended_orders import NOTES, DueRequest, RailOrderStateError

app = typer.Typer(no_args_is_help=True, help="Rails: what they were asked and have not answered.")


@app.command("list")
def list_(
    unknown: Annotated[bool, typer.Option("--unknown", help="Only orders whose result nobody knows.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    json: Json = False,
) -> None:
    """List orders without a result, the oldest first."""

    async def read() -> list[RailCase]:
        async with service_of_process() as service:
            return await rails.cases(service, limit, unknown=unknown)

    found = run(read())
    if json:
        tell_json([_as_json(one) for one in found])
        return
    rows: list[Mapping[str, str]] = [
        {
            "transaction": one.transaction_id,
            "asked for": one.operation,
            "rail": f"{one.rail}, {one.environment}",
            "amount": display_amount(one.amount_micros),
            "tries": str(one.attempts),
            "why": one.last_error or "",
        }
        for one in found
    ]
    tell_table(rows, "Nothing waits for a rail.")


@app.command()
def end(
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION", help="Its id.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the audit log.")],
    operation: Annotated[
        RailOperation | None,
        typer.Option(help="What the rail was asked for; needed where that is more than one thing."),
    ] = None,
    json: Json = False,
) -> None:
    """End an order that its rail never got, as if the rail had declined it.

    The rail is asked once more: while it has the order, or the order may still be sent, nothing is changed. After a
    charge that came too late (return), give the money back at the rail first: it does not go back from here.
    """
    if not reason.strip():
        raise ProblemError("write why: --reason")

    async def ended() -> DueRequest:
        async with service_of_process() as service:
            order = _one(await ended_orders.waiting(service, transaction), transaction, operation)
            try:
                await ended_orders.end(service, actor_of_process(), order, reason.strip())
            except RailOrderStateError as error:
                raise ProblemError(str(error)) from None
            return order

    order = run(ended())
    if json:
        tell_json({"transaction_id": order.transaction_id, "operation": order.operation.value})
    else:
        tell(f"{order.transaction_id}: the {order.operation.value} has ended. {NOTES[order.operation]}")


def _one(orders: list[DueRequest], transaction: str, operation: RailOperation | None) -> DueRequest:
    chosen = [one for one in orders if operation in {None, one.operation}]
    if not chosen:
        raise ProblemError(f"nothing waits for a rail of {transaction}")
    if len(chosen) > 1:
        raise ProblemError(f"write --operation: {' or '.join(one.operation.value for one in chosen)}")
    return chosen[0]


def _as_json(one: RailCase) -> dict[str, object]:
    return {
        "transaction_id": one.transaction_id,
        "operation": one.operation,
        "rail": one.rail,
        "environment": one.environment,
        "account_id": one.seller_id,
        "amount": format_amount(one.amount_micros),
        "opened_at": one.opened_at,
        "due_at": one.due_at,
        "attempts": one.attempts,
        "last_error": one.last_error,
    }
