"""`tallystick db …`: one database over several machines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from tallystick.cli.console import Json, ProblemError, run, settings_of_process, tell, tell_json
from tallystick.db import distribution
from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.distribution import NoClusterError, Step
from tallystick.db.migrate import pending
from tallystick.wiring import database_address

app = typer.Typer(no_args_is_help=True, help="One database over several machines, with the Citus extension.")


@app.command()
def distribute(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show the statements.")] = False,
    json: Json = False,
) -> None:
    """Spread the books over the machines of a Citus cluster. Stop the service first; run again after an update."""
    steps = run(_distribute(dry_run=dry_run))
    if json:
        tell_json({"planned" if dry_run else "done": [{"purpose": s.purpose, "statement": s.statement} for s in steps]})
        return
    for step in steps:
        tell(f"-- {step.purpose}\n{step.statement};" if dry_run else f"done: {step.purpose}")
    if not steps:
        tell("Everything is distributed already.")


async def _distribute(*, dry_run: bool) -> list[Step]:
    async with _database() as pool:
        if dry_run:
            return await distribution.plan(pool)
        try:
            return await distribution.distribute(pool)
        except NoClusterError as error:
            raise ProblemError(str(error)) from None


@app.command()
def rebalance(json: Json = False) -> None:
    """Begin to move books to machines that were added; the service goes on meanwhile."""

    async def begin() -> None:
        async with _database() as pool:
            try:
                await distribution.rebalance(pool)
            except NoClusterError as error:
                raise ProblemError(str(error)) from None

    run(begin())
    if json:
        tell_json({"begun": True})
    else:
        tell("The shards are on their way; how far they are: SELECT * FROM citus_rebalance_status()")


@asynccontextmanager
async def _database() -> AsyncIterator[Pool]:
    async with database_address(settings_of_process()) as dsn:
        if await pending(dsn):
            raise ProblemError("the database is empty or behind; run: tallystick migrate")
        async with await open_pool(dsn, max_size=1) as pool:
            yield pool
