"""`tallystick doctor`: whether a service is fit for what it is to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.console import NO, Json, run, service_of_process, settings_of_process, tell, tell_json
from tallystick.cli.expected import EXPECTED
from tallystick.services.checkup.inside import BACKUPS, inside_items
from tallystick.services.checkup.items import CheckItem, ItemStanding, checked
from tallystick.services.checkup.machine import machine_items
from tallystick.services.checkup.outside import outside_items
from tallystick.services.rails.live_check import live_check
from tallystick.settings import SettingsError
from tallystick.wiring import utc_now

_MARKS = {ItemStanding.GOOD: "good   ", ItemStanding.MISSING: "MISSING", ItemStanding.FOR_PEOPLE: "you    "}


def doctor(
    live: Annotated[bool, typer.Option("--live", help="Also whether it may take real money.")] = False,
    backups: Annotated[
        Path | None, typer.Option("--backups", help="The directory of `tallystick backup`, to look at its age.")
    ] = None,
    json: Json = False,
) -> None:
    """Check how a service is set up, and say what to do; exit status 1 when anything is missing."""
    items = run(_all(backups, live=live))
    if json:
        tell_json([{"item": item.name, "standing": item.standing.value, "text": item.text} for item in items])
    else:
        for item in items:
            tell(f"{_MARKS[item.standing]}  {item.name}: {item.text}")
    if any(item.standing is ItemStanding.MISSING for item in items):
        raise typer.Exit(NO)


async def _all(backups: Path | None, *, live: bool) -> list[CheckItem]:
    return [item async for item in _items(backups, live=live)]


async def _items(backups: Path | None, *, live: bool) -> AsyncIterator[CheckItem]:
    """What can be looked at; what hinders the rest is an item, too."""
    try:
        settings = settings_of_process()
    except SettingsError as error:
        yield checked("settings", f"{error}; see: tallystick config check", "")
        return
    for item in await asyncio.to_thread(lambda: list(machine_items(settings))):
        yield item
    try:
        async with service_of_process() as service:
            async for item in inside_items(service, backups):
                if not (live and item.name == BACKUPS):  # the list for real money has it, too
                    yield item
            if live:
                for item in await live_check(service, backups):
                    yield item
    except EXPECTED as error:
        yield checked("database", str(error) or type(error).__name__, "")
    async for item in outside_items(settings, utc_now()):
        yield item
