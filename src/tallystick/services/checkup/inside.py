"""What is looked at from within an opened service: its database and its clock, its rails, its backups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from tallystick.db.backup.place import BackupPlace
from tallystick.db.backup.source import BackupError
from tallystick.db.migrate import is_finished
from tallystick.db.server_checks import setup_of
from tallystick.domain.texts import counted
from tallystick.processors.rail import Rail
from tallystick.services.checkup.items import CheckItem, checked, for_people
from tallystick.services.context import Service
from tallystick.services.events import log
from tallystick.services.operations.configuration import role_warnings
from tallystick.settings import Settings

BACKUPS: Final = "backups"
BACKUP_AGE: Final = timedelta(hours=26)

CONNECTIONS_OF_A_PROCESS: Final = 16
"""Those that `wiring.py` gives one."""


@runtime_checkable
class KnowsWhatIsMissing(Protocol):
    """A rail that can say what is still to be done at its provider."""

    async def missing(self, events_url: str) -> list[str]:
        """What is missing, by name. May raise anything."""
        ...


async def inside_items(service: Service, backups: Path | None) -> AsyncIterator[CheckItem]:
    """All of them. `backups`: the directory of `tallystick backup`."""
    yield await _database(service)
    for warning in await role_warnings(service):
        yield for_people("database role", f"{warning}; see: tallystick db roles")
    if not await is_finished(service.pool):
        yield for_people(
            "update",
            "it is not finished: payments are still written as earlier releases need them. "
            "When no process of one is left: tallystick migrate --finish",
        )
    yield _clock(service)
    async for item in _rails(service):
        yield item
    yield await _events(service)
    yield await _backup(service, backups)


async def _database(service: Service) -> CheckItem:
    setup = await setup_of(service.pool)
    problems = setup.problems
    if setup.connections < CONNECTIONS_OF_A_PROCESS:
        problems.append(
            f"it lets {setup.connections} connections in, and each process wants {CONNECTIONS_OF_A_PROCESS}: "
            "raise max_connections"
        )
    good = (
        f"PostgreSQL {setup.version // 10_000} answers, its schema is current, what is committed stays; "
        f"{setup.connections // CONNECTIONS_OF_A_PROCESS} processes have room in it"
    )
    return checked("database", "; ".join(problems) or None, good)


def _clock(service: Service) -> CheckItem:
    watch = service.clock_watch
    if watch is None:
        return for_people("clock", "it is not held against the database's")
    problem = None if watch.trusted else f"{watch.why}: no money moves. Set it right, here or where the database is"
    return checked("clock", problem, f"it is {abs(watch.off_seconds):.1f} seconds from the database's")


async def _rails(service: Service) -> AsyncIterator[CheckItem]:
    for rail in service.rails:
        if not isinstance(rail, KnowsWhatIsMissing):
            yield checked("rails", None, f"{rail.name} is on for {' and '.join(sorted(rail.environments))} books")
            continue
        for problem in tuple(await missing_at(service, rail, rail)) or (None,):
            yield checked("rails", problem and f"{rail.name}: {problem}", f"{rail.name} charges and sends its events")
    settings = service.settings
    for name, key, secret in (
        ("stripe_webhook_secret", settings.stripe_secret_key, settings.stripe_webhook_secret),
        ("stripe_test_webhook_secret", settings.stripe_test_secret_key, settings.stripe_test_webhook_secret),
    ):
        if key is not None and secret is None:
            yield checked("rails", f"{name} is not set: every event of Stripe's is refused", "")


async def _events(service: Service) -> CheckItem:
    gaps = await log.gaps(service)
    sellers = counted(len(gaps), "seller")
    problem = f"numbers are missing among the events of {sellers}: tallystick webhooks check" if gaps else None
    return checked("events", problem, "no number is missing among those that are kept")


async def missing_at(service: Service, rail: Rail, provider: KnowsWhatIsMissing) -> list[str]:
    """What a provider says is still to be done there, or that it does not say."""
    events_url = f"{service.settings.public_url}/rails/{rail.name}/events"
    try:
        return await provider.missing(events_url)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is what is missing
        return [f"it did not answer: {type(error).__name__}: {error}"]


async def _backup(service: Service, directory: Path | None) -> CheckItem:
    if directory is None:
        told = "say where they are: --backups /backup/tallystick"
        return checked(BACKUPS, told, "") if takes_real_money(service.settings) else for_people(BACKUPS, told)
    problem, newest = await newest_backup(directory, service.clock())
    return checked(BACKUPS, problem, f"the newest base backup is of {newest}; restore one now and then")


def takes_real_money(settings: Settings) -> bool:
    """Whether means of payment of live books are set up anywhere."""
    return settings.live_card_rail != "none" or settings.live_bank_rail != "none"


async def newest_backup(directory: Path, now: datetime) -> tuple[str | None, datetime | None]:
    """What is wrong with the backups in a directory, if anything, and when the newest base backup was done."""
    try:
        bases = await asyncio.to_thread(BackupPlace(directory).list_bases)
    except BackupError as error:
        return str(error), None
    newest = max((base.finished_at for base in bases), default=None)
    if newest is None or now - newest > BACKUP_AGE:
        return f"the newest base backup in {directory} is of {newest or 'no day'}: tallystick backup run", newest
    return None, newest
