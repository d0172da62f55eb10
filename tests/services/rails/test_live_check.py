"""What a service lacks before real money is told by name; what people have to know is on the list, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from tests.conftest import MakeDatabase
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY
from tests.support.paths import ROOT

from tallystick.processors.rail import Rail
from tallystick.processors.rails import Rails
from tallystick.services.checkup.items import CheckItem, ItemStanding
from tallystick.services.context import Service
from tallystick.services.operations import verification
from tallystick.services.rails.live_check import LIVE, live_check
from tallystick.settings import Settings
from tallystick.store.records import verification_runs
from tallystick.wiring import open_service


class Provider:
    """A rail for live books, as far as the check looks at it."""

    name = "provider"
    environments = frozenset({LIVE})

    def __init__(self, said: Sequence[str] | Exception) -> None:
        self.said = said
        self.asked: list[str] = []

    async def missing(self, events_url: str) -> list[str]:
        self.asked.append(events_url)
        if isinstance(self.said, Exception):
            raise self.said
        return list(self.said)


@pytest.fixture(scope="module")
async def service(make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings = Settings(
        data_directory=tmp_path_factory.mktemp("data"), database_url=await make_migrated(), master_key=MASTER_KEY
    )
    async with open_service(settings, TestClock()) as opened:
        yield opened


def with_provider(service: Service, provider: Provider) -> Service:
    return replace(service, rails=Rails((*service.rails, cast("Rail", provider)), {}))


def missing(items: list[CheckItem]) -> dict[str, str]:
    return {item.name: item.text for item in items if item.standing is ItemStanding.MISSING}


async def test_a_fresh_service_is_told_all_that_it_lacks(service: Service) -> None:
    items = await live_check(service, None)

    assert set(missing(items)) == {"keys", "rail", "webhook", "TLS", "e-mail", "backup", "proof", "operators"}


async def test_each_item_is_in_the_guide(service: Service) -> None:
    guide = (ROOT / "docs" / "going-live.md").read_text("utf-8")

    for item in await live_check(with_provider(service, Provider([])), None):
        assert f"**{item.name}**" in guide.replace("**account at Stripe**", "**account at provider**"), item.name


async def test_a_provider_is_asked_with_the_address_of_its_events(service: Service) -> None:
    said = ["it may not charge yet", "it sends no events"]
    provider = Provider(said)

    items = await live_check(with_provider(service, provider), None)

    assert provider.asked == [f"{service.settings.public_url}/rails/provider/events"]
    assert [item.text for item in items if item.name == "account at provider"] == said


async def test_a_provider_that_does_not_answer_is_missing(service: Service) -> None:
    items = await live_check(with_provider(service, Provider(ConnectionError("refused"))), None)

    assert missing(items)["account at provider"] == "it did not answer: ConnectionError: refused"


async def test_what_is_set_is_good(service: Service) -> None:
    settings = replace(
        service.settings,
        stripe_secret_key="rk_live_of_the_tests",
        stripe_webhook_secret="whsec_of_the_tests",
        live_card_rail="stripe",
        smtp_url="smtp://mail.example",
        mail_from="pay@example.com",
    )

    assert set(missing(await live_check(replace(service, settings=settings), None))) == {
        "TLS",
        "backup",
        "proof",
        "operators",
    }


async def test_what_is_too_weak_is_named(service: Service) -> None:
    weak = replace(service, settings=replace(service.settings, allow_signature_v1=True, require_second_factor="nobody"))

    found = missing(await live_check(weak, None))

    assert found["old signatures"].startswith("TALLYSTICK_ALLOW_SIGNATURE_V1: off")
    assert "a password alone" in found["operators"]


async def test_books_that_were_proven_today_are_good(service: Service) -> None:
    await verification_runs.ask(service.pool, None, service.clock())
    await verification.prove_if_due(service)
    later = replace(service, clock=lambda: service.clock() + timedelta(days=2))

    assert "proof" not in missing(await live_check(service, None))
    assert "proof" in missing(await live_check(later, None))


async def test_a_directory_without_backups_is_told(service: Service, tmp_path: Path) -> None:
    assert str(tmp_path) in missing(await live_check(service, tmp_path))["backup"]
