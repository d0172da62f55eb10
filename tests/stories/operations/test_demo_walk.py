"""The demo's walk, as a stranger would run it; and that its figures are really compared."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from tests.stories.conftest import free_port
from tests.stories.operations.program import tallystick
from tests.support.shop import Shop

from tallystick.cli.commands.demo import shop_credentials
from tallystick.store.keys import access_keys

pytestmark = pytest.mark.timeout(300)


def own_ports() -> tuple[str, ...]:
    """Ports that no demo of another test takes at the same moment."""
    return ("--port", str(free_port()), "--shop-port", str(free_port()))


async def test_the_walk_shows_every_documented_figure(data_directory: Path) -> None:
    settings = {
        "TALLYSTICK_DATA_DIRECTORY": str(data_directory),
        "TALLYSTICK_RAIL_DELAY_MS": "200",
        "HTTP_PROXY": "http://127.0.0.1:9",  # as where everything outside is reached by one; nothing here is outside
        "NO_PROXY": "",
    }
    ended = await tallystick("demo", "--walk", *own_ports(), settings=settings)

    assert ended.status == 0, ended.out + ended.complaint
    assert "BAD" not in ended.out
    for line in (
        "ok  Authorization, prepaid: the buyer agreed on the hosted pages, status active",
        "ok  Top-up of 10.00: seller's cash +9.70, balance 10.00",
        "ok  100 charges of 0.05: seller's cash +9.70, balance 5.00",
        "ok  Refund of one of them, 0.05: balance 5.05",
        "ok  Top-up of 5.00, past the limit: refused, balance_limit_exceeded",
        "ok  Charge of 60.00: debt 100.00",
        "ok  Charge of 0.01 at the limit: refused, insufficient_balance",
        "ok  Settlement of 90.00: seller's cash +87.50, debt 10.00",
        "ok  Write-off of 10.00: seller's cash +87.50, debt 0.00",
        "The books balance.",
        "Every figure is right.",
    ):
        assert line in ended.out
    assert (data_directory / "demo" / "postgres").is_dir()


async def test_by_signed_calls_too_a_figure_that_is_off_is_told_and_makes_the_walk_fail(data_directory: Path) -> None:
    shipped = (files("tallystick.services.operations") / "fees.toml").read_text(encoding="utf-8")
    dearer = data_directory / "fees.toml"
    dearer.write_text(shipped.replace('fixed = "0.05"', 'fixed = "0.06"'), encoding="utf-8")

    ended = await tallystick(
        "demo",
        "--walk",
        "--fps",
        "--data",
        str(data_directory / "walk"),
        *own_ports(),
        settings={"TALLYSTICK_FEE_SCHEDULE_FILE": str(dearer), "TALLYSTICK_RAIL_DELAY_MS": "0"},
    )

    assert ended.status == 1
    assert "BAD FundPrepaid 10.00: seller's cash +9.69 (must be seller's cash +9.70), balance 10.00" in ended.out
    assert "BAD SettleDebt 90.00: seller's cash +87.49 (must be seller's cash +87.50), debt 10.00" in ended.out
    for line in (
        "ok  SetupPrepaid: the buyer confirmed on the hosted pages, status SC, signature verified",
        "ok  Refund of one of them, 0.05: balance 5.05",
        "ok  FundPrepaid 5.00 on top: past the limit: refused, PrepaidFundingLimitExceeded",
        "ok  Pay 60.00: debt 100.00",
        "ok  Pay 0.01 at the limit: refused, InsufficientBalance",
    ):
        assert line in ended.out
    assert ended.out.count("BAD") == 5
    assert "The books balance." in ended.out  # another fee is no fault of the books


async def test_a_demo_that_starts_again_ends_its_own_key_and_no_other(shop: Shop, tmp_path: Path) -> None:
    service = replace(shop.service, settings=replace(shop.service.settings, data_directory=tmp_path))
    now = service.clock()
    first, first_secret = await shop_credentials(service)
    key = await access_keys.find(service.pool, service.vault, first.access_key_id, now)
    assert key is not None
    persons = await access_keys.create(service.pool, service.vault, key.party_id, "sandbox", now)

    second, second_secret = await shop_credentials(service)

    async def usable(access_key_id: str) -> bool:
        return await access_keys.find(service.pool, service.vault, access_key_id, now) is not None

    ids = (first.access_key_id, second.access_key_id, persons.access_key_id)
    assert [await usable(one) for one in ids] == [False, True, True]
    for secret, works in ((first_secret, False), (second_secret, True)):
        answer = await shop.client.get(f"{shop.url}/v1/account", headers={"authorization": f"Bearer {secret}"})
        assert answer.is_success is works


async def test_a_directory_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Aunt", encoding="utf-8")

    ended = await tallystick("demo", "--walk", "--fresh", "--data", str(tmp_path), settings={})

    assert ended.status == 2
    assert "holds something else" in ended.complaint
    assert letter.read_text(encoding="utf-8") == "Dear Aunt"
