"""`tallystick db …`: one database over several machines; who we are in it, and what that lets us do."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated, NamedTuple

import asyncpg
import typer

from tallystick.cli.console import NO, Json, ProblemError, database_of_process, run, tell, tell_json
from tallystick.db import distribution, privileges
from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.distribution import NoClusterError, Step
from tallystick.db.migrate import pending
from tallystick.db.privileges import WORK, RoleState, state_of
from tallystick.wiring import DatabaseAddress

HOW = f"""To give the service a role that may do no more than it needs:

  1. tallystick db roles --create        (or an administrator: CREATE ROLE {WORK} LOGIN)
  2. set a password for it, in psql:     \\password {WORK}
  3. TALLYSTICK_OWNER_DATABASE_URL       as TALLYSTICK_DATABASE_URL is now
     TALLYSTICK_DATABASE_URL             the same database with {WORK} and its password
  4. tallystick migrate                  gives it its rights; so does the next start"""


class Roles(NamedTuple):
    """Who the service is, and who migrates."""

    service: RoleState
    owner: RoleState


app = typer.Typer(
    no_args_is_help=True,
    help="The roles in the database; one database over several machines, with the Citus extension.",
)


@app.command()
def distribute(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show the statements.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Spread the books over the machines of a Citus cluster. Stop the service first; run again after an update."""
    if not dry_run and not yes:
        _ask()
    steps = run(_distribute(dry_run=dry_run))
    if json:
        tell_json({"planned" if dry_run else "done": [{"purpose": s.purpose, "statement": s.statement} for s in steps]})
        return
    for step in steps:
        tell(f"-- {step.purpose}\n{step.statement};" if dry_run else f"done: {step.purpose}")
    if not steps:
        tell("Everything is distributed already.")


def _ask() -> None:
    """Raises ProblemError: the answer is no, or there is nobody to ask."""
    if not sys.stdin.isatty():
        raise ProblemError("it cannot be taken back; look at it with --dry-run, then say --yes")
    if not typer.confirm("Every table becomes one of the cluster's, and none comes back. Has the service stopped?"):
        raise ProblemError("nothing was changed")


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
    async with database_of_process() as address:
        if await pending(address.owner):
            raise ProblemError("the database is empty or behind; run: tallystick migrate")
        async with await open_pool(address.owner, max_size=1) as pool:
            yield pool


@app.command()
def roles(
    create: Annotated[
        bool, typer.Option("--create", help=f"Make the role {WORK}, if it is lacking, and give it its rights.")
    ] = False,
    json: Json = False,
) -> None:
    """Show as which roles the service works and migrates; exit status 1 when the first may do more than it needs."""
    found = run(_roles(create=create))
    if json:
        tell_json({"service": _as_json(found.service), "owner": _as_json(found.owner)})
    else:
        tell(f"service     {found.service.name}")
        tell(f"migrations  {found.owner.name}")
        for excess in found.service.excess:
            tell(f"The service's role {excess}.")
        tell(f"\n{HOW}" if found.service.excess else "The service may do what it needs, and nothing else.")
    if found.service.excess:
        raise typer.Exit(NO)


async def _roles(*, create: bool) -> Roles:
    async with database_of_process() as address:
        if create:
            await _create(address)
        return Roles(await _state(address.work), await _state(address.owner))


async def _create(address: DatabaseAddress) -> None:
    if await pending(address.owner):
        raise ProblemError("the database is empty or behind; run: tallystick migrate")
    async with (
        await open_pool(address.owner, max_size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        try:
            if await state_of(connection, WORK) is None:
                await privileges.create_role(connection)
        except asyncpg.InsufficientPrivilegeError:
            raise ProblemError(
                f"our role may create no others; have an administrator run: CREATE ROLE {WORK} LOGIN"
            ) from None
        for statement in await privileges.plan(connection):
            await connection.execute(statement)


async def _state(dsn: str) -> RoleState:
    async with await open_pool(dsn, max_size=1) as pool:
        state = await state_of(pool)
    if state is None:
        raise ProblemError("the database does not say who we are")
    return state


def _as_json(state: RoleState) -> dict[str, object]:
    return {**asdict(state), "excess": state.excess}
