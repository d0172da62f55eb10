"""Which addresses a seller can be notified at, by what their host's name stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tallystick.notify import address
from tallystick.notify.address import UnusableAddressError
from tallystick.notify.safety import Resolve


def found(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        assert (host, port) == ("shop.example", 8443)
        return addresses

    return resolve


@pytest.mark.parametrize("addresses", [("10.0.0.7",), ("93.184.215.14", "127.0.0.1"), ("::ffff:192.168.1.1",)])
async def test_a_name_that_leads_into_a_private_network_is_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(UnusableAddressError, match=r"shop\.example is not on the public internet"):
        await address.check_public("https://shop.example:8443/ipn", found(*addresses))


async def test_a_public_name_passes() -> None:
    await address.check_public("https://shop.example:8443/ipn", found("93.184.215.14"))


async def test_a_name_without_an_address_may_have_one_later() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError(host, port)

    await address.check_public("https://shop.example:8443/ipn", unknown)


async def test_a_resolver_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_SECONDS_TO_RESOLVE", 0.01)

    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return [host, str(port)]

    await address.check_public("https://shop.example:8443/ipn", silent)
