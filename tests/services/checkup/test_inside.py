"""What an opened service is told about its database, its clock, its rails and its backups."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from tests.conftest import MakeDatabase
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY

from tallystick.db.clock_watch import ClockWatch
from tallystick.db.server_checks import ServerSetup, setup_of
from tallystick.processors.rail import Rail
from tallystick.processors.rails import Rails
from tallystick.services.checkup.inside import CONNECTIONS_OF_A_PROCESS, inside_items
from tallystick.services.checkup.items import CheckItem, ItemStanding
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.wiring import MAX_CONNECTIONS, MONEY_CONNECTIONS, open_service, utc_now


@pytest.fixture(scope="module")
async def service(make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings = Settings(
        data_directory=tmp_path_factory.mktemp("data"), database_url=await make_migrated(), master_key=MASTER_KEY
    )
    async with open_service(settings, TestClock()) as opened:
        yield opened


async def found(service: Service, backups: Path | None = None) -> dict[str, CheckItem]:
    return {item.name: item async for item in inside_items(service, backups)}


async def test_a_database_and_a_rail_that_serve_are_good(service: Service) -> None:
    items = await found(service)
    problems = (await setup_of(service.pool)).problems  # the tests' own server need not outlive a power cut
    assert items["database"].standing is (ItemStanding.MISSING if problems else ItemStanding.GOOD)
    assert items["database"].text.startswith("; ".join(problems) or "PostgreSQL ")
    assert (items["rails"].standing, items["rails"].text) == (
        ItemStanding.GOOD,
        "simulated is on for sandbox books",
    )
    assert items["backups"].standing is ItemStanding.FOR_PEOPLE
    assert (items["events"].standing, items["events"].text) == (
        ItemStanding.GOOD,
        "no number is missing among those that are kept",
    )


async def test_an_update_that_is_not_finished_is_for_people(service: Service) -> None:
    assert "update" not in await found(service)
    book_id = await service.pool.fetchval(
        "INSERT INTO book (book_id, environment, currency, created_at, one_row_payments)"
        " VALUES (1, 'sandbox', 'EUR', now(), false) RETURNING book_id"
    )
    item = (await found(service))["update"]
    assert item.standing is ItemStanding.FOR_PEOPLE
    assert "migrate --finish" in item.text
    await service.pool.execute("UPDATE book SET one_row_payments = true WHERE book_id = $1", book_id)
    assert "update" not in await found(service)


def test_a_server_that_keeps_no_promise_is_told_what_to_change() -> None:
    good = ServerSetup(180001, 97, "on", "on", "remote_apply")
    assert good.problems == []
    assert [
        problem.partition(" is off")[0] for problem in replace(good, fsync="off", synchronous_commit="off").problems
    ] == [
        "fsync",
        "synchronous_commit",
    ]
    assert replace(good, version=140012).problems == ["it is 14, 15 or newer is needed"]


def test_as_many_connections_are_counted_as_a_process_opens() -> None:
    assert CONNECTIONS_OF_A_PROCESS == MAX_CONNECTIONS + MONEY_CONNECTIONS


async def test_a_clock_that_is_off_is_told(service: Service) -> None:
    right = ClockWatch(utc_now, timedelta(seconds=3_600))
    wrong = ClockWatch(lambda: utc_now() + timedelta(days=1), timedelta(seconds=3_600))
    for watch in (right, wrong):
        await watch.compare(service.pool)

    assert (await found(replace(service, clock_watch=right)))["clock"].standing is ItemStanding.GOOD
    told = (await found(replace(service, clock_watch=wrong)))["clock"]
    assert told.standing is ItemStanding.MISSING
    assert "seconds from the database's: no money moves" in told.text


class Bank:
    """A rail with a provider behind it, as far as it is looked at."""

    name = "bank"
    environments = frozenset({"sandbox"})

    async def missing(self, events_url: str) -> list[str]:
        return [f"it sends no events to {events_url}"]


async def test_what_a_provider_lacks_is_told_for_sandbox_books_too(service: Service) -> None:
    items = await found(replace(service, rails=Rails((cast("Rail", Bank()),), {})))
    assert (items["rails"].standing, items["rails"].text) == (
        ItemStanding.MISSING,
        f"bank: it sends no events to {service.settings.public_url}/rails/bank/events",
    )


async def test_events_that_cannot_be_checked_are_told(service: Service) -> None:
    settings = replace(service.settings, stripe_test_secret_key="sk_test_51Abcdefg")
    items = await found(replace(service, settings=settings))
    assert (items["rails"].standing, "stripe_test_webhook_secret" in items["rails"].text) == (
        ItemStanding.MISSING,
        True,
    )


async def test_real_money_needs_backups(service: Service, tmp_path: Path) -> None:
    live = replace(service, settings=replace(service.settings, live_card_rail="stripe"))
    assert (await found(live))["backups"].standing is ItemStanding.MISSING
    none = (await found(service, tmp_path))["backups"]
    assert (none.standing, str(tmp_path) in none.text) == (ItemStanding.MISSING, True)
