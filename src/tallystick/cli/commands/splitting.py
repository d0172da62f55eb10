"""`tallystick account split`: more books for a seller that one book has become too small for."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.console import Json, ProblemError, run, service_of_process, tell, tell_json
from tallystick.domain.ids import BookId
from tallystick.store.ledger import shards as parts_of_books


class Environment(StrEnum):
    """Where a seller has books."""

    sandbox = "sandbox"
    live = "live"


def split(
    account: Annotated[str, typer.Option(help="Number or e-mail address of the business.")],
    parts: Annotated[int, typer.Option(min=1, max=1_000, help="How many books it shall have. They are never joined.")],
    environment: Annotated[Environment, typer.Option(help="Where.")] = Environment.sandbox,
    json: Json = False,
) -> None:
    """Give a seller several books. New prepaid and postpaid authorizations go to them in turn."""

    async def carry_out() -> tuple[BookId, ...]:
        async with service_of_process() as service, service.pool.acquire() as connection:
            seller = await find_seller(service.pool, account)
            try:
                return await parts_of_books.split(
                    connection, seller.party_id, environment.value, parts, service.clock()
                )
            except parts_of_books.NoBookError:
                raise ProblemError(f"{seller.email} has no {environment.value} book") from None
            except ValueError as error:
                raise ProblemError(str(error)) from None

    books = run(carry_out())
    if json:
        tell_json({"parts": len(books)})
    else:
        tell(f"The account has {len(books)} books now." if len(books) > 1 else "The account has one book.")
