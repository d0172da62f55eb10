"""`tallystick account split` and `operator split`: more books for whom one has become too small."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tallystick.cli.commands.accounts import app, find_seller
from tallystick.cli.console import Json, ProblemError, actor_of_process, run, service_of_process, tell, tell_json
from tallystick.domain.ids import BookId
from tallystick.services.rails import operator_books
from tallystick.services.seller import books

operator_app = typer.Typer(no_args_is_help=True, help="The operator's own books, in which real money is mirrored.")


class Environment(StrEnum):
    """Where a seller has books."""

    sandbox = "sandbox"
    live = "live"


@app.command()
def split(
    account: Annotated[str, typer.Option(help="Number or e-mail address of the business.")],
    parts: Annotated[int, typer.Option(min=1, max=1_000, help="How many books it shall have. They are never joined.")],
    environment: Annotated[Environment, typer.Option(help="Where.")] = Environment.sandbox,
    json: Json = False,
) -> None:
    """Give a seller several books. New prepaid and postpaid authorizations go to them in turn."""

    async def carry_out() -> tuple[BookId, ...]:
        async with service_of_process() as service:
            seller = await find_seller(service, account)
            try:
                return await books.split(service, actor_of_process(), seller, environment.value, parts)
            except books.NoBookError:
                raise ProblemError(f"{seller.email} has no {environment.value} book") from None
            except ValueError as error:
                raise ProblemError(str(error)) from None

    count = len(run(carry_out()))
    if json:
        tell_json({"parts": count})
    else:
        tell(f"The account has {count} books now." if count > 1 else "The account has one book.")


@operator_app.command("split")
def split_operator(
    parts: Annotated[int, typer.Option(min=1, max=64, help="How many parts it shall have. They are never joined.")],
    environment: Annotated[Environment, typer.Option(help="Where.")] = Environment.sandbox,
    json: Json = False,
) -> None:
    """Have the operator's book of an environment in parts, which mirror the real money of sellers' new books in turn.

    Books that there are keep their part. Refused while a process of an earlier release is heard from.
    """

    async def carry_out() -> int:
        async with service_of_process() as service:
            try:
                return await operator_books.split(service, actor_of_process(), environment.value, parts)
            except (ValueError, operator_books.OlderProcessesError) as error:
                raise ProblemError(str(error)) from None

    count = run(carry_out())
    if json:
        tell_json({"environment": environment.value, "parts": count})
    else:
        tell(
            f"The operator's {environment.value} book has {count} parts."
            if count > 1
            else f"The operator's {environment.value} book is one."
        )
