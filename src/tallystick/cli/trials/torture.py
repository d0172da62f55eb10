"""`tallystick torture`: find out whether anything is lost or doubled when everything breaks."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tallystick.cli.console import NO, ProblemError, complain, run, tell
from tallystick.cli.logs import configure_logs
from tallystick.torture.faults import Fault
from tallystick.torture.processes import TortureError
from tallystick.torture.report import lines
from tallystick.torture.run import TorturePlan
from tallystick.torture.run import torture as run_torture
from tallystick.torture.stage import SetUpError

_KINDS = ", ".join(fault.value for fault in Fault)


def torture(
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Ask for nothing more after so long; else as --operations says.")
    ] = None,
    operations: Annotated[
        int | None, typer.Option(min=1, help="Begin no further history after so many; 2000 where nothing is said.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Histories and faults follow from it; else a new one.")] = None,
    faults: Annotated[str, typer.Option(help=f"Kinds of faults, with commas, or all, or none: {_KINDS}.")] = "all",
    processes: Annotated[int, typer.Option(min=1, max=4, help="How many `serve` processes.")] = 3,
    sellers: Annotated[int, typer.Option(min=1, help="How many sellers.")] = 3,
    buyers: Annotated[int, typer.Option(min=1, help="How many buyers at a time.")] = 8,
    logs: Annotated[
        Path | None,
        typer.Option(metavar="DIRECTORY", file_okay=False, exists=True, help="Keep the processes' logs here."),
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report here, too.")] = None,
) -> None:
    """Play histories of money actions under faults, and hold every answer and the books against a small model.

    Everything runs in a temporary directory, with an embedded database of its own; settings do not count. As root the
    database is on a small disk that can be filled; with libfaketime installed, clocks jump. Exit status 1: something
    was lost, doubled or otherwise wrong, and the shortest story that shows it is printed.
    """
    plan = TorturePlan(
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        operations=2_000 if operations is None and seconds is None else operations,
        seconds=seconds,
        faults=tuple(_faults(faults)),
        processes=processes,
        sellers=sellers,
        buyers=buyers,
    )
    configure_logs("console", "error")
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # that the database is away is no news here
    tell(f"seed {plan.seed}")
    try:
        report = run(run_torture(plan, complain, logs))
    except (TortureError, SetUpError) as error:
        raise ProblemError(f"seed {plan.seed}: {error}") from None
    for line in lines(report):
        tell(line)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    if not report.good:
        raise typer.Exit(NO)


def _faults(text: str) -> Iterator[Fault]:
    if text in {"all", "none"}:
        yield from Fault if text == "all" else ()
        return
    for name in text.split(","):
        try:
            yield Fault(name.strip())
        except ValueError:
            raise ProblemError(f"there is no fault {name!r}; there are {_KINDS}") from None
