"""`tallystick master-key …`: which key seals the secrets in the database, and exchanging it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

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
from tallystick.services.operations import master_keys
from tallystick.services.operations.master_keys import KeyStatus, Rotation, RotationError

app = typer.Typer(no_args_is_help=True, help="The key that seals the secrets in the database.")


@app.command()
def status(json: Json = False) -> None:
    """Show the master keys by name, how many values each seals, and which may be destroyed."""
    found = run(_status())
    if json:
        tell_json([asdict(each) for each in found])
        return
    tell_table(
        [
            {
                "name": each.name,
                "state": each.state,
                "values": str(each.values),
                "here": "known" if each.known else "not known",
                "may be destroyed": "no" if each.needed else "yes",
            }
            for each in found
        ],
        "There is no key yet.",
    )


async def _status() -> list[KeyStatus]:
    async with service_of_process() as service:
        return await master_keys.status(service)


@app.command()
def rotate(
    digests_too: Annotated[
        bool,
        typer.Option(
            "--digests-too", help="Make the key of digests anew, too: sent codes and open forms count no more."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Exchange the master key while the service runs; run it again to go on with an exchange that was stopped.

    Where the key is in a file, the new one is added to it. Else it has to be there already, beside the present one.
    Exit status 1: something could not be opened, and is as it was.
    """
    done = run(_rotate(digests_too=digests_too, quiet=json))
    if json:
        tell_json(asdict(done))
    else:
        tell(f"All is sealed with the master key {done.name}. `tallystick master-key forget` takes the old one away.")
    for place in done.broken:
        complain(f"no key opens the secret of {place!r}; it is as it was")
    if done.broken:
        raise typer.Exit(NO)


async def _rotate(*, digests_too: bool, quiet: bool) -> Rotation:
    async with service_of_process() as service:
        try:
            return await master_keys.rotate(
                service,
                actor_of_process(),
                digests_too=digests_too,
                progress=(lambda _: None) if quiet else tell,
            )
        except RotationError as error:
            raise ProblemError(str(error)) from None


@app.command()
def forget(json: Json = False) -> None:
    """Take the keys out of their file that nothing in the database is sealed with any more.

    Backups from before need them: keep a copy as long as you keep those. Processes that run forget them at their end.
    """
    gone = run(_forget())
    if json:
        tell_json({"forgotten": gone})
    else:
        tell(f"Forgotten: {', '.join(gone)}" if gone else "There is nothing to forget.")


async def _forget() -> list[str]:
    async with service_of_process() as service:
        try:
            return await master_keys.forget(service, actor_of_process())
        except RotationError as error:
            raise ProblemError(str(error)) from None
