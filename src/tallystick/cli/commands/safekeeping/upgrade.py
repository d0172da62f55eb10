"""`tallystick upgrade`: the embedded database for the next major version of PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.cli.console import NO, Json, ProblemError, run, settings_of_process, tell, tell_json
from tallystick.db.database import gather_statistics, open_pool
from tallystick.db.embedded.upgrade import upgrade as upgrade_data
from tallystick.domain.texts import counted
from tallystick.services.operations.verification import DamagedError, verify
from tallystick.settings import Settings
from tallystick.wiring import database_address


def upgrade(
    to: Annotated[int | None, typer.Option("--to", help="The major version; else that which new data have.")] = None,
    json: Json = False,
) -> None:
    """Bring the embedded database to another major version of PostgreSQL and prove its books. Stop the service before.

    What was there stays beside it. Exit status 1: the books are off afterwards.
    """
    settings = settings_of_process()
    if settings.database_url is not None:
        raise ProblemError("the database is on a server of yours: bring that up to date with its own programs")
    done = upgrade_data(settings.data_directory, to)
    problems = [] if done.before is None else run(_prove(settings))
    if json:
        before = None if done.before is None else str(done.before)
        tell_json(
            {"ok": not problems, "from": done.before_major, "to": done.major, "before": before, "problems": problems}
        )
    elif done.before is None:
        tell(f"The data are of PostgreSQL {done.major} already.")
    else:
        for problem in problems:
            tell(f"BAD {problem}")
        tell(f"The data are of PostgreSQL {done.major} now; as they were before, of {done.before_major}: {done.before}")
        tell(
            "The books balance."
            if not problems
            else f"{counted(len(problems), 'problem')}: go back to what was before."
        )
    if problems:
        raise typer.Exit(NO)


async def _prove(settings: Settings) -> list[str]:
    """What is wrong with the books in the new data, in words."""
    async with database_address(settings) as address, await open_pool(address.admin, max_size=1) as pool:
        await gather_statistics(pool)  # the new data know nothing yet of what is in the tables
        try:
            return (await verify(pool)).problems
        except DamagedError as damaged:
            return damaged.findings
