"""`tallystick doctor`: whether a service is fit for what it is to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.console import NO, Json, ProblemError, run, service_of_process, tell, tell_json
from tallystick.services.rails.live_check import ItemStanding, LiveItem, live_check

_MARKS = {ItemStanding.GOOD: "good   ", ItemStanding.MISSING: "MISSING", ItemStanding.FOR_PEOPLE: "you    "}


def doctor(
    live: Annotated[bool, typer.Option("--live", help="Whether it may take real money.")] = False,
    backups: Annotated[
        Path | None, typer.Option("--backups", help="The directory of `tallystick backup`, to look at its age.")
    ] = None,
    json: Json = False,
) -> None:
    """Check what a service needs before real money, and say what is missing; exit status 1 when anything is."""
    if not live:
        raise ProblemError("say what for: --live")
    items = run(_items(backups))
    if json:
        tell_json([{"item": item.name, "standing": item.standing.value, "text": item.text} for item in items])
    else:
        for item in items:
            tell(f"{_MARKS[item.standing]}  {item.name}: {item.text}")
    if any(item.standing is ItemStanding.MISSING for item in items):
        raise typer.Exit(NO)


async def _items(backups: Path | None) -> list[LiveItem]:
    async with service_of_process() as service:
        return await live_check(service, backups)
